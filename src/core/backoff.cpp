#include "core/backoff.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "core/settings.hpp"

namespace agentmq {

double RandomFraction() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(engine);
}

RetryPolicy RetryPolicy::From(const Config& config) {
  RetryPolicy policy;
  policy.base = config.Integer("backoff_base");
  policy.factor = config.Number("backoff_factor");
  policy.max = config.Integer("backoff_max");
  policy.jitter = config.Number("backoff_jitter");
  policy.attempts = static_cast<int>(config.Integer("retry_attempts"));
  return policy;
}

int64_t RetryPolicy::Delay(int attempt, double random) const {
  const double grown = static_cast<double>(base) * std::pow(factor, std::max(attempt, 1) - 1);
  const double capped = std::min(grown, static_cast<double>(max));  // an infinite one too
  return std::max<int64_t>(0, std::llround(capped * (1 + jitter * (2 * random - 1))));
}

int64_t RetryPolicy::Delay(int attempt) const { return Delay(attempt, RandomFraction()); }

int64_t Backoff::Next() {
  const double doubled = static_cast<double>(base_) * std::pow(2.0, std::min(failures_++, 30));
  const double capped = std::min(doubled, static_cast<double>(max_));
  return std::max<int64_t>(1, std::llround(capped * (0.75 + 0.25 * RandomFraction())));
}

}  // namespace agentmq
