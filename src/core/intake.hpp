#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/subscription.hpp"
#include "core/worker_pool.hpp"
#include "util/status.hpp"

namespace agentmq {

struct Shared;

// What a health report says of a subscription.
struct SubscriptionHealth {
  std::string agent;                  // "" of a listener
  std::vector<std::string> channels;  // of a listener its pattern
  bool listens = false;
  bool waiting = false;
  bool consuming = false;
  size_t unseen = 0;
  int64_t last_fetch_age =
      -1;                   // ms since the oldest of the sources' last completed fetches; -1: none yet, or a listener
  int64_t failing_for = 0;  // ms
  int64_t dropped = 0, gaps = 0;  // of a listener
  std::string failure;
};

// Where a subscription's messages come from: queues (SubscriptionState), or what is told at the moment (Listener). What
// its handle, its workers and its bus see of it. Thread-safe.
class Intake {
 public:
  virtual ~Intake() = default;

  // See Subscription.
  virtual Status Add(std::string_view channel) = 0;
  virtual Status Remove(std::string_view channel) = 0;
  virtual Status Fetch(size_t max, const Patience& patience, Messages* messages) = 0;
  virtual int Fd(Status* status) = 0;
  virtual Status Lost(int64_t* dropped, int64_t* gaps) const = 0;
  virtual Status Seek(std::string_view position) = 0;

  // Ends fetching: waiting callers answer kClosed.
  virtual void Stop() = 0;
  // Stop(), and what nobody saw goes back where it came from, for which `patience` is the time. What was handed out
  // stays reserved.
  virtual void Close(const Patience& patience) = 0;
  // Takes nothing new. What can't go back is left to the workers where there are any.
  virtual void RunOut(const Patience& patience) = 0;
  virtual bool stopped() const = 0;

  virtual Status StartWorkers(Handler handler) = 0;
  virtual WorkerPool& workers() = 0;
  virtual Shared& shared() const = 0;
  virtual const std::string& name() const = 0;  // the agent's, or a listener's pattern
  virtual SubscriptionHealth Health() const = 0;
};

}  // namespace agentmq
