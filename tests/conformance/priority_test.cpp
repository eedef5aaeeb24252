// The greater priority first, first in first out within one.
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class PriorityTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(PriorityTest);

using Strings = std::vector<std::string>;

TEST_P(PriorityTest, TheGreaterGoesFirst) {
  for (const int priority : {5, 0, 255, 1, 9, 254, 10}) Put(bus_, "c", "a", std::to_string(priority), priority);
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 7), (Strings{"255", "254", "10", "9", "5", "1", "0"}));
}

TEST_P(PriorityTest, WithinOnePriorityFirstInIsFirstOut) {
  for (int i = 0; i < 50; ++i) Put(bus_, "c", "a", std::to_string(i), i % 3);
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "7"}});
  Strings expected;
  for (int priority = 2; priority >= 0; --priority) {
    for (int i = 0; i < 50; ++i) {
      if (i % 3 == priority) expected.push_back(std::to_string(i));
    }
  }
  EXPECT_EQ(Take(bus_, subscription, 50), expected);
}

TEST_P(PriorityTest, All256LanesAreInOrder) {
  for (int i = 0; i < 256; ++i) Put(bus_, "c", "a", std::to_string((i * 37) % 256), (i * 37) % 256);
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "300"}});
  const Strings taken = Take(bus_, subscription, 256);
  for (size_t i = 0; i < taken.size(); ++i) ASSERT_EQ(taken[i], std::to_string(255 - i));
}

TEST_P(PriorityTest, APrefetchOfOneReservesOneOverAllLanes) {
  for (const int priority : {1, 5, 9}) Put(bus_, "c", "a", std::to_string(priority), priority);
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  const Message message = Next(subscription);
  EXPECT_EQ(message.payload(), "9");
  EXPECT_EQ(bus_.Count({{"state", "reserved"}}), 1);
  EXPECT_EQ(bus_.Count({{"state", "queued"}}), 2);
}

TEST_P(PriorityTest, ALaterMessageWaitsBehindAtMostPrefetchLowerOnes) {
  constexpr int kPrefetch = 4;
  for (int i = 0; i < 50; ++i) Put(bus_, "c", "a", "low", 1);
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", std::to_string(kPrefetch)}});
  bus_.Ack(Next(subscription));
  Put(bus_, "c", "a", "urgent", MQ_PRIORITY_URGENT);
  int before = 0;
  for (;;) {
    const Message message = Next(subscription);
    bus_.Ack(message);
    if (message.payload() != "low") break;
    ++before;
  }
  EXPECT_LE(before, kPrefetch);
}

// A wait that only a timer of two seconds ended would take twice the patience for these.
TEST_P(PriorityTest, APriorityNeverUsedBeforeWakesAWaitingConsumerAtOnce) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (int priority = 100; priority < 110; ++priority) {
    std::thread publisher([&] {
      EXPECT_TRUE(Always(20ms, [] { return true; }));  // let the fetch wait first
      Put(bus_, "c", "a", std::to_string(priority), priority);
    });
    const Message message = Next(subscription);
    publisher.join();
    EXPECT_EQ(message.payload(), std::to_string(priority));
    bus_.Ack(message);
  }
  EXPECT_LT(std::chrono::steady_clock::now(), end);
}

TEST_P(PriorityTest, WhatIsDueAgainGoesAheadOfNewerOnesOfItsPriority) {
  Put(bus_, "c", "a", "first");
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms);
  Put(bus_, "c", "a", "second");
  Put(bus_, "c", "a", "higher", 9);
  EXPECT_EQ(Take(bus_, subscription, 3), (Strings{"higher", "first", "second"}));
}

TEST_P(PriorityTest, UnseenMessagesGoBackInTheirPlace) {
  for (int i = 0; i < 20; ++i) Put(bus_, "c", "a", std::to_string(i), i < 10 ? 5 : 6);
  {
    Subscription greedy = bus_.Subscribe("c", "a", {{"prefetch", "20"}});
    bus_.Ack(Next(greedy));  // "10"; the others are buffered
  }
  Subscription subscription = bus_.Subscribe("c", "a");
  const MessageList first = subscription.FetchBatch(1, kPatience);
  EXPECT_EQ(first[0].payload(), "11");
  EXPECT_EQ(first[0].deliveries(), 1) << "nobody saw it before";
  bus_.AckBatch(first);
  const Strings rest = Take(bus_, subscription, 18);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(rest[i], std::to_string(12 + i));
  for (size_t i = 8; i < 18; ++i) EXPECT_EQ(rest[i], std::to_string(i - 8));
}

}  // namespace
}  // namespace agentmq::test
