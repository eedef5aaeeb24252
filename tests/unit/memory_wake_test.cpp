#include <gtest/gtest.h>

#include <thread>

#include "memory_fixture.hpp"
#include "util/clock.hpp"

namespace agentmq {
namespace {

class MemoryWake : public MemoryTest {
 protected:
  // Arms, and counts the calls.
  static void Arm(Consumer& consumer, std::atomic<int>* calls) {
    consumer.Arm([calls] { calls->fetch_add(1); });
  }

  ConsumerOptions short_hold_ = [] {
    ConsumerOptions options;
    options.auto_extend = false;
    options.visibility_timeout = 1000;
    return options;
  }();
  std::atomic<int> first_calls_{0};
  std::atomic<int> second_calls_{0};
};

TEST_F(MemoryWake, ABatchWakesExactlyOneAndTheLongestWaiting) {
  auto first = Subscribe(source_);
  auto second = Subscribe(source_);
  Arm(*first, &first_calls_);
  Arm(*first, &first_calls_);
  Arm(*second, &second_calls_);
  ASSERT_TRUE(TryPublish(inbox_, {Text("a"), Text("b")}, {}).ok());
  EXPECT_EQ(first_calls_, 1);
  EXPECT_EQ(second_calls_, 0);
  EXPECT_EQ(FetchTexts(*first, 1), "a");  // leaves one: the next is woken
  EXPECT_EQ(second_calls_, 1);
  EXPECT_EQ(FetchTexts(*second), "b");
  EXPECT_EQ(first_calls_, 1);
}

TEST_F(MemoryWake, EachGroupOfALogWakesOne) {
  auto first = Subscribe({log_, "one"});
  auto second = Subscribe({log_, "two"});
  Arm(*first, &first_calls_);
  Arm(*second, &second_calls_);
  Publish(log_, "a");
  EXPECT_EQ(first_calls_, 1);
  EXPECT_EQ(second_calls_, 1);
}

TEST_F(MemoryWake, ArmingWhereSomethingWaitsWakesAtOnce) {
  Publish(inbox_, "a");
  auto first = Subscribe(source_);
  Arm(*first, &first_calls_);
  EXPECT_EQ(first_calls_, 1);
  EXPECT_EQ(FetchTexts(*first), "a");
  Arm(*first, &first_calls_);
  EXPECT_EQ(first_calls_, 1);
}

TEST_F(MemoryWake, WhoWasWokenAndGoesAwayPassesItOn) {
  auto first = Subscribe(source_);
  auto second = Subscribe(source_);
  Arm(*first, &first_calls_);
  Arm(*second, &second_calls_);
  Publish(inbox_, "a");
  first->Disarm();
  EXPECT_EQ(second_calls_, 1);
  Arm(*second, &second_calls_);
  EXPECT_EQ(second_calls_, 2);
  EXPECT_TRUE(second->Close({}).ok());
  Arm(*first, &first_calls_);
  EXPECT_EQ(first_calls_, 2);
}

TEST_F(MemoryWake, GivingBackAndClosingWakeAnother) {
  auto first = Subscribe(source_);
  auto second = Subscribe(source_);
  Publish(inbox_, "a");
  Publish(inbox_, "b");
  const Fetched fetched = Fetch(*first);
  Arm(*second, &second_calls_);
  EXPECT_TRUE(first->GiveBack(Ids{fetched.messages[1].id}).ok());
  EXPECT_EQ(second_calls_, 1);
  EXPECT_EQ(FetchTexts(*second), "b");
  Arm(*second, &second_calls_);
  EXPECT_TRUE(first->Close(Ids{fetched.messages[0].id}).ok());
  EXPECT_EQ(second_calls_, 2);
  EXPECT_EQ(FetchTexts(*second), "a");
}

TEST_F(MemoryWake, WhatBecomesDueEarlierThanKnownWakesTheOneThatWaits) {
  auto first = Subscribe(source_, short_hold_);
  auto second = Subscribe(source_);
  Publish(inbox_, "a");
  EXPECT_EQ(Fetch(*second, 0).next_due, -1);
  EXPECT_EQ(FetchTexts(*first), "a");
  Arm(*second, &second_calls_);  // its last look knew nothing of the deadline
  EXPECT_EQ(second_calls_, 1);
  EXPECT_GT(Fetch(*second).next_due, 0);
  Arm(*second, &second_calls_);
  Publish(inbox_, "b");
  EXPECT_EQ(second_calls_, 2);
  const Delivery message = Fetch(*second).messages.at(0);
  Arm(*second, &second_calls_);
  Nack nack;
  nack.delay = 60000;
  bool dead = false;
  EXPECT_EQ(GiveUp(source_, *second, message, nack, &dead), Code::kOk);
  EXPECT_EQ(second_calls_, 2);  // later than the deadline it knows
  store_->Advance(1000);
  EXPECT_EQ(FetchTexts(*second), "a");
}

TEST_F(MemoryWake, ANackWithoutDelayWakesAtOnce) {
  auto first = Subscribe(source_);
  Publish(inbox_, "a");
  const Delivery message = Fetch(*first).messages.at(0);
  Arm(*first, &first_calls_);
  bool dead = false;
  EXPECT_EQ(GiveUp(source_, *first, message, {}, &dead), Code::kOk);
  EXPECT_EQ(first_calls_, 1);
  EXPECT_EQ(FetchTexts(*first), "a");
}

TEST_F(MemoryWake, ReplayAndRecoverWake) {
  auto first = Subscribe(source_, short_hold_);
  auto second = Subscribe(source_);
  Publish(inbox_, "a");
  Publish(inbox_, "b");
  const Fetched fetched = Fetch(*first);
  Kill(source_, *first, fetched.messages[0]);
  Fetch(*second, 0);
  Arm(*second, &second_calls_);
  ASSERT_TRUE(backend_->Replay(inbox_, fetched.messages[0].id, "-", {}, false).ok());
  EXPECT_EQ(second_calls_, 1);
  EXPECT_EQ(FetchTexts(*second), "a");
  Arm(*second, &second_calls_);
  store_->Advance(1000);
  EXPECT_EQ(*backend_->Recover(inbox_, std::nullopt), 1);
  EXPECT_EQ(second_calls_, 2);
}

TEST_F(MemoryWake, ShutdownWakesWhoWaitsAndWhoArmsLater) {
  auto first = Subscribe(source_);
  Arm(*first, &first_calls_);
  backend_->Shutdown();
  EXPECT_EQ(first_calls_, 1);
  Arm(*first, &first_calls_);
  EXPECT_EQ(first_calls_, 2);
}

TEST_F(MemoryWake, AConsumerMayDisarmAndArmItselfFromItsOwnWake) {
  auto first = Subscribe(source_);
  first->Arm([&] {
    first->Disarm();
    EXPECT_EQ(FetchTexts(*first), "a");
    Arm(*first, &first_calls_);
  });
  Publish(inbox_, "a");
  Publish(inbox_, "b");
  EXPECT_EQ(first_calls_, 1);
}

TEST_F(MemoryWake, WhoIsDisarmedFromAnothersWakeIsNotCalledAnyMore) {
  auto first = Subscribe({log_, "one"});
  auto second = Subscribe({log_, "two"});
  first->Arm([&] { second.reset(); });
  Arm(*second, &second_calls_);
  Publish(log_, "a");
  EXPECT_EQ(second_calls_, 0);
  EXPECT_EQ(FetchTexts(*Subscribe({log_, "two"})), "a");
}

TEST_F(MemoryWake, DisarmWaitsForACallThatRuns) {
  auto first = Subscribe(source_);
  std::atomic<bool> entered{false};
  std::atomic<bool> leave{false};
  std::atomic<bool> left{false};
  first->Arm([&] {
    entered = true;
    while (!leave) std::this_thread::yield();
    left = true;
  });
  std::thread publisher([&] { Publish(inbox_, "a"); });
  while (!entered) std::this_thread::yield();
  std::thread opener([&] { leave = true; });
  first->Disarm();
  EXPECT_TRUE(left);
  publisher.join();
  opener.join();
}

// Publishers, consumers that wait to be woken, and acks, all at once: every message comes once, and nobody sleeps on.
TEST_F(MemoryWake, NothingIsLostOrDoubledWithManyThreads) {
  constexpr int kThreads = 3;
  constexpr int kEach = 3000;
  std::atomic<int> acked{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) Publish(inbox_, "x", i % 3);
    });
    threads.emplace_back([&] {
      auto consumer = Subscribe(source_);
      Event event;
      const Deadline end = Deadline::After(60000);
      while (acked < kThreads * kEach && !end.Expired()) {
        const Fetched fetched = Fetch(*consumer, 7);
        for (const Delivery& message : fetched.messages) {
          ASSERT_EQ(Ack(source_, *consumer, message), Code::kOk);
          acked.fetch_add(1);
        }
        if (!fetched.messages.empty()) continue;
        consumer->Arm([&event] { event.Set(); });
        event.Wait({Deadline::After(acked < kThreads * kEach ? 50 : 0), nullptr});
      }
      consumer->Disarm();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(acked, kThreads * kEach);
  EXPECT_EQ(Stats(inbox_).stored, 0);
  EXPECT_EQ(Stats(inbox_).groups.at(0).delivered, kThreads * kEach);
}

}  // namespace
}  // namespace agentmq
