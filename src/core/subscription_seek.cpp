// mq_seek: a subscription's broadcasts begin anew, at another place.
#include <algorithm>

#include "core/shared.hpp"
#include "core/subscription_state.hpp"
#include "util/text.hpp"

namespace agentmq {

Status SubscriptionState::Seek(std::string_view text) {
  const auto position = Position::Parse(text);
  if (!position) {
    return Status::Invalid("position must be new, all, a time, or the id of a broadcast, got " + Quote(text));
  }
  std::vector<std::shared_ptr<Reader>> wanted;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return Status::Closed("the subscription has ended");
    std::copy_if(readers_.begin(), readers_.end(), std::back_inserter(wanted), [&](const auto& reader) {
      return reader->source->queue.broadcast && position->IsOf(reader->source->queue.channel);
    });
  }
  if (wanted.empty() && position->channel) {
    return Status::Invalid("channel " + Quote(*position->channel) + " is not read by this subscription");
  }
  if (wanted.empty()) return Status::Invalid("a subscription that reads no broadcasts has no position");
  for (const auto& reader : wanted) {
    if (Status status = SeekOne(reader, *position); !status.ok()) return status;
  }
  return Status::Ok();
}

Status SubscriptionState::SeekOne(const std::shared_ptr<Reader>& reader, const Position& position) {
  const Patience brief = shared_->Brief();
  {
    std::unique_lock lock(mutex_);
    if (!WaitForRefill(lock, brief.deadline)) return {Code::kUnavailable, "the server did not answer in time"};
    if (stopped_) return Status::Closed("the subscription has ended");
    refilling_ = true;
  }
  // What was asked for ahead comes first, so that none of it comes later.
  Backend::Order order{reader->consumer.get(), 0};
  reader->backend->Fetch({&order, 1}, brief);
  Status status = order.fetched.status();
  if (status.ok()) status = reader->backend->Seek(*reader->source, position.from_start, position.from, brief);
  std::unique_lock lock(mutex_);
  (void)Accept({reader}, {&order, 1});
  if (status.ok()) reader->DropBuffer();  // it is in nobody's hand any more
  reader->look_at = 0;
  refilling_ = false;
  refilled_.notify_all();
  UpdateFd();
  WakeLookers();
  PassOn();
  return status;
}

}  // namespace agentmq
