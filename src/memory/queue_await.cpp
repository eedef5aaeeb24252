#include "memory/queue.hpp"

namespace agentmq::memory {

void Queue::LeaveTrace(const ShortId& id, State end) {
  if (entries_.find(id) != nullptr) return;
  const auto found = awaited_.find(id);
  if (found != awaited_.end()) found->second.end = end;
}

Result<State> Queue::Await(const ShortId& id, Backend::Look look) {
  const auto entered = awaited_.find(id);
  if (look == Backend::Look::kLast) {
    if (entered != awaited_.end() && --entered->second.waiters <= 0) awaited_.erase(entered);
    return State::kQueued;
  }
  for (const auto& [name, group] : groups_) {
    if (dead_numbers_.contains({id, name})) return State::kDead;
  }
  if (entries_.find(id) != nullptr) {
    awaited_[id].waiters += static_cast<int>(look);
    return State::kQueued;
  }
  if (entered != awaited_.end()) return entered->second.end.value_or(State::kDeleted);
  // It ended before anybody asked. Where nothing was lost in any other way since it was published somebody settled it.
  int64_t acked = 0;
  for (const auto& [name, group] : groups_) acked += group->acked;
  if (acked > 0 && id.time() > last_loss_) return State::kAcked;
  return Status::NotFound("nothing is known of a message '" + FullId{name_, id, {}}.Text() + "'");
}

}  // namespace agentmq::memory
