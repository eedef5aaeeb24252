// What the bus costs its server: commands, round trips, connections.

#include <algorithm>
#include <atomic>
#include <thread>

#include "integration/crowd.hpp"
#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

class CostTest : public RedisTest {
 protected:
  static int64_t CountOf(const std::vector<std::string>& lines, const std::string& command) {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      const size_t quote = line.find("] \"");
      if (quote == std::string::npos) return false;
      return std::equal(command.begin(), command.end(), line.begin() + static_cast<std::ptrdiff_t>(quote) + 3,
                        [](char a, char b) { return std::tolower(a) == std::tolower(b); });
    });
  }
  static int64_t Scripts(const std::vector<std::string>& lines) { return CountOf(lines, "eval"); }
  static std::string Joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line.substr(0, 120) + "\n";
    return text;
  }
};

TEST_F(CostTest, AnIdleSubscriptionCostsAtMostTwoCommandsASecond) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  const IdleFetch idle(subscription);
  EXPECT_TRUE(Always(2s, [] { return true; }));  // the first tick, a second after the start, looks at more
  Monitor monitor(server_.address());
  constexpr int kSeconds = 6;
  EXPECT_TRUE(Always(std::chrono::seconds(kSeconds), [] { return true; }));
  const std::vector<std::string> lines = monitor.Take();
  EXPECT_LE(lines.size(), size_t{2 * kSeconds + 1}) << Joined(lines);
}

TEST_F(CostTest, FiftyIdleSubscriptionsCostNoMoreEach) {
  Bus bus(Url());
  std::vector<Subscription> subscriptions;
  for (int i = 0; i < 50; ++i) {
    subscriptions.push_back(bus.Subscribe("c", ("a" + std::to_string(i)).c_str()));
    subscriptions.back().fd();
  }
  EXPECT_TRUE(Always(1s, [] { return true; }));
  Monitor monitor(server_.address());
  constexpr int kSeconds = 4;
  EXPECT_TRUE(Always(std::chrono::seconds(kSeconds), [] { return true; }));
  const std::vector<std::string> lines = monitor.Take();
  EXPECT_LE(lines.size(), size_t{50 * 2 * kSeconds + 50}) << Joined(lines);
}

TEST_F(CostTest, ABusWithoutSubscriptionsIsSilent) {
  Bus bus(Url());
  Put(bus, "c", "a", "x");
  EXPECT_TRUE(Always(500ms, [] { return true; }));
  Monitor monitor(server_.address());
  EXPECT_TRUE(Always(3s, [] { return true; }));
  EXPECT_LE(monitor.Take().size(), 6u);
}

TEST_F(CostTest, ABatchOfAThousandIsOneRoundTrip) {
  Proxy proxy(server_.address());
  Bus bus(proxy.Url("max_items=0"));
  bus.PublishBatch("c", Texts(1000, "a"));  // scripts and settings are known then
  proxy.DelayReplies(500ms);                // else the first answers come while the rest is still written
  proxy.ResetCounts();
  Monitor monitor(server_.address());
  EXPECT_EQ(bus.PublishBatch("c", Texts(1000, "a")), 1000u);
  const std::vector<std::string> lines = monitor.Take();
  EXPECT_EQ(proxy.round_trips(), 1);
  EXPECT_LE(lines.size(), 6u) << Joined(lines);  // one transaction: the script, the records, the script that ends it
  EXPECT_EQ(Scripts(lines), 2);
}

TEST_F(CostTest, SeveralBatchesOfAQueueArePipelined) {
  Proxy proxy(server_.address());
  Bus bus(proxy.Url("max_items=0&command_timeout=30s"));
  bus.PublishBatch("c", Texts(1000, "a"));
  Monitor monitor(server_.address());
  proxy.DelayReplies(1s);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(bus.PublishBatch("c", Texts(8000, "a")), 8000u);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 6s) << "eight answers, each a second late";
  EXPECT_EQ(Scripts(monitor.Take()), 2 * 8);
  proxy.DelayReplies(0s);
  EXPECT_EQ(bus.Count(), 9000);
}

