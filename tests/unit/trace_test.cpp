#include "core/trace.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace agentmq {
namespace {

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c";
const std::string kParent = "b7ad6b7169203331";

std::string Of(const std::string& version, const std::string& trace, const std::string& parent,
               const std::string& flags) {
  return version + "-" + trace + "-" + parent + "-" + flags;
}

TEST(TraceTest, AValidOneIsTakenApart) {
  const auto parent = TraceParent::Parse(Of("00", kTrace, kParent, "01"));
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->trace_id, kTrace);
  EXPECT_EQ(parent->parent_id, kParent);
  EXPECT_TRUE(parent->sampled);
  EXPECT_EQ(parent->Text(), Of("00", kTrace, kParent, "01"));
  for (const std::string flags : {"00", "02", "f0", "fe"}) {
    const auto other = TraceParent::Parse(Of("00", kTrace, kParent, flags));
    ASSERT_TRUE(other) << flags;
    EXPECT_FALSE(other->sampled) << flags;
  }
  for (const std::string flags : {"03", "ff", "0b"}) {
    EXPECT_TRUE(TraceParent::Parse(Of("00", kTrace, kParent, flags))->sampled) << flags;
  }
}

// The rules of https://www.w3.org/TR/trace-context/#traceparent-header
TEST(TraceTest, WhatTheRulesForbidIsNone) {
  const std::vector<std::string> wrong = {
      "",
      "00",
      Of("ff", kTrace, kParent, "01"),
      Of("0", kTrace, kParent, "01"),
      Of("0A", kTrace, kParent, "01"),
      Of("00", std::string(32, '0'), kParent, "01"),
      Of("00", kTrace, std::string(16, '0'), "01"),
      Of("00", "0AF7651916CD43DD8448EB211C80319C", kParent, "01"),
      Of("00", kTrace, "B7AD6B7169203331", "01"),
      Of("00", kTrace.substr(1), kParent, "01"),
      Of("00", kTrace, kParent.substr(1), "01"),
      Of("00", kTrace, kParent, "1"),
      Of("00", kTrace, kParent, "0g"),
      Of("00", kTrace, kParent, "0F"),
      Of("00", kTrace, kParent, "01") + "-",
      Of("00", kTrace, kParent, "01") + " ",
      " " + Of("00", kTrace, kParent, "01"),
      Of("01", kTrace, kParent, "01") + "x",
      "00_" + kTrace + "-" + kParent + "-01",
      "00-" + kTrace + "_" + kParent + "-01",
      "00-" + kTrace + "-" + kParent + "_01",
      Of("00", "0af7651916cd43dd8448eb211c80319g", kParent, "01"),
  };
  for (const std::string& text : wrong) EXPECT_FALSE(TraceParent::Parse(text)) << text;
}

TEST(TraceTest, OfALaterVersionWhatIsKnownIsRead) {
  for (const std::string& text : {Of("01", kTrace, kParent, "01"), Of("cc", kTrace, kParent, "01") + "-what-comes"}) {
    const auto parent = TraceParent::Parse(text);
    ASSERT_TRUE(parent) << text;
    EXPECT_EQ(parent->Text(), Of("00", kTrace, kParent, "01"));
  }
}

TEST(TraceTest, NewOnesAreValidAndDiffer) {
  std::set<std::string> traces, parents;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = TraceParent::New().Text();
    EXPECT_EQ(text.size(), 55u);
    const auto parsed = TraceParent::Parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_TRUE(parsed->sampled);
    traces.insert(parsed->trace_id);
    parents.insert(parsed->parent_id);
  }
  EXPECT_EQ(traces.size(), 1000u);
  EXPECT_EQ(parents.size(), 1000u);
}

TEST(TraceTest, TheNextStepIsInTheSameTrace) {
  for (const bool sampled : {true, false}) {
    const TraceParent parent{kTrace, kParent, sampled};
    const TraceParent next = parent.Next();
    EXPECT_EQ(next.trace_id, kTrace);
    EXPECT_NE(next.parent_id, kParent);
    EXPECT_EQ(next.sampled, sampled);
  }
}

}  // namespace
}  // namespace agentmq
