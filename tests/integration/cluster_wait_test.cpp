// Waiting on a cluster: lists of several slots, without polling; what it costs in connections.
#include <poll.h>
#include <sys/resource.h>

#include <memory>
#include <thread>

#include "integration/cluster_test.hpp"

namespace agentmq::test {
namespace {

// As many files as this program may have.
void RaiseFileLimit() {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_GE(limit.rlim_cur, 4096u) << "this machine lets a program open too few files";
}

int64_t Blocked(RedisCluster& cluster) {
  int64_t blocked = 0;
  for (size_t node = 0; node < cluster.size(); ++node) {
    blocked += cluster.node(node).Client().InfoNumber("clients", "blocked_clients");
  }
  return blocked;
}

TEST(ClusterWaitTest, AWaitForBroadcastsAndInboxOnDifferentNodesHearsBothWithoutPolling) {
  RedisCluster cluster;
  Bus bus(cluster.Url());
  const size_t log_node = cluster.OwnerOf(cluster.SlotOf(QueueKey("c", "*")));
  const std::string agent = AgentsOn(cluster, (log_node + 1) % 3, "c", 1)[0];
  Subscription subscription = bus.Subscribe("c", agent.c_str());
  for (const char* target : {agent.c_str(), static_cast<const char*>(nullptr), agent.c_str()}) {
    std::string got;
    std::thread waiting([&] {
      const Message message = Next(subscription);
      got = message.payload();
      bus.Ack(message);
    });
    ASSERT_TRUE(Eventually(kPatience, [&] { return Blocked(cluster) == 2; }));
    const std::string payload = target == nullptr ? "to all" : "to one";
    const auto sent = std::chrono::steady_clock::now();
    Put(bus, "c", target, payload);
    waiting.join();
    EXPECT_EQ(got, payload);
    EXPECT_LT(std::chrono::steady_clock::now() - sent, 1s);
  }
  // While it waits, the lease is renewed once a second, and nothing else is asked.
  std::thread waiting([&] { EXPECT_EQ(Next(subscription).payload(), "last"); });
  ASSERT_TRUE(Eventually(kPatience, [&] { return Blocked(cluster) == 2; }));
  std::vector<std::unique_ptr<Monitor>> monitors;
  for (size_t node = 0; node < 3; ++node) monitors.push_back(std::make_unique<Monitor>(cluster.node(node).address()));
  EXPECT_TRUE(Always(3s, [] { return true; }));
  size_t blpops = 0;
  size_t lines = 0;
  for (const auto& monitor : monitors) {
    for (const std::string& line : monitor->Take()) {
      blpops += line.find("\"BLPOP\"") != std::string::npos ? 1 : 0;
      // Not the registry's 16 parts, which are read every 10 seconds.
      lines += line.find("SUNION") == std::string::npos ? 1 : 0;
    }
  }
  EXPECT_EQ(blpops, 0u);
  EXPECT_LE(lines, 3u * 4);
  Put(bus, "c", agent.c_str(), "last");
  waiting.join();
}

TEST(ClusterWaitTest, ASubscriptionGoesOnWhileOneOfItsNodesIsAway) {
  RedisCluster::Options options;
  options.config["cluster-require-full-coverage"] = "no";
  RedisCluster cluster(options);
  Bus bus(cluster.Url());
  const size_t log_node = cluster.OwnerOf(cluster.SlotOf(QueueKey("c", "*")));
  const std::string agent = AgentsOn(cluster, (log_node + 1) % 3, "c", 1)[0];
  Subscription subscription = bus.Subscribe("c", agent.c_str());
  cluster.node(log_node).Kill9();
  for (int i = 0; i < 10; ++i) {
    Put(bus, "c", agent.c_str(), std::to_string(i));
    mq_message* handle = nullptr;
    // A fetch may say that it could not ask everywhere; the message comes all the same.
    ASSERT_TRUE(Eventually(5s, [&] { return mq_fetch(subscription.get(), 1000, &handle) == MQ_OK; }))
        << mq_last_error();
    const Message message(handle);
    EXPECT_EQ(message.payload(), std::to_string(i));
    bus.Ack(message);
  }
  cluster.node(log_node).Start();
  ASSERT_TRUE(Eventually(20s, [&] { return mq_publish(bus.get(), "c", Text("to all").get()) == MQ_OK; }))
      << mq_last_error();
  EXPECT_EQ(Next(subscription).payload(), "to all");
}

TEST(ClusterWaitTest, AThousandSubscriptionsWaitInOneProcess) {
  RaiseFileLimit();
  constexpr size_t kSubscriptions = 1000;
  RedisCluster cluster;
  Bus bus(cluster.Url("pool_size=10"));
  std::vector<Subscription> subscriptions;
  std::vector<pollfd> waiting;
  for (size_t i = 0; i < kSubscriptions; ++i) {
    subscriptions.push_back(bus.Subscribe("c", ("agent-" + std::to_string(i)).c_str()));
    waiting.push_back({subscriptions.back().fd(), POLLIN, 0});
  }
  // A connection for each inbox and sixteen for the broadcast log, where 1,000 groups wait on lists of one slot.
  constexpr int64_t kConnections = kSubscriptions + (kSubscriptions + 63) / 64;
  ASSERT_TRUE(Eventually(60s, [&] { return Blocked(cluster) >= kConnections - 100; })) << Blocked(cluster);
  EXPECT_LE(Blocked(cluster), kConnections);
  size_t connections = 0;
  for (size_t node = 0; node < 3; ++node) {
    RespClient client = cluster.node(node).Client();
    client.ResetStats();
    connections += client.Connections();
  }
  EXPECT_LE(connections, static_cast<size_t>(kConnections) + 3 * 10 + 3 + 6) << "six are the nodes' own";
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < kSubscriptions; ++i) Put(bus, "c", ("agent-" + std::to_string(i)).c_str(), "x");
    size_t got = 0;
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (got < kSubscriptions && std::chrono::steady_clock::now() < end) {
      poll(waiting.data(), waiting.size(), 1000);
      for (size_t i = 0; i < kSubscriptions; ++i) {
        if ((waiting[i].revents & POLLIN) == 0) continue;
        const std::optional<Message> message = subscriptions[i].Fetch(0ms);
        if (!message) continue;
        bus.Ack(*message);
        ++got;
      }
    }
    EXPECT_EQ(got, kSubscriptions);
  }
  EXPECT_EQ(bus.Count(), 0);
}

}  // namespace
}  // namespace agentmq::test
