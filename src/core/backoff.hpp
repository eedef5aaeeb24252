#pragma once

#include <cstdint>

namespace agentmq {

class Config;

// When a message that failed is tried again, and how often.
struct RetryPolicy {
  int64_t base = 1000;  // ms
  double factor = 2;
  int64_t max = 300000;  // ms
  double jitter = 0.1;   // of the delay, up or down
  int attempts = 5;      // deliveries in all

  static RetryPolicy From(const Config& config);
  // ms after the attempt-th delivery (1, 2, ...) failed. random: 0..1 places it within the jitter.
  int64_t Delay(int attempt, double random) const;
  int64_t Delay(int attempt) const;
};

// Doubling waits between tries of one thing, with jitter so that many who failed together come back apart.
// Not thread-safe.
class Backoff {
 public:
  Backoff(int64_t base, int64_t max) : base_(base), max_(max) {}
  int64_t Next();  // ms, at least 1
  void Reset() { failures_ = 0; }

 private:
  int64_t base_;
  int64_t max_;
  int failures_ = 0;
};

// Evenly from 0 to 1. Thread-safe.
double RandomFraction();

}  // namespace agentmq
