#include "memory/buckets.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace agentmq::memory {
namespace {

constexpr double kAlmost = 1e-6;  // of a token, for what rounding takes

double SteadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What a bucket holds: the tokens of a second, one at least.
double SizeOf(const Bucket& bucket) { return std::max(1.0, bucket.rate); }

}  // namespace

// scripts/rate.lua does the same.
void Buckets::Take(std::span<const Bucket> buckets, std::span<agentmq::Take> takes) {
  const std::lock_guard lock(mutex_);
  const double now = SteadySeconds();
  std::vector<double> full_at(buckets.size(), now);
  for (size_t i = 0; i < buckets.size(); ++i) {
    const auto known = full_at_.find(buckets[i].name);
    if (known != full_at_.end()) full_at[i] = std::max(now, known->second);
  }
  for (agentmq::Take& take : takes) {
    double granted = INFINITY;
    double wait = 0;
    for (const auto& [place, tokens] : take.needs) {
      const Bucket& bucket = buckets[place];
      const auto wanted = static_cast<double>(tokens);
      const double has = SizeOf(bucket) - (full_at[place] - now) * bucket.rate + kAlmost;
      const double least = take.some_will_do ? 1 : std::min(wanted, SizeOf(bucket));
      granted = std::min(granted, take.some_will_do ? std::min(wanted, std::floor(has)) : wanted);
      if (has >= least || (least - has) / bucket.rate < wait) continue;
      wait = (least - has) / bucket.rate;
      take.short_of = place;
    }
    take.wait = static_cast<int64_t>(std::ceil(wait * 1000));
    take.granted = wait > 0 ? 0 : static_cast<int64_t>(granted);
    if (wait > 0) continue;
    for (const auto& [place, tokens] : take.needs) {
      const double paid = take.some_will_do ? granted : static_cast<double>(tokens);
      full_at[place] += paid / buckets[place].rate;
    }
  }
  for (size_t i = 0; i < buckets.size(); ++i) {
    if (full_at[i] > now) full_at_[buckets[i].name] = full_at[i];
  }
  if (full_at_.size() >= tidy_at_) Tidy(now);
}

void Buckets::Tidy(double now) {
  std::erase_if(full_at_, [&](const auto& bucket) { return bucket.second <= now; });
  tidy_at_ = std::max<size_t>(1024, 2 * full_at_.size());
}

}  // namespace agentmq::memory
