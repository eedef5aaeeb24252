#include "memory/remembered_keys.hpp"

#include <gtest/gtest.h>

namespace agentmq::memory {
namespace {

const ShortId kOne(1, 5, false, 7, 1);
const ShortId kTwo(2, 5, false, 7, 2);

TEST(RememberedKeys, AKeyIsRememberedUntilItsTime) {
  RememberedKeys keys;
  keys.Add("k", kOne, 100);
  ASSERT_NE(keys.Find("k"), nullptr);
  EXPECT_EQ(*keys.Find("k"), kOne);
  EXPECT_EQ(keys.Find("l"), nullptr);
  keys.Drop(99);
  EXPECT_NE(keys.Find("k"), nullptr);
  keys.Drop(100);
  EXPECT_EQ(keys.Find("k"), nullptr);
  EXPECT_TRUE(keys.empty());
}

TEST(RememberedKeys, AddingAgainMovesTheTime) {
  RememberedKeys keys;
  keys.Add("k", kOne, 100);
  keys.Add("k", kTwo, 200);
  keys.Drop(100);
  ASSERT_NE(keys.Find("k"), nullptr);
  EXPECT_EQ(*keys.Find("k"), kTwo);
  keys.Drop(200);
  EXPECT_TRUE(keys.empty());
}

TEST(RememberedKeys, OnlyTheMessageThatHasAKeyGivesItBack) {
  RememberedKeys keys;
  keys.Add("k", kOne, 100);
  keys.Remove("k", kTwo);
  EXPECT_NE(keys.Find("k"), nullptr);
  keys.Remove("k", kOne);
  EXPECT_TRUE(keys.empty());
  keys.Drop(1000);
}

TEST(RememberedKeys, ManyGoInTheOrderOfTheirTimes) {
  RememberedKeys keys;
  for (int i = 0; i < 1000; ++i) keys.Add(std::to_string(i), kOne, 1000 - i);
  keys.Drop(500);
  EXPECT_NE(keys.Find("499"), nullptr);
  EXPECT_EQ(keys.Find("500"), nullptr);
  keys.Clear();
  EXPECT_TRUE(keys.empty());
}

}  // namespace
}  // namespace agentmq::memory
