// Slots that move while messages go in and out, masters that die: nothing is lost, nothing acked comes back.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "integration/cluster_test.hpp"

namespace agentmq::test {
namespace {

// Publishers and consumers of some agents' inboxes until they are told to stop, and what became of each message.
class Traffic {
 public:
  Traffic(const std::string& url, const std::vector<std::string>& agents)
      : bus_(url, {{"max_items", "0"}, {"command_timeout", "20s"}, {"breaker_failures", "0"}}) {
    for (const std::string& agent : agents) {
      threads_.emplace_back([this, agent] { Publish(agent); });
      threads_.emplace_back([this, agent] { Consume(agent); });
    }
  }
  ~Traffic() {
    if (!stop_) Stop();
  }

  size_t acked() {
    const std::lock_guard lock(mutex_);
    return acked_.size();
  }
  bool Goes(size_t more = 200) {
    const size_t before = acked();
    return Eventually(30s, [&] { return acked() > before + more; });
  }
  // Takes what is left, then judges.
  void Stop() {
    publishing_ = false;
    EXPECT_TRUE(Eventually(30s, [&] {
      const std::lock_guard lock(mutex_);
      return acked_.size() >= stored_.size();
    }));
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    const std::lock_guard lock(mutex_);
    for (const std::string& payload : stored_) EXPECT_EQ(acked_.count(payload), 1u) << payload << " is lost";
    EXPECT_TRUE(came_back_.empty()) << *came_back_.begin() << " came back after its ack";
  }
  // Publishes that were not answered MQ_OK.
  int failures() const { return failures_; }
  std::string failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  void Publish(const std::string& agent) {
    for (int i = 0; publishing_; ++i) {
      // One alone, or a batch that goes beside its script.
      const size_t count = i % 3 == 0 ? 40 : 1;
      const std::vector<Message> messages = Texts(count, agent.c_str(), agent + "." + std::to_string(i) + ".");
      std::vector<mq_message*> handles;
      for (const Message& message : messages) handles.push_back(message.get());
      std::vector<int32_t> results(count, MQ_INTERNAL);
      (void)mq_publish_batch(bus_.get(), "c", handles.data(), count, results.data(), nullptr);
      const std::lock_guard lock(mutex_);
      for (size_t k = 0; k < count; ++k) {
        if (results[k] == MQ_OK) {
          stored_.insert(std::string(messages[k].payload()));
        } else {
          ++failures_;
          failure_ = mq_last_error();
        }
      }
    }
  }
  void Consume(const std::string& agent) {
    Subscription subscription = bus_.Subscribe("c", agent.c_str(), {{"prefetch", "32"}});
    while (!stop_) {
      mq_message* handle = nullptr;
      if (mq_fetch(subscription.get(), 200, &handle) != MQ_OK) continue;
      const Message message(handle);
      const std::string payload(message.payload());
      {
        const std::lock_guard lock(mutex_);
        if (acked_.count(payload) != 0) came_back_.insert(payload);
      }
      if (!AckSurely(bus_, message, stop_)) continue;
      const std::lock_guard lock(mutex_);
      acked_.insert(payload);
    }
  }

