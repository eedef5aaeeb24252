// What a server answers, read without trust.
#include "redis/reply.hpp"

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <memory>
#include <string>

namespace agentmq::redis {
namespace {

class ReplyTest : public ::testing::Test {
 protected:
  // ok with nothing: there is more to come.
  int Read(const std::string& bytes, std::unique_ptr<Reply>* reply) {
    EXPECT_EQ(redisReaderFeed(reader_.get(), bytes.data(), bytes.size()), REDIS_OK);
    void* got = nullptr;
    const int status = redisReaderGetReply(reader_.get(), &got);
    reply->reset(static_cast<Reply*>(got));
    return status;
  }

  const std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader_{
      redisReaderCreateWithFunctions(const_cast<redisReplyObjectFunctions*>(ReplyFunctions())), redisReaderFree};
};

TEST_F(ReplyTest, NestedArraysKeepTheirPlaces) {
  std::unique_ptr<Reply> reply;
  ASSERT_EQ(Read("*4\r\n:7\r\n*2\r\n$1\r\na\r\n*1\r\n$-1\r\n*0\r\n-ERR no\r\n", &reply), REDIS_OK);
  ASSERT_NE(reply, nullptr);
  ASSERT_EQ(reply->items.size(), 4u);
  EXPECT_EQ(reply->At(0).integer, 7);
  EXPECT_EQ(reply->At(1).At(0).text, "a");
  ASSERT_EQ(reply->At(1).At(1).items.size(), 1u);
  EXPECT_TRUE(reply->At(1).At(1).At(0).is_nil());
  EXPECT_TRUE(reply->At(2).is_array());
  EXPECT_EQ(reply->At(2).items.size(), 0u);
  EXPECT_TRUE(reply->At(3).is_error());
  EXPECT_TRUE(reply->At(4).is_nil()) << "beyond the end";
}

TEST_F(ReplyTest, ManyItemsCome) {
  std::string bytes = "*20000\r\n";
  for (int i = 0; i < 20000; ++i) bytes += ":" + std::to_string(i) + "\r\n";
  std::unique_ptr<Reply> reply;
  ASSERT_EQ(Read(bytes, &reply), REDIS_OK);
  ASSERT_EQ(reply->items.size(), 20000u);
  EXPECT_EQ(reply->At(19999).integer, 19999);
}

TEST_F(ReplyTest, WhatIsAnnouncedTakesNoMemoryUntilItComes) {
  std::unique_ptr<Reply> reply;
  EXPECT_EQ(Read("*2000000000\r\n:1\r\n", &reply), REDIS_OK);
  EXPECT_EQ(reply, nullptr) << "more is to come";
}

}  // namespace
}  // namespace agentmq::redis
