// Consumers that are killed or stopped: nothing is lost, nobody waits for long, and a poison message ends alone.
#include <signal.h>

#include <algorithm>
#include <set>
#include <thread>

#include "integration/redis_test.hpp"
#include "support/agent_process.hpp"

namespace agentmq::test {
namespace {

class CrashTest : public RedisTest {
 protected:
  std::unique_ptr<Process> Start(const std::string& role, int count,
                                 const std::vector<std::pair<std::string, std::string>>& settings,
                                 const std::string& query = "") {
    return StartAgent({role, Url(query), "c", "a", count, settings});
  }
  const std::vector<std::pair<std::string, std::string>> hour_{{"visibility_timeout", "1h"}};
};

using Strings = std::vector<std::string>;

TEST_F(CrashTest, WhatAKilledConsumerHadGoesToAnotherWithinFiveSeconds) {
  Bus bus(Url());
  bus.PublishBatch("c", Texts(5, "a"));
  const auto agent = Start("hold", 5, hour_);
  ASSERT_TRUE(agent->ReadLineWith("holding"));
  Subscription other = bus.Subscribe("c", "a", {{"visibility_timeout", "1h"}});
  ASSERT_FALSE(other.Fetch(kMoment));
  Strings got;
  const auto killed = std::chrono::steady_clock::now();
  std::thread killer([&] { agent->Signal(SIGKILL); });
  while (got.size() < 5) {
    const auto left = std::chrono::duration_cast<Milliseconds>(killed + 5s - std::chrono::steady_clock::now());
    const std::optional<Message> message = other.Fetch(std::max(left, 0ms));
    if (!message) break;
    got.emplace_back(message->payload());
    bus.Ack(*message);
  }
  killer.join();
  EXPECT_EQ(got, (Strings{"m0", "m1", "m2", "m3", "m4"})) << "within 5 s, in their order";
  EXPECT_EQ(bus.Count(), 0);
}

TEST_F(CrashTest, WhatItHadReadAheadComesToo) {
  Bus bus(Url());
  bus.PublishBatch("c", Texts(20, "a"));
  const auto agent = Start("hold", 1, {{"visibility_timeout", "1h"}, {"prefetch", "20"}});
  ASSERT_TRUE(agent->ReadLineWith("holding"));
  agent->Kill9();
  Subscription other = bus.Subscribe("c", "a");
  const Strings got = Take(bus, other, 20);
  EXPECT_EQ(std::set<std::string>(got.begin(), got.end()).size(), 20u);
  EXPECT_EQ(bus.Count(), 0);
}

TEST_F(CrashTest, WhatLapsesInALaneThatItsFinderDoesNotKnowIsNotLost) {
  Bus bus(Url());
  Bus other(Url());
  Put(bus, "c", "a", "first");
  Subscription finder = other.Subscribe("c", "a");
  Take(other, finder, 1);
  Subscription leaving = bus.Subscribe("c", "a", {{"visibility_timeout", "1s"}, {"auto_extend", "false"}});
  Put(bus, "c", "a", "on a new lane", 9);
  {
    const Message held = Next(leaving);
    leaving.Unsubscribe();  // it may still be settled, until its time is over
  }
  EXPECT_EQ(Take(other, finder, 1), Strings{"on a new lane"});
  EXPECT_EQ(bus.Count(), 0);
}

TEST_F(CrashTest, AShortLivenessTimeoutStillDelivers) {
  Bus bus(Url("liveness_timeout=100ms"));
  bus.PublishBatch("c", Texts(50, "a"));
  Subscription subscription = bus.Subscribe("c", "a");
  EXPECT_EQ(Take(bus, subscription, 50).size(), 50u);
}

TEST_F(CrashTest, ABroadcastInTheHandOfAKilledConsumerIsNotLost) {
  Bus bus(Url());
  Subscription other = bus.Subscribe("c", "a", {{"prefetch", "1"}});
  bus.PublishBatch("c", Texts(3, nullptr));
  const auto agent = Start("hold", 3, hour_);
  ASSERT_TRUE(agent->ReadLineWith("holding"));
  agent->Kill9();
  EXPECT_EQ(Take(bus, other, 3), (Strings{"m0", "m1", "m2"}));
}

TEST_F(CrashTest, OfTwoKilledAtOnceAThirdGetsAll) {
  Bus bus(Url());
  const auto one = Start("hold", 5, {{"visibility_timeout", "1h"}, {"prefetch", "1"}});
  const auto two = Start("hold", 5, {{"visibility_timeout", "1h"}, {"prefetch", "1"}});
  bus.PublishBatch("c", Texts(10, "a"));
  ASSERT_TRUE(one->ReadLineWith("holding"));
  ASSERT_TRUE(two->ReadLineWith("holding"));
  one->Kill9();
  two->Kill9();
  Subscription third = bus.Subscribe("c", "a");
  const Strings got = Take(bus, third, 10);
  EXPECT_EQ(std::set<std::string>(got.begin(), got.end()).size(), 10u);
}

TEST_F(CrashTest, AStoppedConsumersMessagesGoElsewhereAndItsLateAckIsRefused) {
  Bus bus(Url());
  bus.PublishBatch("c", Texts(5, "a"));
  const auto agent = Start("hold", 1, {{"visibility_timeout", "1h"}, {"prefetch", "5"}});
  ASSERT_TRUE(agent->ReadLineWith("holding"));
  Subscription other = bus.Subscribe("c", "a", {{"prefetch", "1"}});
  agent->Stop();
  const auto stopped = std::chrono::steady_clock::now();
  // All are suspects, each is taken alone. The last is kept in hand, while it is stopped for ten seconds.
  EXPECT_EQ(Take(bus, other, 4), (Strings{"m0", "m1", "m2", "m3"}));
  const Message last = Next(other);
  EXPECT_EQ(last.payload(), "m4");
  EXPECT_TRUE(Eventually(11s, [&] { return std::chrono::steady_clock::now() - stopped >= 10s; }));
  agent->Continue();
  agent->WriteLine("ack");
  const std::optional<std::string> answer = agent->ReadLineWith("ack");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(*answer == "ack MQ_STALE" || *answer == "ack MQ_NOT_FOUND") << *answer;
  EXPECT_STATUS(MQ_OK, mq_ack(bus.get(), last.get()));
  // It hands nothing out of its buffer, and goes on with what is new.
  Put(bus, "c", "a", "new");
  other.Unsubscribe();
  agent->WriteLine("fetch");
  EXPECT_EQ(agent->ReadLine(), "got new");
}

TEST_F(CrashTest, AKilledPublisherLeavesNoHalfMessage) {
  const auto agent = StartAgent({"publish", Url(), "c", "a", 1, {}});
  int sent = -1;
  for (int i = 0; i < 200; ++i) {
    if (const auto line = agent->ReadLineWith("sent p")) sent = std::stoi(line->substr(6));
  }
  agent->Kill9();
  while (const auto line = agent->ReadLineWith("sent p", 1s)) sent = std::stoi(line->substr(6));
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  const int stored = static_cast<int>(bus.Count());
  EXPECT_GE(stored, sent + 1);
  EXPECT_LE(stored, sent + 2) << "at most one without an answer";
  const Strings got = Take(bus, subscription, static_cast<size_t>(stored));
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], "p" + std::to_string(i));
}

