#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "memory/group.hpp"

namespace agentmq::memory {

class Queue;
class Store;

// One operation's time with one queue: holds its lock, and does what must be done without it (waking consumers, telling
// of events) when it ends. Every turn first removes what has expired. Lives on the stack of one thread.
class Turn {
 public:
  enum class IfAbsent { kNothing, kMake };

  // False where there is no such queue.
  Turn(Store& store, const QueueName& name, IfAbsent if_absent, const EventSink& events);
  // Of a queue that can't be retired, because the caller has an open consumer there.
  Turn(const Store& store, std::shared_ptr<Queue> queue, const EventSink& events);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  explicit operator bool() const { return queue_ != nullptr; }
  Queue* operator->() const { return queue_.get(); }
  const std::shared_ptr<Queue>& queue() const { return queue_; }
  int64_t now() const { return now_; }

  // Wakes one armed consumer, where there is one.
  void Wake(Group& group);
  // Wakes one where nobody would look again when the next message becomes due.
  void Watch(Group& group);
  // Wakes that one, which must not be armed.
  void WakeReader(const std::shared_ptr<Reader>& reader);
  void GroupRemoved(const std::string& group) { removed_groups_.push_back(group); }

  // Waits until no call of the reader's `wake` is chosen or runs, but for one that this thread is in. Not within a turn.
  static void AwaitQuiet(Queue& queue, Reader& reader);

 private:
  struct Call {
    std::shared_ptr<Reader> reader;
    std::function<void()> wake;
    bool cancelled = false;
  };

  void Begin(int64_t now);
  void RunCalls();
  // Takes back the calls of that reader that this thread has not begun; answers how many it is in.
  int Cancel(Reader& reader);

  std::shared_ptr<Queue> queue_;
  std::unique_lock<std::mutex> lock_;
  const EventSink& events_;
  int64_t now_ = 0;
  std::vector<Call> woken_;
  size_t running_ = 0;     // index of the call that runs
  Turn* outer_ = nullptr;  // whose calls this thread was in before
  std::vector<std::string> removed_groups_;
};

}  // namespace agentmq::memory
