#include "memory/consumer.hpp"

#include <utility>
#include <vector>

namespace agentmq::memory {

Status SessionClosed() { return Status::Closed("the bus was shut down"); }

void Session::Close() {
  closed_.store(true, std::memory_order_release);
  std::vector<Place> places;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [consumer, place] : consumers_) places.push_back(place);
  }
  // Who arms from now on sees that it is closed, or has armed before this turn.
  for (const auto& [queue, membership] : places) {
    Turn turn(*store, queue, events);
    if (!membership.reader->open || !membership.reader->armed) continue;
    membership.group->Disarm(membership.reader.get());
    turn.WakeReader(membership.reader);
  }
}

void Session::Add(const void* consumer, const Place& place) {
  const std::lock_guard lock(mutex_);
  consumers_.emplace(consumer, place);
}

void Session::Remove(const void* consumer) {
  const std::lock_guard lock(mutex_);
  consumers_.erase(consumer);
}

MemoryConsumer::MemoryConsumer(std::shared_ptr<Session> session, const Place& place)
    : session_(std::move(session)),
      queue_(place.queue),
      group_(place.membership.group),
      reader_(place.membership.reader) {
  session_->Add(this, place);
}

MemoryConsumer::~MemoryConsumer() {
  session_->Remove(this);
  End({});
}

Result<Fetched> MemoryConsumer::Fetch(size_t room, const Patience& /*nothing here waits*/) {
  if (session_->closed()) return SessionClosed();
  Turn turn(*session_->store, queue_, session_->events);
  if (!reader_->open) return Status::Closed("the consumer was closed");
  return queue_->Fetch(turn, *group_, *reader_, room);
}

void MemoryConsumer::Arm(std::function<void()> wake) {
  Turn turn(*session_->store, queue_, session_->events);
  if (reader_->armed) return;
  reader_->wake = std::move(wake);
  if (!reader_->open || session_->closed()) {
    turn.WakeReader(reader_);
    return;
  }
  queue_->Arm(turn, *group_, reader_);
}

void MemoryConsumer::Disarm() {
  {
    Turn turn(*session_->store, queue_, session_->events);
    if (reader_->open) queue_->Disarm(turn, *group_, *reader_);
  }
  Turn::AwaitQuiet(*queue_, *reader_);
}

Status MemoryConsumer::GiveBack(std::span<const ShortId> unseen) {
  Turn turn(*session_->store, queue_, session_->events);
  if (reader_->open) queue_->GiveBack(turn, *group_, *reader_, unseen);
  return Status::Ok();
}

Status MemoryConsumer::Close(std::span<const ShortId> unseen) {
  End(unseen);
  return Status::Ok();
}

void MemoryConsumer::End(std::span<const ShortId> unseen) {
  {
    Turn turn(*session_->store, queue_, session_->events);
    if (reader_->open) {
      queue_->GiveBack(turn, *group_, *reader_, unseen);
      queue_->Leave(turn, *group_, *reader_);
    }
  }
  Turn::AwaitQuiet(*queue_, *reader_);
}

}  // namespace agentmq::memory
