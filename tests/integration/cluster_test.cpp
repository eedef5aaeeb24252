// A bus on a cluster: how it finds the nodes, what goes to which, and what it says of them.
#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>

#include "integration/cluster_test.hpp"

namespace agentmq::test {
namespace {

TEST(ClusterTest, OneNodeTellsOfAllOthers) {
  RedisCluster cluster;
  for (size_t node = 0; node < cluster.size(); ++node) {
    Bus bus = Bus::OpenCluster({cluster.node(node).address()}, {{"namespace", "one"}});
    for (int i = 0; i < 20; ++i) Put(bus, "c", ("a" + std::to_string(i)).c_str(), "x");
    EXPECT_EQ(bus.Count({{"channel", "c"}}), static_cast<int64_t>(20 * (node + 1)));
  }
  for (size_t node = 0; node < cluster.size(); ++node) {
    EXPECT_GT(cluster.node(node).Client().Number({"DBSIZE"}), 0) << "nothing went to node " << node;
  }
}

TEST(ClusterTest, SeedsThatAreAwayArePassedOver) {
  RedisCluster cluster;
  const ReservedPort nobody;
  Bus bus = Bus::OpenCluster({nobody.address(), cluster.node(1).address()});
  Put(bus, "c", "a", "x");
  EXPECT_EQ(StatusOf([&] { Bus::OpenCluster({nobody.address()}, {{"open_timeout", "200ms"}}); }), MQ_UNAVAILABLE);
}

TEST(ClusterTest, WhatIsNoClusterIsSaidToBeNone) {
  RedisServer::Options options;
  options.tcp = true;
  const RedisServer server(options);
  EXPECT_EQ(StatusOf([&] { Bus::OpenCluster({server.address()}); }), MQ_UNSUPPORTED);
  EXPECT_NE(std::string(mq_last_error()).find("not part of a cluster"), std::string::npos) << mq_last_error();
}

TEST(ClusterTest, BadNodesAreRefused) {
  mq_bus* bus = nullptr;
  const char* const none[] = {nullptr};
  const char* const odd[] = {"127.0.0.1:1,x"};
  const char* const port[] = {"127.0.0.1:99999"};
  EXPECT_STATUS(MQ_INVALID, mq_open_cluster(none, 1, nullptr, &bus));
  EXPECT_STATUS(MQ_INVALID, mq_open_cluster(odd, 1, nullptr, &bus));
  EXPECT_STATUS(MQ_INVALID, mq_open_cluster(port, 1, nullptr, &bus));
  EXPECT_STATUS(MQ_INVALID, mq_open_cluster(none, 0, nullptr, &bus));
  EXPECT_STATUS(MQ_INVALID, mq_open_cluster(nullptr, 1, nullptr, &bus));
  EXPECT_STATUS(MQ_INVALID, mq_open("redis-cluster://127.0.0.1:1/3", nullptr, &bus));
  EXPECT_EQ(bus, nullptr);
}

TEST(ClusterTest, IPv6NodesAreReached) {
  RedisCluster::Options options;
  options.host = "::1";
  RedisCluster cluster(options);
  Bus bus(cluster.Url());
  for (int i = 0; i < 20; ++i) Put(bus, "c", ("a" + std::to_string(i)).c_str(), "x");
  EXPECT_EQ(bus.Count(), 20);
}

#if AGENTMQ_HIREDIS_SSL
TEST(ClusterTest, OverTlsEachNodeIsWhoItsCertificateNames) {
  RedisCluster::Options options;
  options.tls = true;
  RedisCluster cluster(options);
  {
    Bus bus(cluster.Url());
    for (int i = 0; i < 20; ++i) Put(bus, "c", ("a" + std::to_string(i)).c_str(), "x");
    EXPECT_EQ(bus.Count(), 20);
    const std::string agent = AgentsOn(cluster, 0, "c", 1)[0];
    cluster.Move(cluster.SlotOf(QueueKey("c", agent)), 0, 1);
    Put(bus, "c", agent.c_str(), "y");  // redirected to the other's port for TLS
  }
  // Told of by address the nodes are not those that the certificate names.
  for (size_t node = 0; node < cluster.size(); ++node) {
    cluster.node(node).Client().Must({"CONFIG", "SET", "cluster-preferred-endpoint-type", "ip"});
  }
  EXPECT_EQ(StatusOf([&] { Bus bus(cluster.Url()); }), MQ_TLS);
  EXPECT_NE(std::string(mq_last_error()).find("127.0.0.1"), std::string::npos) << mq_last_error();
}
#endif

TEST(ClusterTest, NodesThatDoNotKnowTheirAddressAreWhereTheyWereAsked) {
  RedisCluster::Options options;
  options.config["cluster-preferred-endpoint-type"] = "unknown-endpoint";
  RedisCluster cluster(options);
  Bus bus(cluster.Url());
  for (int i = 0; i < 20; ++i) Put(bus, "c", ("a" + std::to_string(i)).c_str(), "x");
  EXPECT_EQ(bus.Count(), 20);
  // A redirection without a host, too.
  const int slot = cluster.SlotOf(QueueKey("c", "a0"));
  const size_t owner = cluster.OwnerOf(slot);
  cluster.Move(slot, owner, (owner + 1) % 3);
  Put(bus, "c", "a0", "y");
  EXPECT_EQ(bus.Count(), 21);
}

TEST(ClusterTest, ANodeThatNobodyReachesIsNamedAndTheOthersServe) {
  RedisCluster cluster;
  const ReservedPort nowhere;
  cluster.node(2).Client().Must({"CONFIG", "SET", "cluster-announce-port", std::to_string(nowhere.number())});
  // A bus that doubts what one node says asks the others.
  for (size_t node = 0; node < 3; ++node) {
    ASSERT_TRUE(Eventually(kPatience, [&] {
      const Reply slots = cluster.node(node).Client().Must({"CLUSTER", "SLOTS"});
      return std::any_of(slots.items.begin(), slots.items.end(),
                         [&](const Reply& range) { return range.items[2].items[1].number == nowhere.number(); });
    }));
  }
  Bus bus = Bus::OpenCluster({cluster.node(0).address()}, {{"command_timeout", "1s"}});
  const std::string there = AgentsOn(cluster, 0, "c", 1)[0];
  const std::string away = AgentsOn(cluster, 2, "c", 1)[0];
  Put(bus, "c", there.c_str(), "x");
  EXPECT_STATUS(MQ_UNAVAILABLE, mq_publish(bus.get(), "c", Text("x", away.c_str()).get()));
  EXPECT_NE(std::string(mq_last_error()).find(nowhere.address()), std::string::npos) << mq_last_error();
  // In a batch each queue has what its node answered.
  const std::vector<Message> messages = [&] {
    std::vector<Message> some;
    for (const std::string& target : {there, away}) some.push_back(Text("y", target.c_str()));
    return some;
  }();
  mq_message* const batch[] = {messages[0].get(), messages[1].get()};
  int32_t results[2] = {-1, -1};
  size_t published = 0;
  EXPECT_STATUS(MQ_PARTIAL, mq_publish_batch(bus.get(), "c", batch, 2, results, &published));
  EXPECT_EQ(published, 1u);
  EXPECT_EQ(results[0], MQ_OK);
  EXPECT_EQ(results[1], MQ_UNAVAILABLE);
}

TEST(ClusterTest, ABatchToManyQueuesIsOneRoundTripToEachNode) {
  RedisCluster::Options options;
  options.config["cluster-node-timeout"] = "15000";
  RedisCluster cluster(options);
  constexpr size_t kEach = 30;
  Bus bus(cluster.Url());
  std::vector<Message> messages;
  for (size_t node = 0; node < cluster.size(); ++node) {
    for (const std::string& agent : AgentsOn(cluster, node, "c", kEach)) messages.push_back(Text("x", agent.c_str()));
  }
  EXPECT_EQ(bus.PublishBatch("c", messages), 3 * kEach);  // queues and connections are there then
  std::vector<std::unique_ptr<Monitor>> monitors;
  for (size_t node = 0; node < cluster.size(); ++node) {
    monitors.push_back(std::make_unique<Monitor>(cluster.node(node).address()));
  }
  for (size_t node = 0; node < cluster.size(); ++node) cluster.node(node).SigStop();
  std::atomic<bool> done{false};
  std::vector<Message> again;
  for (const Message& message : messages) again.push_back(Text("y", std::string(message.target()).c_str()));
  std::thread publisher([&] {
    EXPECT_EQ(bus.PublishBatch("c", again), 3 * kEach);
    done = true;
  });
  // Woken one by one from the last to the first, each finds its part there: all was written before any answer came.
  for (size_t node = cluster.size(); node-- > 0;) {
    EXPECT_TRUE(Always(kMoment, [&] { return !done; }));
    cluster.node(node).SigCont();
    EXPECT_TRUE(Eventually(kPatience,
                           [&] {
                             const std::vector<std::string> lines = monitors[node]->Take();
                             return std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
                               return line.find("EVALSHA") != std::string::npos ||
                                      line.find("evalsha") != std::string::npos;
                             });
                           }))
        << "node " << node;
  }
  publisher.join();
  EXPECT_EQ(bus.Count(), static_cast<int64_t>(6 * kEach));
}

