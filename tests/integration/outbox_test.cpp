// The outbox: asynchronous publishes that are taken while the server is away are sent in order when it is back, each
// stored once.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

// A slow disk is not to make anybody wait for longer than the short times here.
RedisServer::Options EverySecond() {
  RedisServer::Options options = Durable();
  options.config["appendfsync"] = "everysec";
  return options;
}

class OutboxTest : public RedisTest {
 protected:
  OutboxTest() : RedisTest(EverySecond()) {}

  // What became of asynchronous publishes, in the order in which that was told.
  struct Told {
    std::mutex mutex;
    std::vector<std::pair<std::string, mq_status>> all;
    size_t count() {
      const std::lock_guard lock(mutex);
      return all.size();
    }
    void ExpectAllStored(size_t wanted) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(all.size(), wanted);
      for (const auto& [payload, status] : all) EXPECT_EQ(status, MQ_OK) << payload << " " << mq_status_name(status);
    }
  };

  static void Send(Bus& bus, const std::string& payload, const char* target, Told& told) {
    bus.PublishAsync("c", Text(payload, target), [&told, payload](mq_status status, std::string_view) {
      const std::lock_guard lock(told.mutex);
      told.all.emplace_back(payload, status);
    });
  }

  static std::vector<std::string> Numbered(size_t count) {
    std::vector<std::string> payloads;
    for (size_t i = 0; i < count; ++i) payloads.push_back("m" + std::to_string(i));
    return payloads;
  }

  Proxy proxy_{server_.address()};
};

constexpr const char* kQuick = "&reconnect_base=1ms&reconnect_max=20ms&breaker_reset=50ms";

TEST_F(OutboxTest, WhatIsTakenWhileTheServerIsAwayIsSentInOrder) {
  Told told;
  Bus bus(proxy_.Url("outbox_max=1000&command_timeout=500ms" + std::string(kQuick)));
  Put(bus, "c", "a", "warm up");
  proxy_.Refuse(true);
  for (const std::string& payload : Numbered(500)) Send(bus, payload, "a", told);
  EXPECT_STATUS(MQ_TIMEOUT, mq_flush(bus.get(), 800));
  EXPECT_EQ(told.count(), 0u) << "nothing is given up";
  proxy_.Refuse(false);
  EXPECT_STATUS(MQ_OK, mq_flush(bus.get(), 10000));
  told.ExpectAllStored(500);
  Bus direct(Url());
  Subscription subscription = direct.Subscribe("c", "a");
  Take(direct, subscription, 1);
  EXPECT_EQ(Take(direct, subscription, 500), Numbered(500));
  EXPECT_FALSE(subscription.Fetch(kMoment));
}

TEST_F(OutboxTest, WithRepliesCutAtRandomEachIsStoredOnceAndInOrder) {
  Told told;
  Bus bus(proxy_.Url("outbox_max=10000&command_timeout=200ms" + std::string(kQuick)));
  Put(bus, "c", "warm", "x");
  CutAtRandom(proxy_, 20, 300);
  const std::vector<std::string> payloads = Numbered(1500);
  for (size_t i = 0; i < payloads.size(); ++i) {
    Send(bus, payloads[i], "a", told);
    if (i % 20 == 0) Eventually(2ms, [] { return false; });
    if (i % 300 == 299) proxy_.CutAll();
  }
  EXPECT_STATUS(MQ_OK, mq_flush(bus.get(), 60000));
  EXPECT_GT(proxy_.accepted(), 10) << "hardly anything was cut";
  proxy_.CutRepliesAfter(nullptr);
  told.ExpectAllStored(payloads.size());
  Bus direct(Url());
  Subscription subscription = direct.Subscribe("c", "a");
  EXPECT_EQ(Take(direct, subscription, payloads.size()), payloads);
  EXPECT_FALSE(subscription.Fetch(kMoment));
}

TEST_F(OutboxTest, AnAnswerThatDoesNotComeForLongIsAskedForUntilItIsKnown) {
  Told told;
  Bus bus(proxy_.Url("outbox_max=100&command_timeout=200ms" + std::string(kQuick)));
  Put(bus, "c", "a", "warm up");
  proxy_.DropReplies(true);  // it is stored, and nothing says so
  Send(bus, "held", "a", told);
  Bus direct(Url());
  EXPECT_TRUE(Eventually(kPatience, [&] { return direct.Count() == 2; }));
  EXPECT_TRUE(Always(1s, [&] { return told.count() == 0; })) << "longer than command_timeout";
  // Others are not kept waiting for as long.
  EXPECT_STATUS(MQ_UNAVAILABLE, mq_publish(bus.get(), "c", Text("meanwhile", "a").get()));
  proxy_.DropReplies(false);
  EXPECT_STATUS(MQ_OK, mq_flush(bus.get(), 10000));
  told.ExpectAllStored(1);
  EXPECT_EQ(direct.Count(), 2);
}

