#pragma once

#include <agentmq/agentmq.hpp>
#include <memory>
#include <string>

#include "support/proxy.hpp"
#include "support/redis_server.hpp"
#include "support/sentinel_team.hpp"

namespace agentmq::chaos {

// The servers of a trial, as the agents see them. Durable: a crash of a server loses nothing that it answered.
class Topology {
 public:
  Topology() = default;
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;
  virtual ~Topology() = default;

  // What the agents open, with settings behind it.
  virtual std::string Url(const std::string& query) const = 0;
  // What the judge opens: past whatever is broken on the agents' way.
  virtual std::string DirectUrl(const std::string& query) const { return Url(query); }
  // What it runs, like "Redis 7.0.15".
  virtual std::string Version() = 0;
};

// One server, and a proxy in front of it.
class OneServer : public Topology {
 public:
  // `stepped_clock`: its clock can be stepped.
  OneServer(bool proxied, bool stepped_clock);

  std::string Url(const std::string& query) const override;
  std::string DirectUrl(const std::string& query) const override { return server_->Url(query); }
  std::string Version() override;

  test::RedisServer& server() { return *server_; }
  test::Proxy& proxy() { return *proxy_; }
  // Has its clock show the true time and so many seconds more, and waits until it does.
  void StepClock(int64_t seconds);

 private:
  test::TempDir dir_;
  std::unique_ptr<test::RedisServer> server_;
  std::unique_ptr<test::Proxy> proxy_;
};

// A master, its replica and three sentinels.
class BehindSentinel : public Topology {
 public:
  BehindSentinel();

  std::string Url(const std::string& query) const override { return team_->Url(query); }
  std::string Version() override;

  // Waits until the replica has what the master has.
  void AwaitReplica();
  // Cuts the replica off, kills the master so much later, and answers when the sentinels have made the replica the master.
  void FailOver(std::chrono::milliseconds cut_off);
  // The one that died comes back, and is made a replica.
  void StartDead();

 private:
  test::RedisServer& master() { return team_->server(master_); }
  test::RedisServer& replica() { return team_->server(1 - master_); }

  std::unique_ptr<test::SentinelTeam> team_;
  size_t master_ = 0;
};

// What stands in the environment of a process whose clock is off: by `spec`, as in FAKETIME. Throws where libfaketime is
// missing.
std::vector<std::string> OtherClock(const std::string& spec);

}  // namespace agentmq::chaos
