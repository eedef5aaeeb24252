#include "topology.hpp"

#include <glob.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <thread>

#include "support/eventually.hpp"

namespace agentmq::chaos {
namespace {

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

OneServer::OneServer(bool proxied, bool stepped_clock) {
  test::RedisServer::Options options;
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
  const bool stepped = test::Eventually(std::chrono::seconds(10), [&] {
    const int64_t shown = std::stoll(server_->Client().Must({"TIME"}).items.at(0).text);
    return std::abs(shown - (std::time(nullptr) + seconds)) < 60;
  });
  if (!stepped) throw std::runtime_error("the server's clock can't be stepped");
}

BehindSentinel::BehindSentinel() {
  test::SentinelTeam::Options options;
  options.server = kDurable;
  options.server["repl-diskless-sync-delay"] = "0";
  team_ = std::make_unique<test::SentinelTeam>(options);
  AwaitReplica();
}

std::string BehindSentinel::Version() { return VersionOf(master()) + " behind Sentinel"; }

void BehindSentinel::AwaitReplica() {
  const bool caught_up = test::Eventually(std::chrono::seconds(30), [this] {
    // As it says itself, or WAIT of its master.
    if (replica().Client().Info("replication")["master_link_status"] != "up") return false;
    return master().Client().Number({"WAIT", "1", "100"}) == 1;
  });
  if (!caught_up) throw std::runtime_error("the replica does not follow its master");
}

void BehindSentinel::FailOver(std::chrono::milliseconds cut_off) {
  replica().SigStop();
  master().Client().Must({"CLIENT", "KILL", "TYPE", "replica"});
  std::this_thread::sleep_for(cut_off);
  master().Kill9();
  replica().SigCont();
  if (!team_->MasterBecomes(replica())) throw std::runtime_error("the sentinels made no other master");
  master_ = 1 - master_;
}

void BehindSentinel::StartDead() { replica().Start(); }

}  // namespace agentmq::chaos
