// What a client learns of a queue from the server, where anybody may have written it.
#include <gtest/gtest.h>

#include "redis/keys.hpp"

namespace agentmq::redis {
namespace {

Reply Answer(const std::string& lanes, const std::string& groups) {
  Reply reply;
  reply.kind = Reply::Kind::kArray;
  for (const std::string& text : {std::string("generation"), lanes, groups}) {
    reply.items.emplace_back().kind = Reply::Kind::kText;
    reply.items.back().text = text;
  }
  return reply;
}

class QueueViewTest : public ::testing::Test {
 protected:
  Queue queue_{{"prefix", "namespace", {}}, QueueName::Log("channel")};
};

TEST_F(QueueViewTest, LanesAndGroupsAreRead) {
  const auto view = queue_.Learn(Answer("200,5,0", "ann:0/crew%3A1:9"), 0);
  EXPECT_EQ(view->generation, "generation");
  EXPECT_EQ(view->lanes, (std::vector<int>{200, 5, 0}));
  EXPECT_TRUE(view->HasLane(5));
  EXPECT_FALSE(view->HasLane(6));
  ASSERT_EQ(view->groups.size(), 2u);
  EXPECT_EQ(view->Find("crew%3A1")->ordinal, 9);
  EXPECT_EQ(view->Find("crew%3A1")->keys.lanes.size(), 3u);
  EXPECT_EQ(view->reference_map, std::string("\x01\x02", 2));
}

TEST_F(QueueViewTest, WhatCantBeOneIsPassedOver) {
  const auto view = queue_.Learn(Answer("18888888888888881,256,x,-4,,7", "a:-2/b:9000000000000000000/c/d:3"), 0);
  EXPECT_EQ(view->lanes, std::vector<int>{7});
  ASSERT_EQ(view->groups.size(), 1u);
  EXPECT_EQ(view->groups[0]->name, "d");
  EXPECT_EQ(view->reference_map.size(), 1u);
}

TEST_F(QueueViewTest, WhatStaysIsSharedWithTheViewBefore) {
  const auto first = queue_.Learn(Answer("5", "ann:0/bob:1/crew:2"), 0);
  EXPECT_EQ(queue_.Learn(Answer("5", "ann:0/bob:1/crew:2"), 0), first);
  // One has left and come back under another bit, one has left, one is new.
  const auto second = queue_.Learn(Answer("5", "bob:1/ann:3/dan:4"), 0);
  ASSERT_EQ(second->groups.size(), 3u);
  EXPECT_EQ(second->groups[0], first->groups[1]);
  EXPECT_EQ(second->Find("ann")->ordinal, 3);
  EXPECT_EQ(second->Find("crew"), nullptr);
  EXPECT_EQ(second->reference_map, std::string("\x1a", 1));
  // With another lane all have more keys.
  const auto third = queue_.Learn(Answer("9,5", "bob:1/ann:3/dan:4"), 0);
  EXPECT_EQ(third->groups[0]->keys.lanes.size(), 2u);
  EXPECT_EQ(second->groups[0]->keys.lanes.size(), 1u) << "who holds an earlier view goes on with that";
}

}  // namespace
}  // namespace agentmq::redis
