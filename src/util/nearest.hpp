#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace agentmq {

// How many insertions, deletions, replacements and swaps of neighbours make one of the other. Looks at the first 64
// bytes of each.
size_t EditDistance(std::string_view one, std::string_view other);

// The known word that is nearest, the first of several; "" where none is known.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace agentmq
