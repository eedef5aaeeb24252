#pragma once

#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "util/status.hpp"

namespace agentmq {

// What listeners are told of a message, as one text (docs/wire-format.md is the reference): its id, which says channel,
// target, priority and time, a newline, which no id holds, and its record.
std::string TellingText(const FullId& id, std::string_view head, std::string_view payload);

struct Told {
  FullId id;
  std::string_view record;  // points into the text
};
// kCorrupt where the text begins with no id.
Result<Told> ParseTelling(std::string_view text);

}  // namespace agentmq
