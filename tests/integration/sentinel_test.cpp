// A master that sentinels tell of: found through any of them, followed when it changes.
#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "integration/redis_test.hpp"
#include "support/sentinel_team.hpp"

namespace agentmq::test {
namespace {

testing::AssertionResult Fails(const std::string& url, mq_status expected, const std::vector<std::string>& words) {
  mq_bus* bus = nullptr;
  const mq_status status = mq_open(url.c_str(), Config{{"open_timeout", "500ms"}}.get(), &bus);
  const std::string sentence = status == MQ_OK ? "" : mq_last_error();
  mq_close(bus);
  bool all = status == expected;
  for (const std::string& word : words) all = all && sentence.find(word) != std::string::npos;
  if (all) return testing::AssertionSuccess();
  return testing::AssertionFailure() << url << ": " << mq_status_name(status) << ": " << sentence;
}

std::string State(Bus& bus) {
  mq_health_state state = MQ_UNHEALTHY;
  char* json = nullptr;
  if (mq_health(bus.get(), &state, &json) != MQ_OK) return mq_last_error();
  mq_free(json);
  return state == MQ_HEALTHY ? "healthy" : state == MQ_DEGRADED ? "degraded" : "unhealthy";
}

// "" while it changes: clients are cut off then.
std::string RoleOf(const RedisServer& server) {
  try {
    return server.Client().Info("replication")["role"];
  } catch (const std::runtime_error&) {
    return "";
  }
}

// Whether an event of this name is in the log from now on.
bool Logged(Bus& bus, const std::string& event) {
  return Eventually(kPatience, [&] {
    char* json = nullptr;
    if (mq_next_log(bus.get(), 0, &json) != MQ_OK) return false;
    const bool is_it = nlohmann::json::parse(json)["event"] == event;
    mq_free(json);
    return is_it;
  });
}

// One agent that publishes numbers without end and one that takes them.
class Traffic {
 public:
  explicit Traffic(const std::string& url) : bus_(With(url, "max_items=0")) {
    taking_ = std::thread([this] { Take(); });
    publishing_ = std::thread([this] { Publish(); });
  }
  ~Traffic() { Stop(); }
  void Stop() {
    stop_ = true;
    if (publishing_.joinable()) publishing_.join();
    if (taking_.joinable()) taking_.join();
  }
  int64_t published() const { return published_; }
  int64_t taken() const { return taken_; }
  // Both went on for some more.
  bool GoesOn() const {
    const int64_t published = published_ + 50;
    const int64_t taken = taken_ + 50;
    return Eventually(std::chrono::seconds(20), [&] { return published_ >= published && taken_ >= taken; });
  }
  std::set<std::string> Wrong() {
    std::lock_guard lock(mutex_);
    return wrong_;
  }
  Bus& bus() { return bus_; }

 private:
  void Publish() {
    while (!stop_) {
      const mq_status status = mq_publish(bus_.get(), "c", Text("x", "a").get());
      if (status == MQ_OK) {
        ++published_;
      } else {
        Note(status);
      }
    }
  }
  void Take() {
    Subscription subscription = bus_.Subscribe("c", "a");
    while (!stop_) {
      mq_message* message = nullptr;
      mq_status status = mq_fetch(subscription.get(), 200, &message);
      if (status == MQ_OK) {
        ++taken_;
        status = mq_ack(bus_.get(), message);
        // A failover may take messages along, and hands with them.
        if (status == MQ_NOT_FOUND || status == MQ_STALE) status = MQ_OK;
      }
      mq_message_free(message);
      if (status != MQ_OK && status != MQ_TIMEOUT) Note(status);
    }
  }
  // What can mend itself, or is doubt, is no fault here.
  void Note(mq_status status) {
    if (status == MQ_UNAVAILABLE || status == MQ_UNKNOWN) return;
    std::lock_guard lock(mutex_);
    wrong_.insert(std::string(mq_status_name(status)) + ": " + mq_last_error());
  }

