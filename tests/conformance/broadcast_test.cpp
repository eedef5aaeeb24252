// Messages without a target: every agent of the channel gets each once.
#include <set>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class BroadcastTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(BroadcastTest);

using Strings = std::vector<std::string>;

TEST_P(BroadcastTest, WhatIsSettledByIdMeanwhileIsNotFound) {
  Subscription subscription = bus_.Subscribe("c", "a");
  Put(bus_, "c", nullptr, "x");
  const Message message = Next(subscription);
  bus_.AckId("a", std::string(message.id()).c_str());
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(bus_.get(), message.get()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_nack(bus_.get(), message.get(), MQ_FAILURE_TRANSIENT, 0, nullptr));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(BroadcastTest, EveryAgentGetsItOnce) {
  Subscription a = bus_.Subscribe("news", "a");
  Subscription b = bus_.Subscribe("news", "b");
  Subscription elsewhere = bus_.Subscribe("other", "a");
  for (const char* text : {"1", "2", "3"}) Put(bus_, "news", nullptr, text);
  EXPECT_EQ(Take(bus_, a, 3), (Strings{"1", "2", "3"}));
  EXPECT_EQ(Take(bus_, b, 3), (Strings{"1", "2", "3"}));
  EXPECT_FALSE(a.Fetch(0ms));
  EXPECT_FALSE(b.Fetch(0ms));
  EXPECT_FALSE(elsewhere.Fetch(0ms));
}

TEST_P(BroadcastTest, SubscriptionsOfOneAgentShareThem) {
  Subscription one = bus_.Subscribe("news", "a", {{"prefetch", "1"}});
  Bus other_bus = Open();
  Subscription two = other_bus.Subscribe("news", "a", {{"prefetch", "1"}});
  for (int i = 0; i < 10; ++i) Put(bus_, "news", nullptr, std::to_string(i));
  std::multiset<std::string> seen;
  while (seen.size() < 10) {
    for (Subscription* subscription : {&one, &two}) {
      if (const auto message = subscription->Fetch(seen.size() < 9 ? kPatience : 0ms)) {
        seen.emplace(message->payload());
        bus_.Ack(*message);
      }
    }
  }
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 10u);
  EXPECT_FALSE(one.Fetch(0ms));
  EXPECT_FALSE(two.Fetch(0ms));
}

TEST_P(BroadcastTest, EachInstanceOfATypeGetsIt) {
  Subscription one = bus_.Subscribe("news", "worker:1");
  Subscription two = bus_.Subscribe("news", "worker:2");
  Put(bus_, "news", nullptr, "x");
  EXPECT_EQ(Take(bus_, one, 1), Strings{"x"});
  EXPECT_EQ(Take(bus_, two, 1), Strings{"x"});
}

TEST_P(BroadcastTest, WhatCameBeforeTheFirstSubscriptionWaitsForIt) {
  for (int i = 0; i < 5; ++i) Put(bus_, "news", nullptr, std::to_string(i), i == 4 ? 9 : 5);
  Subscription late = bus_.Subscribe("news", "late");
  EXPECT_EQ(Take(bus_, late, 5), (Strings{"4", "0", "1", "2", "3"}));
  Subscription later = bus_.Subscribe("news", "later", {{"start", "all"}});
  Put(bus_, "news", nullptr, "5");
  EXPECT_EQ(Next(late).payload(), "5");
}

TEST_P(BroadcastTest, ThreeThousandBeforeTheFirstSubscriptionComeInOrder) {
  bus_.PublishBatch("news", Texts(3000, nullptr));
  Subscription late = bus_.Subscribe("news", "late");
  const Strings taken = Take(bus_, late, 3000);
  for (size_t i = 0; i < taken.size(); ++i) ASSERT_EQ(taken[i], "m" + std::to_string(i));
  EXPECT_FALSE(late.Fetch(0ms));
}

