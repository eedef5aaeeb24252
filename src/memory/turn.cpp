#include "memory/turn.hpp"

#include "memory/queue.hpp"
#include "memory/store.hpp"

namespace agentmq::memory {
namespace {

// Whose calls this thread is in, so that a consumer may be disarmed from there.
thread_local Turn* running_turn = nullptr;

constexpr int kWarn = 2;  // MQ_LOG_WARN

}  // namespace

Turn::Turn(Store& store, const QueueName& name, IfAbsent if_absent, const EventSink& events) : events_(events) {
  for (;;) {
    queue_ = if_absent == IfAbsent::kMake ? store.FindOrMake(name) : store.Find(name);
    if (queue_ == nullptr) return;
    lock_ = std::unique_lock(queue_->mutex_);
    if (!queue_->retired_) break;
    lock_.unlock();
  }
  Begin(store.Now());
}

Turn::Turn(const Store& store, std::shared_ptr<Queue> queue, const EventSink& events)
    : queue_(std::move(queue)), lock_(queue_->mutex_), events_(events) {
  Begin(store.Now());
}

void Turn::Begin(int64_t now) {
  now_ = now;
  queue_->Refresh(*this);
}

Turn::~Turn() {
  if (queue_ == nullptr) return;
  lock_.unlock();
  RunCalls();
  if (!events_) return;
  for (const std::string& group : removed_groups_) {
    events_(kWarn, "group_removed",
            {{"queue", queue_->name().Text()}, {"group", group}, {"cause", "no consumer for group_ttl"}});
  }
}

void Turn::RunCalls() {
  outer_ = running_turn;
  running_turn = this;
  for (running_ = 0; running_ < woken_.size(); ++running_) {
    const Call& call = woken_[running_];
    if (call.cancelled) continue;
    if (call.wake) call.wake();
    lock_.lock();
    --call.reader->calls;
    // Under the lock: who waits for it may end the reader at once.
    call.reader->idle.notify_all();
    lock_.unlock();
  }
  running_turn = outer_;
}

int Turn::Cancel(Reader& reader) {
  int running = 0;
  for (size_t i = running_; i < woken_.size(); ++i) {
    Call& call = woken_[i];
    if (call.reader.get() != &reader || call.cancelled) continue;
    if (i == running_) {
      ++running;
      continue;
    }
    call.cancelled = true;
    --reader.calls;
  }
  return running;
}

void Turn::Wake(Group& group) {
  if (group.paused) return;  // it wakes when it goes on
  if (const auto reader = group.NextArmed()) WakeReader(reader);
}

void Turn::Watch(Group& group) {
  if (!group.armed.empty() && !group.Watched()) Wake(group);
}

void Turn::WakeReader(const std::shared_ptr<Reader>& reader) {
  woken_.push_back({reader, std::move(reader->wake), false});
  reader->wake = nullptr;
  reader->woken = true;
  ++reader->calls;
}

void Turn::AwaitQuiet(Queue& queue, Reader& reader) {
  std::unique_lock lock(queue.mutex_);
  int own = 0;
  for (Turn* turn = running_turn; turn != nullptr; turn = turn->outer_) own += turn->Cancel(reader);
  reader.idle.wait(lock, [&] { return reader.calls <= own; });
}

}  // namespace agentmq::memory
