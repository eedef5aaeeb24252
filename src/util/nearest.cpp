#include "util/nearest.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace agentmq {
namespace {

constexpr size_t kLongest = 64;
using Row = std::array<size_t, kLongest + 1>;

}  // namespace

size_t EditDistance(std::string_view one, std::string_view other) {
  one = one.substr(0, kLongest);
  other = other.substr(0, kLongest);
  Row before{}, last{}, row{};
  for (size_t j = 0; j <= other.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= one.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= other.size(); ++j) {
      const size_t replaced = last[j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[other.size()];
}

std::string_view Nearest(std::string_view word, std::span<const std::string_view> known) {
  std::string_view nearest;
  size_t least = SIZE_MAX;
  for (const std::string_view candidate : known) {
    const size_t distance = EditDistance(word, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace agentmq
