#include "topology.hpp"

#include <glob.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <thread>

#include "roles.hpp"
#include "support/eventually.hpp"

namespace agentmq::chaos {
namespace {

using namespace std::chrono_literals;

std::string FakeTimeLibrary() {
  glob_t found{};
  const int failed = glob("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, nullptr, &found);
  const std::string path = failed == 0 && found.gl_pathc > 0 ? found.gl_pathv[0] : "";
  globfree(&found);
  if (path.empty()) throw std::runtime_error("libfaketime is missing: run scripts/setup");
  return path;
}

// The file is read once a second. The server's jemalloc would ask for the time before libfaketime knows it: libc's
// allocator goes before it.
std::vector<std::string> SteppedClock(const std::string& file) {
  return {"LD_PRELOAD=" + FakeTimeLibrary() + ":libc.so.6", "FAKETIME_TIMESTAMP_FILE=" + file,
          "FAKETIME_CACHE_DURATION=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"};
}

std::string VersionOf(const test::RedisServer& server) {
  const auto info = server.Client().Info("server");
  const auto valkey = info.find("valkey_version");
  return valkey != info.end() ? "Valkey " + valkey->second : "Redis " + info.at("redis_version");
}

// Nothing that a server answered is lost when it crashes, and nothing is thrown away.
const std::map<std::string, std::string> kDurable{
    {"appendonly", "yes"}, {"appendfsync", "always"}, {"maxmemory-policy", "noeviction"}};

// And a replica that comes is served at once.
std::map<std::string, std::string> ReplicatedAtOnce() {
  std::map<std::string, std::string> config = kDurable;
  config["repl-diskless-sync-delay"] = "0";
  return config;
}

// One of the two with most of the traffic.
std::string SomeInbox(Random& random) { return test::QueueKey(random.Between(0, 1) == 0 ? kOrders : kEvents, kWorker); }

std::string SomeQueue(Random& random) {
  return random.Between(0, 2) == 0 ? test::QueueKey(kNews, "*") : SomeInbox(random);
}

// Whether it has what the master has.
bool Follows(const test::RedisServer& replica, const test::RedisServer& master) {
  try {
    // As it says itself, or WAIT of its master.
    auto info = replica.Client().Info("replication");
    if (info["role"] != "slave" || info["master_link_status"] != "up") return false;
    return master.Client().Number({"WAIT", "1", "100"}) == 1;
  } catch (const std::runtime_error&) {  // who takes another role cuts its clients off
    return false;
  }
}

// Sentinels take their time to make a replica of a master that comes back: up to 20 s, and 30 s more where the machine was
// so busy that they distrust their clocks (TILT).
void Await(const std::function<bool()>& follows) {
  if (!test::Eventually(90s, follows)) throw std::runtime_error("the replica does not follow its master");
}

// What the master answers in between nobody else has; it dies as soon as some of that is in the queue, not acknowledged.
void KillCutOff(test::RedisServer& master, test::RedisServer& replica, const std::string& queue, Random& random) {
  constexpr int64_t kSome = 5;
  const std::chrono::milliseconds cut_off = random.Between(100ms, 300ms);
  test::RespClient client = master.Client();
  replica.SigStop();
  client.Must({"CLIENT", "KILL", "TYPE", "replica"});
  std::this_thread::sleep_for(cut_off);
  test::Eventually(1s, [&] { return client.Number({"HLEN", queue}) >= kSome; });
  master.Kill9();
  replica.SigCont();
}

void WriteFile(const std::string& file, const std::string& text) {
  // By renaming, so that nobody reads half of it.
  std::ofstream(file + ".new") << text << '\n';
  std::filesystem::rename(file + ".new", file);
}

}  // namespace

std::vector<std::string> OtherClock(const std::string& spec) {
  return {"LD_PRELOAD=" + FakeTimeLibrary(), "FAKETIME=" + spec, "FAKETIME_DONT_FAKE_MONOTONIC=1",
          "DONT_FAKE_MONOTONIC=1"};
}

OneServer::OneServer(const std::string& program, bool proxied, bool stepped_clock) {
  test::RedisServer::Options options;
  options.program = program;
  options.tcp = true;
  options.config = kDurable;
  if (stepped_clock) {
    WriteFile(dir_.path() + "/clock", "+0");
    options.environment = SteppedClock(dir_.path() + "/clock");
  }
  server_ = std::make_unique<test::RedisServer>(options);
  if (proxied) proxy_ = std::make_unique<test::Proxy>(server_->address());
}

std::string OneServer::Url(const std::string& query) const { return proxy_ ? proxy_->Url(query) : server_->Url(query); }

std::string OneServer::Version() { return VersionOf(*server_); }

void OneServer::StepClock(int64_t seconds) {
  WriteFile(dir_.path() + "/clock", (seconds < 0 ? "" : "+") + std::to_string(seconds));
  const bool stepped = test::Eventually(10s, [&] {
    const int64_t shown = std::stoll(server_->Client().Must({"TIME"}).items.at(0).text);
    return std::abs(shown - (std::time(nullptr) + seconds)) < 60;
  });
  if (!stepped) throw std::runtime_error("the server's clock can't be stepped");
}

BehindSentinel::BehindSentinel(const std::string& program) {
  test::SentinelTeam::Options options;
  options.program = program;
  options.down_after = 2s;  // a disk that has to write each command at once may be silent for a second
  options.server = ReplicatedAtOnce();
  team_ = std::make_unique<test::SentinelTeam>(options);
  AwaitReplicas();
}

std::string BehindSentinel::Version() { return VersionOf(master()) + " behind Sentinel"; }

// Sentinels may have made another master than the one that was meant to be.
void BehindSentinel::AwaitReplicas() {
  Await([this] {
    master_ = team_->MasterPort(0) == team_->server(0).port() ? 0 : 1;
    return Follows(replica(), master());
  });
}

void BehindSentinel::FailOver(Random& random) {
  KillCutOff(master(), replica(), SomeInbox(random), random);
  if (!team_->MasterBecomes(replica())) throw std::runtime_error("the sentinels made no other master");
  master_ = 1 - master_;
}

void BehindSentinel::StartDead() { replica().Start(); }

InCluster::InCluster(const std::string& program, bool replicas) {
  test::RedisCluster::Options options;
  options.program = program;
  options.masters = kMasters;
  options.replicas = replicas ? 1 : 0;
  options.config = ReplicatedAtOnce();
  cluster_ = std::make_unique<test::RedisCluster>(options);
}

std::string InCluster::Version() { return VersionOf(cluster_->node(0)) + " Cluster"; }

void InCluster::AwaitReplicas() {
  cluster_->Settle();
  for (size_t node = 0; node < kMasters; ++node) {
    const bool master = cluster_->node(node).Client().Info("replication")["role"] == "master";
    Await([&] {
      return Follows(cluster_->node(master ? Other(node) : node), cluster_->node(master ? node : Other(node)));
    });
  }
}

void InCluster::FailOver(Random& random) {
  const std::string queue = SomeInbox(random);
  slot_ = cluster_->SlotOf(queue);
  dead_ = cluster_->OwnerOf(slot_);
  owner_ = Other(dead_);
  KillCutOff(cluster_->node(dead_), cluster_->node(owner_), queue, random);
  cluster_->AwaitOwner(slot_, owner_);
}

void InCluster::StartDead() { cluster_->node(dead_).Start(); }

void InCluster::MoveQueue(Random& random) {
  slot_ = cluster_->SlotOf(SomeQueue(random));
  const size_t from = cluster_->OwnerOf(slot_);
  owner_ = (from + static_cast<size_t>(random.Between(1, kMasters - 1))) % kMasters;
  const std::chrono::milliseconds half_way = random.Between(0ms, 500ms);
  cluster_->Move(
      slot_, from, owner_, [&] { std::this_thread::sleep_for(half_way); },
      [&] { std::this_thread::sleep_for(random.Between(0ms, 30ms)); });
}

void InCluster::AwaitMoved() { cluster_->AwaitOwner(slot_, owner_); }

}  // namespace agentmq::chaos
