#pragma once

#include <atomic>
#include <cstdint>

#include "util/clock.hpp"
#include "util/status.hpp"

namespace agentmq {

// An eventfd that owns itself.
class EventFd {
 public:
  EventFd();
  ~EventFd();
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;

  bool valid() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  void Signal() const;  // async-signal-safe
  void Drain() const;

 private:
  int fd_;
};

// A token that ends waiting calls. Fire() may be called from any thread and from a signal handler; it stays fired.
class Cancel {
 public:
  bool valid() const { return event_.valid(); }
  void Fire() {
    fired_.store(true, std::memory_order_release);
    event_.Signal();
  }
  bool fired() const { return fired_.load(std::memory_order_acquire); }
  int fd() const { return event_.fd(); }  // readable for good once fired

 private:
  std::atomic<bool> fired_{false};
  EventFd event_;
};

// How long a call may wait, and what ends it early.
struct Patience {
  Deadline deadline = Deadline::Never();
  const Cancel* cancel = nullptr;

  bool cancelled() const { return cancel != nullptr && cancel->fired(); }
};

// What one thread waits on: set by others, consumed by the wait.
//
// Invariant: a Set() after the last Wait() returned makes the next Wait() return at once. Thread-safe.
class Event {
 public:
  enum class Woken { kSet, kDeadline, kCancelled };

  bool valid() const { return event_.valid(); }
  void Set();
  Woken Wait(const Patience& patience);
  int fd() const { return event_.fd(); }

 private:
  std::atomic<bool> set_{false};
  EventFd event_;
};

}  // namespace agentmq
