// Compressed payloads as they are on the server, and what somebody writes there who means harm.
#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

using std::string_literals::operator""s;

constexpr const char* kMessages = "{agentmq:default:c/a}:msg";

class PackedTest : public RedisTest {
 protected:
  static std::string Short(const std::string& id) { return id.substr(id.rfind('/') + 1); }
  // Puts a message whose record is this one.
  void Plant(const std::string& record) {
    const std::string id = Put(bus_, "c", "a", "x");
    client_.Must({"HSET", kMessages, Short(id), record});
  }
  // The frame of zstd that says so many bytes, and holds one block of 'x', so many times.
  static std::string Frame(uint64_t says, uint32_t holds) {
    std::string frame = "\x28\xb5\x2f\xfd\xe0"s;
    for (int shift = 0; shift < 64; shift += 8) frame += static_cast<char>(says >> shift & 0xff);
    const uint32_t head = holds << 3 | 3;
    for (int shift = 0; shift < 24; shift += 8) frame += static_cast<char>(head >> shift & 0xff);
    return frame + 'x';
  }
  static std::string Packed(const std::string& frame) { return "2Z\x04zstd\0="s + frame; }

  Bus bus_{Url("compress_above=100")};
  RespClient client_ = server_.Client();
};

TEST_F(PackedTest, TheServerHoldsTheCompressedPayload) {
  const std::string id = Put(bus_, "c", "a", std::string(50'000, 'p'));
  const std::string record = client_.Text({"HGET", kMessages, Short(id)});
  EXPECT_LT(record.size(), 200u);
  EXPECT_TRUE(record.starts_with("2Z\x04zstd\0=\x28\xb5\x2f\xfd"s)) << record;
}

TEST_F(PackedTest, WhatIsAboveTheThresholdOfBlobsOnlyBeforeItIsCompressedIsNoBlob) {
  Put(bus_, "c", "a", std::string(1'000'000, 'p'));
  EXPECT_TRUE(client_.Keys("*:blob:*").empty());
  std::string noise;
  for (uint32_t i = 0, state = 1; i < 100'000; ++i)
    noise += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  Put(bus_, "c", "a", noise + std::string(1'000'000, 'p'));
  const auto blobs = client_.Keys("*:blob:*");
  ASSERT_EQ(blobs.size(), 1u);
  EXPECT_LT(client_.Number({"STRLEN", blobs[0]}), 110'000);
}

TEST_F(PackedTest, ABombIsADeadLetterAndIsNotInflated) {
  struct Case {
    std::string record;
    mq_status status;
  };
  for (const Case& one : {Case{Packed(Frame(uint64_t{1} << 40, 100'000)), MQ_TOO_LARGE},
                          {Packed(Frame(65 << 20, 100'000)), MQ_TOO_LARGE},
                          {Packed(Frame(10, 100'000)), MQ_CORRUPT},
                          {Packed("\x28\xb5\x2f\xfd\x00\x58\x29\x00\x00hello"s), MQ_CORRUPT},
                          {Packed("no frame"), MQ_CORRUPT},
                          {Packed(""), MQ_CORRUPT},
                          {"2Z\x03lz4\0=xyz"s, MQ_CORRUPT},
                          {"2Q\x01?\0=a field that must be known"s, MQ_CORRUPT}}) {
    Plant(one.record);
    Put(bus_, "c", "a", "good");
    Subscription subscription = bus_.Subscribe("c", "a");
    EXPECT_EQ(Take(bus_, subscription, 1), std::vector<std::string>{"good"});
    EXPECT_FALSE(subscription.Fetch(0ms));
    ASSERT_TRUE(Eventually(kPatience, [&] { return bus_.DeadLetters().size() == 1; }));
    const MessageList dead = bus_.DeadLetters();
    EXPECT_EQ(Name(dead[0].status()), Name(one.status)) << dead[0].reason();
    EXPECT_NE(dead[0].reason(), "");
    EXPECT_LE(dead[0].payload().size(), one.record.size());
    EXPECT_EQ(bus_.PurgeDeadLetters(), 1);
  }
}

TEST_F(PackedTest, LookingAtABombIsAFailureWithASentence) {
  const std::string id = Put(bus_, "c", "a", "x");
  client_.Must({"HSET", kMessages, Short(id), Packed(Frame(uint64_t{1} << 40, 100'000))});
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_TOO_LARGE, mq_get(bus_.get(), id.c_str(), &message));
  EXPECT_EQ(message, nullptr);
  EXPECT_EQ(StatusOf([&] { EXPECT_EQ(bus_.Find().size(), 0u); }), MQ_OK);
}

TEST_F(PackedTest, AListenerPassesABombOver) {
  Subscription listener = bus_.Listen("c");
  client_.Must(
      {"PUBLISH", "agentmq:default:live:0:c", "1c/a/OhqqeWv-4ewrj--6\n" + Packed(Frame(uint64_t{1} << 40, 100'000))});
  Message message("good");
  message.SetMode(MQ_MODE_PUBSUB);
  bus_.Publish("c", message);
  EXPECT_EQ(Next(listener).payload(), "good");
  EXPECT_FALSE(listener.Fetch(0ms));
}

TEST_F(PackedTest, APayloadThatStaysAsItIsHasTheRecordOfBefore) {
  const std::string id = Put(bus_, "c", "a", "short");
  EXPECT_EQ(client_.Text({"HGET", kMessages, Short(id)}), "1=short");
}

}  // namespace
}  // namespace agentmq::test