// Each death takes a lease: with one of a second this takes some ten of them.
TEST_F(CrashTest, APoisonMessageEndsInTheDeadLettersAndTakesNoNeighbourAlong) {
  const std::string query = "liveness_timeout=1s&retry_attempts=3";
  Bus bus(Url(query));
  for (int i = 0; i < 4; ++i) Put(bus, "c", "a", "good " + std::to_string(i));
  const std::string poison = Put(bus, "c", "a", "poison");
  for (int i = 4; i < 8; ++i) Put(bus, "c", "a", "good " + std::to_string(i));
  std::multiset<std::string> done;
  int deaths = 0;
  for (int i = 0; i < 10 && bus.DeadLetters().empty(); ++i) {
    const auto worker =
        Start("work", 1, {{"visibility_timeout", "1h"}, {"prefetch", "8"}, {"retry_attempts", "3"}}, query);
    ASSERT_TRUE(Eventually(30s, [&] {
      while (const auto line = worker->ReadLine(0ms)) {
        if (line->starts_with("did ")) done.insert(line->substr(4));
      }
      return !worker->Running() || !bus.DeadLetters().empty();
    }));
    deaths += worker->Running() ? 0 : 1;
    while (const auto line = worker->ReadLine(20ms)) {
      if (line->starts_with("did ")) done.insert(line->substr(4));
    }
  }
  const MessageList dead = bus.DeadLetters();
  ASSERT_EQ(Payloads(dead), Strings{"poison"});
  EXPECT_GE(dead[0].deliveries(), 3);
  EXPECT_LE(deaths, 5) << "three that count, and one or two that found it among others";
  EXPECT_NE(dead[0].reason(), "");
  // The neighbours are worked on, by whoever comes next, and were not blamed.
  Subscription subscription = bus.Subscribe("c", "a");
  while (const std::optional<Message> message = subscription.Fetch(3s)) {
    done.emplace(message->payload());
    bus.Ack(*message);
  }
  EXPECT_EQ(bus.DeadLetters().size(), 1u);
  EXPECT_EQ(bus.Count(), 0);
  for (int i = 0; i < 8; ++i) EXPECT_GE(done.count("good " + std::to_string(i)), 1u) << i;

  // Told apart from what a handler gave up.
  Put(bus, "c", "a", "refused");
  bus.Nack(Next(subscription), MQ_FAILURE_PERMANENT, kForever, "I refuse");
  const MessageList both = bus.DeadLetters();
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].payload(), "refused");
  EXPECT_NE(both[0].status(), both[1].status());
  EXPECT_EQ(both[0].reason(), "I refuse");
}

}  // namespace
}  // namespace agentmq::test
