#pragma once

#include <map>
#include <mutex>
#include <span>
#include <string>

#include "core/backend.hpp"

namespace agentmq::memory {

// The buckets that publishing takes tokens from. Thread-safe.
class Buckets {
 public:
  void Take(std::span<const Bucket> buckets, std::span<agentmq::Take> takes);

 private:
  void Tidy(double now);

  std::mutex mutex_;
  std::map<std::string, double, std::less<>> full_at_;  // guarded by mutex_; steady seconds, of those that are not full
  size_t tidy_at_ = 1024;                               // guarded by mutex_; buckets
};

}  // namespace agentmq::memory
