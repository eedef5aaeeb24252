// Waiting on a cluster: lists of several slots, without polling; what it costs in connections.
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "integration/cluster_test.hpp"
#include "integration/crowd.hpp"

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

TEST(ClusterWaitTest, ANodeThatStandsStillHoldsUpNobodyWhoWaitsOnOthers) {
  RedisCluster::Options options;
  options.config["cluster-node-timeout"] = "60000";  // nobody takes it for dead
  RedisCluster cluster(options);
  Bus bus(cluster.Url("command_timeout=1s"));
  Bus publisher(cluster.Url());
  const size_t log_node = cluster.OwnerOf(cluster.SlotOf(QueueKey("c", "*")));
  const std::string here = AgentsOn(cluster, (log_node + 1) % 3, "c", 1)[0];
  const size_t still = (log_node + 2) % 3;
  std::vector<Subscription> there;
  for (const std::string& agent : AgentsOn(cluster, still, "c", 3)) {
    there.push_back(bus.Subscribe("c", agent.c_str()));
    there.back().fd();
  }
  Subscription subscription = bus.Subscribe("c", here.c_str());
  Put(publisher, "c", here.c_str(), "first");  // from now on it knows the queue
  EXPECT_EQ(Take(bus, subscription, 1), std::vector<std::string>{"first"});
  ASSERT_TRUE(Eventually(kPatience,
                         [&] { return cluster.node(still).Client().InfoNumber("clients", "blocked_clients") == 3; }));
  cluster.node(still).SigStop();
  std::vector<int64_t> waited;
  const auto end = std::chrono::steady_clock::now() + 8s;
  while (std::chrono::steady_clock::now() < end) {
    std::chrono::steady_clock::time_point got;
    std::thread waiting([&] {
      const Message message = Next(subscription);
      got = std::chrono::steady_clock::now();
      EXPECT_STATUS(MQ_OK, mq_ack(bus.get(), message.get()));
    });
    EXPECT_TRUE(Always(50ms, [] { return true; }));  // until it waits
    const auto sent = std::chrono::steady_clock::now();
    EXPECT_STATUS(MQ_OK, mq_publish(publisher.get(), "c", Text("x", here.c_str()).get()));
    waiting.join();
    waited.push_back(std::chrono::duration_cast<Milliseconds>(got - sent).count());
  }
  cluster.node(still).SigCont();
  std::sort(waited.begin(), waited.end());
  EXPECT_LT(waited.back(), 700) << "the next longest: " << waited[waited.size() - 2];
}

TEST(ClusterWaitTest, AThousandSubscriptionsWaitInOneProcess) {
  RaiseFileLimit();
  constexpr size_t kSubscriptions = 1000;
  RedisCluster cluster;
  Bus bus(cluster.Url("pool_size=10"));
  Crowd crowd(bus, kSubscriptions);
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
  for (int round = 0; round < 2; ++round) EXPECT_EQ(crowd.Serve(), kSubscriptions);
  EXPECT_EQ(bus.Count(), 0);
}

}  // namespace
}  // namespace agentmq::test
