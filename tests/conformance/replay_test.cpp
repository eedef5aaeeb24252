// The way back of many dead letters: which, how many, how fast.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Strings = std::vector<std::string>;

class ReplayTest : public BusTest {
 protected:
  void Bury(const char* channel, const char* agent, const Message& message) {
    bus_.Publish(channel, message);
    Subscription subscription = bus_.Subscribe(channel, agent, {{"prefetch", "1"}});
    bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT, kForever, "no good");
  }
  void Bury(size_t count) { BuryMany(bus_, count); }
  int64_t Dead() { return Stat(bus_, "c", "dead"); }
};
AGENTMQ_ON_EVERY_BACKEND(ReplayTest);

TEST_P(ReplayTest, EveryFieldOfAFilterChooses) {
  Bury("c", "a", Text("ca", "a").SetSource("s1").SetType("t1"));
  Bury("c", "b", Text("cb", "b").SetSource("s2").SetType("t2"));
  Bury("news", "reader", Text("news").SetSource("s1").SetType("t2"));
  const auto fits = [&](const Config& filter) {
    Strings payloads = Payloads(bus_.DeadLetters(filter));
    std::sort(payloads.begin(), payloads.end());
    return payloads;
  };
  EXPECT_EQ(fits({{"source", "s1"}}), (Strings{"ca", "news"}));
  EXPECT_EQ(fits({{"type", "t2"}}), (Strings{"cb", "news"}));
  EXPECT_EQ(fits({{"agent", "reader"}}), Strings{"news"});
  EXPECT_EQ(fits({{"agent", "a"}}), Strings{"ca"});
  EXPECT_EQ(fits({{"agent", "a"}, {"channel", "news"}}), Strings{});
  EXPECT_EQ(fits({{"target", "b"}, {"source", "s2"}}), Strings{"cb"});
  EXPECT_EQ(fits({{"status", "MQ_OK"}}), (Strings{"ca", "cb", "news"}));
  EXPECT_EQ(fits({{"status", "MQ_SIGNATURE"}}), Strings{});
  EXPECT_EQ(bus_.ReplayAll({{"source", "s1"}, {"type", "t2"}}), 1);
  EXPECT_EQ(fits({}), (Strings{"ca", "cb"}));
}

TEST_P(ReplayTest, AStatusTellsLapsesFromNacks) {
  Put(bus_, "c", "a", "lapses");
  Subscription lax =
      bus_.Subscribe("c", "a", {{"auto_extend", "false"}, {"visibility_timeout", "50ms"}, {"retry_attempts", "1"}});
  Next(lax);
  ASSERT_TRUE(Eventually(kPatience, [&] {
    lax.Fetch(50ms);
    return bus_.DeadLetters().size() == 1;
  }));
  lax.Unsubscribe();
  Bury("c", "a", Text("nacked", "a"));
  EXPECT_EQ(Payloads(bus_.DeadLetters({{"status", "MQ_TIMEOUT"}})), Strings{"lapses"});
  EXPECT_EQ(bus_.ReplayAll({{"status", "MQ_TIMEOUT"}}), 1);
  EXPECT_EQ(Payloads(bus_.DeadLetters()), Strings{"nacked"});
  EXPECT_EQ(bus_.Count({{"agent", "a"}, {"status", "MQ_OK"}}), 1);
  EXPECT_EQ(bus_.Count({{"agent", "b"}}), 0);
  EXPECT_EQ(bus_.Count({{"status", "MQ_TIMEOUT"}}), 0);
}

TEST_P(ReplayTest, SinceAndUntilAreOfTheDeath) {
  const std::string early = Put(bus_, "c", "a", "dies late");
  Bury("c", "b", Text("dies early", "b"));
  const nlohmann::json history = nlohmann::json::parse(bus_.DeadLetters()[0].history());
  const std::string between = std::to_string(history[0].at("when").get<int64_t>() + 1);
  ASSERT_TRUE(Eventually(kPatience, [&] { return ServerNow() > std::stoll(between); }));
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  EXPECT_EQ(Payloads(bus_.DeadLetters({{"since", between.c_str()}})), Strings{"dies late"});
  EXPECT_EQ(bus_.ReplayAll({{"until", between.c_str()}}), 1);
  EXPECT_EQ(Payloads(bus_.DeadLetters()), Strings{"dies late"});
}

TEST_P(ReplayTest, ADryRunCountsAndChangesNothing) {
  Bury(5);
  EXPECT_EQ(bus_.ReplayAll({{"dry_run", "true"}}), 5);
  EXPECT_EQ(bus_.ReplayAll({{"dry_run", "true"}, {"limit", "2"}}), 2);
  EXPECT_EQ(bus_.ReplayAll({{"dry_run", "true"}, {"channel", "d"}}), 0);
  EXPECT_EQ(bus_.ReplayAll({{"dry_run", "true"}, {"rate", "0.001"}}), 5) << "at once";
  EXPECT_EQ(Dead(), 5);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(ReplayTest, ALimitTakesTheOldest) {
  Bury(5);
  EXPECT_EQ(bus_.ReplayAll({{"limit", "2"}}), 2);
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 2), (Strings{"m0", "m1"}));
  EXPECT_EQ(bus_.ReplayAll({{"limit", "10"}}), 3);
  EXPECT_EQ(Take(bus_, subscription, 3), (Strings{"m2", "m3", "m4"}));
}

