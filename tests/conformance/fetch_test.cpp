// mq_fetch and mq_fetch_batch: what comes, and when.
#include <algorithm>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class FetchTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(FetchTest);

using Strings = std::vector<std::string>;

TEST_P(FetchTest, WithoutAMessageItTimesOut) {
  Subscription subscription = bus_.Subscribe("c", "a");
  mq_message* message = reinterpret_cast<mq_message*>(&subscription);
  EXPECT_STATUS(MQ_TIMEOUT, mq_fetch(subscription.get(), 0, &message));
  EXPECT_EQ(message, nullptr);
  EXPECT_STATUS(MQ_TIMEOUT, mq_fetch(subscription.get(), 30, &message));
  mq_list* list = reinterpret_cast<mq_list*>(&subscription);
  EXPECT_STATUS(MQ_TIMEOUT, mq_fetch_batch(subscription.get(), 10, 0, &list));
  EXPECT_EQ(list, nullptr);
}

TEST_P(FetchTest, LookingOnceFindsWhatIsThere) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_TRUE(subscription.Fetch(0ms));
  EXPECT_FALSE(subscription.Fetch(0ms));
}

TEST_P(FetchTest, AWaitingFetchGetsWhatIsPublishedMeanwhile) {
  Subscription subscription = bus_.Subscribe("c", "a");
  for (int i = 0; i < 20; ++i) {
    std::thread publisher([&] { Put(bus_, "c", "a", std::to_string(i)); });
    const Message message = Next(subscription);
    publisher.join();
    EXPECT_EQ(message.payload(), std::to_string(i));
    bus_.Ack(message);
  }
}

TEST_P(FetchTest, WhatWasPublishedBeforeAnyoneSubscribedWaits) {
  for (const char* text : {"1", "2", "3"}) Put(bus_, "c", "a", text);
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 3), (Strings{"1", "2", "3"}));
}

