#include "core/reply_receiver.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/reply_inbox.hpp"
#include "core/shared.hpp"
#include "core/subscription_state.hpp"

namespace agentmq {
namespace {

constexpr size_t kMostAtOnce = 500;
constexpr size_t kMostLate = 1000;
constexpr int kAttempts = 1000000;  // each time that one is late again counts
constexpr int64_t kDay = int64_t{24} * 3600 * 1000;
constexpr int64_t kAsideAtMost = 365 * kDay;  // ms
constexpr int64_t kLongWait = 3600 * 1000;    // ms

SubscriptionSettings ReceiverSettings() {
  SubscriptionSettings settings;
  settings.consumer.name = "replies";
  settings.consumer.retry_attempts = kAttempts;
  settings.retry.attempts = kAttempts;
  settings.prefetch = 1;  // what one fetch takes is handed out at once
  return settings;
}

}  // namespace

ReplyReceiver::ReplyReceiver(std::shared_ptr<Shared> shared) : shared_(std::move(shared)), bus_(RandomName()) {}

ReplyReceiver::~ReplyReceiver() = default;

// ---- reading ----------------------------------------------------------------------------------------------------

Status ReplyReceiver::Read(const std::string& inbox) {
  std::unique_lock lock(mutex_);
  if (read_.contains(inbox)) return Status::Ok();
  while (starting_) {
    // Who comes meanwhile has the other's failure too: a thousand attempts one after the other help nobody.
    const uint64_t start = starts_;
    start_ended_.wait(lock, [&] { return starts_ != start; });
    if (read_.contains(inbox)) return Status::Ok();
    if (!started_.ok()) return started_;
  }
  starting_ = true;
  started_ = {Code::kNoMemory, "this process has no memory or threads left to wait for replies with"};
  lock.unlock();
  try {
    Status status = Start(inbox);
    lock.lock();
    started_ = status;
    if (status.ok()) read_.insert(inbox);
    EndStart();
    return status;
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    EndStart();
    throw;
  }
}

// Called with mutex_ held.
void ReplyReceiver::EndStart() {
  starting_ = false;
  ++starts_;
  start_ended_.notify_all();
}

// By one at a time.
Status ReplyReceiver::Start(const std::string& inbox) {
  std::shared_ptr<SubscriptionState> replies;
  {
    const std::lock_guard lock(mutex_);
    replies = replies_;
  }
  const bool first = replies == nullptr;
  if (first) {
    const std::string name = ReplyInbox{shared_->settings.source, bus_}.Name();
    replies = std::make_shared<SubscriptionState>(shared_, name, ReceiverSettings());
  }
  // Not by Add(): an agent `type:instance` would compete for its type's inbox.
  Status status = replies->Read(inbox, {{QueueName::Inbox({}, inbox), std::string(kInboxGroup)}});
  if (!status.ok() || !first) return status;
  shared_->AddSubscription(replies);
  if (shared_->gate.closed()) {  // a shutdown meanwhile did not see it
    replies->Close(shared_->Brief());
    return ClosedStatus();
  }
  const std::lock_guard lock(mutex_);
  thread_ = Thread("amq-reply", [this, replies] { Run(*replies); });
  replies_ = std::move(replies);
  return status;
}

void ReplyReceiver::Wake() {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, wait] : waits_) wait->Notify();
}

void ReplyReceiver::Join() {
  Thread thread;
  {
    const std::lock_guard lock(mutex_);
    thread = std::move(thread_);
  }
  thread.Join();
}

void ReplyReceiver::Run(SubscriptionState& replies) {
  Backoff backoff(shared_->settings.reconnect_base, shared_->settings.reconnect_max);
  Messages messages;
  Event pause;
  for (;;) {
    const Status status = replies.Fetch(kMostAtOnce, {}, &messages);
    if (status.code() == Code::kClosed) return;
    if (status.ok()) {
      backoff.Reset();
      HandOut(messages);
      continue;
    }
    shared_->log->Write(kLogError, "replies_failed", {{"reason", status.text()}});
    (void)shared_->gate.Wait(pause, {Deadline::After(backoff.Next()), nullptr});
  }
}

void ReplyReceiver::HandOut(Messages& messages) {
  std::vector<AckRequest> settled;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(messages, [&](auto& message) { return Offer(message, &settled); });
  }
  const auto backend = shared_->backend();
  if (backend == nullptr) return;
  // Where this fails they stay in their inbox until their ttl ends.
  if (!settled.empty()) shared_->settler.Ack(*backend, settled, shared_->Brief());
  for (const auto& late : messages) PutAside(*late);
  const std::lock_guard lock(mutex_);
  for (const AckRequest& request : settled) settling_.erase(request.id);
}

bool ReplyReceiver::IsSettling(const ShortId& reply) {
  const std::lock_guard lock(mutex_);
  return settling_.contains(reply);
}

