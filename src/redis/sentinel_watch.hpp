#pragma once

#include <functional>

#include "redis/sentinels.hpp"
#include "util/event.hpp"
#include "util/thread.hpp"

namespace agentmq::redis {

// Hears from a sentinel where the master is, on a thread of its own: at once when that changes, and anew whenever it had
// to turn to another sentinel. A sentinel that is silent for kSilence is given up.
class SentinelWatch {
 public:
  // told: called on the thread with each address that is heard, also where it is the same as before.
  SentinelWatch(Sentinels& sentinels, std::function<void(const Address&)> told);
  ~SentinelWatch();

  static constexpr int64_t kSilence = 3000;  // ms

 private:
  void Run();
  void Follow(Connection& sentinel);
  bool Hear(Connection& sentinel, int64_t* heard);

  Sentinels& sentinels_;
  const std::function<void(const Address&)> told_;
  Cancel stop_;
  Thread thread_;
};

}  // namespace agentmq::redis
