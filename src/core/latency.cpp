#include "core/latency.hpp"

#include <algorithm>
#include <numeric>

namespace agentmq {

void Latency::Add(double millis) {
  const std::lock_guard lock(mutex_);
  millis_[added_++ % millis_.size()] = millis;
}

Latency::Summary Latency::Summarize() const {
  const std::lock_guard lock(mutex_);
  Summary summary;
  summary.count = std::min(added_, millis_.size());
  if (summary.count == 0) return summary;
  const auto* end = millis_.data() + summary.count;
  summary.min = *std::min_element(millis_.data(), end);
  summary.max = *std::max_element(millis_.data(), end);
  summary.average = std::accumulate(millis_.data(), end, 0.0) / static_cast<double>(summary.count);
  return summary;
}

}  // namespace agentmq
