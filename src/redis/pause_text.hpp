#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/backend.hpp"

namespace agentmq::redis {

// A pause as the server keeps it: "<since>\n<by>\n<reason>".
std::string PauseText(const Pause& pause);
std::optional<Pause> ParsePause(std::string_view text);

// The field of a queue's meta that says that its group is paused, or all of them (kAllGroups).
std::string PauseField(std::string_view group);

}  // namespace agentmq::redis
