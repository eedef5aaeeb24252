#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>

#include "core/backend.hpp"
#include "memory/queue.hpp"
#include "memory/store.hpp"

namespace agentmq::memory {

// Where a consumer reads.
struct Place {
  std::shared_ptr<Queue> queue;
  Queue::Membership membership;  // its group is there while its reader is open
};

// What one backend and its consumers share. Thread-safe.
class Session {
 public:
  Session(std::shared_ptr<Store> shared_store, EventSink sink)
      : store(std::move(shared_store)), events(std::move(sink)) {}

  bool closed() const { return closed_.load(std::memory_order_acquire); }
  // From now on; wakes the armed consumers.
  void Close();
  void Add(const void* consumer, const Place& place);
  void Remove(const void* consumer);

  const std::shared_ptr<Store> store;
  const EventSink events;

 private:
  std::atomic<bool> closed_{false};
  std::mutex mutex_;
  std::unordered_map<const void*, Place> consumers_;  // guarded by mutex_
};

Status SessionClosed();

// A consumer of the embedded store. Its lease can't be lost: it dies with the process, and so does the store.
//
// After Close() (or the destructor without it) what it still holds lapses after one visibility timeout, because nobody
// extends for a closed consumer.
class MemoryConsumer : public Consumer {
 public:
  MemoryConsumer(std::shared_ptr<Session> session, const Place& place);
  ~MemoryConsumer() override;
  MemoryConsumer(const MemoryConsumer&) = delete;
  MemoryConsumer& operator=(const MemoryConsumer&) = delete;

  Result<Fetched> Fetch(size_t room, const Patience& patience) override;
  void Arm(std::function<void()> wake) override;
  void Disarm() override;
  bool LeaseHeld() const override { return true; }
  bool Paused() const override { return group_->paused.load(std::memory_order_relaxed); }
  Status GiveBack(std::span<const ShortId> unseen) override;
  Status Close(std::span<const ShortId> unseen) override;
  std::string incarnation() const override { return reader_->incarnation; }

 private:
  void End(std::span<const ShortId> unseen);

  const std::shared_ptr<Session> session_;
  const std::shared_ptr<Queue> queue_;
  Group* const group_;  // there while reader_ is open
  const std::shared_ptr<Reader> reader_;
};

}  // namespace agentmq::memory
