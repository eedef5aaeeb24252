#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>

namespace agentmq {

// How long the last 100 pings took. Thread-safe.
class Latency {
 public:
  struct Summary {
    size_t count = 0;
    double min = 0, average = 0, max = 0;  // ms
  };

  void Add(double millis);
  Summary Summarize() const;

 private:
  mutable std::mutex mutex_;
  std::array<double, 100> millis_{};  // guarded by mutex_
  size_t added_ = 0;                  // guarded by mutex_
};

// Milliseconds since it was made.
class Stopwatch {
 public:
  double Millis() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace agentmq