TEST_P(BroadcastTest, WhatIsKeptWhenItSubscribesIsALatecomersThoughOthersSettleItBeforeItFetches) {
  Subscription first = bus_.Subscribe("news", "first");
  const std::string id = Put(bus_, "news", nullptr, "x");
  Put(bus_, "news", nullptr, "y");
  Subscription late = bus_.Subscribe("news", "late");
  EXPECT_EQ(Payloads(bus_.GetPending("news", "late")), (Strings{"x", "y"}));
  Take(bus_, first, 2);
  bus_.AckId("late", id.c_str());
  EXPECT_EQ(Take(bus_, late, 1), Strings{"y"});
  EXPECT_FALSE(late.Fetch(0ms));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(BroadcastTest, WithStartNewOnlyWhatComesAfterIsRead) {
  Put(bus_, "news", nullptr, "before");
  Put(bus_, "news", "a", "in the inbox");
  Subscription subscription = bus_.Subscribe("news", "a", {{"start", "new"}});
  EXPECT_EQ(Take(bus_, subscription, 1), Strings{"in the inbox"});
  EXPECT_FALSE(subscription.Fetch(0ms));
  Put(bus_, "news", nullptr, "after");
  EXPECT_EQ(Take(bus_, subscription, 1), Strings{"after"});
}

TEST_P(BroadcastTest, AGroupKeepsItsPlaceWhileNobodyReads) {
  { Subscription first = bus_.Subscribe("news", "a"); }
  Put(bus_, "news", nullptr, "meanwhile");
  Subscription again = bus_.Subscribe("news", "a", {{"start", "new"}});
  EXPECT_EQ(Take(bus_, again, 1), Strings{"meanwhile"});
}

TEST_P(BroadcastTest, ItLeavesWhenAllHaveAcked) {
  Subscription a = bus_.Subscribe("news", "a");
  Subscription b = bus_.Subscribe("news", "b");
  const std::string id = Put(bus_, "news", nullptr, "x");
  Take(bus_, a, 1);
  EXPECT_TRUE(bus_.Get(id.c_str()));
  EXPECT_EQ(bus_.GetPending("news", "a").size(), 0u);
  EXPECT_EQ(bus_.GetPending("news", "b").size(), 1u);
  Take(bus_, b, 1);
  EXPECT_FALSE(bus_.Get(id.c_str()));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(BroadcastTest, ALogNeverRefusesForItsReadersTheOldestGo) {
  bus_.Configure("news", {{"max_items", "10"}});
  Subscription slow = bus_.Subscribe("news", "slow");
  for (int i = 0; i < 25; ++i) Put(bus_, "news", nullptr, std::to_string(i));
  const Strings taken = Take(bus_, slow, 10);
  for (size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i], std::to_string(15 + i));
  EXPECT_FALSE(slow.Fetch(0ms));
}

TEST_P(BroadcastTest, AnAgentReadsItsInboxAndTheBroadcastsByPriority) {
  Subscription subscription = bus_.Subscribe("c", "a");
  Put(bus_, "c", nullptr, "all low", 1);
  Put(bus_, "c", "a", "mine", 5);
  Put(bus_, "c", nullptr, "all high", 9);
  EXPECT_EQ(Take(bus_, subscription, 3), (Strings{"all high", "mine", "all low"}));
}

TEST_P(BroadcastTest, WhatOneGroupRejectsTheOthersStillGet) {
  Subscription a = bus_.Subscribe("news", "a");
  Subscription b = bus_.Subscribe("news", "b");
  Put(bus_, "news", nullptr, "x");
  bus_.Nack(Next(a), MQ_FAILURE_PERMANENT, kForever, "no good");
  EXPECT_EQ(Take(bus_, b, 1), Strings{"x"});
  const MessageList dead = bus_.DeadLetters();
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].agent(), "a");
  EXPECT_FALSE(a.Fetch(0ms));
}

TEST_P(BroadcastTest, AMessageForATargetIsForNobodyElse) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  Put(bus_, "c", "a", "x");
  EXPECT_FALSE(b.Fetch(kMoment));
  EXPECT_EQ(Take(bus_, a, 1), Strings{"x"});
}

}  // namespace
}  // namespace agentmq::test
