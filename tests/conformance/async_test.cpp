// mq_publish_async, mq_ack_async and mq_flush.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class AsyncTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(AsyncTest);

TEST_P(AsyncTest, WhatWasPublishedAsyncIsStoredAfterAFlush) {
  for (int i = 0; i < 500; ++i) bus_.PublishAsync("c", Text(std::to_string(i), "a"));
  EXPECT_TRUE(bus_.Flush(kPatience));
  EXPECT_EQ(bus_.Count(), 500);
  Subscription subscription = bus_.Subscribe("c", "a");
  const auto taken = Take(bus_, subscription, 500);
  for (size_t i = 0; i < taken.size(); ++i) ASSERT_EQ(taken[i], std::to_string(i));
}

TEST_P(AsyncTest, TheCallbackHearsOfEachInOrderOnOneThread) {
  std::mutex mutex;
  std::vector<std::string> ids;
  std::set<std::thread::id> threads;
  std::set<mq_status> statuses;
  for (int i = 0; i < 300; ++i) {
    bus_.PublishAsync("c", Text(std::to_string(i), "a"), [&](mq_status status, std::string_view id) {
      const std::lock_guard lock(mutex);
      statuses.insert(status);
      ids.emplace_back(id);
      threads.insert(std::this_thread::get_id());
    });
  }
  EXPECT_TRUE(bus_.Flush(kPatience));
  const std::lock_guard lock(mutex);
  ASSERT_EQ(ids.size(), 300u) << "a flush waits for the callbacks";
  EXPECT_EQ(statuses, std::set<mq_status>{MQ_OK});
  EXPECT_EQ(threads.size(), 1u);
  EXPECT_EQ(threads.count(std::this_thread::get_id()), 0u);
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::optional<Message> message = bus_.Get(ids[i].c_str());
    ASSERT_TRUE(message) << ids[i];
    EXPECT_EQ(message->payload(), std::to_string(i));
  }
}

TEST_P(AsyncTest, AFailureIsToldToTheCallbackAndTheNextFlush) {
  bus_.Configure("c", {{"max_items", "1"}});
  std::atomic<int> full{0};
  std::atomic<int> stored{0};
  for (int i = 0; i < 2; ++i) {
    bus_.PublishAsync("c", Text("x", "a"), [&](mq_status status, std::string_view id) {
      EXPECT_EQ(status == MQ_OK, !id.empty());
      (status == MQ_FULL ? full : stored)++;
    });
  }
  EXPECT_STATUS(MQ_PARTIAL, mq_flush(bus_.get(), 10000));
  EXPECT_EQ(full, 1);
  EXPECT_EQ(stored, 1);
  EXPECT_STATUS(MQ_OK, mq_flush(bus_.get(), 10000));
}

