#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "support/bus_test.hpp"

namespace agentmq::test {

// A call that must answer MQ_INVALID.
struct BadCall {
  std::string function;
  std::string what;
  std::function<mq_status()> call;
};

// Good handles, where only another argument is wrong; a message that was fetched and is in hand.
struct Things {
  mq_bus* bus = nullptr;
  mq_subscription* subscription = nullptr;
  mq_message* message = nullptr;
};

// At least one for each public function that answers a status.
std::vector<BadCall> BadCalls(const Things& things);

// Calls every other public function with NULL; answers their names.
std::set<std::string> CallWithoutStatus();

}  // namespace agentmq::test