TEST_F(CostTest, AMessageIsOneCommand) {
  Bus bus(Url());
  Put(bus, "c", "a", "warm up");
  Monitor monitor(server_.address());
  for (int i = 0; i < 100; ++i) Put(bus, "c", "a", "x");
  const std::vector<std::string> lines = monitor.Take();
  EXPECT_EQ(Scripts(lines), 100);
  EXPECT_LE(lines.size(), 105u) << Joined(lines);
}

TEST_F(CostTest, ARateLimitIsOneCommandMoreWhereThereIsOne) {
  Proxy proxy(server_.address());
  Bus bus(proxy.Url("max_items=0"));
  bus.Configure("limited", {{"rate_limit", "100000"}, {"source_rate_limit", "100000"}});
  for (const auto& [channel, commands] : {std::pair{"limited", 2}, std::pair{"free", 1}}) {
    Put(bus, channel, "a", "warm up");
    proxy.ResetCounts();
    Monitor monitor(server_.address());
    for (int i = 0; i < 10; ++i) Put(bus, channel, "a", "x");
    EXPECT_EQ(Scripts(monitor.Take()), 10 * commands) << channel;
    EXPECT_EQ(proxy.round_trips(), 10 * commands) << channel;
    EXPECT_EQ(bus.PublishBatch(channel, Texts(1000, "a")), 1000u);
    EXPECT_EQ(Scripts(monitor.Take()), 1 + commands) << channel << ": a batch is stored by two, in one transaction";
  }
}

TEST_F(CostTest, CountingReadsNoMessage) {
  Bus bus(Url("max_items=0"));
  bus.PublishBatch("c", Texts(5000, "a"));
  bus.PublishBatch("c", Texts(5000, "b"));
  Monitor monitor(server_.address());
  EXPECT_EQ(bus.Count(), 10'000);
  EXPECT_EQ(bus.Count({{"channel", "c"}, {"target", "b"}}), 5000);
  const std::vector<std::string> lines = monitor.Take();
  EXPECT_EQ(CountOf(lines, "hscan") + CountOf(lines, "hmget"), 0) << Joined(lines);
  EXPECT_EQ(CountOf(lines, "hlen"), 3) << Joined(lines);
}

TEST_F(CostTest, ABatchOfAcksIsOneCommandAQueue) {
  Bus bus(Url());
  bus.PublishBatch("c", Texts(1001, "a"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "1000"}});
  bus.Ack(Next(subscription));
  MessageList list = subscription.FetchBatch(1000, kPatience);
  ASSERT_GT(list.size(), 900u);
  Monitor monitor(server_.address());
  EXPECT_EQ(bus.AckBatch(list), list.size());
  EXPECT_LE(Scripts(monitor.Take()), 3);
}

TEST_F(CostTest, ABatchOfADrainIsTwoFetchesAReadAndAnAck) {
  constexpr size_t kBatches = 20;
  constexpr size_t kBatch = 500;
  Bus bus(Url("max_items=0"));
  bus.PublishBatch("c", Texts(kBatches * kBatch, "a"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "1000"}});
  Monitor monitor(server_.address());
  size_t drained = 0;
  for (; drained < kBatches * kBatch && !HasFailure();) {
    const MessageList list = subscription.FetchBatch(kBatch, kPatience);
    drained += bus.AckBatch(list);
  }
  const std::vector<std::string> lines = monitor.Take();
  EXPECT_EQ(drained, kBatches * kBatch);
  // Of inbox and broadcasts; the acknowledgement's script runs twice, in one transaction.
  EXPECT_LE(Scripts(lines), static_cast<int64_t>(4 * kBatches + 10)) << Joined(lines);
  EXPECT_LE(CountOf(lines, "\"hmget\""), static_cast<int64_t>(kBatches + 2)) << Joined(lines);
}

