// mq_shutdown, mq_close, mq_unsubscribe: what ends, and what still works then.
#include <atomic>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class ShutdownTest : public BusTest {
 protected:
  // What must answer MQ_CLOSED after a shutdown.
  static void ExpectClosed(Bus& bus, Subscription& subscription) {
    mq_message* message = nullptr;
    mq_list* list = nullptr;
    mq_subscription* another = nullptr;
    char* json = nullptr;
    int64_t number = 0;
    EXPECT_STATUS(MQ_CLOSED, mq_fetch(subscription.get(), -1, &message));
    EXPECT_STATUS(MQ_CLOSED, mq_fetch_batch(subscription.get(), 1, -1, &list));
    EXPECT_STATUS(MQ_CLOSED, mq_publish(bus.get(), "c", Text("x", "a").get()));
    EXPECT_STATUS(MQ_CLOSED, mq_send_to(bus.get(), "a", Message("x").get()));
    EXPECT_STATUS(MQ_CLOSED, mq_publish_async(bus.get(), "c", Text("x", "a").release(), nullptr, nullptr));
    EXPECT_STATUS(MQ_CLOSED, mq_subscribe(bus.get(), "c", "a", nullptr, &another));
    EXPECT_STATUS(MQ_CLOSED, mq_configure(bus.get(), "c", Config{}.get()));
    EXPECT_STATUS(MQ_CLOSED, mq_get_pending(bus.get(), "c", "a", 10, &list));
    EXPECT_STATUS(MQ_CLOSED, mq_find(bus.get(), nullptr, 10, 0, &list));
    EXPECT_STATUS(MQ_CLOSED, mq_count(bus.get(), nullptr, &number));
    EXPECT_STATUS(MQ_CLOSED, mq_clear(bus.get(), "c", &number));
    EXPECT_STATUS(MQ_CLOSED, mq_stats(bus.get(), nullptr, &json));
    EXPECT_EQ(another, nullptr);
  }
};
AGENTMQ_ON_EVERY_BACKEND(ShutdownTest);

TEST_P(ShutdownTest, EveryWaitingCallAnswersClosedNowAndLater) {
  Bus bus = Open();
  bus.Configure("full", {{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "1h"}});
  Put(bus, "full", "a", "x");
  Subscription one = bus.Subscribe("c", "a");
  Subscription two = bus.Subscribe("c", "b");
  std::atomic<int> waiting{0};
  const auto wait = [&](auto&& call) {
    return std::thread([&waiting, call] {
      ++waiting;
      EXPECT_STATUS(MQ_CLOSED, call());
    });
  };
  std::vector<std::thread> threads;
  threads.push_back(wait([&] {
    mq_message* message = nullptr;
    return mq_fetch(one.get(), -1, &message);
  }));
  threads.push_back(wait([&] {
    mq_list* list = nullptr;
    return mq_fetch_batch(two.get(), 10, -1, &list);
  }));
  threads.push_back(wait([&] { return mq_publish(bus.get(), "full", Text("y", "a").get()); }));
  threads.push_back(wait([&] {
    char* json = nullptr;
    mq_status status = MQ_OK;
    while ((status = mq_next_log(bus.get(), -1, &json)) == MQ_OK) mq_free(json);
    return status;
  }));
  EXPECT_TRUE(Eventually(kPatience, [&] { return waiting == 4; }));
  EXPECT_TRUE(Always(50ms, [] { return true; }));
  bus.Shutdown();
  for (std::thread& thread : threads) thread.join();
  ExpectClosed(bus, one);
  bus.Shutdown();  // again is no harm
}

TEST_P(ShutdownTest, WhatIsInHandAtAShutdownIsNotLost) {
  Bus bus = Open();
  bus.PublishBatch("c", Texts(10, "a"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "10"}});
  bus.Ack(Next(subscription));
  bus.Shutdown();
  bus.Close();
  Subscription next = bus_.Subscribe("c", "a");
  const std::vector<std::string> rest = Take(bus_, next, 9);
  EXPECT_EQ(rest.front(), "m1");
}

TEST_P(ShutdownTest, ClosingSendsWhatWasGatheredBeforeAShutdown) {
  Bus bus = Open({{"ack_interval", "1h"}});
  Put(bus, "c", "a", "x");
  Subscription subscription = bus.Subscribe("c", "a");
  bus.AckAsync(Next(subscription));
  bus.Shutdown();
  EXPECT_TRUE(bus.Close());
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(ShutdownTest, ClosingNullIsDone) { EXPECT_STATUS(MQ_OK, mq_close(nullptr)); }

TEST_P(ShutdownTest, UnsubscribingWakesAWaitingFetch) {
  Subscription subscription = bus_.Subscribe("c", "a");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      mq_message* message = nullptr;
      EXPECT_STATUS(MQ_CLOSED, mq_fetch(subscription.get(), -1, &message));
    });
  }
  subscription.Unsubscribe();
  for (std::thread& thread : threads) thread.join();
  EXPECT_STATUS(MQ_OK, mq_unsubscribe(subscription.get()));
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_CLOSED, mq_fetch(subscription.get(), 0, &message));
  EXPECT_STATUS(MQ_OK, mq_publish(bus_.get(), "c", Text("the bus goes on", "a").get()));
}

TEST_P(ShutdownTest, UnseenMessagesGoBackAtOnceAndWhatWasHandedOutCanBeSettled) {
  bus_.PublishBatch("c", Texts(10, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "10"}});
  const Message held = Next(subscription);
  const Message failing = Next(subscription);
  subscription.Unsubscribe();
  EXPECT_EQ(bus_.Count({{"state", "queued"}}), 8);
  Subscription other = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  const Message next = Next(other);
  EXPECT_EQ(next.payload(), "m2");
  EXPECT_EQ(next.deliveries(), 1);
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), held.get()));
  EXPECT_STATUS(MQ_OK, mq_nack(bus_.get(), failing.get(), MQ_FAILURE_PERMANENT, -1, "no"));
  EXPECT_EQ(bus_.DeadLetters().size(), 1u);
}

TEST_P(ShutdownTest, WhatWasHandedOutStaysReservedAfterFreeingTheSubscription) {
  Put(bus_, "c", "a", "x");
  std::optional<Message> held;
  {
    Subscription subscription = bus_.Subscribe("c", "a");
    held = Next(subscription);
  }
  Subscription other = bus_.Subscribe("c", "a");
  EXPECT_FALSE(other.Fetch(4s)) << "longer than a lease";
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), held->get()));
}

TEST_P(ShutdownTest, GivenBackMessagesWakeAWaitingConsumer) {
  bus_.PublishBatch("c", Texts(5, "a"));
  Subscription greedy = bus_.Subscribe("c", "a", {{"prefetch", "5"}});
  bus_.Ack(Next(greedy));
  Subscription waiting = bus_.Subscribe("c", "a");
  std::thread ending([&] { greedy.Unsubscribe(); });
  EXPECT_EQ(Take(bus_, waiting, 4).size(), 4u);
  ending.join();
}

}  // namespace
}  // namespace agentmq::test
