#pragma once

#include <string_view>

namespace agentmq::redis {

inline constexpr int kSlots = 16384;

// The slot of a cluster that a key belongs to: the CRC-16 (XMODEM) of its hash tag, or of all of it where it has none.
int SlotOf(std::string_view key);

}  // namespace agentmq::redis
