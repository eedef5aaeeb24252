// Publishing that waits for replicas and disks: what is reached is told, one wait covers a batch, and what was confirmed
// survives a failover that loses what was not.
#include <algorithm>
#include <cstring>
#include <thread>

#include "integration/cluster_test.hpp"
#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

RedisServer::Options Listening() {
  RedisServer::Options options;
  options.tcp = true;
  options.config = {{"repl-diskless-sync-delay", "0"}};
  return options;
}

RedisServer::Options ReplicaOf(int port) {
  RedisServer::Options options = Listening();
  options.config["replicaof"] = "127.0.0.1 " + std::to_string(port);
  return options;
}

class DurabilityTest : public RedisTest {
 protected:
  DurabilityTest() : RedisTest(Listening()), replica_(ReplicaOf(link_.port())) {
    EXPECT_TRUE(Eventually(kPatience, [&] {
      return server_.Client().Must({"INFO", "replication"}).text.find("state=online") != std::string::npos;
    }));
  }

  Proxy link_{server_.address()};  // between master and replica
  RedisServer replica_;
};

TEST_F(DurabilityTest, WhatAReplicaHasIsOkAndSaysHowMany) {
  Bus bus(Url("min_replicas=1&durability_timeout=4s"));
  Message message = Text("x", "a");
  EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", message.get()));
  EXPECT_EQ(message.replicas(), 1);
  std::string encoded(1 << 10, '\0');
  size_t size = 0;
  ASSERT_STATUS(MQ_OK, mq_message_encode(message.get(), encoded.data(), encoded.size(), &size));
  int32_t reached = 0;
  std::memcpy(&reached, encoded.data() + 16 + 120, sizeof reached);
  EXPECT_EQ(reached, 1) << "docs/encoding.md";
  Message more = Text("y", "a");
  more.SetMinReplicas(2);
  Bus impatient(Url("durability_timeout=2s"));
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(impatient.get(), "c", more.get()));
  EXPECT_TRUE(ErrorSays("1 of 2 replicas"));
  EXPECT_EQ(more.replicas(), 1);
  EXPECT_EQ(bus.Count(), 2);
}

TEST_F(DurabilityTest, OneWaitCoversABatchOfManyQueues) {
  Bus bus(Url("min_replicas=1&durability_timeout=4s"));
  std::vector<Message> batch;
  for (int i = 0; i < 300; ++i) batch.push_back(Text("x", ("a" + std::to_string(i % 10)).c_str()));
  bus.PublishBatch("c", batch);
  Monitor monitor(server_.address());
  std::vector<Message> again = Texts(2500, "a0");
  for (int i = 0; i < 300; ++i) again.push_back(Text("x", ("a" + std::to_string(i % 10)).c_str()));
  EXPECT_EQ(bus.PublishBatch("c", again), again.size());
  const std::vector<std::string> lines = monitor.Take();
  const auto waits = std::count_if(lines.begin(), lines.end(),
                                   [](const std::string& line) { return line.find("\"WAIT\"") != std::string::npos; });
  EXPECT_EQ(waits, 1);
  for (const Message& message : again) EXPECT_EQ(message.replicas(), 1);
}

TEST_F(DurabilityTest, AReplicaThatFallsSilentCostsDurabilityTimeoutAndNoMore) {
  Bus bus(Url("min_replicas=1&durability_timeout=1s"));
  EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", Text("x", "a").get()));
  replica_.SigStop();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(bus.get(), "c", Text("y", "a").get()));
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(took, 900ms);
  EXPECT_LT(took, 4s) << "command_timeout is 5 s";
  replica_.SigCont();
  EXPECT_TRUE(Eventually(kPatience, [&] { return mq_publish(bus.get(), "c", Text("z", "a").get()) == MQ_OK; }));
}

