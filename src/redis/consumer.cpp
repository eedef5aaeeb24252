#include "redis/consumer.hpp"

#include <algorithm>

#include "redis/inspection.hpp"

namespace agentmq::redis {
namespace {

constexpr int64_t kLeaseMargin = 500;  // ms: a buffer is not trusted for the last part of a lease, a sixth at most
constexpr size_t kReturnStep = 1000;
constexpr int64_t kCloseTime = 1000;  // ms for an answer that is still under way
constexpr int64_t kWakeTime = 1000;   // ms to leave a token

// The name of an incarnation: never used twice, and no '|' in it.
std::string NewIncarnation(const std::string& name) {
  std::string text = PercentEncode(name);
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos;) text.replace(at, 1, "%7C");
  return (text.empty() ? "consumer" : text) + "." + RandomName();
}

}  // namespace

RedisConsumer::RedisConsumer(Queues& queues, Recovery& recovery, Waiter& waiter, Ahead& ahead, const Source& source,
                             const ConsumerOptions& options)
    : queues_(queues),
      recovery_(recovery),
      waiter_(waiter),
      ahead_(ahead),
      source_(source),
      options_(options),
      queue_(queues.Get(source.queue)),
      keys_(queue_->keys().Group(source.group, {})) {}

RedisConsumer::~RedisConsumer() {
  ahead_.Remove(this);
  if (started_) queues_.server().End(std::move(started_->trip), Status::Ok());
}

Status RedisConsumer::Enter(const Patience& patience) {
  const Server::Call call{patience, Server::Again::kOnLoss, false};
  if (Status status = queues_.Register(*queue_, call); !status.ok()) return status;
  const std::string consumer = NewIncarnation(options_.name);
  const int64_t sent = SteadyMillis();
  Command command(Script::kSubscribe);
  AddGroupKeys(&command, queue_->keys(), keys_);
  command.KeepKey(queue_->keys().KeptLog());
  command.Arg(consumer).Keep(RandomName()).Arg(source_.group).Arg(source_.queue.broadcast ? "1" : "0");
  command.Arg(options_.from_start ? "1" : "0").Keep(RandomName()).Arg(options_.group_ttl);
  command.Arg(int64_t{options_.retry_attempts}).Arg(options_.from);
  auto reply = queues_.server().Run(std::move(command), call);
  if (!reply.ok()) return reply.status();
  queue_->Learn(*reply, 2);
  if (reply->At(5).integer == 1) {
    // Made anew: house-keeping may have struck off our entry just before.
    if (Status status = queues_.Register(*queue_, call); !status.ok()) return status;
    Queue* const made = queue_.get();
    if (Status status = queues_.FollowPauses({&made, 1}, call); !status.ok()) return status;
  }
  {
    std::lock_guard lock(mutex_);
    consumer_ = consumer;
    epoch_ = 1;
  }
  lost_.clear();
  unread_.reset();
  Renewed(sent);
  if (reply->At(6).integer == 1) {
    // Leases older than a minute: nobody is there who would have seen them lapse.
    (void)recovery_.Recover(*queue_, source_.group, 60000);
  }
  // What is kept now is this group's from now on, whoever settles it before the first fetch.
  return reply->At(7).integer == 1 ? Copy(patience) : Status::Ok();
}

RedisConsumer::Lease RedisConsumer::lease() const {
  std::lock_guard lock(mutex_);
  return {consumer_, epoch_};
}

std::string RedisConsumer::incarnation() const { return lease().consumer; }

void RedisConsumer::Renewed(int64_t at) {
  int64_t known = renewed_.load(std::memory_order_acquire);
  while (known < at && !renewed_.compare_exchange_weak(known, at, std::memory_order_acq_rel)) {
  }
}

bool RedisConsumer::LeaseHeld() const {
  const int64_t age = SteadyMillis() - renewed_.load(std::memory_order_acquire);
  const int64_t lease = queues_.server().options().liveness_timeout;
  return age < lease - std::min(kLeaseMargin, lease / 6);
}

// What a fetch took whose answer never came goes back, under a new epoch.
Status RedisConsumer::TakeBackLost(const Patience& patience, bool settles) {
  const auto view = queues_.Refresh(*queue_);  // with every lane
  const auto* group = Group(*view);
  if (group == nullptr) return Status::NotFound("the group is gone");
  const Lease lease = this->lease();
  Command command(Script::kGiveBack);
  AddGroupKeys(&command, queue_->keys(), group->keys);
  command.KeepKey(keys_.Hand(lease.consumer));
  AddLaneKeys(&command, group->keys);
  command.Arg(lease.consumer).Arg("2").Arg("0").Arg(lease.epoch + 1).Keep(RandomName()).Arg(source_.group);
  command.Arg(static_cast<int64_t>(view->lanes.size()));
  AddLanes(&command, *view);
  for (const int64_t delivery : lost_) command.Arg(delivery);
  auto reply = queues_.server().Run(std::move(command), {patience, Server::Again::kOnLoss, settles, no_more_});
  if (!reply.ok()) return reply.status();
  lost_.clear();
  std::lock_guard lock(mutex_);
  epoch_ = lease.epoch + 1;
  return Status::Ok();
}

