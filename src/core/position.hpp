#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/ids.hpp"

namespace agentmq {

// Where in a channel's broadcasts a reader begins.
struct Position {
  bool from_start = true;                // false: with what is published from now on
  std::string from;                      // the id of the first that it gets, or the beginning of one; "": all
  std::optional<std::string> channel{};  // of an id: the only one that it is a place in

  // "all", "new", a time (as of filters), or the id of a broadcast; none where it is nothing of it.
  static std::optional<Position> Parse(std::string_view text);
  bool IsOf(std::string_view name) const { return !channel || *channel == name; }
};

}  // namespace agentmq