  Bus bus_;
  std::mutex mutex_;
  std::set<std::string> stored_, acked_, came_back_;
  std::string failure_;
  std::atomic<int> failures_{0};
  std::atomic<bool> publishing_{true};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

TEST(ClusterMoveTest, SlotsMoveUnderTrafficAndNothingIsLost) {
  RedisCluster cluster;
  const std::vector<std::string> agents = AgentsOn(cluster, 0, "c", 2);
  Traffic traffic(cluster.Url(), agents);
  ASSERT_TRUE(traffic.Goes());
  size_t from = 0;
  for (int round = 0; round < 4; ++round) {
    const size_t to = (from + 1) % 3;
    for (const std::string& agent : agents) {
      // Also while the slot stands between the two for a while.
      cluster.Move(cluster.SlotOf(QueueKey("c", agent)), from, to,
                   [] { EXPECT_TRUE(Always(kMoment, [] { return true; })); });
    }
    EXPECT_TRUE(traffic.Goes()) << "round " << round << ": " << traffic.failure();
    from = to;
  }
  traffic.Stop();
  EXPECT_EQ(traffic.failures(), 0) << traffic.failure();
}

TEST(ClusterMoveTest, ASlotGoesToANodeThatHadNone) {
  RedisCluster::Options options;
  options.spare = 1;
  RedisCluster cluster(options);
  Bus bus(cluster.Url());
  const std::string agent = AgentsOn(cluster, 1, "c", 1)[0];
  const int slot = cluster.SlotOf(QueueKey("c", agent));
  Put(bus, "c", agent.c_str(), "before");
  Subscription subscription = bus.Subscribe("c", agent.c_str());
  cluster.Move(slot, 1, 3);
  Put(bus, "c", agent.c_str(), "after");
  EXPECT_EQ(Take(bus, subscription, 2), (std::vector<std::string>{"before", "after"}));
  EXPECT_GT(cluster.node(3).Client().Number({"DBSIZE"}), 0);
}

// What is asked for while all keys are gone and the slot is not: ASK, and answers from there.
TEST(ClusterMoveTest, AKeyThatHasGoneIsAskedForWhereItWent) {
  RedisCluster cluster;
  Bus bus(cluster.Url());
  const std::string agent = AgentsOn(cluster, 0, "c", 1)[0];
  Put(bus, "c", agent.c_str(), "x");
  int64_t stored = 0;
  cluster.Move(cluster.SlotOf(QueueKey("c", agent)), 0, 1,
               [&] { stored = nlohmann::json::parse(bus.Stats("c")).at("totals").at("stored").get<int64_t>(); });
  EXPECT_EQ(stored, 1);
}

TEST(ClusterMoveTest, AWriteWaitsUntilTheSlotHasMoved) {
  RedisCluster cluster;
  Bus bus(cluster.Url("command_timeout=1s"));
  const std::string agent = AgentsOn(cluster, 0, "c", 1)[0];
  Put(bus, "c", agent.c_str(), "x");
  std::atomic<bool> done{false};
  std::thread publisher;
  cluster.Move(cluster.SlotOf(QueueKey("c", agent)), 0, 1, [&] {
    publisher = std::thread([&] {
      Put(bus, "c", agent.c_str(), "y");
      done = true;
    });
    // Longer than command_timeout: that a slot moves is no outage.
    EXPECT_TRUE(Always(2s, [&] { return !done; }));
  });
  publisher.join();
  EXPECT_TRUE(done);
  EXPECT_EQ(bus.Count(), 2);
}

TEST(ClusterMoveTest, AReplicaThatTakesOverIsFollowed) {
  RedisCluster::Options options;
  options.replicas = 1;
  RedisCluster cluster(options);
  const std::string agent = AgentsOn(cluster, 0, "c", 1)[0];
  const int slot = cluster.SlotOf(QueueKey("c", agent));
  Bus bus(cluster.Url("command_timeout=20s&breaker_failures=0"));
  Subscription subscription = bus.Subscribe("c", agent.c_str());
  Put(bus, "c", agent.c_str(), "before");
  // What a replica has not got yet is lost with its master: that is not what is tested here.
  RespClient master = cluster.node(0).Client();
  ASSERT_EQ(master.Number({"WAIT", "1", "10000"}), 1);
  std::thread waiting;
  std::atomic<int> got{0};
  EXPECT_EQ(Take(bus, subscription, 1), std::vector<std::string>{"before"});
  waiting = std::thread([&] { got += static_cast<int>(Take(bus, subscription, 1).size()); });
  ASSERT_EQ(master.Number({"WAIT", "1", "10000"}), 1);
  cluster.node(0).Kill9();
  // Publishing waits out the failover, and who waited on the old master hears of it from the new one.
  Put(bus, "c", agent.c_str(), "after");
  waiting.join();
  EXPECT_EQ(got, 1);
  EXPECT_EQ(cluster.OwnerOf(slot), 3u);
}

TEST(ClusterMoveTest, AMasterThatStandsStillIsLeftWhenItIsReplaced) {
  RedisCluster::Options options;
  options.replicas = 1;
  RedisCluster cluster(options);
  const std::string agent = AgentsOn(cluster, 0, "c", 1)[0];
  Bus bus(cluster.Url("command_timeout=2s&breaker_failures=0"));
  Subscription subscription = bus.Subscribe("c", agent.c_str());
  std::atomic<bool> got{false};
  std::thread waiting([&] {
    EXPECT_EQ(Next(subscription).payload(), "x");
    got = true;
  });
  ASSERT_TRUE(
      Eventually(kPatience, [&] { return cluster.node(0).Client().InfoNumber("clients", "blocked_clients") > 0; }));
  ASSERT_EQ(cluster.node(0).Client().Number({"WAIT", "1", "10000"}), 1);
  cluster.node(0).SigStop();
  EXPECT_TRUE(Eventually(20s, [&] { return mq_publish(bus.get(), "c", Text("x", agent.c_str()).get()) == MQ_OK; }));
  // Not the 20 seconds of a blocked wait: the map says that another node serves it.
  EXPECT_TRUE(Eventually(6s, [&] { return got.load(); }));
  waiting.join();
  cluster.node(0).SigCont();
}

TEST(ClusterMoveTest, AClusterThatIsDownIsWaitedFor) {
  RedisCluster cluster;  // without replicas, and every slot has to be served
  Bus bus(cluster.Url("command_timeout=20s&breaker_failures=0"));
  const std::string there = AgentsOn(cluster, 0, "c", 1)[0];
  Put(bus, "c", there.c_str(), "x");
  cluster.node(2).Kill9();
  ASSERT_TRUE(Eventually(kPatience, [&] {
    return cluster.node(0).Client().Do({"GET", "{agentmq:default:c/" + there + "}:x"}).text.starts_with("CLUSTERDOWN");
  }));
  std::atomic<bool> done{false};
  std::thread publisher([&] {
    Put(bus, "c", there.c_str(), "y");
    done = true;
  });
  EXPECT_TRUE(Always(kMoment, [&] { return !done; }));
  cluster.node(2).Start();
  publisher.join();
  EXPECT_EQ(bus.Count(), 2);
}

}  // namespace
}  // namespace agentmq::test
