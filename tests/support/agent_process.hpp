#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/process.hpp"

namespace agentmq::test {

// An agent in a process of its own, to be killed or stopped: this program run again with "--agent".
//
// Roles (settings are of the subscription, or the replay):
//   hold    fetches `count` messages, prints "got <payload>" for each and then "holding"; then reads commands:
//           "ack" -> one line "ack <status>" a message; "fetch" -> "got <payload>" or "none"; "exit"
//   work    fetches one at a time, prints "got <payload>", dies by SIGKILL where the payload starts with "poison", acks
//           the others and prints "did <payload>"
//   announce announces its agent for two seconds at a time, prints "announced", and waits until it is killed
//   publish publishes "p0", "p1", ... to its own agent name one after another, prints "sent <payload>" once it is stored
//   replay  calls mq_replay_all() with the settings, prints "replayed <count>"
struct AgentOptions {
  std::string role;
  std::string url;
  std::string channel;
  std::string agent;
  int count = 1;
  std::vector<std::pair<std::string, std::string>> settings;
};

std::unique_ptr<Process> StartAgent(const AgentOptions& options);

// What the child runs.
int RunAgentProcess(int argc, char** argv);

}  // namespace agentmq::test
