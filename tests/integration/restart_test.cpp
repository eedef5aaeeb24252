// A server that restarts, goes away or falls silent: publishers and subscribers go on by themselves.
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

class RestartTest : public RedisTest {
 protected:
  RestartTest() : RedisTest(Durable()) {}
};

// What was published and acked, as the application knows it.
struct Ledger {
  std::mutex mutex;
  std::set<std::string> stored;   // MQ_OK
  std::set<std::string> unknown;  // MQ_UNKNOWN
  std::set<std::string> acked;    // MQ_OK
  std::set<std::string> seen;
  std::set<std::string> came_back;  // delivered after its ack had answered MQ_OK
};

void PublishUntil(const std::atomic<bool>& stop, Bus& bus, const std::string& start, Ledger& ledger) {
  for (int i = 0; !stop; ++i) {
    const std::string payload = start + std::to_string(i);
    const mq_status status = mq_publish(bus.get(), "c", Text(payload, "a").get());
    const std::lock_guard lock(ledger.mutex);
    if (status == MQ_OK) ledger.stored.insert(payload);
    if (status == MQ_UNKNOWN) ledger.unknown.insert(payload);
    EXPECT_TRUE(status == MQ_OK || status == MQ_UNKNOWN || status == MQ_UNAVAILABLE || status == MQ_FULL)
        << mq_status_name(status) << ": " << mq_last_error();
  }
}

void ConsumeUntil(const std::atomic<bool>& stop, Bus& bus, Ledger& ledger) {
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "16"}});
  while (!stop) {
    mq_message* handle = nullptr;
    if (mq_fetch(subscription.get(), 200, &handle) != MQ_OK) continue;
    const Message message(handle);
    const std::string payload(message.payload());
    {
      const std::lock_guard lock(ledger.mutex);
      ledger.seen.insert(payload);
      if (ledger.acked.count(payload) != 0) ledger.came_back.insert(payload);
    }
    if (!AckSurely(bus, message, stop)) continue;
    const std::lock_guard lock(ledger.mutex);
    ledger.acked.insert(payload);
  }
}

TEST_F(RestartTest, InTheMiddleOfTrafficNothingIsLostAndNothingAckedComesBack) {
  Bus bus(Url("max_items=0"));
  Ledger ledger;
  std::atomic<bool> stop_publishing{false};
  std::atomic<bool> stop{false};
  std::vector<std::thread> publishers;
  std::vector<std::thread> consumers;
  for (const char* start : {"x", "y"})
    publishers.emplace_back(PublishUntil, std::cref(stop_publishing), std::ref(bus), start, std::ref(ledger));
  for (int i = 0; i < 2; ++i) consumers.emplace_back(ConsumeUntil, std::cref(stop), std::ref(bus), std::ref(ledger));
  const auto stored = [&] {
    const std::lock_guard lock(ledger.mutex);
    return ledger.stored.size();
  };
  for (int round = 0; round < 3; ++round) {
    const size_t before = stored();
    EXPECT_TRUE(Eventually(30s, [&] { return stored() > before + 100; }))
        << "publishing did not go on, round " << round;
    server_.Kill9();
    EXPECT_TRUE(Always(200ms, [] { return true; }));
    server_.Start();
  }
  const size_t before = stored();
  EXPECT_TRUE(Eventually(30s, [&] { return stored() > before + 100; })) << "publishing did not go on at the end";
  stop_publishing = true;
  for (std::thread& thread : publishers) thread.join();
  EXPECT_TRUE(Eventually(30s, [&] {
    int64_t count = -1;
    return mq_count(bus.get(), nullptr, &count) == MQ_OK && count == 0;
  }));
  stop = true;
  for (std::thread& thread : consumers) thread.join();
  EXPECT_EQ(ledger.came_back, std::set<std::string>{});
  std::set<std::string> lost;
  for (const std::string& payload : ledger.stored) {
    if (ledger.seen.count(payload) == 0) lost.insert(payload);
  }
  EXPECT_EQ(lost, std::set<std::string>{});
}

TEST_F(RestartTest, AWaitingFetchOutlivesARestart) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  std::optional<Message> message;
  std::thread waiting([&] { message = subscription.Fetch(30s); });
  EXPECT_TRUE(Always(100ms, [] { return true; }));
  server_.Restart();
  EXPECT_TRUE(Eventually(20s, [&] { return mq_publish(bus.get(), "c", Text("x", "a").get()) == MQ_OK; }));
  waiting.join();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->payload(), "x");
}

