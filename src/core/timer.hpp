#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "util/event.hpp"
#include "util/thread.hpp"

namespace agentmq {

// A bus' own thread ("amq-timer") for what is done now and then. Thread-safe.
class Timer {
 public:
  // Answers after how many ms it is to run again, at least 1; -1: when it is poked.
  using Task = std::function<int64_t()>;

  ~Timer() { Stop(); }

  // Runs first after `delay` ms, -1: when it is poked. 0 once stopped.
  uint64_t Add(int64_t delay, Task task);
  // It may run a last time while this is called, so a task holds what it needs.
  void Remove(uint64_t id);
  void Poke(uint64_t id);
  // Nothing runs afterwards. Not from a task.
  void Stop();

 private:
  struct Entry {
    int64_t at;  // steady ms; INT64_MAX: not planned
    Task task;
    bool poked = false;  // while it ran
  };

  void Run();
  void Plan(uint64_t id, Entry& entry, int64_t at);  // with mutex_ held
  // The next entry that is due, taken off the plan; 0 and how long to wait where there is none.
  uint64_t NextDue(Task* task, Deadline* wait);

  std::mutex mutex_;
  std::map<uint64_t, Entry> entries_;            // guarded by mutex_
  std::set<std::pair<int64_t, uint64_t>> plan_;  // by `at`, of those that are planned; guarded by mutex_
  uint64_t last_id_ = 0;                         // guarded by mutex_
  bool stopped_ = false;                         // guarded by mutex_
  Event wake_;
  Thread thread_;
};

}  // namespace agentmq