TEST_P(AsyncTest, ItsMessageIsCheckedAtOnceAndTakenOnFailureToo) {
  const auto never = [](mq_status, const char*, void*) { ADD_FAILURE() << "called back after a failure"; };
  mq_message* bad = mq_message_new("x", 1);
  mq_message_set_priority(bad, -1);
  EXPECT_STATUS(MQ_INVALID, mq_publish_async(bus_.get(), "c", bad, never, nullptr));
  EXPECT_STATUS(MQ_INVALID, mq_publish_async(bus_.get(), "c\n", mq_message_new("x", 1), never, nullptr));
  EXPECT_STATUS(MQ_INVALID, mq_publish_async(bus_.get(), MQ_DIRECT, mq_message_new("x", 1), never, nullptr));
  EXPECT_STATUS(MQ_INVALID, mq_publish_async(nullptr, "c", mq_message_new("x", 1), never, nullptr));
  Bus small = Open({{"max_payload", "1KiB"}});
  EXPECT_STATUS(MQ_TOO_LARGE,
                mq_publish_async(small.get(), "c", Text(std::string(2000, 'x'), "a").release(), never, nullptr));
  EXPECT_STATUS(MQ_OK, mq_flush(bus_.get(), 10000));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(AsyncTest, AFullLocalQueueAnswersFull) {
  Bus small = Open({{"async_max", "1"}});
  // The callback of the first holds the library's thread, so that those behind it wait.
  std::mutex gate;
  std::unique_lock closed(gate);
  small.PublishAsync("c", Text("first", "a"), [&](mq_status, std::string_view) { const std::lock_guard wait(gate); });
  mq_status status = MQ_OK;
  int taken = 1;
  while (status == MQ_OK && taken < 10) {
    status = mq_publish_async(small.get(), "c", Text("x", "a").release(), nullptr, nullptr);
    taken += status == MQ_OK ? 1 : 0;
  }
  EXPECT_STATUS(MQ_FULL, status);
  closed.unlock();
  EXPECT_TRUE(small.Flush(kPatience));
  EXPECT_EQ(small.Count(), taken);
}

TEST_P(AsyncTest, FlushingNothingIsDoneAtOnce) {
  EXPECT_STATUS(MQ_OK, mq_flush(bus_.get(), 0));
  EXPECT_STATUS(MQ_OK, mq_flush(bus_.get(), -1));
}

TEST_P(AsyncTest, AFlushThatMayNotWaitTimesOut) {
  std::mutex gate;
  std::unique_lock closed(gate);
  bus_.PublishAsync("c", Text("x", "a"), [&](mq_status, std::string_view) { const std::lock_guard wait(gate); });
  EXPECT_STATUS(MQ_TIMEOUT, mq_flush(bus_.get(), 20));
  closed.unlock();
  EXPECT_STATUS(MQ_OK, mq_flush(bus_.get(), 10000));
}

TEST_P(AsyncTest, ClosingSendsWhatIsLeft) {
  {
    Bus other = Open();
    for (int i = 0; i < 200; ++i) other.PublishAsync("c", Text(std::to_string(i), "a"));
    EXPECT_TRUE(other.Close());
  }
  EXPECT_EQ(bus_.Count(), 200);
}

TEST_P(AsyncTest, EveryCallbackIsCalledOnceUntilCloseReturns) {
  std::atomic<int> called{0};
  {
    Bus other = Open();
    for (int i = 0; i < 200; ++i)
      other.PublishAsync("c", Text("x", "a"), [&](mq_status, std::string_view) { ++called; });
  }
  EXPECT_EQ(called, 200);
}

TEST_P(AsyncTest, AckAsyncSettlesByItselfSoon) {
  bus_.PublishBatch("c", Texts(100, "a"));
  Subscription subscription = bus_.Subscribe("c", "a");
  size_t got = 0;
  while (got < 100) {
    const MessageList list = subscription.FetchBatch(100, kPatience);
    ASSERT_FALSE(list.empty());
    for (size_t i = 0; i < list.size(); ++i) bus_.AckAsync(list[i]);
    got += list.size();
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; }));
}

TEST_P(AsyncTest, AFlushSendsGatheredAcks) {
  Bus slow = Open({{"ack_interval", "1h"}});
  Put(slow, "c", "a", "x");
  Subscription subscription = slow.Subscribe("c", "a");
  const Message message = Next(subscription);
  slow.AckAsync(message);
  EXPECT_TRUE(slow.Flush(kPatience));
  EXPECT_EQ(slow.Count(), 0);
}

TEST_P(AsyncTest, ClosingSendsGatheredAcks) {
  {
    Bus slow = Open({{"ack_interval", "1h"}});
    Put(slow, "c", "a", "x");
    Subscription subscription = slow.Subscribe("c", "a");
    slow.AckAsync(Next(subscription));
    EXPECT_TRUE(slow.Close());
  }
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(AsyncTest, AnAckThatFailsIsToldByTheFlush) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  bus_.Delete(std::string(message.id()).c_str());
  bus_.AckAsync(message);
  EXPECT_STATUS(MQ_PARTIAL, mq_flush(bus_.get(), 10000));
  EXPECT_STATUS(MQ_OK, mq_flush(bus_.get(), 10000));
}

}  // namespace
}  // namespace agentmq::test
