// Publishing that waits for disks, on a server that can tell of them (WAITAOF): what is reached, and what is not.
#include <algorithm>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

RedisServer::Options Valkey(const std::map<std::string, std::string>& config) {
  RedisServer::Options options;
  options.program = "valkey-server";
  options.tcp = true;
  options.config = config;
  options.config["repl-diskless-sync-delay"] = "0";
  return options;
}

const std::map<std::string, std::string> kOnDisk{{"appendonly", "yes"}, {"appendfsync", "everysec"}};

class FsyncTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasProgram("valkey-server")) GTEST_SKIP() << "there is no valkey-server";
  }

  // Answers when it follows the master.
  static std::unique_ptr<RedisServer> ReplicaOf(const RedisServer& master, std::map<std::string, std::string> config) {
    config["replicaof"] = "127.0.0.1 " + std::to_string(master.port());
    auto replica = std::make_unique<RedisServer>(Valkey(config));
    EXPECT_TRUE(
        Eventually(kPatience, [&] { return replica->Client().Info("replication")["master_link_status"] == "up"; }));
    return replica;
  }
};

TEST_F(FsyncTest, WhatIsOnTheServersDiskIsOkAndSaysSo) {
  RedisServer server(Valkey(kOnDisk));
  Bus bus(server.Url("fsync=true&durability_timeout=4s"));
  Message message = Text("x", "a");
  EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", message.get()));
  EXPECT_TRUE(message.fsynced());
  EXPECT_EQ(message.replicas(), 0);
  // By message, where the bus does not ask for it.
  Bus plain(server.Url());
  Message unasked = Text("y", "a");
  Message asked = Text("z", "a");
  asked.SetFsync(true);
  plain.Publish("c", unasked);
  plain.Publish("c", asked);
  EXPECT_FALSE(unasked.fsynced());
  EXPECT_TRUE(asked.fsynced());
  server.Kill9();
  server.Start();
  Bus after(server.Url());
  Subscription subscription = after.Subscribe("c", "a");
  EXPECT_EQ(Take(after, subscription, 3), (std::vector<std::string>{"x", "y", "z"}));
}

TEST_F(FsyncTest, OneWaitCoversABatchOfManyQueues) {
  const RedisServer server(Valkey(kOnDisk));
  Bus bus(server.Url("fsync=true&durability_timeout=4s"));
  std::vector<Message> batch;
  for (int i = 0; i < 300; ++i) batch.push_back(Text("x", ("a" + std::to_string(i % 10)).c_str()));
  Monitor monitor(server.address());
  EXPECT_EQ(bus.PublishBatch("c", batch), batch.size());
  const std::vector<std::string> lines = monitor.Take();
  const auto waits = std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("\"WAITAOF\" \"1\" \"0\"") != std::string::npos;
  });
  EXPECT_EQ(waits, 1);
  for (const Message& message : batch) EXPECT_TRUE(message.fsynced());
}

TEST_F(FsyncTest, WithoutAnAppendOnlyFileItIsPartial) {
  const RedisServer server(Valkey({{"appendonly", "no"}}));
  Bus bus(server.Url("fsync=true&durability_timeout=50ms"));
  Message message = Text("x", "a");
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(bus.get(), "c", message.get()));
  EXPECT_TRUE(ErrorSays("appendonly"));
  EXPECT_FALSE(message.fsynced());
  EXPECT_EQ(bus.Count(), 1) << "it is stored all the same";
}

// The disk is asked once a second: who waits for less is told the truth.
TEST_F(FsyncTest, ADiskThatIsTooSlowIsPartial) {
  const RedisServer server(Valkey(kOnDisk));
  Bus bus(server.Url("fsync=true&durability_timeout=4s"));
  int reached = 0;
  int missed = 0;
  Bus hasty(server.Url("fsync=true&durability_timeout=1ms"));
  EXPECT_TRUE(Eventually(kPatience, [&] {
    Message message = Text("x", "a");
    const mq_status status = mq_publish(hasty.get(), "c", message.get());
    EXPECT_EQ(status == MQ_OK, message.fsynced());
    ++(status == MQ_OK ? reached : missed);
    return status == MQ_PARTIAL && ErrorSays("no disk");
  }));
  Message message = Text("x", "a");
  EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", message.get()));
  EXPECT_TRUE(message.fsynced());
  EXPECT_EQ(bus.Count(), reached + missed + 1);
}

TEST_F(FsyncTest, AReplicasDiskCountsWhereReplicasAreAskedForToo) {
  RedisServer server(Valkey(kOnDisk));
  Bus bus(server.Url("fsync=true&min_replicas=1&durability_timeout=4s"));
  Bus hasty(server.Url("fsync=true&min_replicas=1&durability_timeout=3500ms"));
  Message alone = Text("alone", "a");
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(hasty.get(), "c", alone.get()));
  EXPECT_TRUE(ErrorSays("0 of 1 replicas"));
  EXPECT_TRUE(alone.fsynced()) << "the master's own disk has it";
  EXPECT_EQ(alone.replicas(), 0);
  auto forgetful = ReplicaOf(server, {{"appendonly", "no"}});
  Message in_memory = Text("in its memory", "a");
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(hasty.get(), "c", in_memory.get()));
  EXPECT_TRUE(in_memory.fsynced());
  EXPECT_EQ(in_memory.replicas(), 0) << "a replica that keeps nothing on its disk";
  auto replica = ReplicaOf(server, kOnDisk);
  Message both = Text("on both", "a");
  EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", both.get()));
  EXPECT_TRUE(both.fsynced());
  EXPECT_EQ(both.replicas(), 1);
  // All at once go, and only the replica's disk is left.
  server.Kill9();
  replica->Kill9();
  replica->Start();
  replica->Client().Must({"REPLICAOF", "NO", "ONE"});
  Bus after(replica->Url());
  Subscription subscription = after.Subscribe("c", "a");
  EXPECT_EQ(Take(after, subscription, 3), (std::vector<std::string>{"alone", "in its memory", "on both"}));
}

}  // namespace
}  // namespace agentmq::test
