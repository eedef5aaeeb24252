#include "memory/turn.hpp"

#include "memory/queue.hpp"
#include "memory/store.hpp"

namespace agentmq::memory {
namespace {

// Whose `wake` this thread is in, so that it may disarm itself from there.
thread_local const Reader* waking_reader = nullptr;

constexpr int kInfo = 1;  // MQ_LOG_INFO

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
  for (const Call& call : woken_) Run(call);
  if (!events_) return;
  for (const std::string& group : removed_groups_) {
    events_(kInfo, "group_removed", {{"queue", queue_->name().Text()}, {"group", group}});
  }
}

void Turn::Run(const Call& call) {
  const Reader* const outer = waking_reader;
  waking_reader = call.reader.get();
  if (call.wake) call.wake();
  waking_reader = outer;
  lock_.lock();
  --call.reader->calls;
  // Under the lock: who waits for it may end the reader at once.
  call.reader->idle.notify_all();
  lock_.unlock();
}

void Turn::Wake(Group& group) {
  if (auto reader = group.NextArmed()) WakeReader(std::move(reader));
}

void Turn::Watch(Group& group) {
  if (!group.armed.empty() && !group.Watched()) Wake(group);
}

void Turn::WakeReader(std::shared_ptr<Reader> reader) {
  woken_.push_back({reader, std::move(reader->wake)});
  reader->wake = nullptr;
  reader->woken = true;
  ++reader->calls;
}

void Turn::AwaitQuiet(Queue& queue, Reader& reader) {
  const int own = waking_reader == &reader ? 1 : 0;
  std::unique_lock lock(queue.mutex_);
  reader.idle.wait(lock, [&] { return reader.calls <= own; });
}

}  // namespace agentmq::memory
