// Waiting consumers: one message wakes exactly one, and none is forgotten.
#include <atomic>
#include <memory>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

// Consumers that wait without end, each on a thread of its own.
class WakeTest : public BusTest {
 protected:
  void Wait(Bus& bus, int count, const char* agent = "a", const Config& config = {{"prefetch", "1"}}) {
    for (int i = 0; i < count; ++i) {
      subscriptions_.push_back(std::make_unique<Subscription>(bus.Subscribe("c", agent, config)));
      threads_.emplace_back([this, subscription = subscriptions_.back().get()] {
        mq_message* handle = nullptr;
        while (mq_fetch(subscription->get(), -1, &handle) == MQ_OK) {
          const Message message(handle);
          static_cast<void>(mq_ack(bus_.get(), message.get()));
          if (message.deliveries() != 1) ++again_;
          ++woken_;
        }
        ++ended_;
      });
    }
  }
  void TearDown() override {
    for (auto& subscription : subscriptions_) subscription->Unsubscribe();
    for (std::thread& thread : threads_) thread.join();
  }

  std::atomic<int> woken_{0};
  std::atomic<int> again_{0};
  std::atomic<int> ended_{0};
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
  std::vector<std::thread> threads_;
};
AGENTMQ_ON_EVERY_BACKEND(WakeTest);

TEST_P(WakeTest, OneMessageWakesExactlyOneOfMany) {
  Wait(bus_, 8);
  for (int i = 1; i <= 20; ++i) {
    Put(bus_, "c", "a", "x");
    ASSERT_TRUE(Eventually(kPatience, [&] { return woken_ == i; })) << "nobody woke for message " << i;
  }
  EXPECT_TRUE(Always(kMoment, [&] { return woken_ == 20; }));
  EXPECT_EQ(again_, 0);
  EXPECT_EQ(ended_, 0);
}

TEST_P(WakeTest, AsManyWakeAsThereAreMessages) {
  Bus second = Open();
  Wait(bus_, 4);
  Wait(second, 4);
  for (int round = 1; round <= 5; ++round) {
    bus_.PublishBatch("c", Texts(8, "a"));
    ASSERT_TRUE(Eventually(kPatience, [&] { return woken_ == 8 * round; })) << woken_;
  }
  EXPECT_EQ(again_, 0);
}

TEST_P(WakeTest, AMessageOfManyPrioritiesAtOnceWakes) {
  Wait(bus_, 3);
  int sent = 0;
  for (int priority = 255; priority >= 0; priority -= 17) Put(bus_, "c", "a", "x", priority), ++sent;
  EXPECT_TRUE(Eventually(kPatience, [&] { return woken_ == sent; })) << woken_;
}

TEST_P(WakeTest, ABroadcastWakesOneOfEachGroup) {
  Wait(bus_, 2, "a");
  Wait(bus_, 2, "b");
  Wait(bus_, 2, "d");
  for (int i = 1; i <= 5; ++i) {
    Put(bus_, "c", nullptr, "x");
    ASSERT_TRUE(Eventually(kPatience, [&] { return woken_ == 3 * i; })) << woken_;
  }
  EXPECT_TRUE(Always(kMoment, [&] { return woken_ == 15; }));
}

TEST_P(WakeTest, WhoEndsHandsItsTurnOn) {
  Wait(bus_, 4);
  for (int i = 0; i < 3; ++i) {
    // Ended while it may just have been woken for the message.
    std::thread ending([&, i] { subscriptions_[static_cast<size_t>(i)]->Unsubscribe(); });
    Put(bus_, "c", "a", "x");
    ending.join();
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; }));
  EXPECT_TRUE(Eventually(kPatience, [&] { return woken_ == 3; })) << woken_;
}

TEST_P(WakeTest, ACancelledFetchLosesNothing) {
  for (int i = 0; i < 30; ++i) {
    Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
    Cancel cancel;
    std::thread publisher([&] { Put(bus_, "c", "a", "x"); });
    std::thread firing([&] { cancel.Fire(); });
    mq_message* handle = nullptr;
    const mq_status status = mq_fetch_with(subscription.get(), -1, cancel.get(), &handle);
    publisher.join();
    firing.join();
    if (status == MQ_OK) {
      bus_.Ack(Message(handle));
    } else {
      EXPECT_STATUS(MQ_INTERRUPTED, status);
      EXPECT_EQ(Take(bus_, subscription, 1), std::vector<std::string>{"x"});
    }
    EXPECT_EQ(bus_.Count(), 0);
  }
}

TEST_P(WakeTest, TwoHundredWaitersOnTwoHundredQueuesAllHear) {
  std::vector<Subscription> subscriptions;
  for (int i = 0; i < 200; ++i) subscriptions.push_back(bus_.Subscribe("c", ("agent-" + std::to_string(i)).c_str()));
  std::atomic<int> heard{0};
  for (Subscription& subscription : subscriptions) {
    subscription.Consume([&](const MessageView&) {
      ++heard;
      return MQ_VERDICT_ACK;
    });
  }
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 200; ++i) Put(bus_, "c", ("agent-" + std::to_string(i)).c_str(), "x");
    EXPECT_TRUE(Eventually(kPatience, [&] { return heard == 200 * round; })) << heard;
  }
}

}  // namespace
}  // namespace agentmq::test
