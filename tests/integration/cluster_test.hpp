#pragma once

#include <string>
#include <vector>

#include "support/bus_test.hpp"
#include "support/redis_cluster.hpp"

namespace agentmq::test {

// Agents whose inboxes on the channel are on that node.
inline std::vector<std::string> AgentsOn(RedisCluster& cluster, size_t node, const std::string& channel, size_t count) {
  const std::vector<size_t> owners = cluster.Owners();
  RespClient client = cluster.node(0).Client();
  std::vector<std::string> agents;
  for (int i = 0; agents.size() < count; ++i) {
    const std::string agent = "agent-" + std::to_string(i);
    const int64_t slot = client.Number({"CLUSTER", "KEYSLOT", QueueKey(channel, agent)});
    if (owners[static_cast<size_t>(slot)] == node) agents.push_back(agent);
  }
  return agents;
}

}  // namespace agentmq::test