TEST_F(RestartTest, AServerThatLostItsScriptsIsGivenThemAgain) {
  Bus bus(Url());
  Put(bus, "c", "a", "1");
  server_.Client().Must({"SCRIPT", "FLUSH"});
  Put(bus, "c", "a", "2");
  Subscription subscription = bus.Subscribe("c", "a");
  server_.Client().Must({"SCRIPT", "FLUSH"});
  EXPECT_EQ(Take(bus, subscription, 2), (std::vector<std::string>{"1", "2"}));
}

TEST_F(RestartTest, AFetchThatOnlyLooksFindsWhatIsThereThoughTheServerLostItsScripts) {
  Bus bus(Url());
  Subscription one = bus.Subscribe(MQ_DIRECT, "a");
  Subscription several = bus.Subscribe("c", "a");
  for (int i = 0; i < 3; ++i) {
    bus.SendTo("a", Text("direct"));
    Put(bus, "c", "a", "inbox");
    server_.Client().Must({"SCRIPT", "FLUSH"});
    const std::optional<Message> direct = one.Fetch(0ms);
    server_.Client().Must({"SCRIPT", "FLUSH"});
    const std::optional<Message> inbox = several.Fetch(0ms);
    ASSERT_TRUE(direct && inbox);
    bus.Ack(*direct);
    bus.Ack(*inbox);
  }
}

TEST_F(RestartTest, AnEmptiedServerIsUsedAnew) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  Put(bus, "c", "a", "gone");
  server_.Client().Must({"FLUSHALL"});
  Put(bus, "c", "a", "here");
  EXPECT_EQ(Take(bus, subscription, 1), std::vector<std::string>{"here"});
  EXPECT_EQ(bus.Count(), 0);
}

// What one call has prepared another may find gone: who sends looks whether all lanes of its batch are known still.
TEST_F(RestartTest, BatchesThatMeetAnEmptiedServerAreStoredWholeOrNotAtAll) {
  Bus bus(Url("max_items=0"));  // where who empties it is late the queue is not full
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::set<std::string> wrong;
  std::vector<std::thread> publishers;
  for (unsigned seed = 0; seed < 4; ++seed) {
    publishers.emplace_back([&, seed] {
      std::minstd_rand random(seed + 1);
      while (!stop) {
        std::vector<Message> messages;
        std::vector<mq_message*> handles;
        const size_t count = random() % 2 == 0 ? 3 : 20;  // the many go beside the script
        for (size_t i = 0; i < count; ++i) {
          messages.push_back(Text("x", "a"));
          messages.back().SetPriority(static_cast<int>(random() % 200));
          handles.push_back(messages.back().get());
        }
        std::vector<int32_t> results(count, MQ_INTERNAL);
        mq_publish_batch(bus.get(), "c", handles.data(), count, results.data(), nullptr);
        for (const int32_t result : results) {
          if (result == MQ_OK || result == MQ_UNAVAILABLE || result == MQ_UNKNOWN) continue;
          const std::lock_guard lock(mutex);
          wrong.insert(std::string(mq_status_name(static_cast<mq_status>(result))) + ": " + mq_last_error());
        }
      }
    });
  }
  for (int i = 0; i < 300; ++i) {
    server_.Client().Must({"FLUSHALL"});
    std::this_thread::sleep_for(std::chrono::milliseconds(3));  // the pace of the fault
  }
  stop = true;
  for (std::thread& publisher : publishers) publisher.join();
  EXPECT_EQ(wrong, std::set<std::string>{});
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "1000"}});
  while (const auto message = subscription.Fetch(300ms)) EXPECT_STATUS(MQ_OK, mq_ack(bus.get(), message->get()));
  EXPECT_EQ(bus.Count(), 0) << "what no lane has nobody gets";
}

TEST_F(RestartTest, KilledConnectionsAreMadeAnew) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  std::atomic<int> handled{0};
  subscription.Consume([&](const MessageView&) {
    ++handled;
    return MQ_VERDICT_ACK;
  });
  for (int i = 1; i <= 5; ++i) {
    server_.Client().Must({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    EXPECT_TRUE(Eventually(kPatience, [&] { return mq_publish(bus.get(), "c", Text("x", "a").get()) == MQ_OK; }));
    EXPECT_TRUE(Eventually(kPatience, [&] { return handled >= i; })) << "round " << i;
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus.Count() == 0; }));
}