TEST_F(CostTest, AsynchronousPublishesOfManyThreadsShareCommands) {
  Bus bus(Url("max_items=0&async_max=20000"));
  Put(bus, "c", "a", "warm up");
  Monitor monitor(server_.address());
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) bus.PublishAsync("c", Text("x", "a"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(bus.Flush(30s));
  EXPECT_LE(Scripts(monitor.Take()), 800) << "ten messages a command at least";
  EXPECT_EQ(bus.Count(), 8001);
}

TEST_F(CostTest, GatheredAcksShareCommands) {
  Bus bus(Url("ack_interval=20ms"));  // so that a slow machine counts the same
  bus.PublishBatch("c", Texts(1000, "a"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "100"}});
  Monitor monitor(server_.address());
  subscription.Consume([](const MessageView&) { return MQ_VERDICT_ACK; });
  EXPECT_TRUE(Eventually(kPatience, [&] { return server_.Client().Keys("*:msg").empty(); }));
  const std::vector<std::string> lines = monitor.Take();
  EXPECT_LE(Scripts(lines), 200) << "for a thousand messages fetched and acked";
}

TEST_F(CostTest, APoolHasNoMoreConnectionsThanItsSize) {
  Bus bus(Url("pool_size=4&max_items=0"));
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 32; ++t) {
    threads.emplace_back([&, t] {
      while (!stop) Put(bus, "c", ("a" + std::to_string(t)).c_str(), "x");
    });
  }
  size_t most = 0;
  RespClient client = server_.Client();
  EXPECT_TRUE(Eventually(kPatience, [&] { return (most = std::max(most, client.Connections())) >= 2; }));
  for (int i = 0; i < 100; ++i) most = std::max(most, client.Connections());
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 4u);
}

TEST_F(CostTest, ClosingClosesEveryConnection) {
  for (int i = 0; i < 3; ++i) {
    Bus bus(Url());
    Subscription subscription = bus.Subscribe("c", "a");
    subscription.fd();
    Put(bus, "c", "a", "x");
    bus.Ack(Next(subscription));
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return server_.Client().Connections() == 0; }));
}

TEST_F(CostTest, AThousandSubscriptionsWaitOnSharedConnections) {
  constexpr size_t kSubscriptions = 1000;
  Bus bus(Url("pool_size=10"));
  Crowd crowd(bus, kSubscriptions);
  RespClient client = server_.Client();
  // Two wake lists each (inbox and broadcasts), 64 a connection.
  const size_t blocked = (2 * kSubscriptions + 63) / 64;
  ASSERT_TRUE(Eventually(kPatience, [&] { return client.InfoNumber("clients", "blocked_clients") > 0; }));
  EXPECT_TRUE(Always(1s, [&] { return client.Connections() <= 10 + blocked + 1; })) << client.Connections();
  EXPECT_LE(client.InfoNumber("clients", "blocked_clients"), static_cast<int64_t>(blocked + 1));
  for (int round = 0; round < 2; ++round) EXPECT_EQ(crowd.Serve(), kSubscriptions);
  EXPECT_EQ(bus.Count(), 0);
}

TEST_F(CostTest, AConsumerOfSomeTypesDoesNotSpinAndLooksAtTheOthersOnce) {
  Bus bus(Url());
  std::vector<Message> others = Texts(5000, "a");
  for (Message& message : others) message.SetType("other");
  bus.PublishBatch("c", others);
  Subscription subscription = bus.Subscribe("c", "a", {{"types", "mine"}});
  EXPECT_FALSE(subscription.Fetch(0ms));
  Monitor monitor(server_.address());
  EXPECT_FALSE(subscription.Fetch(3s));
  const std::vector<std::string> lines = monitor.Take();
  // A look every 50 to 100 ms, at inbox and broadcasts.
  EXPECT_LE(Scripts(lines), 3 * 20 * 2 + 20) << Joined(lines);
  EXPECT_LE(CountOf(lines, "hmget"), Scripts(lines) + 60) << "each record is read once, in 5 seconds";
  EXPECT_EQ(CountOf(lines, "ltrim"), 0);
}

TEST_F(CostTest, OneBroadcastReachesFiveHundredGroups) {
  Bus bus(Url());
  std::vector<Subscription> subscriptions;
  for (int i = 0; i < 500; ++i) subscriptions.push_back(bus.Subscribe("c", ("agent-" + std::to_string(i)).c_str()));
  Put(bus, "c", nullptr, "x");
  for (Subscription& subscription : subscriptions) EXPECT_EQ(Take(bus, subscription, 1).size(), 1u);
  EXPECT_EQ(bus.Count(), 0);
}

}  // namespace
}  // namespace agentmq::test
