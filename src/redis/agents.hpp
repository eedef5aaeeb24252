#pragma once

#include <span>
#include <string>
#include <vector>

#include "redis/queues.hpp"

namespace agentmq::redis {

// The agents of the namespace that ever were: one hash, agent -> "<since> <last seen> <until>\n<description>".
// Thread-safe.
class Agents {
 public:
  explicit Agents(Queues& queues) : queues_(queues) {}

  Status Announce(const std::string& agent, const std::string& description, int64_t lease);
  Status Note(std::span<const std::string> agents);
  Result<bool> Knows(const std::string& agent);
  Result<std::vector<AgentRecord>> All(int64_t* now);

 private:
  std::string Key() const { return queues_.Prefix() + "agents"; }

  Queues& queues_;
};

}  // namespace agentmq::redis
