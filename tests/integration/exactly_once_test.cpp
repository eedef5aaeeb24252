// Replies that are lost, requests that come late: what answered MQ_OK is stored once, what did not is known.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

class ExactlyOnceTest : public RedisTest {
 protected:
  ExactlyOnceTest() : proxy_(server_.address()) {}

  std::map<std::string, int> Stored() {
    Bus direct(Url());
    std::map<std::string, int> stored;
    for (size_t offset = 0;; offset += 10'000) {
      const MessageList page = direct.Find({}, 10'000, offset);
      for (size_t i = 0; i < page.size(); ++i) ++stored[std::string(page[i].payload())];
      if (page.size() < 10'000) return stored;
    }
  }

  Proxy proxy_;
};

// What each publish answered, by payload.
class Answers {
 public:
  void Add(const std::string& payload, mq_status status) {
    const std::lock_guard lock(mutex_);
    answers_[payload] = status;
  }
  // Whether what is stored is what was answered. Answers how many were MQ_OK.
  int Check(const std::map<std::string, int>& stored, const std::map<std::string, int>& taken = {}) {
    int ok = 0;
    for (const auto& [payload, status] : answers_) {
      const int times =
          (stored.count(payload) ? stored.at(payload) : 0) + (taken.count(payload) ? taken.at(payload) : 0);
      ok += status == MQ_OK ? 1 : 0;
      EXPECT_LE(times, status == MQ_OK || status == MQ_UNKNOWN ? 1 : 0)
          << payload << " answered " << mq_status_name(status);
      EXPECT_GE(times, status == MQ_OK ? 1 : 0) << payload << " answered " << mq_status_name(status);
    }
    for (const auto& [payload, times] : stored) EXPECT_EQ(answers_.count(payload), 1u) << payload << " was never sent";
    return ok;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, mq_status> answers_;
};

TEST_F(ExactlyOnceTest, EightThreadsOnOneQueueWithRepliesCutAtRandom) {
  Bus bus(proxy_.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0&max_items=0"));
  Answers answers;
  std::atomic<int> sent{0};
  CutAtRandom(proxy_, 20, 1500);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        const std::string payload = std::to_string(t) + "-" + std::to_string(i);
        answers.Add(payload, mq_publish(bus.get(), "c", Text(payload, "a").get()));
        ++sent;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(proxy_.accepted(), 20) << "too few connections were cut to show anything";
  proxy_.CutRepliesAfter(nullptr);
  EXPECT_GT(answers.Check(Stored()), 2000) << "most are retried until they are known to be stored";
}

TEST_F(ExactlyOnceTest, BatchesWithRepliesCutAtRandomAreWholeOrNot) {
  Bus bus(proxy_.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0&max_items=0"));
  std::map<std::string, mq_status> answers;
  CutAtRandom(proxy_, 10, 400);
  for (int b = 0; b < 150; ++b) {
    const std::vector<Message> batch = Texts(20, "a", "b" + std::to_string(b) + "-");
    std::vector<mq_message*> handles;
    for (const Message& message : batch) handles.push_back(message.get());
    std::vector<int32_t> results(20);
    size_t published = 0;
    const mq_status status = mq_publish_batch(bus.get(), "c", handles.data(), 20, results.data(), &published);
    EXPECT_EQ(published, status == MQ_OK ? 20u : 0u);
    answers["b" + std::to_string(b) + "-"] = status;
  }
  proxy_.CutRepliesAfter(nullptr);
  const std::map<std::string, int> stored = Stored();
  for (const auto& [start, status] : answers) {
    int times = 0;
    for (int i = 0; i < 20; ++i) {
      const auto found = stored.find(start + std::to_string(i));
      times += found != stored.end() ? found->second : 0;
    }
    EXPECT_TRUE(times == 0 || times == 20) << start << ": " << times;
    if (status != MQ_UNKNOWN) {
      EXPECT_EQ(times, status == MQ_OK ? 20 : 0) << start << " " << mq_status_name(status);
    }
  }
}

TEST_F(ExactlyOnceTest, BatchesThatFollowEachOtherWithRepliesCutAtRandomStayInOrderAndWhole) {
  constexpr int kCalls = 25;
  constexpr size_t kMessages = 3500;
  Bus bus(proxy_.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0&max_items=0"));
  bus.PublishBatch("c", Texts(1, "a", "warm up"));
  CutAtRandom(proxy_, 10, 300);  // four batches in one round trip have about as many bytes of answers
  std::map<std::string, int> expected{{"warm up0", 1}};
  for (int call = 0; call < kCalls; ++call) {
    const std::string start = std::to_string(call) + "-";
    std::vector<mq_status> results;
    const mq_status status = StatusOf([&] { bus.PublishBatch("c", Texts(kMessages, "a", start), &results); });
    for (size_t i = 0; i < kMessages; ++i) {
      // The first that is not MQ_OK is MQ_UNKNOWN at most up to the end of what was sent; nothing behind it is stored.
      if (status == MQ_OK || (i < results.size() && results[i] == MQ_OK)) expected[start + std::to_string(i)] = 1;
    }
  }
  proxy_.CutRepliesAfter(nullptr);
  Bus direct(Url());
  Subscription subscription = direct.Subscribe("c", "a");
  const std::vector<std::string> taken = Take(direct, subscription, static_cast<size_t>(direct.Count()));
  EXPECT_EQ(direct.Count(), 0);
  std::map<std::string, int> stored;
  for (const std::string& payload : taken) ++stored[payload];
  for (const auto& [payload, times] : expected) {
    ASSERT_EQ(stored.count(payload), 1u) << payload << " answered MQ_OK";
  }
  for (const auto& [payload, times] : stored) ASSERT_EQ(times, 1) << payload;
  EXPECT_GT(expected.size(), kCalls * kMessages / 2);
  // Without a gap, in their order.
  std::string call;
  size_t next = 0;
  for (const std::string& payload : taken) {
    if (payload == "warm up0") continue;
    const size_t dash = payload.find('-');
    if (payload.substr(0, dash) != call) call = payload.substr(0, dash), next = 0;
    ASSERT_EQ(payload.substr(dash + 1), std::to_string(next++)) << "of call " << call;
  }
}

TEST_F(ExactlyOnceTest, WithAFullQueueInBetween) {
  Bus direct(Url());
  direct.Configure("c", {{"max_items", "40"}});
  Bus bus(proxy_.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0"));
  Answers answers;
  std::atomic<bool> stop{false};
  std::atomic<int> full{0};
  std::map<std::string, int> taken;
  std::thread consumer([&] {
    Subscription subscription = direct.Subscribe("c", "a");
    while (const std::optional<Message> message = subscription.Fetch(stop ? 0ms : 200ms)) {
      ++taken[std::string(message->payload())];
      direct.Ack(*message);
      // Slower than the publishers, so that the queue fills again and again.
      if (taken.size() % 40 == 0) Eventually(20ms, [] { return false; });
    }
  });
  CutAtRandom(proxy_, 20, 1500);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 150; ++i) {
        const std::string payload = std::to_string(t) + "-" + std::to_string(i);
        const mq_status status = mq_publish(bus.get(), "c", Text(payload, "a").get());
        full += status == MQ_FULL ? 1 : 0;
        answers.Add(payload, status);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  stop = true;
  consumer.join();
  proxy_.CutRepliesAfter(nullptr);
  EXPECT_GT(full, 0);
  EXPECT_GT(answers.Check(Stored(), taken), 0);
}

TEST_F(ExactlyOnceTest, WhatIsLostOnAServerThatThenRefusesWritesIsUnknown) {
  Bus direct(Url());
  Bus bus(proxy_.Url("reconnect_base=1ms&command_timeout=20s&max_items=0"));
  Put(bus, "c", "a", "warm up");
  proxy_.DropReplies(true);
  mq_status status = MQ_OK;
  std::thread publishing([&] { status = StatusOf([&] { bus.PublishBatch("c", Texts(1500, "a", "lost ")); }); });
  EXPECT_TRUE(Eventually(kPatience, [&] { return direct.Count() == 1501; }));
  server_.Client().Must({"CONFIG", "SET", "min-replicas-to-write", "1"});
  proxy_.DropReplies(false);
  proxy_.CutAll();
  publishing.join();
  EXPECT_STATUS(MQ_UNKNOWN, status);
  server_.Client().Must({"CONFIG", "SET", "min-replicas-to-write", "0"});
  Put(bus, "c", "a", "after");
  const std::map<std::string, int> stored = Stored();
  EXPECT_EQ(stored.size(), 1502u);
  for (const auto& [payload, times] : stored) EXPECT_EQ(times, 1) << payload;
}

TEST_F(ExactlyOnceTest, ALateCopyOfARequestWritesNothing) {
  Bus bus(proxy_.Url("reconnect_base=1ms"));
  Put(bus, "c", "a", "warm up");  // scripts and settings are known from now on
  for (const bool also_now : {false, true}) {
    for (const bool others_between : {false, true}) {
      const std::string payload = "held-" + std::to_string(also_now) + std::to_string(others_between);
      proxy_.HoldNext(payload, also_now);
      const Message message = Text(payload, "a");
      EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", message.get()));
      ASSERT_TRUE(proxy_.Holding());
      if (others_between) {
        for (int i = 0; i < 5; ++i) Put(bus, "c", "a", payload + " between " + std::to_string(i));
      }
      const std::map<std::string, int> before = Stored();
      EXPECT_EQ(before.at(payload), 1);
      const std::string answer = proxy_.DeliverHeld();
      EXPECT_NE(answer, "") << "the late copy did run";
      EXPECT_EQ(Stored(), before) << "and answered " << answer;
      Put(bus, "c", "a", payload + " after");
    }
  }
}

TEST_F(ExactlyOnceTest, ALateCopyOfWhatWasAckedMeanwhileDoesNotBringItBack) {
  Bus bus(proxy_.Url("reconnect_base=1ms"));
  Bus direct(Url());
  Put(bus, "c", "a", "warm up");
  Subscription subscription = direct.Subscribe("c", "a");
  Take(direct, subscription, 1);
  proxy_.HoldNext("the payload", true);
  Put(bus, "c", "a", "the payload");
  Take(direct, subscription, 1);
  ASSERT_NE(proxy_.DeliverHeld(), "");
  EXPECT_EQ(direct.Count(), 0);
  EXPECT_FALSE(subscription.Fetch(kMoment));
}

TEST_F(ExactlyOnceTest, AnAckWhoseReplyWasLostIsDone) {
  Bus bus(proxy_.Url("reconnect_base=1ms"));
  bus.PublishBatch("c", Texts(3, "a"));
  Subscription subscription = bus.Subscribe("c", "a");
  bus.Ack(Next(subscription));
  for (int i = 0; i < 2; ++i) {
    const Message message = Next(subscription);
    const std::string id(message.id());
    proxy_.HoldNext(id.substr(id.rfind('/') + 1), true);
    EXPECT_STATUS(MQ_OK, mq_ack(bus.get(), message.get()));
    proxy_.DeliverHeld();
  }
  EXPECT_EQ(Stored().size(), 0u);
}

TEST_F(ExactlyOnceTest, AFetchWhoseReplyWasLostLosesNothing) {
  Bus bus(proxy_.Url("reconnect_base=1ms&command_timeout=1s"));
  Subscription subscription = bus.Subscribe("c", "a", {{"consumer", "the-one-consumer"}, {"prefetch", "5"}});
  Put(bus, "c", "a", "first");
  Take(bus, subscription, 1);
  bus.PublishBatch("c", Texts(10, "a"));
  proxy_.HoldNext("the-one-consumer", true);
  std::vector<std::string> got = Take(bus, subscription, 10);
  std::sort(got.begin(), got.end());
  EXPECT_EQ(std::unique(got.begin(), got.end()) - got.begin(), 10);
  EXPECT_EQ(Stored().size(), 0u);
  proxy_.DeliverHeld();
  EXPECT_FALSE(subscription.Fetch(kMoment));
}

TEST_F(ExactlyOnceTest, ConsumingWithRepliesCutAtRandomLosesNothing) {
  Bus direct(Url());
  direct.PublishBatch("c", Texts(600, "a"));
  Bus bus(proxy_.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "8"}});
  CutAtRandom(proxy_, 200, 4000);
  std::map<std::string, int> acked;
  EXPECT_TRUE(Eventually(60s, [&] {
    mq_message* handle = nullptr;
    if (mq_fetch(subscription.get(), 500, &handle) == MQ_OK) {
      const Message message(handle);
      if (mq_ack(bus.get(), message.get()) == MQ_OK) ++acked[std::string(message.payload())];
    }
    return direct.Count() == 0;
  }));
  proxy_.CutRepliesAfter(nullptr);
  for (const auto& [payload, times] : acked) EXPECT_EQ(times, 1) << payload;
}

TEST_F(ExactlyOnceTest, DrainingWithRepliesCutAtRandomLosesNothing) {
  constexpr size_t kMessages = 12'000;
  Bus direct(Url("max_items=0"));
  direct.PublishBatch("c", Texts(kMessages, "a"));
  Bus bus(proxy_.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "1000"}});
  CutAtRandom(proxy_, 5'000, 60'000);
  std::map<std::string, int> acked;
  EXPECT_TRUE(Eventually(60s, [&] {
    mq_list* handle = nullptr;
    if (mq_fetch_batch(subscription.get(), 300, 500, &handle) == MQ_OK) {
      const MessageList list(handle);
      std::vector<int32_t> results(list.size());
      static_cast<void>(mq_ack_batch(bus.get(), list.get(), results.data(), nullptr));
      for (size_t i = 0; i < list.size(); ++i) acked[std::string(list[i].payload())] += results[i] == MQ_OK ? 1 : 0;
    }
    return direct.Count() == 0;
  }));
  EXPECT_GT(proxy_.accepted(), 10) << "hardly anything was cut";
  proxy_.CutRepliesAfter(nullptr);
  EXPECT_EQ(acked.size(), kMessages);
  for (const auto& [payload, times] : acked) EXPECT_LE(times, 1) << payload;
}

TEST_F(ExactlyOnceTest, WhatMayBeStoredIsUnknown) {
  Bus bus(proxy_.Url("command_timeout=300ms&reconnect_base=1ms"));
  ASSERT_TRUE(Eventually(kPatience, [&] { return mq_publish(bus.get(), "c", Text("warm up", "a").get()) == MQ_OK; }));
  proxy_.DropReplies(true);
  const Message message = Text("x", "a");
  EXPECT_STATUS(MQ_UNKNOWN, mq_publish(bus.get(), "c", message.get()));
  EXPECT_EQ(mq_status_is_retriable(MQ_UNKNOWN), 0);
  proxy_.DropReplies(false);
  EXPECT_TRUE(Eventually(kPatience, [&] { return mq_publish(bus.get(), "c", Text("y", "a").get()) == MQ_OK; }));
  EXPECT_LE(Stored()["x"], 1);
}

}  // namespace
}  // namespace agentmq::test
