#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "model/operation.hpp"

namespace agentmq::test::model {

// A shorter run that fails too: steps are left out for as long as one without them still fails, in ever smaller pieces.
std::vector<Operation> Shrink(std::vector<Operation> operations,
                              const std::function<bool(const std::vector<Operation>&)>& fails,
                              std::chrono::steady_clock::time_point deadline);

}  // namespace agentmq::test::model