TEST_F(RestartTest, AConnectionThatFellSilentIsDroppedAndMadeAnew) {
  Proxy proxy(server_.address());
  Bus bus(proxy.Url("command_timeout=1s"));
  Bus direct(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  std::optional<Message> message;
  std::thread waiting([&] { message = subscription.Fetch(30s); });
  EXPECT_TRUE(Always(200ms, [] { return true; }));
  proxy.FreezeOpen();
  Put(direct, "c", "a", "x");
  waiting.join();
  ASSERT_TRUE(message) << "it waits on a connection that says nothing";
  EXPECT_STATUS(MQ_OK, mq_ack(bus.get(), message->get()));
}

TEST_F(RestartTest, AnOutageDoesNotDeclareAllConsumersDead) {
  Bus one(Url());
  Bus two(Url());
  Put(one, "c", "a", "x");
  Subscription holder = one.Subscribe("c", "a", {{"visibility_timeout", "1h"}});
  Subscription other = two.Subscribe("c", "a", {{"visibility_timeout", "1h"}});
  const Message message = Next(holder);
  server_.Stop();
  EXPECT_TRUE(Always(4s, [] { return true; }));  // longer than a lease
  server_.Start();
  EXPECT_FALSE(other.Fetch(5s)) << "the holder lives";
  EXPECT_STATUS(MQ_OK, mq_ack(one.get(), message.get()));
}

// Its last snapshot is older than an acknowledgement.
TEST(ServerThatWentBackInTime, AnAcknowledgementThatItForgotComesAgainAndWhatIsHeldDoesNot) {
  RedisServer server;
  Bus bus(server.Url("reconnect_base=1ms"));
  bus.PublishBatch("c", Texts(4, "a"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "2"}, {"visibility_timeout", "1h"}});
  const Message acked = Next(subscription);
  const Message held = Next(subscription);
  server.Client().Must({"SAVE"});
  EXPECT_STATUS(MQ_OK, mq_ack(bus.get(), acked.get()));
  server.Kill9();
  server.Start();
  std::multiset<std::string> got;
  EXPECT_TRUE(Eventually(20s, [&] {
    if (const std::optional<Message> message = subscription.Fetch(100ms)) {
      EXPECT_EQ(message->deliveries(), 1);
      got.insert(std::string(message->payload()));
      EXPECT_STATUS(MQ_OK, mq_ack(bus.get(), message->get()));
    }
    return got.count(std::string(acked.payload())) != 0 && got.size() == 3;
  }));
  EXPECT_FALSE(subscription.Fetch(3s)) << "what the application holds stays with it";
  EXPECT_EQ(got, (std::multiset<std::string>{"m0", "m2", "m3"}));
  EXPECT_STATUS(MQ_OK, mq_ack(bus.get(), held.get()));
  EXPECT_EQ(bus.Count(), 0);
}

TEST_F(RestartTest, WhatIsHeldOrReadAheadStaysWhenConnectionsAreLost) {
  Bus bus(Url("max_items=0&reconnect_base=1ms"));
  bus.PublishBatch("c", Texts(2000, "a"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "600"}, {"visibility_timeout", "1h"}});
  Bus others(Url());
  std::vector<std::string> got;
  for (int round = 0; round < 4; ++round) {
    const MessageList held = subscription.FetchBatch(100, kPatience);
    server_.Client().Must({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    EXPECT_TRUE(Eventually(kPatience, [&] { return mq_publish(bus.get(), "d", Text("x", "b").get()) == MQ_OK; }));
    const MessageList more = subscription.FetchBatch(50, kPatience);
    EXPECT_TRUE(Always(1200ms, [] { return true; }));
    const MessageList last = subscription.FetchBatch(50, kPatience);
    for (const MessageList* list : {&held, &more, &last}) {
      EXPECT_EQ(bus.AckBatch(*list), list->size()) << "round " << round;
      const auto some = Payloads(*list);
      got.insert(got.end(), some.begin(), some.end());
    }
  }
  std::sort(got.begin(), got.end());
  EXPECT_EQ(std::adjacent_find(got.begin(), got.end()), got.end()) << "one came twice";
}

TEST_F(RestartTest, TheLogTellsOfTheOutage) {
  std::mutex mutex;
  std::set<std::string> events;
  Config config{{"log_level", "debug"}};
  config.SetLog([&](int, std::string_view json) {
    const std::lock_guard lock(mutex);
    events.insert(nlohmann::json::parse(json).at("event").get<std::string>());
  });
  Bus bus(Url(), config);
  Subscription subscription = bus.Subscribe("c", "a");
  std::thread waiting([&] { subscription.Fetch(30s); });
  server_.Restart();
  Eventually(20s, [&] { return mq_publish(bus.get(), "c", Text("x", "a").get()) == MQ_OK; });
  waiting.join();
  const auto told = [&](const char* event) {
    return Eventually(kPatience, [&] {
      const std::lock_guard lock(mutex);
      return events.count(event) != 0;
    });
  };
  for (const char* event : {"opened", "connected", "disconnected", "reconnected"}) EXPECT_TRUE(told(event)) << event;
}

}  // namespace
}  // namespace agentmq::test
