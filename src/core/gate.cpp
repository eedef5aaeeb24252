#include "core/gate.hpp"

#include <algorithm>

namespace agentmq {

Status ClosedStatus() { return Status::Closed("the bus was shut down"); }
Status InterruptedStatus() { return {Code::kInterrupted, "the cancel token was fired"}; }
Status NoEventStatus() { return {Code::kNoMemory, "no file descriptor is left to wait with"}; }

void Gate::Close() {
  closed_.store(true, std::memory_order_release);
  const std::lock_guard lock(mutex_);
  for (Event* event : waiting_) event->Set();
}

Status Gate::Wait(Event& event, const Patience& patience) {
  if (!event.valid()) return NoEventStatus();
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(&event);
  }
  // After the registration, so that a Close() in between is seen here or sets the event.
  const Event::Woken woken = closed() ? Event::Woken::kSet : event.Wait(patience);
  {
    const std::lock_guard lock(mutex_);
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &event));
  }
  if (closed()) return ClosedStatus();
  if (woken == Event::Woken::kCancelled) return InterruptedStatus();
  if (woken == Event::Woken::kDeadline) return {Code::kTimeout, "the timeout ran out"};
  return Status::Ok();
}

}  // namespace agentmq
