#pragma once

#include <agentmq/agentmq.hpp>
#include <memory>
#include <string>

#include "random.hpp"
#include "support/proxy.hpp"
#include "support/redis_cluster.hpp"
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
  OneServer(const std::string& program, bool proxied, bool stepped_clock);

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

// Masters that have a replica each.
class Replicated : public Topology {
 public:
  // Waits until the replicas have what their masters have.
  virtual void AwaitReplicas() = 0;
  // Cuts a replica off, kills its master a moment later, and answers when the replica is the master and all know it.
  virtual void FailOver(Random& random) = 0;
  // The one that died comes back, and is made a replica.
  virtual void StartDead() = 0;
};

// A master, its replica and three sentinels.
class BehindSentinel : public Replicated {
 public:
  explicit BehindSentinel(const std::string& program);

  std::string Url(const std::string& query) const override { return team_->Url(query); }
  std::string Version() override;

  void AwaitReplicas() override;
  void FailOver(Random& random) override;
  void StartDead() override;

 private:
  test::RedisServer& master() { return team_->server(master_); }
  test::RedisServer& replica() { return team_->server(1 - master_); }

  std::unique_ptr<test::SentinelTeam> team_;
  size_t master_ = 0;
};

// A cluster of three masters, with a replica each or with none.
class InCluster : public Replicated {
 public:
  InCluster(const std::string& program, bool replicas);

  std::string Url(const std::string& query) const override { return cluster_->Url(query); }
  std::string Version() override;

  void AwaitReplicas() override;
  // Of a master that has a queue of the traffic.
  void FailOver(Random& random) override;
  void StartDead() override;

  // Has a queue of the traffic go to another master, key by key; answers when both know.
  void MoveQueue(Random& random);
  // Waits until all know.
  void AwaitMoved();

 private:
  static constexpr size_t kMasters = 3;
  size_t Other(size_t node) const { return (node + kMasters) % (2 * kMasters); }  // of a master and its replica

  std::unique_ptr<test::RedisCluster> cluster_;
  size_t dead_ = 0;   // who was killed last
  int slot_ = 0;      // which moved last,
  size_t owner_ = 0;  // and to whom
};

// What stands in the environment of a process whose clock is off: by `spec`, as in FAKETIME. Throws where libfaketime is
// missing.
std::vector<std::string> OtherClock(const std::string& spec);

}  // namespace agentmq::chaos
