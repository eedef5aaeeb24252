#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <vector>

#include "core/subscription.hpp"
#include "util/event.hpp"
#include "util/status.hpp"
#include "util/thread.hpp"

namespace agentmq {

class Intake;

// The threads ("amq-worker") on which a subscription's handler works; its verdicts settle, where there is something to
// settle. Thread-safe.
class WorkerPool {
 public:
  explicit WorkerPool(Intake& intake) : intake_(intake) {}
  ~WorkerPool() { Join(); }

  // kInvalid where it was started before.
  Status Start(Handler handler, size_t workers);
  bool started() const;
  // Waits for the handlers, which end once the subscription is stopped: ok, kTimeout, kInterrupted.
  Status Wait(const Patience& patience);
  // Not from a worker.
  void Join();

 private:
  void Run();
  void Work(Message& message);
  void Settle(Message& message, Verdict verdict);

  Intake& intake_;
  mutable std::mutex mutex_;
  Handler handler_;              // set before the threads start
  bool started_ = false;         // guarded by mutex_
  size_t running_ = 0;           // guarded by mutex_
  std::vector<Event*> waiters_;  // guarded by mutex_
  std::vector<Thread> threads_;  // guarded by mutex_
};

}  // namespace agentmq