TEST_P(ReplayTest, ARateIsNotExceeded) {
  Bury(31);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(bus_.ReplayAll({{"rate", "20"}}), 31);
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(took, 1400ms) << "30 intervals of 50 ms, and 100 ms that it may catch up";
  EXPECT_EQ(Dead(), 0);
}

TEST_P(ReplayTest, AShutdownEndsASlowReplay) {
  Bury(3);
  Bus other = Open();
  std::atomic<int> status{-1};
  int64_t replayed = -1;
  const Config slow{{"rate", "0.01"}};
  std::thread replaying([&] { status = mq_replay_all(other.get(), slow.get(), &replayed); });
  EXPECT_TRUE(Eventually(kPatience, [&] { return Dead() == 2; }));
  other.Shutdown();
  replaying.join();
  EXPECT_EQ(status, MQ_CLOSED);
  EXPECT_EQ(replayed, 1);
  EXPECT_EQ(Dead(), 2);
  EXPECT_EQ(bus_.ReplayAll(), 2) << "another goes on with what is left";
  EXPECT_EQ(bus_.Count(), 3);
}

TEST_P(ReplayTest, AttemptsAreKeptWhereThatIsAsked) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a", {{"retry_attempts", "2"}});
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms, "one");
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms, "two");
  EXPECT_EQ(bus_.ReplayAll({{"keep_attempts", "true"}}), 1);
  const Message kept = Next(subscription);
  EXPECT_EQ(kept.deliveries(), 3);
  EXPECT_EQ(kept.reason(), "two");
  EXPECT_EQ(nlohmann::json::parse(kept.history()).size(), 2u);
  bus_.Nack(kept, MQ_FAILURE_TRANSIENT, 0ms, "three");
  const MessageList dead = bus_.DeadLetters();
  ASSERT_EQ(dead.size(), 1u) << "one attempt more, no two";
  EXPECT_EQ(dead[0].deliveries(), 3);
  EXPECT_EQ(nlohmann::json::parse(dead[0].history()).size(), 3u);
  EXPECT_EQ(bus_.ReplayAll(), 1);
  const Message anew = Next(subscription);
  EXPECT_EQ(anew.deliveries(), 1);
  EXPECT_EQ(anew.history(), "[]");
  bus_.Ack(anew);
}

TEST_P(ReplayTest, AttemptsOfABroadcastAreKeptToo) {
  Subscription subscription = bus_.Subscribe("news", "reader");
  Put(bus_, "news", nullptr, "x");
  bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT, kForever, "no");
  EXPECT_EQ(bus_.ReplayAll({{"agent", "reader"}, {"keep_attempts", "true"}}), 1);
  const Message kept = Next(subscription);
  EXPECT_EQ(kept.deliveries(), 2);
  EXPECT_EQ(kept.reason(), "no");
  bus_.Ack(kept);
}

TEST_P(ReplayTest, WhatIsNoReplaysSettingIsRefused) {
  const auto replay = [&](const char* name, const char* value) {
    int64_t replayed = 7;
    const Config config{{name, value}};
    const mq_status status = mq_replay_all(bus_.get(), config.get(), &replayed);
    EXPECT_EQ(replayed, 0);
    return status;
  };
  EXPECT_STATUS(MQ_INVALID, replay("prefetch", "1"));
  EXPECT_TRUE(ErrorSays("prefetch"));
  for (const auto& [name, value] : {std::pair{"rate", "-1"},
                                    {"rate", "fast"},
                                    {"limit", "-1"},
                                    {"limit", "x"},
                                    {"dry_run", "maybe"},
                                    {"keep_attempts", "2"},
                                    {"status", "MQ_NOTHING"},
                                    {"status", ""},
                                    {"agent", ""},
                                    {"rates", "1"}}) {
    const Config config;
    EXPECT_STATUS(MQ_INVALID, mq_config_set(config.get(), name, value)) << name << "=" << value;
    EXPECT_TRUE(ErrorSays(std::string(name) == "rates" ? "rate" : name));
  }
  for (const char* name : {"rate", "limit", "dry_run", "keep_attempts"}) {
    const Config config{{name, "1"}};
    mq_list* list = nullptr;
    int64_t count = 0;
    EXPECT_STATUS(MQ_INVALID, mq_dead_letters(bus_.get(), config.get(), 1, 0, &list));
    EXPECT_TRUE(ErrorSays(name));
    EXPECT_STATUS(MQ_INVALID, mq_purge_dead_letters(bus_.get(), config.get(), &count));
    EXPECT_STATUS(MQ_INVALID, mq_find(bus_.get(), config.get(), 1, 0, &list));
    EXPECT_STATUS(MQ_INVALID, mq_count(bus_.get(), config.get(), &count));
  }
}

}  // namespace
}  // namespace agentmq::test
