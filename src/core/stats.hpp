#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/backend.hpp"

namespace agentmq {

// The numbers of each queue and group as JSON; channel: of all where there is none. docs/operations.md explains them.
Result<std::string> StatsJson(Backend& backend, std::optional<std::string_view> channel);

}  // namespace agentmq