Status RedisConsumer::Copy(const Patience& patience) {
  return recovery_.Copy(*queue_, source_.group, {patience, Server::Again::kOnLoss, false});
}

void RedisConsumer::Arm(std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  if (wake_) return;
  wake_ = std::move(wake);
  if (ticket_ != 0) return;  // woken by the ticker meanwhile: the wait is still there
  std::weak_ptr<RedisConsumer> self = weak_from_this();
  ticket_ = waiter_.Arm(keys_.wake(), [self] {
    auto consumer = self.lock();
    if (!consumer) return false;
    {
      std::lock_guard served(consumer->mutex_);
      consumer->ticket_ = 0;
    }
    return consumer->WakeUp();
  });
}

void RedisConsumer::Watch(std::function<void()> wake, int64_t delivery) {
  answer_lost_ = false;
  awaited_ = delivery;
  std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

void RedisConsumer::AnswerIsLost(int64_t delivery) {
  if (awaited_ != delivery) return;
  answer_lost_ = true;
  WakeUp();
}

bool RedisConsumer::WakeUp() {
  std::lock_guard calling(calling_);
  std::function<void()> wake;
  {
    std::lock_guard lock(mutex_);
    wake.swap(wake_);
  }
  if (!wake) return false;
  wake();
  return true;
}

void RedisConsumer::Disarm() {
  awaited_ = 0;
  Waiter::Ticket ticket = 0;
  {
    std::lock_guard lock(mutex_);
    wake_ = nullptr;
    std::swap(ticket, ticket_);
  }
  if (ticket != 0) waiter_.Disarm(ticket);
  std::lock_guard calling(calling_);  // a wake that runs ends first
}

void RedisConsumer::WakeAnother() {
  // Where this fails a tick finds what is due.
  const Deadline soon = Deadline::After(kWakeTime);
  (void)queues_.server().Run(MakeToken(keys_.wake()), {{soon, nullptr}, Server::Again::kNever, false, soon});
}

Status RedisConsumer::GiveBack(std::span<const ShortId> unseen) { return Return(Text(unseen), false); }

Status RedisConsumer::Close(std::span<const ShortId> unseen) {
  Disarm();
  // What was asked for ahead is nobody's now.
  const Server::Call call{{Deadline::After(kCloseTime), nullptr}, Server::Again::kNever, true};
  Fetched ahead;
  (void)UseAhead(call, true, &ahead);
  std::string ids = Text(unseen);
  for (const Delivery& delivery : ahead.messages) ids += delivery.id.view();
  if (unread_) ids += unread_->ids;
  if (!lost_.empty()) (void)TakeBackLost({Deadline::After(kCloseTime), nullptr}, true);
  return Return(ids, true);
}

std::string RedisConsumer::Text(std::span<const ShortId> ids) {
  std::string text;
  text.reserve(ids.size() * ShortId::kSize);
  for (const ShortId& id : ids) text += id.view();
  return text;
}

// ids: oldest first.
Status RedisConsumer::Return(std::string_view ids, bool close) {
  const auto view = queues_.Refresh(*queue_);  // with every lane
  const auto* group = Group(*view);
  if (group == nullptr) return Status::Ok();
  const Lease lease = this->lease();
  do {
    // The newest first, so that the oldest ends up in front.
    const size_t from = ids.size() > kReturnStep * ShortId::kSize ? ids.size() - kReturnStep * ShortId::kSize : 0;
    Command command(Script::kGiveBack);
    AddGroupKeys(&command, queue_->keys(), group->keys);
    command.KeepKey(keys_.Hand(lease.consumer));
    AddLaneKeys(&command, group->keys);
    command.Arg(lease.consumer).Arg(close && from == 0 ? "1" : "0").Arg(options_.visibility_timeout);
    command.Arg("0").Arg("").Arg(source_.group).Arg(static_cast<int64_t>(view->lanes.size()));
    AddLanes(&command, *view);
    command.Arg(ids.substr(from));
    auto reply = queues_.server().Run(std::move(command), {{}, Server::Again::kOnLoss, true});
    if (!reply.ok()) return reply.status();
    ids = ids.substr(0, from);
  } while (!ids.empty());
  return Status::Ok();
}

}  // namespace agentmq::redis
