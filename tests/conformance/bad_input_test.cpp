// Every public function with NULL and wrong arguments: a status and a sentence, never a crash, nothing changed.
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "conformance/bad_input.hpp"

namespace agentmq::test {
namespace {

class BadInputTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(BadInputTest);

TEST_P(BadInputTest, EveryFunctionRefusesWrongArgumentsWithASentence) {
  Subscription subscription = bus_.Subscribe("c", "a");
  Put(bus_, "c", "a", "x");
  const Message message = Next(subscription);
  const Things things{bus_.get(), subscription.get(), message.get()};
  const std::string before = bus_.Find()[0].id().data();
  for (const BadCall& bad : BadCalls(things)) {
    static_cast<void>(mq_message_new(nullptr, 1));  // leaves another sentence, so that a missing one is seen
    const std::string other = mq_last_error();
    const mq_status status = bad.call();
    EXPECT_EQ(Name(status), "MQ_INVALID") << bad.function << " " << bad.what << ": " << mq_last_error();
    EXPECT_STRNE(mq_last_error(), "") << bad.function << " " << bad.what;
    EXPECT_NE(other, mq_last_error()) << bad.function << " " << bad.what << " left no sentence of its own";
    EXPECT_EQ(std::string(mq_last_error()).find('\n'), std::string::npos) << mq_last_error();
  }
  EXPECT_EQ(bus_.Count(), 1);
  EXPECT_EQ(bus_.Count({{"state", "reserved"}}), 1);
  EXPECT_EQ(bus_.Find()[0].id(), before);
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), message.get()));
}

TEST_P(BadInputTest, WhatAnswersNoStatusTakesNullToo) {
  const std::set<std::string> names = CallWithoutStatus();
  EXPECT_FALSE(names.empty());
}

TEST_P(BadInputTest, NoPublicFunctionIsLeftOut) {
  std::ifstream file(AGENTMQ_SOURCE_DIR "/include/agentmq/agentmq.h");
  ASSERT_TRUE(file);
  std::ostringstream text;
  text << file.rdbuf();
  const std::string header = std::regex_replace(text.str(), std::regex("/\\*[^*]*\\*+([^/*][^*]*\\*+)*/"), " ");
  std::set<std::string> declared;
  const std::regex declaration("MQ_API[^;(]*?(mq_\\w+)\\(");
  for (std::sregex_iterator at(header.begin(), header.end(), declaration), end; at != end; ++at) {
    declared.insert((*at)[1]);
  }
  EXPECT_GT(declared.size(), 90u);
  std::set<std::string> called = CallWithoutStatus();
  for (const BadCall& bad : BadCalls({})) called.insert(bad.function);
  for (const std::string& name : declared) EXPECT_EQ(called.count(name), 1u) << name << " is not tried";
}

TEST_P(BadInputTest, OutParametersAreNullOnFailure) {
  mq_list* list = reinterpret_cast<mq_list*>(&bus_);
  EXPECT_STATUS(MQ_INVALID, mq_get_pending(bus_.get(), "c\n", "a", 10, &list));
  EXPECT_EQ(list, nullptr);
  mq_message* message = reinterpret_cast<mq_message*>(&bus_);
  EXPECT_STATUS(MQ_INVALID, mq_get(bus_.get(), "nonsense", &message));
  EXPECT_EQ(message, nullptr);
  mq_subscription* subscription = reinterpret_cast<mq_subscription*>(&bus_);
  EXPECT_STATUS(MQ_INVALID, mq_subscribe(bus_.get(), "c", "", nullptr, &subscription));
  EXPECT_EQ(subscription, nullptr);
  char* text = reinterpret_cast<char*>(&bus_);
  EXPECT_STATUS(MQ_INVALID, mq_replay(bus_.get(), "nonsense", &text));
  EXPECT_EQ(text, nullptr);
  mq_bus* bus = reinterpret_cast<mq_bus*>(&bus_);
  EXPECT_STATUS(MQ_INVALID, mq_open("nonsense", nullptr, &bus));
  EXPECT_EQ(bus, nullptr);
  int64_t number = 7;
  EXPECT_STATUS(MQ_INVALID, mq_clear(bus_.get(), "c\n", &number));
  EXPECT_EQ(number, 0);
}

TEST_P(BadInputTest, NamesAreCheckedEverywhere) {
  const std::string over(257, 'n');
  for (const char* name : {"a\nb", "\x01", "\x7f", "\xff", "\xe2\x82", "\xed\xa0\x80", over.c_str()}) {
    const auto refused = [&](mq_status status) {
      const bool right = status == MQ_INVALID || (name == over && status == MQ_TOO_LARGE);
      EXPECT_TRUE(right) << mq_status_name(status) << ": " << mq_last_error();
    };
    mq_subscription* subscription = nullptr;
    mq_list* list = nullptr;
    int64_t number = 0;
    char* json = nullptr;
    refused(mq_subscribe(bus_.get(), name, "a", nullptr, &subscription));
    refused(mq_subscribe(bus_.get(), "c", name, nullptr, &subscription));
    refused(mq_configure(bus_.get(), name, Config{{"max_items", "5"}}.get()));
    refused(mq_get_pending(bus_.get(), name, "a", 10, &list));
    refused(mq_get_pending(bus_.get(), "c", name, 10, &list));
    refused(mq_clear(bus_.get(), name, &number));
    refused(mq_recover_pending(bus_.get(), name, &number));
    refused(mq_stats(bus_.get(), name, &json));
    refused(mq_ack_id(bus_.get(), name, Put(bus_, "c", "a", "x").c_str()));
    const char* targets[] = {"a", name};
    refused(mq_publish_many(bus_.get(), "many", Message("x").get(), targets, 2, nullptr));
    Config config;
    refused(mq_config_set(config.get(), "consumer", name));
    refused(mq_config_set(config.get(), "source", name));
  }
  EXPECT_EQ(bus_.Count({{"channel", "many"}}), 0);
}

TEST_P(BadInputTest, ABusThatNobodyCouldOpenLeavesNothing) {
  for (int i = 0; i < 50; ++i) {
    mq_bus* bus = nullptr;
    EXPECT_STATUS(MQ_INVALID, mq_open("redi://x", nullptr, &bus));
    EXPECT_STATUS(MQ_INVALID, mq_open(With(url(), "prefetch=-1").c_str(), nullptr, &bus));
  }
}

}  // namespace
}  // namespace agentmq::test