// Servers of tests run on this machine, so that their clock is this one; what the embedded store adds up to it is in whole
// milliseconds, so that it may be one beside it.
int64_t UnixMillis() {
  return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

TEST_P(FetchTest, AMessageSaysItsReservation) {
  const int64_t before = UnixMillis();
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a", {{"visibility_timeout", "100s"}, {"auto_extend", "false"}});
  const Message message = Next(subscription);
  EXPECT_EQ(message.state(), MQ_STATE_RESERVED);
  EXPECT_EQ(message.deliveries(), 1);
  EXPECT_EQ(message.agent(), "a");
  EXPECT_NE(message.receipt(), "");
  EXPECT_GE(message.reserved_until(), before + 100'000 - 1);
  EXPECT_LE(message.reserved_until(), UnixMillis() + 100'000 + 1);
}

TEST_P(FetchTest, ABatchHasAtMostItsMaximumAndComesAsSoonAsThereIsOne) {
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.PublishBatch("c", Texts(5, "a"));
  MessageList list = subscription.FetchBatch(3, kPatience);
  EXPECT_EQ(Payloads(list), (Strings{"m0", "m1", "m2"}));
  bus_.AckBatch(list);
  list = subscription.FetchBatch(1000, kPatience);
  EXPECT_EQ(Payloads(list), (Strings{"m3", "m4"}));
}

TEST_P(FetchTest, ABatchMayBeLargerThanThePrefetch) {
  bus_.PublishBatch("c", Texts(1000, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1000"}});
  EXPECT_EQ(Take(bus_, subscription, 1000).back(), "m999");
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(FetchTest, ABatchOfLargeMessagesComesWhole) {
  for (int i = 0; i < 30; ++i) bus_.Publish("c", Text(std::string(100'000, static_cast<char>('a' + i)), "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "100"}});
  const Strings taken = Take(bus_, subscription, 30);
  for (size_t i = 0; i < taken.size(); ++i) EXPECT_TRUE(taken[i] == std::string(100'000, static_cast<char>('a' + i)));
}

TEST_P(FetchTest, TheMaximumOfABatchHasItsRange) {
  Subscription subscription = bus_.Subscribe("c", "a");
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_fetch_batch(subscription.get(), 0, 0, &list));
  EXPECT_STATUS(MQ_INVALID, mq_fetch_batch(subscription.get(), 1001, 0, &list));
  EXPECT_STATUS(MQ_INVALID, mq_fetch_batch(subscription.get(), SIZE_MAX, 0, &list));
  EXPECT_STATUS(MQ_TIMEOUT, mq_fetch_batch(subscription.get(), 1, 0, &list));
  EXPECT_STATUS(MQ_TIMEOUT, mq_fetch_batch(subscription.get(), 1000, 0, &list));
}

TEST_P(FetchTest, ATimeoutBelowMinusOneIsInvalid) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_fetch(subscription.get(), -2, &message));
  EXPECT_STATUS(MQ_INVALID, mq_fetch(subscription.get(), INT64_MIN, &message));
  EXPECT_STATUS(MQ_OK, mq_fetch(subscription.get(), INT64_MAX, &message));
  mq_message_free(message);
}

TEST_P(FetchTest, AnInstanceReadsItsOwnInboxAndCompetesForItsTypes) {
  Subscription one = bus_.Subscribe("c", "worker:1");
  Subscription two = bus_.Subscribe("c", "worker:2");
  Put(bus_, "c", "worker:1", "own");
  EXPECT_FALSE(two.Fetch(kMoment));
  EXPECT_EQ(Take(bus_, one, 1), Strings{"own"});

  Put(bus_, "c", "worker", "shared");
  EXPECT_EQ(Take(bus_, two, 1), Strings{"shared"});
  EXPECT_FALSE(one.Fetch(0ms));
  Put(bus_, "c", "worker", "shared again");
  EXPECT_EQ(Take(bus_, one, 1), Strings{"shared again"});
}

TEST_P(FetchTest, ATypeDoesNotReadWhatIsForItsInstances) {
  Subscription type = bus_.Subscribe("c", "worker");
  Put(bus_, "c", "worker:1", "x");
  EXPECT_FALSE(type.Fetch(kMoment));
}

TEST_P(FetchTest, InstancesWorkOnTheDirectInboxOfTheirTypeToo) {
  Subscription one = bus_.Subscribe(MQ_DIRECT, "worker:1");
  bus_.SendTo("worker", Message("to the type"));
  bus_.SendTo("worker:1", Message("to the instance"));
  const Strings taken = Take(bus_, one, 2);
  EXPECT_EQ(std::count(taken.begin(), taken.end(), "to the type"), 1);
  EXPECT_EQ(std::count(taken.begin(), taken.end(), "to the instance"), 1);
}

TEST_P(FetchTest, ThePrefetchIsSharedByFetchesOfSeveralThreads) {
  bus_.PublishBatch("c", Texts(400, "a"));
  Subscription subscription = bus_.Subscribe("c", "a");
  std::vector<std::thread> threads;
  std::vector<Strings> taken(8);
  for (size_t t = 0; t < taken.size(); ++t) threads.emplace_back([&, t] { taken[t] = Take(bus_, subscription, 50); });
  for (std::thread& thread : threads) thread.join();
  Strings all;
  for (const Strings& part : taken) all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()) - all.begin(), 400);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(FetchTest, ListsGiveTheirMessagesAway) {
  bus_.PublishBatch("c", Texts(2, "a"));
  Subscription subscription = bus_.Subscribe("c", "a");
  std::optional<Message> taken;
  {
    MessageList list = subscription.FetchBatch(2, kPatience);
    ASSERT_EQ(list.size(), 2u);
    taken = list.Take(0);
    EXPECT_FALSE(list.Take(0));
    EXPECT_FALSE(list.Take(2));
    EXPECT_EQ(list.size(), 2u) << "its place stays";
    EXPECT_EQ(mq_list_at(list.get(), 0), nullptr);
    EXPECT_EQ(mq_list_at(list.get(), 2), nullptr);
    EXPECT_EQ(list[1].payload(), "m1");
  }
  EXPECT_EQ(taken->payload(), "m0");
  bus_.Ack(*taken);
}

TEST_P(FetchTest, WhatIsFreedUnsettledIsNotForgotten) {
  Put(bus_, "c", "a", "x");
  {
    Subscription subscription = bus_.Subscribe("c", "a");
    Next(subscription);  // freed, not settled
    EXPECT_EQ(bus_.GetPending("c", "a").size(), 1u);
  }
  EXPECT_EQ(bus_.GetPending("c", "a").size(), 1u);
}

}  // namespace
}  // namespace agentmq::test