TEST_F(OutboxTest, ItOutlivesARestartOfTheServer) {
  Told told;
  server_.Client().Must({"CONFIG", "SET", "appendfsync", "always"});
  Bus bus(Url("outbox_max=100000" + std::string(kQuick)));
  Put(bus, "c", "warm", "x");
  std::atomic<bool> stop{false};
  size_t sent = 0;
  std::thread publishing([&] {
    for (; !stop; ++sent) {
      Send(bus, "m" + std::to_string(sent), sent % 2 == 0 ? "a" : "b", told);
      Eventually(1ms, [] { return false; });
    }
  });
  EXPECT_TRUE(Eventually(kPatience, [&] { return told.count() > 50; }));
  server_.Kill9();
  EXPECT_TRUE(Always(500ms, [] { return true; }));
  server_.Start();
  const size_t before = told.count();
  EXPECT_TRUE(Eventually(20s, [&] { return told.count() > before + 50; }));
  stop = true;
  publishing.join();
  EXPECT_STATUS(MQ_OK, mq_flush(bus.get(), 20000));
  told.ExpectAllStored(sent);
  std::multiset<std::string> got;
  for (const char* agent : {"a", "b"}) {
    Subscription subscription = bus.Subscribe("c", agent);
    const auto mine = Take(bus, subscription, (sent + (*agent == 'a' ? 1 : 0)) / 2);
    got.insert(mine.begin(), mine.end());
    EXPECT_FALSE(subscription.Fetch(kMoment));
  }
  EXPECT_EQ(got.size(), sent);
  for (size_t i = 0; i < sent; ++i) EXPECT_EQ(got.count("m" + std::to_string(i)), 1u) << i;
}

TEST_F(OutboxTest, ItIsBoundedInMessagesAndBytes) {
  for (const char* bound : {"outbox_max=10", "outbox_bytes=1000"}) {
    Told told;
    Bus bounded(proxy_.Url((std::string(bound) == "outbox_max=10" ? "" : "outbox_max=1000&") + std::string(bound) +
                           "&command_timeout=200ms&close_timeout=0" + kQuick));
    Put(bounded, "c", "a", "warm up");
    proxy_.Refuse(true);
    Send(bounded, std::string(100, 'x'), "a", told);
    EXPECT_TRUE(Eventually(kPatience,
                           [&] { return mq_publish(bounded.get(), "other", Text("x", "b").get()) == MQ_UNAVAILABLE; }));
    mq_status status = MQ_OK;
    EXPECT_TRUE(Eventually(kPatience, [&] {
      status = mq_publish_async(bounded.get(), "c", Text(std::string(100, 'x'), "a").release(), nullptr, nullptr);
      return status != MQ_OK;
    }));
    EXPECT_EQ(status, MQ_FULL);
    EXPECT_TRUE(ErrorSays(std::string(bound).substr(0, std::string(bound).find('='))));
    EXPECT_TRUE(ErrorSays("10 asynchronous publishes"));
    proxy_.Refuse(false);
    EXPECT_STATUS(MQ_OK, mq_flush(bounded.get(), 10000));
    EXPECT_STATUS(MQ_OK, mq_publish_async(bounded.get(), "c", Text("y", "a").release(), nullptr, nullptr));
    EXPECT_STATUS(MQ_OK, mq_flush(bounded.get(), 10000));
  }
}

TEST_F(OutboxTest, ClosingTellsWhatWasNotSent) {
  Told told;
  {
    Bus bus(proxy_.Url("outbox_max=100&command_timeout=200ms&close_timeout=300ms" + std::string(kQuick)));
    Put(bus, "c", "a", "warm up");
    proxy_.Refuse(true);
    for (int i = 0; i < 20; ++i) Send(bus, "x", "a", told);
    EXPECT_FALSE(bus.Close());
  }
  const std::lock_guard lock(told.mutex);
  EXPECT_EQ(told.all.size(), 20u);
  for (const auto& [payload, status] : told.all) EXPECT_NE(status, MQ_OK);
}

TEST_F(OutboxTest, WithoutOneTheyFail) {
  Told told;
  Bus bus(proxy_.Url("command_timeout=200ms" + std::string(kQuick)));
  Put(bus, "c", "a", "warm up");
  proxy_.Refuse(true);
  Send(bus, "x", "a", told);
  EXPECT_STATUS(MQ_PARTIAL, mq_flush(bus.get(), 10000));
  EXPECT_EQ(told.count(), 1u);
}

}  // namespace
}  // namespace agentmq::test
