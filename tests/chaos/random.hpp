#pragma once

#include <chrono>
#include <cstdint>

namespace agentmq::chaos {

// Draws that a seed decides, on every machine alike (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t value = state_ += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
  }
  // Both ends included.
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Next() % static_cast<uint64_t>(high - low + 1));
  }
  std::chrono::milliseconds Between(std::chrono::milliseconds low, std::chrono::milliseconds high) {
    return std::chrono::milliseconds(Between(low.count(), high.count()));
  }

 private:
  uint64_t state_;
};

}  // namespace agentmq::chaos
