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
    entries_.emplace(id, Entry{PlannedAt(delay), std::move(task)});
    if (!thread_.joinable()) thread_ = Thread("amq-timer", [this] { Run(); });
  }
  wake_.Set();
  return id;
}

void Timer::Remove(uint64_t id) {
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
}

void Timer::Poke(uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    found->second.at = 0;
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
}

uint64_t Timer::NextDue(Task* task, Deadline* wait) {
  const std::lock_guard lock(mutex_);
  const int64_t now = SteadyMillis();
  int64_t earliest = kNotPlanned;
  for (auto& [id, entry] : entries_) {
    if (entry.at <= now) {
      entry.at = kNotPlanned;
      entry.poked = false;
      *task = entry.task;
      return id;
    }
    earliest = std::min(earliest, entry.at);
  }
  *wait = earliest == kNotPlanned ? Deadline::Never() : Deadline::After(earliest - now);
  return 0;
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
    if (found != entries_.end() && !found->second.poked) found->second.at = PlannedAt(again);
  }
}

}  // namespace agentmq