// False: nobody waits for it. Adds what may be acknowledged now. Called with mutex_ held.
bool ReplyReceiver::Offer(std::unique_ptr<Message>& message, std::vector<AckRequest>* settled) {
  const auto found = waits_.find(ReplyWait::Key(message->target(), message->Get(Property::kCorrelationId)));
  if (found == waits_.end() || found->second->complete()) return false;
  ReplyWait& wait = *found->second;
  const char* const request = message->Header(kInReplyTo);
  if (request != nullptr && !wait.answered_.insert(request).second) return false;  // a second reply
  wait.unsettled_.push_back(AckRequest::Of(*message));
  wait.replies_.push_back(std::move(message));
  if (!wait.complete()) return true;
  if (wait.settles_ == ReplyWait::Settles::kTaker) {
    wait.Notify();
    return true;
  }
  for (const AckRequest& reply : wait.unsettled_) settling_.insert(reply.id);
  std::move(wait.unsettled_.begin(), wait.unsettled_.end(), std::back_inserter(*settled));
  wait.unsettled_.clear();
  wait.Notify();
  return true;
}

// It waits in its inbox, to be due when it has expired.
void ReplyReceiver::Leave(const Message& late) {
  const auto backend = shared_->backend();
  if (backend == nullptr) return;
  const int64_t lives = late.expires() == 0 ? kDay : late.expires() - late.timestamp() + 1;
  (void)shared_->settler.NackMessage(*backend, late, false, std::clamp(lives, int64_t{1}, kAsideAtMost),
                                     "nobody waited for this reply");
}

// The oldest of too many goes.
void ReplyReceiver::PutAside(const Message& late) {
  Leave(late);
  const auto backend = shared_->backend();
  if (backend == nullptr) return;
  late_.push_back({late.source(), late.short_id()});
  if (late_.size() <= kMostLate) return;
  const Late oldest = std::move(late_.front());
  late_.pop_front();
  // Most were collected or have expired.
  if (!backend->AckId(*oldest.source, oldest.id).ok()) return;
  shared_->log->Write(
      kLogWarn, "late_reply_dropped",
      {{"id", FullId{oldest.source->queue, oldest.id, {}}.Text()}, {"kept", std::to_string(kMostLate)}});
}

// ---- waiting ----------------------------------------------------------------------------------------------------

std::string ReplyWait::Key(std::string_view inbox, std::string_view correlation_id) {
  return std::string(inbox).append(1, '\0').append(correlation_id);
}

ReplyWait::ReplyWait(ReplyReceiver& receiver, const std::string& inbox, std::string_view correlation_id, size_t wanted,
                     const Cancel* cancel, Settles settles)
    : receiver_(receiver), key_(Key(inbox, correlation_id)), cancel_(cancel), settles_(settles), wanted_(wanted) {
  if (cancel != nullptr) {
    event_ = std::make_unique<Event>();
    if (!event_->valid()) status_ = NoEventStatus();
  }
  const std::lock_guard lock(receiver.mutex_);
  if (status_.ok() && !receiver.waits_.emplace(key_, this).second) {
    status_ =
        Status::Invalid("a call waits for replies to the correlation id '" + std::string(correlation_id) + "' already");
  }
}

ReplyWait::~ReplyWait() {
  if (!status_.ok()) return;
  {
    const std::lock_guard lock(receiver_.mutex_);
    receiver_.waits_.erase(key_);
  }
  if (unsettled_.empty()) return;  // what came is taken, or acknowledged
  for (const auto& left : replies_) receiver_.Leave(*left);
}

void ReplyWait::Notify() {
  came_.notify_all();
  if (event_ != nullptr) event_->Set();
}

void ReplyWait::Expect(size_t most) {
  const std::lock_guard lock(receiver_.mutex_);
  wanted_ = std::min(wanted_, most);
}

Status ReplyWait::Await(Deadline deadline) {
  Gate& gate = receiver_.shared_->gate;
  std::unique_lock lock(receiver_.mutex_);
  while (!complete()) {
    if (gate.closed()) return ClosedStatus();
    if (cancel_ != nullptr && cancel_->fired()) return InterruptedStatus();
    if (deadline.Expired()) return {Code::kTimeout, "no reply came within the timeout"};
    if (event_ == nullptr) {
      const int64_t left = deadline.Remaining();
      came_.wait_for(lock, std::chrono::milliseconds(left < 0 ? kLongWait : std::min(left, kLongWait)));
      continue;
    }
    lock.unlock();
    (void)event_->Wait({deadline, cancel_});
    lock.lock();
  }
  return Status::Ok();
}

Messages ReplyWait::Take() {
  std::vector<AckRequest> unsettled;
  Messages replies;
  {
    const std::lock_guard lock(receiver_.mutex_);
    wanted_ = 0;
    unsettled.swap(unsettled_);
    replies.swap(replies_);
  }
  Shared& shared = *receiver_.shared_;
  const auto backend = unsettled.empty() ? nullptr : shared.backend();
  if (backend == nullptr) return replies;
  shared.settler.Ack(*backend, unsettled, shared.Brief());
  // Each has its place in both. What somebody else collected while it was in hand here is his.
  for (size_t i = unsettled.size(); i-- > 0;) {
    if (unsettled[i].status.code() == Code::kNotFound) replies.erase(replies.begin() + static_cast<ptrdiff_t>(i));
  }
  return replies;
}

}  // namespace agentmq