  Bus bus_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> published_{0};
  std::atomic<int64_t> taken_{0};
  std::mutex mutex_;
  std::set<std::string> wrong_;
  std::thread taking_;
  std::thread publishing_;
};

TEST(Sentinel, AnySentinelWillDo) {
  SentinelTeam team;
  Bus bus(team.Url());
  Put(bus, "c", "a", "x");
  EXPECT_EQ(Bus(team.server(0).Url()).Count(), 1);
  const ReservedPort unused;
  const std::string nowhere = unused.address();
  EXPECT_EQ(Bus("redis-sentinel://" + nowhere + "," + team.SentinelAddress(1) + "/main").Count(), 1);
  EXPECT_EQ(Bus("valkey-sentinel://" + nowhere + "," + team.SentinelAddress(2) + "/main/3").Count(), 0)
      << "another database";
}

TEST(Sentinel, WhatIsWrongIsSaid) {
  SentinelTeam::Options options;
  options.sentinels = 1;
  options.sentinel = {{"requirepass", "open-sesame"}};
  SentinelTeam team(options);
  const std::string sentinel = team.SentinelAddress(0);
  const ReservedPort unused;
  const std::string nowhere = unused.address();
  EXPECT_TRUE(Fails("redis-sentinel://" + sentinel + "/main", MQ_AUTH, {"password", sentinel}));
  EXPECT_TRUE(Fails("redis-sentinel://" + sentinel + "/main?sentinel_password=wrong", MQ_AUTH, {sentinel}));
  const std::string query = "?sentinel_password=open-sesame";
  EXPECT_TRUE(Fails("redis-sentinel://" + sentinel + "/other" + query, MQ_UNAVAILABLE,
                    {"'other'", sentinel, "knows no such master"}));
  EXPECT_TRUE(Fails("redis-sentinel://" + nowhere + "/main", MQ_UNAVAILABLE, {"'main'", nowhere, "refused"}));
  EXPECT_TRUE(
      Fails("redis-sentinel://" + nowhere + "," + sentinel + "/other" + query, MQ_UNAVAILABLE, {nowhere, sentinel}));
  EXPECT_TRUE(Fails("redis-sentinel://" + sentinel + query, MQ_INVALID, {"names no master"}));
  Bus bus("redis-sentinel://" + nowhere + "," + sentinel + "/main" + query);
  Put(bus, "c", "a", "x");
}

#if AGENTMQ_HIREDIS_SSL
TEST(Sentinel, ServersAndSentinelsAreSpokenToOverTls) {
  Authority authority;
  const Authority::Files files = authority.Issue("IP:127.0.0.1");
  SentinelTeam::Options options;
  options.tls = {{"tls-ca-cert-file", authority.ca()},
                 {"tls-cert-file", files.certificate},
                 {"tls-key-file", files.key},
                 {"tls-auth-clients", "no"},
                 {"tls-replication", "yes"}};
  SentinelTeam team(options);
  Traffic traffic(team.Url("tls_ca=" + authority.ca() + "&command_timeout=1s"));
  ASSERT_TRUE(traffic.GoesOn());
  EXPECT_TRUE(Fails(team.Url(), MQ_TLS, {"unknown CA", team.SentinelAddress(0), team.SentinelAddress(2)}));
  team.server(0).Kill9();
  ASSERT_TRUE(team.MasterBecomes(team.server(1)));
  EXPECT_TRUE(traffic.GoesOn());
  traffic.Stop();
  EXPECT_EQ(traffic.Wrong(), std::set<std::string>{});
}
#endif

TEST(Sentinel, ADeadMasterIsReplacedUnderTraffic) {
  SentinelTeam team;
  Bus watcher(team.Url("log_level=info&health_degraded=20s&health_unhealthy=30s"));
  char* json = nullptr;
  EXPECT_STATUS(MQ_TIMEOUT, mq_next_log(watcher.get(), 0, &json));  // from here on they are kept
  Traffic traffic(team.Url("command_timeout=1s"));
  ASSERT_TRUE(traffic.GoesOn());
  EXPECT_EQ(State(watcher), "healthy");
  team.server(0).Kill9();
  EXPECT_TRUE(Eventually(kPatience, [&] { return State(watcher) == "unhealthy"; }));
  ASSERT_TRUE(team.MasterBecomes(team.server(1)));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(traffic.GoesOn());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_TRUE(Logged(watcher, "master_switched"));
  EXPECT_TRUE(Eventually(kPatience, [&] { return State(watcher) == "healthy"; }));
  // The old master comes back as a replica, and nobody minds.
  team.server(0).Start();
  EXPECT_TRUE(Eventually(20s, [&] { return RoleOf(team.server(0)) == "slave"; }));
  EXPECT_TRUE(traffic.GoesOn());
  traffic.Stop();
  EXPECT_EQ(traffic.Wrong(), std::set<std::string>{});
}

TEST(Sentinel, AMasterThatIsDemotedAliveIsLeft) {
  SentinelTeam team;
  Traffic traffic(team.Url());
  Bus bus(team.Url());
  Subscription waiting = bus.Subscribe("quiet", "b");
  auto message = std::async(std::launch::async, [&] { return std::string(Next(waiting).payload()); });
  ASSERT_TRUE(traffic.GoesOn());
  ASSERT_TRUE(Eventually(kPatience, [&] {
    return !team.SentinelClient(0).Do({"SENTINEL", "FAILOVER", "main"}).error();
  }));
  ASSERT_TRUE(team.MasterBecomes(team.server(1)));
  EXPECT_TRUE(traffic.GoesOn());
  Put(bus, "quiet", "b", "x");
  EXPECT_EQ(message.get(), "x") << "who waited at the old one waits at the new one";
  traffic.Stop();
  EXPECT_EQ(traffic.Wrong(), std::set<std::string>{});
  EXPECT_EQ(Bus(team.server(1).Url()).Count(), bus.Count());
}

TEST(Sentinel, AFrozenMasterIsLeftWhenThereIsAnother) {
  SentinelTeam team;
  Bus bus(team.Url("command_timeout=30s"));
  Put(bus, "c", "a", "before");
  ASSERT_EQ(team.server(0).Client().Number({"WAIT", "1", "5000"}), 1);
  team.server(0).SigStop();
  // It hangs on the frozen one until a sentinel tells of the other.
  const auto begin = std::chrono::steady_clock::now();
  Put(bus, "c", "a", "after");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
  team.server(0).SigCont();
  Subscription subscription = bus.Subscribe("c", "a");
  EXPECT_EQ(Take(bus, subscription, 2), (std::vector<std::string>{"before", "after"}));
  EXPECT_EQ(Bus(team.server(1).Url()).Count(), 0);
}

// Those of the library: sentinels and replicas say who they are, and one asks.
int64_t ClientsOf(const RedisServer& server) {
  std::istringstream clients(server.Client().Text({"CLIENT", "LIST", "TYPE", "NORMAL"}));
  int64_t count = -1;
  for (std::string line; std::getline(clients, line);) {
    if (line.find("name=sentinel-") == std::string::npos) ++count;
  }
  return count;
}

// Where the sentinel that is listened to says nothing of it, one that is asked by who needs another connection may know
// better: what was published to the old master from then on would be lost, though that one serves on.
TEST(Sentinel, WhoConnectsToAnotherMasterLeavesTheOneBefore) {
  SentinelTeam::Options options;
  options.sentinels = 1;
  SentinelTeam before(options);
  SentinelTeam after(options);
  Bus bus("redis-sentinel://" + before.SentinelAddress(0) + "," + after.SentinelAddress(0) +
          "/main?command_timeout=1s&max_items=0");
  Subscription waiting = bus.Subscribe("quiet", "b");
  auto message = std::async(std::launch::async, [&] { return std::string(Next(waiting).payload()); });
  Put(bus, "c", "a", "x");
  ASSERT_GT(ClientsOf(before.server(0)), 0);
  before.sentinel(0).Stop();
  std::atomic<bool> left{false};
  std::vector<std::thread> publishers;
  for (int i = 0; i < 8; ++i) {
    publishers.emplace_back([&] {
      while (!left) (void)mq_publish(bus.get(), "c", Text("x", "a").get());
    });
  }
  left = Eventually(20s, [&] { return ClientsOf(after.server(0)) > 0; });
  EXPECT_TRUE(left);
  left = true;
  for (std::thread& publisher : publishers) publisher.join();
  EXPECT_TRUE(Eventually(kPatience, [&] { return ClientsOf(before.server(0)) == 0; })) << ClientsOf(before.server(0));
  Put(bus, "quiet", "b", "here");
  EXPECT_EQ(message.get(), "here") << "who waited at the old one waits at the new one";
  before.sentinel(0).Continue();
}

TEST(Sentinel, SentinelsThatTheUrlDoesNotNameAreLearned) {
  SentinelTeam team;
  Traffic traffic("redis-sentinel://" + team.SentinelAddress(0) + "/main?command_timeout=1s");
  ASSERT_TRUE(traffic.GoesOn());
  team.sentinel(0).Kill9();
  team.server(0).Kill9();
  EXPECT_TRUE(team.MasterBecomes(team.server(1)));
  EXPECT_TRUE(traffic.GoesOn());
  traffic.Stop();
  EXPECT_EQ(traffic.Wrong(), std::set<std::string>{});
}

}  // namespace
}  // namespace agentmq::test