TEST(ClusterTest, RegistryCountsAndClearingAreOverAllNodes) {
  RedisCluster cluster;
  Bus bus(cluster.Url());
  for (int i = 0; i < 60; ++i) Put(bus, i % 2 == 0 ? "even" : "odd", ("a" + std::to_string(i)).c_str(), "x");
  EXPECT_EQ(bus.Count(), 60);
  EXPECT_EQ(bus.Count({{"channel", "odd"}}), 30);
  EXPECT_EQ(bus.Find({}, 100, 0).size(), 60u);
  EXPECT_EQ(bus.Clear("odd"), 30);
  EXPECT_EQ(bus.Count(), 30);
  EXPECT_EQ(bus.Clear("*"), 30);
  EXPECT_EQ(bus.Count(), 0);
}

TEST(ClusterTest, HealthIsThatOfTheWorstNode) {
  RedisCluster cluster;
  Bus bus(cluster.Url("health_degraded=20s&health_unhealthy=30s"));
  mq_health_state state = MQ_UNHEALTHY;
  const auto report = [&] {
    char* text = nullptr;
    EXPECT_STATUS(MQ_OK, mq_health(bus.get(), &state, &text));
    const auto json = nlohmann::json::parse(text);
    mq_free(text);
    return json;
  };
  EXPECT_EQ(report().at("servers").size(), 3u);
  EXPECT_EQ(state, MQ_HEALTHY);
  cluster.node(1).Client().Must({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  const auto degraded = report();
  EXPECT_EQ(state, MQ_DEGRADED);
  EXPECT_NE(degraded.at("advice").dump().find("node " + cluster.node(1).address() + " may evict"), std::string::npos)
      << degraded.at("advice");
  cluster.node(2).Kill9();
  report();
  EXPECT_EQ(state, MQ_UNHEALTHY);
}

TEST(ClusterTest, ScriptsThatANodeLostAreLoadedThere) {
  RedisCluster cluster;
  Bus bus(cluster.Url());
  for (size_t node = 0; node < cluster.size(); ++node) {
    const std::string agent = AgentsOn(cluster, node, "c", 1)[0];
    Put(bus, "c", agent.c_str(), "x");
    cluster.node(node).Client().Must({"SCRIPT", "FLUSH"});
    Put(bus, "c", agent.c_str(), "y");
    cluster.node(node).Client().Must({"SCRIPT", "FLUSH"});
    bus.PublishBatch("c", Texts(100, agent.c_str()));
    Subscription subscription = bus.Subscribe("c", agent.c_str());
    cluster.node(node).Client().Must({"SCRIPT", "FLUSH"});
    EXPECT_EQ(Take(bus, subscription, 102).size(), 102u);
  }
  EXPECT_EQ(bus.Count(), 0);
}

}  // namespace
}  // namespace agentmq::test
