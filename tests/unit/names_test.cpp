#include "core/names.hpp"

#include <gtest/gtest.h>

namespace agentmq {
namespace {

TEST(Names, QueuesNeverShareAText) {
  EXPECT_EQ(QueueName::Inbox("tasks", "worker").Text(), "tasks/worker");
  EXPECT_EQ(QueueName::Log("tasks").Text(), "tasks/*");
  EXPECT_EQ(QueueName::Inbox("tasks", "*").Text(), "tasks/%2A");
  EXPECT_EQ(QueueName::Inbox("a/b", "c").Text(), "a%2Fb/c");
  EXPECT_EQ(QueueName::Inbox("a", "b/c").Text(), "a/b%2Fc");
  EXPECT_EQ(QueueName::Inbox("", "worker:1").Text(), "/worker%3A1");
}

TEST(Names, AQueueSurvivesItsText) {
  for (const QueueName& name :
       {QueueName::Inbox("tasks", "worker"), QueueName::Log("tasks"), QueueName::Inbox("tasks", "*"),
        QueueName::Inbox("{a}:[b]?%", "c/d|e~f"), QueueName::Inbox("", "w:1"), QueueName::Inbox("zoë", "日本")}) {
    const Result<QueueName> parsed = QueueName::Parse(name.Text());
    ASSERT_TRUE(parsed.ok()) << name.Text();
    EXPECT_EQ(*parsed, name);
  }
}

TEST(Names, WhatIsNoQueueIsRefused) {
  for (const char* text : {"", "tasks", "a/", "a/b/c", "a%/b", "a/b%4", "a/%zz", "a/%00", "\xff/b", "a/*/b"}) {
    EXPECT_EQ(QueueName::Parse(text).code(), Code::kInvalid) << text;
  }
  EXPECT_FALSE(QueueName::Parse("a/" + std::string(257, 'x')).ok());
}

TEST(Names, PercentEncodingTouchesOnlyWhatItMust) {
  EXPECT_EQ(PercentEncode("a%b/c:d{e}f*g?h[i]\x01\x7f"), "a%25b%2Fc%3Ad%7Be%7Df%2Ag%3Fh%5Bi%5D%01%7F");
  EXPECT_EQ(PercentEncode("zoë ~-_.,日本"), "zoë ~-_.,日本");
  EXPECT_EQ(PercentEncode("a|b"), "a%7Cb") << "receipts are parted by it";
  EXPECT_EQ(*PercentDecode("%2f%2F%25"), "//%");
  EXPECT_FALSE(PercentDecode("%").ok());
  EXPECT_FALSE(PercentDecode("%2").ok());
  EXPECT_FALSE(PercentDecode("%g0").ok());
}

TEST(Names, ANameIsCheckedAndTheErrorNamesIt) {
  EXPECT_TRUE(CheckName("channel", "a:b/{c}*").ok());
  EXPECT_TRUE(CheckName("channel", std::string(256, 'x')).ok());
  EXPECT_EQ(CheckName("channel", "").text(), "channel must not be empty");
  EXPECT_EQ(CheckName("channel", std::string(257, 'x')).text(), "channel must be at most 256 bytes, got 257");
  EXPECT_EQ(CheckName("agent", "a\nb").code(), Code::kInvalid);
  EXPECT_EQ(CheckName("agent", "a\x7f").code(), Code::kInvalid);
  EXPECT_EQ(CheckName("agent", "a\xc2\x85").code(), Code::kInvalid);
  EXPECT_EQ(CheckName("agent", std::string_view("a\0b", 3)).code(), Code::kInvalid);
  EXPECT_EQ(CheckName("agent", "\xff").text(), "agent must be UTF-8");
}

TEST(Names, Utf8IsCheckedStrictly) {
  for (const char* text : {"", "a", "ë", "日", "😀", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
  for (const char* text : {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe6\x97", "a\xc3z"}) {
    EXPECT_FALSE(IsUtf8(text));
  }
}

TEST(Names, AnAgentsTypeIsWhatStandsBeforeTheFirstColon) {
  EXPECT_EQ(AgentType("worker:1"), "worker");
  EXPECT_EQ(AgentType("worker:1:2"), "worker");
  EXPECT_EQ(AgentType("worker"), "");
  EXPECT_EQ(AgentType("worker:"), "");
  EXPECT_EQ(AgentType(":1"), "");
}

}  // namespace
}  // namespace agentmq
