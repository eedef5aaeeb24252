// mq_stats and mq_health.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class StatsTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(StatsTest);

TEST_P(StatsTest, EveryNumberIsThereFromTheStart) {
  Put(bus_, "c", "a", "x");
  const nlohmann::json stats = nlohmann::json::parse(bus_.Stats());
  for (const char* name : {"waiting", "scheduled", "reserved", "dead", "lag", "oldest_age", "published", "delivered",
                           "acked", "retried", "expired", "corrupt"}) {
    EXPECT_TRUE(HasMember(stats, name)) << name << " is missing in " << stats.dump();
  }
}

TEST_P(StatsTest, WhatHappensIsCounted) {
  bus_.PublishBatch("c", Texts(6, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  bus_.Ack(Next(subscription));
  bus_.Ack(Next(subscription));
  bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 1h);
  const Message held = Next(subscription);
  EXPECT_EQ(Stat(bus_, "c", "published"), 6) << bus_.Stats();
  EXPECT_EQ(Stat(bus_, "c", "delivered"), 5) << bus_.Stats();
  EXPECT_EQ(Stat(bus_, "c", "acked"), 2) << bus_.Stats();
  EXPECT_EQ(Stat(bus_, "c", "retried"), 1) << bus_.Stats();
  EXPECT_EQ(Stat(bus_, "c", "dead"), 1) << bus_.Stats();
  EXPECT_EQ(Stat(bus_, "c", "waiting"), 1) << bus_.Stats();
  EXPECT_EQ(Stat(bus_, "c", "reserved"), 1) << bus_.Stats();
  EXPECT_EQ(Stat(bus_, "c", "scheduled"), 1) << bus_.Stats();
}

TEST_P(StatsTest, ChannelsAreToldApart) {
  Put(bus_, "c", "a", "x");
  Put(bus_, "d", "a", "x");
  Put(bus_, "d", "b", "x");
  EXPECT_EQ(Stat(bus_, "c", "published"), 1);
  EXPECT_EQ(Stat(bus_, "d", "published"), 2);
  EXPECT_EQ(Stat(bus_, nullptr, "published"), 3);
  EXPECT_EQ(Stat(bus_, "nowhere", "published"), 0);
}

TEST_P(StatsTest, EachGroupOfALogHasItsOwn) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  for (int i = 0; i < 3; ++i) Put(bus_, "c", nullptr, "x");
  Take(bus_, a, 3);
  EXPECT_EQ(Stat(bus_, "c", "published"), 3) << bus_.Stats();
  EXPECT_EQ(Stat(bus_, "c", "acked"), 3) << bus_.Stats();
  EXPECT_EQ(Stat(bus_, "c", "waiting"), 3) << bus_.Stats();
}

TEST_P(StatsTest, TheAgeOfTheOldestGrows) {
  Put(bus_, "c", "a", "x");
  EXPECT_TRUE(Eventually(kPatience, [&] { return Stat(bus_, "c", "oldest_age") > 0; })) << bus_.Stats();
}

TEST_P(StatsTest, AHealthyBusSaysSo) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Ack(Next(subscription));
  std::string text;
  Bus patient = Open({{"health_degraded", "20s"}, {"health_unhealthy", "30s"}});
  EXPECT_EQ(patient.Health(&text), MQ_HEALTHY) << text;
  const nlohmann::json report = nlohmann::json::parse(text);
  EXPECT_TRUE(report.is_object());
  for (const char* name : {"min", "average", "max"}) EXPECT_TRUE(HasMember(report, name)) << text;
  EXPECT_EQ(patient.Health(), MQ_HEALTHY);
  EXPECT_EQ(bus_.Count(), 0) << "its test message is gone";
}

TEST_P(StatsTest, HealthLeavesNoQueueBehind) {
  for (int i = 0; i < 5; ++i) bus_.Health();
  EXPECT_EQ(bus_.Find().size(), 0u);
  EXPECT_EQ(Stat(bus_, nullptr, "published"), 0) << bus_.Stats();
}

TEST_P(StatsTest, HealthTellsTheAgeOfEachSubscriptionsLastFetch) {
  Subscription a = bus_.Subscribe("c", "first-agent");
  Subscription b = bus_.Subscribe("c", "second-agent");
  a.Fetch(0ms);
  std::string text;
  bus_.Health(&text);
  EXPECT_NE(text.find("first-agent"), std::string::npos) << text;
  EXPECT_NE(text.find("second-agent"), std::string::npos) << text;
}

TEST_P(StatsTest, HealthOfAClosedBusIsClosed) {
  Bus bus = Open();
  bus.Shutdown();
  mq_health_state state = MQ_HEALTHY;
  EXPECT_STATUS(MQ_CLOSED, mq_health(bus.get(), &state, nullptr));
}

}  // namespace
}  // namespace agentmq::test