TEST_F(DurabilityTest, WhatWasConfirmedSurvivesAFailoverAndTheRestMayNot) {
  Bus bus(Url("durability_timeout=4s"));
  Message confirmed = Text("confirmed", "a");
  confirmed.SetMinReplicas(1);
  EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", confirmed.get()));
  // The replica is cut off: what is acknowledged now is on the master alone.
  link_.BlackHole(true);
  EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", Text("not confirmed", "a").get()));
  Message partial = Text("partial", "a");
  partial.SetMinReplicas(1);
  Bus impatient(Url("durability_timeout=50ms"));
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(impatient.get(), "c", partial.get()));
  server_.Kill9();
  replica_.Client().Must({"REPLICAOF", "NO", "ONE"});
  Bus after(replica_.Url());
  Subscription subscription = after.Subscribe("c", "a");
  EXPECT_EQ(Take(after, subscription, 1), std::vector<std::string>{"confirmed"});
  EXPECT_FALSE(subscription.Fetch(kMoment)) << "docs/guarantees.md says that an unconfirmed one is lost here";
}

TEST_F(DurabilityTest, ALostAnswerIsAskedForAgainAndConfirmed) {
  Proxy proxy(server_.address());
  Bus bus(proxy.Url("min_replicas=1&durability_timeout=4s&reconnect_base=1ms"));
  EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", Text("warm up", "a").get()));
  for (int i = 0; i < 5; ++i) {
    proxy.HoldNext("held-" + std::to_string(i), true);
    Message message = Text("held-" + std::to_string(i), "a");
    EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", message.get()));
    EXPECT_EQ(message.replicas(), 1);
  }
  EXPECT_EQ(Bus(Url()).Count(), 6);
}

TEST_F(DurabilityTest, AskingForTheDiskSaysWhereTheServerCanNotTell) {
  Bus bus(Url("fsync=true&durability_timeout=50ms"));
  Message message = Text("x", "a");
  const bool has_waitaof = !server_.Client().Must({"COMMAND", "INFO", "WAITAOF"}).items.at(0).items.empty();
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(bus.get(), "c", message.get()));
  EXPECT_TRUE(ErrorSays(has_waitaof ? "appendonly" : "WAITAOF"));
  EXPECT_FALSE(message.fsynced());
  EXPECT_EQ(bus.Count(), 1);
}

// The answer to the publish came, that of its replica did not, and another node has the other part of the batch confirmed.
TEST(DurabilityClusterTest, ANodeThatIsLostBeforeItConfirmedIsNotCoveredByAnother) {
  RedisCluster::Options options;
  options.replicas = 1;
  options.config = {{"cluster-node-timeout", "30000"}, {"repl-diskless-sync-delay", "0"}};
  RedisCluster cluster(options);
  for (size_t node = 0; node < options.masters; ++node) {
    EXPECT_TRUE(Eventually(kPatience, [&] {
      return cluster.node(node).Client().Must({"INFO", "replication"}).text.find("state=online") != std::string::npos;
    }));
  }
  const std::string first = AgentsOn(cluster, 0, "c", 1)[0];
  const std::string second = AgentsOn(cluster, 1, "c", 1)[0];
  Bus bus(cluster.Url("min_replicas=1&durability_timeout=20s&command_timeout=30s"));
  const auto publish = [&] {
    std::vector<Message> messages;
    messages.push_back(Text("x", first.c_str()));
    messages.push_back(Text("y", second.c_str()));
    mq_message* handles[] = {messages[0].get(), messages[1].get()};
    std::vector<int32_t> results(2, MQ_INTERNAL);
    mq_publish_batch(bus.get(), "c", handles, 2, results.data(), nullptr);
    return results;
  };
  EXPECT_EQ(publish(), (std::vector<int32_t>{MQ_OK, MQ_OK}));
  const size_t replica = options.masters;  // of the first master
  cluster.node(replica).SigStop();
  std::vector<int32_t> results;
  std::thread publisher([&] { results = publish(); });
  RespClient client = cluster.node(0).Client();
  EXPECT_TRUE(Eventually(kPatience, [&] { return client.Number({"HLEN", QueueKey("c", first)}) == 2; }));
  EXPECT_TRUE(Eventually(kPatience, [&] {
    client.Must({"CLIENT", "KILL", "TYPE", "normal"});
    return Eventually(kMoment, [&] { return client.Info("clients")["blocked_clients"] == "0"; });
  }));
  publisher.join();
  cluster.node(replica).SigCont();
  EXPECT_EQ(results[0], MQ_PARTIAL) << mq_status_name(static_cast<mq_status>(results[0]));
  EXPECT_NE(results[1], MQ_OK) << "what is told is the least of both";
}

}  // namespace
}  // namespace agentmq::test
