// mq_consume and mq_drain.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class ConsumeTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(ConsumeTest);

// Something that a test opens and handlers wait for.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 30s, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

TEST_P(ConsumeTest, TheVerdictSettlesEachMessage) {
  for (const char* payload : {"ack", "retry", "reject", "settled", "throw"}) Put(bus_, "c", "a", payload);
  std::mutex mutex;
  std::multiset<std::string> seen;
  Subscription subscription = bus_.Subscribe("c", "a", {{"backoff_base", "1ms"}, {"retry_attempts", "2"}});
  subscription.Consume([&](const MessageView& message) {
    const std::string payload(message.payload());
    {
      const std::lock_guard lock(mutex);
      seen.insert(payload);
    }
    if (payload == "throw") throw std::runtime_error("a handler's exception");
    if (payload == "settled") bus_.Ack(message);
    if (payload == "settled") return MQ_VERDICT_SETTLED;
    return payload == "ack" ? MQ_VERDICT_ACK : payload == "retry" ? MQ_VERDICT_RETRY : MQ_VERDICT_REJECT;
  });
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0 && bus_.DeadLetters().size() == 3; }));
  EXPECT_TRUE(subscription.Drain(kPatience));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(seen, (std::multiset<std::string>{"ack", "retry", "retry", "reject", "settled", "throw", "throw"}));
}

TEST_P(ConsumeTest, WorkersWorkAtTheSameTime) {
  bus_.PublishBatch("c", Texts(4, "a"));
  std::atomic<int> inside{0};
  Gate gate;
  Subscription subscription = bus_.Subscribe("c", "a", {{"workers", "4"}});
  subscription.Consume([&](const MessageView&) {
    if (++inside == 4) gate.Open();
    gate.Wait();
    return MQ_VERDICT_ACK;
  });
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; }));
  EXPECT_EQ(inside, 4);
}

TEST_P(ConsumeTest, OneWorkerKeepsTheOrder) {
  bus_.PublishBatch("c", Texts(500, "a"));
  std::vector<std::string> seen;
  Subscription subscription = bus_.Subscribe("c", "a");
  subscription.Consume([&](const MessageView& message) {
    seen.emplace_back(message.payload());
    return MQ_VERDICT_ACK;
  });
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; }));
  EXPECT_TRUE(subscription.Drain(kPatience));
  ASSERT_EQ(seen.size(), 500u);
  for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], "m" + std::to_string(i));
}

TEST_P(ConsumeTest, ItExcludesFetchingAndItself) {
  Subscription subscription = bus_.Subscribe("c", "a");
  subscription.Consume([](const MessageView&) { return MQ_VERDICT_ACK; });
  mq_message* message = nullptr;
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_fetch(subscription.get(), 0, &message));
  EXPECT_STATUS(MQ_INVALID, mq_fetch_batch(subscription.get(), 1, 0, &list));
  const auto handler = [](const mq_message*, void*) { return MQ_VERDICT_ACK; };
  EXPECT_STATUS(MQ_INVALID, mq_consume(subscription.get(), handler, nullptr));
  EXPECT_STATUS(MQ_INVALID, mq_consume(subscription.get(), nullptr, nullptr));
}

TEST_P(ConsumeTest, InsideAHandlerClosingDrainingAndFreeingAreRefused) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  std::atomic<bool> done{false};
  subscription.Consume([&](const MessageView& message) {
    EXPECT_STATUS(MQ_INVALID, mq_close(bus_.get()));
    EXPECT_STATUS(MQ_INVALID, mq_drain(subscription.get(), -1));
    mq_subscription_free(subscription.get());  // does nothing
    EXPECT_STATUS(MQ_OK, mq_publish(bus_.get(), "d", Text("from inside", "b").get()));
    EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), message.get()));
    done = true;
    return MQ_VERDICT_SETTLED;
  });
  EXPECT_TRUE(Eventually(kPatience, [&] { return done.load(); }));
  EXPECT_TRUE(subscription.Drain(kPatience));
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(ConsumeTest, InsideAPublishCallbackClosingIsRefused) {
  std::atomic<bool> done{false};
  bus_.PublishAsync("c", Text("x", "a"), [&](mq_status, std::string_view) {
    EXPECT_STATUS(MQ_INVALID, mq_close(bus_.get()));
    EXPECT_STATUS(MQ_INVALID, mq_flush(bus_.get(), -1));
    done = true;
  });
  EXPECT_TRUE(Eventually(kPatience, [&] { return done.load(); }));
}

