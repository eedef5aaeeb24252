#pragma once

#include <agentmq/agentmq.hpp>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger.hpp"
#include "random.hpp"
#include "roles.hpp"
#include "support/process.hpp"
#include "topology.hpp"

namespace agentmq::chaos {

// What a fault needs to be there before the agents start.
struct Setup {
  std::function<std::unique_ptr<Topology>(const std::string& program)> topology;
  std::string query;          // settings of all agents
  bool wrong_clocks = false;  // some agents' clocks are an hour off, either way
  int slow_ms = 0;            // what one of the consumers takes for each message
};

// The servers and the agents of one trial: two publishers, three consumers that compete, and one that reads the news.
class Stage {
 public:
  // Agents by their index.
  static constexpr size_t kPublishers = 2, kFirstWorker = 2, kWorkers = 3, kTheAuditor = 5, kAgents = 6;

  // `program`: of the servers. `rate`: messages a second of each publisher. `folder`: for the journals.
  Stage(const Setup& setup, const std::string& program, uint64_t seed, int rate, std::string folder);

  template <typename Kind>
  Kind& On() {
    return dynamic_cast<Kind&>(*topology_);
  }
  Topology& topology() { return *topology_; }
  Ledger& ledger() { return ledger_; }
  // A bus of the director's own, past whatever is broken on the agents' way.
  Bus& bus() { return *bus_; }

  test::Process& process(size_t agent) { return *agents_[agent].process; }
  // In the place of one that is dead.
  void Restart(size_t agent);
  // Those that are dead and should not be: how many were started anew.
  size_t RestartDead();
  // When each agent's process had succeeded since `time`: published, or acknowledged. `last`: who was, or is awaited.
  std::optional<int64_t> AllSucceededAt(int64_t time, std::string* last);

  // As a publisher, for what a fault itself sends.
  void Publish(const std::string& key);
  // The keys of the dead letters, and of what is in the queues.
  std::vector<std::string> DeadLetters();
  std::vector<std::string> Remaining();

  // False: it did not end in order within its time.
  bool StopPublishers() { return StopAgents(0, kPublishers); }
  bool StopConsumers() { return StopAgents(kFirstWorker, kAgents); }
  // Waits until nothing is in the queues any more.
  bool Drained(std::chrono::seconds deadline);

 private:
  struct Agent {
    Role role;
    size_t group = 0;
    std::vector<std::string> environment;
    int incarnation = 0;
    Ledger::Member* member = nullptr;
    std::unique_ptr<test::Process> process;
  };

  void Start(size_t agent);
  bool StopAgents(size_t begin, size_t end);

  const std::string folder_;
  std::unique_ptr<Topology> topology_;
  Ledger ledger_;
  std::unique_ptr<Bus> bus_;
  Journal journal_;
  std::array<Agent, kAgents> agents_;
};

}  // namespace agentmq::chaos
