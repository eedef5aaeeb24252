#pragma once

#include <string>
#include <string_view>

#include "core/names.hpp"

namespace agentmq {

// All groups of a queue; no group can be called that.
inline constexpr std::string_view kAllGroups = "*";

// Which group of the queue stands still where that place is paused (Backend::Pause): kAllGroups, or "" for none.
std::string PausedGroup(const QueueName& place, const QueueName& queue);

}  // namespace agentmq
