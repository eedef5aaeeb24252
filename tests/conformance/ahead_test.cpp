// What a consumer asked for before its caller did, and who waits where: none of it shows.
#include <atomic>
#include <set>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class AheadTest : public BusTest {
 protected:
  // Publishes m0, m1, ... in batches; answers their ids.
  std::vector<std::string> Fill(size_t count, int priority = MQ_PRIORITY_NORMAL) {
    std::vector<std::string> ids;
    while (ids.size() < count) {
      std::vector<Message> batch;
      for (size_t i = ids.size(); i < std::min(ids.size() + 500, count); ++i) {
        batch.push_back(Text("m" + std::to_string(i), "a", priority));
      }
      bus_.PublishBatch("c", batch);
      for (const Message& message : batch) ids.emplace_back(message.id());
    }
    return ids;
  }
};
AGENTMQ_ON_EVERY_BACKEND(AheadTest);

TEST_P(AheadTest, WhatACallerDidNotTakeGoesBackAtOnce) {
  Fill(900);
  for (const size_t size : {50, 1, 200}) {
    Subscription early = bus_.Subscribe("c", "a", {{"prefetch", "300"}});
    bus_.AckBatch(early.FetchBatch(size, kPatience));
    bus_.AckBatch(early.FetchBatch(size, kPatience));
    early.Unsubscribe();
  }
  Subscription late = bus_.Subscribe("c", "a", {{"prefetch", "1000"}});
  const auto left = static_cast<size_t>(bus_.Count());
  EXPECT_GE(left, 900u - 2 * 251);
  size_t got = 0;
  while (got < left) {
    const MessageList list = late.FetchBatch(1000, kPatience);
    ASSERT_FALSE(list.empty()) << got << " of " << left;
    for (size_t i = 0; i < list.size(); ++i) EXPECT_EQ(list[i].deliveries(), 1);
    got += bus_.AckBatch(list);
  }
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(AheadTest, AGreaterPriorityPassesWhatWaitsButNotWhatIsHeld) {
  Fill(300);
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "50"}});
  Take(bus_, subscription, 20);
  Put(bus_, "c", "a", "urgent", MQ_PRIORITY_URGENT);
  const std::vector<std::string> next = Take(bus_, subscription, 101);
  EXPECT_EQ(std::count(next.begin(), next.end(), "urgent"), 1) << "behind prefetch messages at most";
  Take(bus_, subscription, 180);
}

TEST_P(AheadTest, DeletedAckedAndExpiredOnesOfABatchAreNotDelivered) {
  const std::vector<std::string> ids = Fill(300);
  std::vector<Message> fleeting = Texts(100, "a", "fleeting");
  for (Message& message : fleeting) message.SetTtl(100ms);
  bus_.PublishBatch("c", fleeting);
  std::vector<std::string> expected;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i % 3 == 0) {
      bus_.Delete(ids[i].c_str());
    } else if (i % 3 == 1) {
      bus_.AckId("a", ids[i].c_str());
    } else {
      expected.push_back("m" + std::to_string(i));
    }
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return fleeting[99].expires() == 0 || bus_.Count() <= 100; }));
  for (const char* prefetch : {"1", "7", "64", "300"}) {
    Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", prefetch}});
    const std::vector<std::string> got = Take(bus_, subscription, 25);
    EXPECT_EQ(got, std::vector<std::string>(expected.begin(), expected.begin() + 25)) << "prefetch " << prefetch;
    expected.erase(expected.begin(), expected.begin() + 25);
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; }));
}

