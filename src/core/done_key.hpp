#pragma once

#include <string>
#include <string_view>

#include "core/ids.hpp"

namespace agentmq {

// What a group remembers of a message that was worked off: its deduplication key, where it has none its id.
inline std::string DoneKey(std::string_view dedup_key, const ShortId& id) {
  std::string key(1, dedup_key.empty() ? 'i' : 'k');
  return key.append(dedup_key.empty() ? id.view() : dedup_key);
}

}  // namespace agentmq
