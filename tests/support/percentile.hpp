#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

namespace agentmq::test {

// The nearest rank: 0.5 for the median, 1 for the greatest.
template <typename Value>
Value Percentile(std::vector<Value> values, double part) {
  if (values.empty()) throw std::logic_error("a percentile of nothing");
  const auto rank = static_cast<size_t>(std::ceil(part * static_cast<double>(values.size())));
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

}  // namespace agentmq::test