TEST_P(AheadTest, ConsumersShareABatchWithoutDoubles) {
  Fill(2000);
  Bus other = Open();
  std::atomic<size_t> total{0};
  std::mutex mutex;
  std::set<std::string> seen;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Bus& bus = t % 2 == 0 ? bus_ : other;
      Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", t < 2 ? "7" : "150"}});
      while (total < 2000) {
        const MessageList list = subscription.FetchBatch(t < 2 ? 3 : 40, 100ms);
        for (size_t i = 0; i < list.size(); ++i) {
          const std::lock_guard lock(mutex);
          EXPECT_TRUE(seen.emplace(list[i].payload()).second) << list[i].payload();
        }
        if (!list.empty()) total += bus.AckBatch(list);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), 2000u);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(AheadTest, EightCallersOfOneSubscriptionAreAllServed) {
  for (int round = 0; round < 8; ++round) {
    Subscription subscription = bus_.Subscribe("c", "a");
    std::atomic<int> none{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50 && none == 0; ++i) {
          Put(bus_, "c", "a", "x");
          const std::optional<Message> message = subscription.Fetch(kPatience);
          if (message) {
            bus_.Ack(*message);
          } else {
            ++none;  // as many are published as are fetched
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(none, 0) << "round " << round;
  }
}

// One caller that is alone may wait elsewhere than several do: it must hear all that concerns the subscription.
class AloneTest : public AheadTest {
 protected:
  void SetUp() override {
    waiting_ = std::thread([this] {
      mq_message* message = nullptr;
      status_ = mq_fetch(subscription_.get(), -1, &message);
      payload_ = message != nullptr ? std::string(Message(message).payload()) : "";
      ended_ = true;
    });
    EXPECT_TRUE(Always(kMoment, [&] { return !ended_; }));
  }
  void TearDown() override {
    subscription_.Unsubscribe();
    waiting_.join();
  }
  void ExpectThatItTakes(const std::string& payload) {
    EXPECT_TRUE(Eventually(kPatience, [&] { return ended_.load(); }));
    if (!ended_) return;
    EXPECT_STATUS(MQ_OK, status_);
    EXPECT_EQ(payload_, payload);
  }

  Subscription subscription_ = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  std::thread waiting_;
  std::atomic<bool> ended_{false};
  mq_status status_ = MQ_INTERNAL;
  std::string payload_;
};
AGENTMQ_ON_EVERY_BACKEND(AloneTest);

TEST_P(AloneTest, HearsAMessage) {
  Put(bus_, "c", "a", "x");
  ExpectThatItTakes("x");
}

TEST_P(AloneTest, HearsABroadcast) {
  Put(bus_, "c", nullptr, "x");
  ExpectThatItTakes("x");
}

TEST_P(AloneTest, HearsOfAChannelThatIsAddedMeanwhile) {
  subscription_.Add("d");
  Put(bus_, "d", "a", "x");
  ExpectThatItTakes("x");
}

TEST_P(AloneTest, HearsWhereAChannelIsRemovedMeanwhile) {
  subscription_.Add("d");
  subscription_.Remove("c");
  Put(bus_, "c", "a", "not for it");
  EXPECT_TRUE(Always(kMoment, [&] { return !ended_; }));
  Put(bus_, "d", "a", "x");
  ExpectThatItTakes("x");
}

TEST_P(AloneTest, SharesWithACallerWhoComesLater) {
  std::thread second([&] { EXPECT_EQ(Next(subscription_).payload(), "x"); });
  EXPECT_TRUE(Always(kMoment, [&] { return !ended_; }));
  Put(bus_, "c", "a", "x");
  Put(bus_, "c", "a", "x");
  second.join();
  ExpectThatItTakes("x");
}

TEST_P(AloneTest, WaitsOnWhereSomebodyAsksForADescriptor) {
  EXPECT_GE(subscription_.fd(), 0);
  EXPECT_TRUE(Always(kMoment, [&] { return !ended_; }));
  Put(bus_, "c", "a", "x");
  ExpectThatItTakes("x");
}

TEST_P(AloneTest, EndsWithItsSubscription) {
  subscription_.Unsubscribe();
  EXPECT_TRUE(Eventually(kPatience, [&] { return ended_.load(); }));
  EXPECT_STATUS(MQ_CLOSED, status_);
}

TEST_P(AloneTest, EndsWithItsBus) {
  bus_.Shutdown();
  EXPECT_TRUE(Eventually(kPatience, [&] { return ended_.load(); }));
  EXPECT_STATUS(MQ_CLOSED, status_);
}

}  // namespace
}  // namespace agentmq::test