TEST_P(ConsumeTest, AHandlerMayUnsubscribe) {
  bus_.PublishBatch("c", Texts(10, "a"));
  std::atomic<int> handled{0};
  Subscription subscription = bus_.Subscribe("c", "a");
  subscription.Consume([&](const MessageView&) {
    ++handled;
    EXPECT_STATUS(MQ_OK, mq_unsubscribe(subscription.get()));
    return MQ_VERDICT_ACK;
  });
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count({{"state", "queued"}}) == 9 && bus_.Count() == 9; }));
  EXPECT_EQ(handled, 1);
}

TEST_P(ConsumeTest, DrainWaitsForHandlersAndTheirAcks) {
  Put(bus_, "c", "a", "x");
  Gate entered;
  Gate leave;
  Subscription subscription = bus_.Subscribe("c", "a");
  subscription.Consume([&](const MessageView&) {
    entered.Open();
    leave.Wait();
    return MQ_VERDICT_ACK;
  });
  entered.Wait();
  EXPECT_FALSE(subscription.Drain(50ms)) << "MQ_TIMEOUT: a handler still runs";
  leave.Open();
  EXPECT_TRUE(subscription.Drain(kPatience));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(ConsumeTest, DrainGivesUnseenMessagesBackAndEndsTheSubscription) {
  bus_.PublishBatch("c", Texts(30, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "30"}});
  bus_.Ack(Next(subscription));
  EXPECT_TRUE(subscription.Drain(kPatience));
  EXPECT_EQ(bus_.Count({{"state", "queued"}}), 29);
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_CLOSED, mq_fetch(subscription.get(), -1, &message));
  const auto handler = [](const mq_message*, void*) { return MQ_VERDICT_ACK; };
  EXPECT_STATUS(MQ_CLOSED, mq_consume(subscription.get(), handler, nullptr));
  Subscription next = bus_.Subscribe("c", "a");
  EXPECT_EQ(Next(next).payload(), "m1");
}

TEST_P(ConsumeTest, DrainSendsGatheredAcks) {
  Bus slow = Open({{"ack_interval", "1h"}});
  bus_.PublishBatch("c", Texts(10, "a"));
  Subscription subscription = slow.Subscribe("c", "a");
  for (int i = 0; i < 10; ++i) slow.AckAsync(Next(subscription));
  EXPECT_TRUE(subscription.Drain(kPatience));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(ConsumeTest, FreeingWaitsForTheHandler) {
  Put(bus_, "c", "a", "x");
  Gate entered;
  std::atomic<bool> left{false};
  {
    Subscription subscription = bus_.Subscribe("c", "a");
    subscription.Consume([&](const MessageView&) {
      entered.Open();
      EXPECT_TRUE(Always(kMoment, [] { return true; }));
      left = true;
      return MQ_VERDICT_ACK;
    });
    entered.Wait();
  }
  EXPECT_TRUE(left);
  // Its ack is gathered; a drain would have waited for that too.
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; }));
}

TEST_P(ConsumeTest, ManyConsumersShareTheWork) {
  constexpr int kMessages = 1000;
  std::atomic<int> handled{0};
  std::vector<Subscription> subscriptions;
  for (int i = 0; i < 4; ++i) {
    subscriptions.push_back(bus_.Subscribe("c", "a", {{"workers", "2"}, {"prefetch", "4"}}));
    subscriptions.back().Consume([&](const MessageView&) {
      ++handled;
      return MQ_VERDICT_ACK;
    });
  }
  bus_.PublishBatch("c", Texts(kMessages, "a"));
  EXPECT_TRUE(Eventually(kPatience, [&] { return handled == kMessages; }));
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; }));
  EXPECT_EQ(handled, kMessages);
}

TEST_P(ConsumeTest, WhoSaysSettledAndDidNotKeepsTheMessageInHand) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  std::atomic<int> handled{0};
  const auto handler = [](const mq_message*, void* context) {
    ++*static_cast<std::atomic<int>*>(context);
    return MQ_VERDICT_SETTLED;
  };
  ASSERT_EQ(mq_consume(subscription.get(), handler, &handled), MQ_OK);
  EXPECT_TRUE(Eventually(kPatience, [&] { return handled == 1; }));
  EXPECT_TRUE(Always(kMoment, [&] { return bus_.Count({{"state", "reserved"}}) == 1; }));
  EXPECT_TRUE(subscription.Drain(kPatience));
}

}  // namespace
}  // namespace agentmq::test
