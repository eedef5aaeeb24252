#include "core/timer.hpp"

#include <algorithm>

namespace agentmq {
namespace {

constexpr int64_t kNotPlanned = INT64_MAX;

int64_t PlannedAt(int64_t delay) { return delay < 0 ? kNotPlanned : SteadyMillis() + delay; }

}  // namespace

uint64_t Timer::Add(int64_t delay, Task task) {
  uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return 0;
    id = ++last_id_;
    Plan(id, entries_.emplace(id, Entry{kNotPlanned, std::move(task)}).first->second, PlannedAt(delay));
    if (!thread_.joinable()) thread_ = Thread("amq-timer", [this] { Run(); });
  }
  wake_.Set();
  return id;
}

void Timer::Remove(uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  plan_.erase({found->second.at, id});
  entries_.erase(found);
}

void Timer::Plan(uint64_t id, Entry& entry, int64_t at) {
  plan_.erase({entry.at, id});
  entry.at = at;
  if (at != kNotPlanned) plan_.emplace(at, id);
}

void Timer::Poke(uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    Plan(id, found->second, std::min(found->second.at, SteadyMillis()));
    found->second.poked = true;
  }
  wake_.Set();
}

void Timer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.Set();
  thread_.Join();
  std::map<uint64_t, Entry> ended;  // tasks end outside the lock
  const std::lock_guard lock(mutex_);
  ended.swap(entries_);
  plan_.clear();
}

uint64_t Timer::NextDue(Task* task, Deadline* wait) {
  const std::lock_guard lock(mutex_);
  *wait = Deadline::Never();
  if (plan_.empty()) return 0;
  const auto [at, id] = *plan_.begin();
  if (const int64_t now = SteadyMillis(); at > now) {
    *wait = Deadline::After(at - now);
    return 0;
  }
  Entry& entry = entries_.at(id);
  Plan(id, entry, kNotPlanned);
  entry.poked = false;
  *task = entry.task;
  return id;
}

void Timer::Run() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
    }
    Task task;
    Deadline wait = Deadline::Never();
    const uint64_t id = NextDue(&task, &wait);
    if (id == 0) {
      (void)wake_.Wait({wait, nullptr});
      continue;
    }
    const int64_t again = task();
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found != entries_.end() && !found->second.poked) Plan(id, found->second, PlannedAt(again));
  }
}

}  // namespace agentmq
