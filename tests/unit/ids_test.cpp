#include "core/ids.hpp"

#include <gtest/gtest.h>

#include <set>

namespace agentmq {
namespace {

TEST(Ids, AShortIdSaysTimeAndLane) {
  const ShortId id(1700000000123, 200, true, 0xffffff, 77);
  EXPECT_EQ(id.view().size(), 16u);
  EXPECT_EQ(id.time(), 1700000000123);
  EXPECT_EQ(id.priority(), 200);
  EXPECT_TRUE(id.blob());
  EXPECT_FALSE(ShortId(1, 255, false, 1, 1).blob());
  EXPECT_EQ(ShortId(1, 255, false, 1, 1).priority(), 255);
  EXPECT_EQ(ShortId::Parse(id.view()), id);
}

TEST(Ids, ShortIdsSortByTimeThenLaneThenPlace) {
  const ShortId first(1000, 255, true, 9, 9);
  const ShortId second(1001, 0, false, 1, 1);
  const ShortId third(1001, 1, false, 0, 0);
  const ShortId fourth(1001, 1, false, 0, 64);
  EXPECT_LT(first.view(), second.view());
  EXPECT_LT(second.view(), third.view());
  EXPECT_LT(third.view(), fourth.view());
  EXPECT_LT(first, second);
  EXPECT_LT(third, fourth);
}

TEST(Ids, TimesBeyondTheRangeAreClamped) {
  EXPECT_EQ(ShortId(-5, 0, false, 0, 0).time(), 0);
  EXPECT_EQ(ShortId(INT64_MAX, 0, false, 0, 0).time(), (int64_t{1} << 42) - 1);
}

TEST(Ids, WhatIsNoShortIdIsRefused) {
  for (const char* text : {"", "short", "0123456789abcde", "0123456789abcdefg", "0123456789abcde/", "0123456789abcde~",
                           "0123456789abcd\xc3\xab"}) {
    EXPECT_FALSE(ShortId::Parse(text).has_value()) << text;
  }
}

TEST(Ids, AFullIdSurvivesItsText) {
  const ShortId id(1700000000123, 5, false, 4711, 42);
  for (const QueueName& queue : {QueueName::Inbox("a/b", "c|d~e"), QueueName::Log("x"), QueueName::Inbox("", "w:1")}) {
    for (const char* group : {"", "-", "a%3Ab", "a%7Cb~c"}) {
      const FullId full{queue, id, group};
      const Result<FullId> parsed = FullId::Parse(full.Text());
      ASSERT_TRUE(parsed.ok()) << full.Text();
      EXPECT_EQ(parsed->queue, queue);
      EXPECT_EQ(parsed->id, id);
      EXPECT_EQ(parsed->group, group);
    }
  }
  EXPECT_EQ((FullId{QueueName::Inbox("c", "a"), id, {}}.Text()), "1c/a/" + id.str());
  EXPECT_EQ((FullId{QueueName::Inbox("c", "a"), id, "-"}.Text()), "1c/a/" + id.str() + "~-");
}

TEST(Ids, WhatIsNoFullIdIsRefused) {
  const std::string id = ShortId().str();
  for (const std::string& text :
       {std::string(), std::string("/"), std::string("1"), "1c/" + id, "2c/a/" + id, "c/a/" + id, "1c/a/" + id + "x",
        "1c/a/" + id + "~", "1c/a/" + id + "~a:b", "1c/a/" + id + "~%3a", "1c/a/b/" + id, "1c/a/" + id.substr(1)}) {
    EXPECT_EQ(FullId::Parse(text).code(), Code::kInvalid) << text;
  }
}

TEST(Ids, AReceiptSurvivesItsText) {
  const Receipt receipt{QueueName::Inbox("c|1", "a|2"), ShortId(5, 5, false, 5, 5), "g%7C3", "host/1.abc", 12};
  const Result<Receipt> parsed = Receipt::Parse(receipt.Text());
  ASSERT_TRUE(parsed.ok()) << receipt.Text();
  EXPECT_EQ(parsed->queue, receipt.queue);
  EXPECT_EQ(parsed->id, receipt.id);
  EXPECT_EQ(parsed->group, receipt.group);
  EXPECT_EQ(parsed->consumer, receipt.consumer);
  EXPECT_EQ(parsed->delivery, 12);
}

TEST(Ids, WhatIsNoReceiptIsRefused) {
  const std::string full = "1c/a/" + ShortId().str();
  for (const std::string& text :
       {std::string(), std::string("|"), std::string("||"), std::string("|||"), full, full + "|-|c", full + "|-|c|",
        full + "|-|c|x", full + "|-|c|-1", full + "|-|c|1x", full + "|-||1", full + "||c|1", full + "|a:b|c|1",
        full + "|-|x|c|1", full + "~g|-|c|1", full + "|-|c|99999999999999999999", full + "|-|c|0", full + "|-|c|00"}) {
    EXPECT_EQ(Receipt::Parse(text).code(), Code::kInvalid) << text;
  }
  EXPECT_TRUE(Receipt::Parse(full + "|-|c|1").ok());
}

TEST(Ids, MadeIdsAlwaysAscendEvenWhereTheClockDoesNot) {
  IdMaker maker;
  ShortId last = maker.Next(5000, 5, false);
  for (int i = 0; i < 600000; ++i) {  // more than one millisecond's sequence
    const ShortId id = maker.Next(5000 - i % 3, 5, false);
    ASSERT_LT(last, id);
    last = id;
  }
  EXPECT_LE(last.time(), 5003);
  EXPECT_GT(maker.Next(6000, 5, false).time(), 5999);
}

TEST(Ids, RandomNamesDiffer) {
  std::set<std::string> names;
  for (int i = 0; i < 1000; ++i) names.insert(RandomName());
  EXPECT_EQ(names.size(), 1000u);
  EXPECT_TRUE(ShortId::Parse(*names.begin()).has_value());
  EXPECT_NE(IdMaker().Next(1, 1, false), IdMaker().Next(1, 1, false));
}

}  // namespace
}  // namespace agentmq
