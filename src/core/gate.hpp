#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "util/event.hpp"
#include "util/status.hpp"

namespace agentmq {

// What a bus' waiting calls wait through, so that its shutdown ends them. Thread-safe.
class Gate {
 public:
  bool closed() const { return closed_.load(std::memory_order_acquire); }
  void Close();

  // ok once `event` is set; else kTimeout, kInterrupted, kClosed. One wait at a time for each event.
  Status Wait(Event& event, const Patience& patience);

 private:
  std::atomic<bool> closed_{false};
  std::mutex mutex_;
  std::vector<Event*> waiting_;  // guarded by mutex_
};

// What is said where it applies, in the same words everywhere.
Status ClosedStatus();
Status InterruptedStatus();
Status NoEventStatus();

}  // namespace agentmq
