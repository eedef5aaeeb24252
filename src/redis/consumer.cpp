#include "redis/consumer.hpp"

#include <algorithm>

#include "redis/inspection.hpp"

namespace agentmq::redis {
namespace {

constexpr size_t kBlobWeight = 1 << 18;  // bytes that a blob counts for, its size is not known to the script
constexpr int64_t kLeaseMargin = 500;    // ms: a buffer is not trusted for the last part of a lease
constexpr int64_t kCopyStep = 1000;
constexpr int kRounds = 20;  // of a fetch that is told to look again; each has a cause that passes

// The name of an incarnation: never used twice, and no '|' in it.
std::string NewIncarnation(const std::string& name) {
  std::string text = PercentEncode(name);
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos;) text.replace(at, 1, "%7C");
  return (text.empty() ? "consumer" : text) + "." + RandomName();
}

}  // namespace

RedisConsumer::RedisConsumer(Queues& queues, Recovery& recovery, Waiter& waiter, const Source& source,
                             const ConsumerOptions& options)
    : queues_(queues),
      recovery_(recovery),
      waiter_(waiter),
      source_(source),
      options_(options),
      queue_(queues.Get(source.queue)),
      keys_(queue_->keys().Group(source.group, {})) {}

Status RedisConsumer::Enter(const Patience& patience) {
  const Server::Call call{patience, Server::Again::kOnLoss, false};
  if (Status status = queues_.Register(*queue_, call); !status.ok()) return status;
  const std::string consumer = NewIncarnation(options_.name);
  const int64_t sent = SteadyMillis();
  Command command(Script::kSubscribe);
  AddGroupKeys(&command, queue_->keys(), keys_);
  command.Arg(consumer).Keep(RandomName()).Arg(source_.group).Arg(source_.queue.broadcast ? "1" : "0");
  command.Arg(options_.from_start ? "1" : "0").Keep(RandomName()).Arg(options_.group_ttl);
  command.Arg(int64_t{options_.retry_attempts});
  auto reply = queues_.server().Run(std::move(command), call);
  if (!reply.ok()) return reply.status();
  queue_->Learn(*reply, 2);
  if (reply->At(5).integer == 1) {
    // Made anew: house-keeping may have struck off our entry just before.
    if (Status status = queues_.Register(*queue_, call); !status.ok()) return status;
  }
  {
    std::lock_guard lock(mutex_);
    consumer_ = consumer;
    epoch_ = 1;
  }
  lost_ = 0;
  Renewed(sent);
  if (reply->At(6).integer == 1) {
    // Leases older than a minute: nobody is there who would have seen them lapse.
    (void)recovery_.Recover(*queue_, source_.group, 60000);
  }
  return Status::Ok();
}

RedisConsumer::Lease RedisConsumer::lease() const {
  std::lock_guard lock(mutex_);
  return {consumer_, epoch_};
}

std::string RedisConsumer::incarnation() const { return lease().consumer; }

void RedisConsumer::Renewed(int64_t at) { renewed_.store(at, std::memory_order_release); }

bool RedisConsumer::LeaseHeld() const {
  const int64_t age = SteadyMillis() - renewed_.load(std::memory_order_acquire);
  return age < queues_.server().options().liveness_timeout - kLeaseMargin;
}

// What a fetch took whose answer never came goes back, under a new epoch.
Status RedisConsumer::TakeBackLost(const Patience& patience) {
  const auto view = queue_->view();
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
  command.Arg(lost_);
  auto reply = queues_.server().Run(std::move(command), {patience, Server::Again::kOnLoss, false, no_more_});
  if (!reply.ok()) return reply.status();
  lost_ = 0;
  std::lock_guard lock(mutex_);
  epoch_ = lease.epoch + 1;
  return Status::Ok();
}

Status RedisConsumer::Copy(const Patience& patience) {
  for (;;) {
    const auto view = queue_->view();
    const auto* group = Group(*view);
    if (group == nullptr) return Status::NotFound("the group is gone");
    Command command(Script::kCopy);
    AddGroupKeys(&command, queue_->keys(), group->keys);
    AddLaneKeys(&command, group->keys);
    command.Arg(view->generation).Arg(source_.group).Arg(group->ordinal).Arg(kCopyStep);
    AddLanes(&command, *view);
    auto reply = queues_.server().Run(std::move(command), {patience, Server::Again::kOnLoss, false});
    if (!reply.ok()) return reply.status();
    if (reply->At(0).integer == 2) queue_->Learn(*reply, 2);
    if (reply->At(0).integer == 0) return Status::Ok();
  }
}

Result<Reply> RedisConsumer::Take(size_t room, const Patience& patience) {
  const auto view = queue_->view();
  const auto* group = Group(*view);
  const Lease lease = this->lease();
  const int64_t sent = SteadyMillis();
  const GroupKeys& keys = group != nullptr ? group->keys : keys_;
  Command command(Script::kFetch);
  AddGroupKeys(&command, queue_->keys(), keys);
  command.KeepKey(keys_.Hand(lease.consumer));
  AddLaneKeys(&command, keys);
  ++delivery_;
  command.Arg(group != nullptr ? std::string_view(view->generation) : std::string_view())
      .Arg(lease.consumer)
      .Keep(RandomName())
      .Arg(lease.epoch);
  command.Arg(static_cast<int64_t>(room)).Arg(delivery_);
  command.Arg(options_.auto_extend ? int64_t{0} : options_.visibility_timeout).Arg(static_cast<int64_t>(kByteBound));
  // Where a full room may be more than the bound the server looks at each size before it takes.
  command.Arg(room * mean_ > kByteBound ? "1" : "0");
  command.Arg(source_.group).Arg(group != nullptr ? group->ordinal : int64_t{-1});
  if (group != nullptr) AddLanes(&command, *view);
  Reply reply;
  auto outcome = queues_.server().Run({&command, 1}, {&reply, 1}, {patience, Server::Again::kNever, false, no_more_});
  if (!outcome.status.ok()) {
    // Sent, and not answered: what it took is not known here.
    if (outcome.status.code() != Code::kUnavailable) lost_ = delivery_;
    return outcome.status;
  }
  if (reply.is_error()) return ErrorStatus(reply);
  queues_.server().pool().SetServerTime(reply.At(1).Number());
  if (reply.At(0).integer == 0 || reply.At(0).integer == 3) Renewed(sent);
  return reply;
}

Result<Fetched> RedisConsumer::Fetch(size_t room, const Patience& patience) {
  // A fetch that does not wait for messages still has to hear the server's answer.
  Patience bounded = patience;
  const int64_t least = std::min<int64_t>(1000, queues_.server().options().command_timeout);
  const int64_t left = patience.deadline.Remaining();
  if (left >= 0 && left < least) bounded.deadline = Deadline::After(least);
  no_more_ = patience.deadline;
  bool gone = false;
  for (int round = 0; round < kRounds; ++round) {
    if (lost_ != 0) {
      Status status = TakeBackLost(bounded);
      if (status.code() == Code::kNotFound) {
        lost_ = 0;
      } else if (!status.ok()) {
        return status;
      }
    }
    auto reply = Take(room, bounded);
    if (!reply.ok()) {
      if (reply.code() == Code::kUnknown && !bounded.deadline.Expired() && !no_more_.Expired()) continue;
      const bool unknown = reply.code() == Code::kUnknown;
      return unknown ? Status(Code::kUnavailable, reply.status().text()) : reply.status();
    }
    switch (reply->At(0).integer) {
      case 0: {
        auto fetched = Parse(*reply);
        if (fetched.ok()) fetched->gone = gone;
        return fetched;
      }
      case 1:
        gone = true;
        if (Status status = Enter(bounded); !status.ok()) return status;
        break;
      case 2:
        queue_->Learn(*reply, 2);
        // A group that was forgotten, or a queue that was removed: enter anew.
        if (Group(*queue_->view()) == nullptr) {
          gone = true;
          if (Status status = Enter(bounded); !status.ok()) return status;
        }
        break;
      case 3:
        if (Status status = Copy(bounded); !status.ok()) return status;
        break;
      default:
        return Status(Code::kProtocol, "the fetch script gave an answer that makes no sense");
    }
  }
  return Status(Code::kUnavailable, "queue '" + queue_->keys().text + "' changed all the time");
}

Result<Fetched> RedisConsumer::Parse(Reply& reply) {
  Fetched fetched;
  const int64_t now = reply.At(1).Number();
  fetched.server_time = now;
  fetched.more = reply.At(2).Number() == 1;
  fetched.next_due = reply.At(3).Number();
  const bool lapsed = reply.At(4).Number() == 1;
  size_t bytes = 0;
  bool blobs = false;
  const bool has_tries = reply.At(5).Number() == 1;
  const size_t stride = has_tries ? 3 : 2;
  fetched.messages.reserve((reply.items.size() - 6) / stride);
  for (size_t i = 6; i + stride <= reply.items.size(); i += stride) {
    const auto id = ShortId::Parse(reply.items[i].text);
    if (!id) {
      SetAside(reply.items[i].text);
      fetched.more = true;
      continue;
    }
    Delivery& delivery = fetched.messages.emplace_back();
    delivery.id = *id;
    delivery.delivery = delivery_;
    delivery.record = std::move(reply.items[i + 1].text);
    delivery.reserved_until = now + options_.visibility_timeout;
    bytes += delivery.record.size() + (delivery.id.blob() ? kBlobWeight : 0);
    blobs = blobs || delivery.id.blob();
    if (has_tries && !reply.items[i + 2].text.empty()) delivery.tries = ParseTries(reply.items[i + 2].text);
  }
  if (!fetched.messages.empty()) mean_ = bytes / fetched.messages.size() + 1;
  if (blobs) {
    if (Status status = FillBlobs(&fetched); !status.ok()) return status;
  }
  if (lapsed) {
    (void)recovery_.Lapse(*queue_, source_.group);
    fetched.more = true;
  }
  return fetched;
}

// A message under an id of somebody's own making goes to the dead letters.
void RedisConsumer::SetAside(const std::string& id) {
  const std::string lane = keys_.Lane(0);
  const int64_t ordinal = Ordinal();
  const std::string consumer = incarnation();
  Command command(Script::kNack);
  AddGroupKeys(&command, queue_->keys(), keys_);
  command.KeepKey(keys_.Hand(consumer)).Key(lane).KeepKey(queue_->keys().Blob(id)).KeepKey(queue_->keys().Blob("-"));
  command.Arg(consumer).Arg(source_.group).Arg(ordinal).Arg(id).Arg(delivery_).Arg("1").Arg("0").Arg("1");
  command.Arg(static_cast<int64_t>(Code::kCorrupt)).Arg(kDeadLettersKept).Arg("an entry that is no id of a message");
  (void)queues_.server().Run(std::move(command), {});
}

int64_t RedisConsumer::Ordinal() const {
  const auto view = queue_->view();
  const auto* group = Group(*view);
  return group != nullptr ? group->ordinal : -1;
}

// GET blob: payloads that are stored apart are joined to their records.
Status RedisConsumer::FillBlobs(Fetched* fetched) {
  for (Delivery& delivery : fetched->messages) {
    if (!delivery.id.blob()) continue;
    Command get{"GET"};
    get.Keep(queue_->keys().Blob(delivery.id.view()));
    auto reply = queues_.server().Run(std::move(get), {});
    if (!reply.ok()) {
      lost_ = delivery_;  // all of this fetch goes back
      return {Code::kUnavailable, reply.status().text()};
    }
    if (reply->is_nil()) {
      delivery.record.clear();  // no record any more: it goes to the dead letters as corrupt
    } else {
      delivery.record += reply->text;
    }
  }
  return Status::Ok();
}

void RedisConsumer::Arm(std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  if (wake_) return;
  wake_ = std::move(wake);
  if (ticket_ != 0) return;  // woken by the ticker meanwhile: the wait is still there
  std::weak_ptr<RedisConsumer> self = weak_from_this();
  ticket_ = waiter_.Arm(keys_.wake(), [self] {
    auto consumer = self.lock();
    if (!consumer) return;
    {
      std::lock_guard served(consumer->mutex_);
      consumer->ticket_ = 0;
    }
    consumer->WakeUp();
  });
}

void RedisConsumer::WakeUp() {
  std::lock_guard calling(calling_);
  std::function<void()> wake;
  {
    std::lock_guard lock(mutex_);
    wake.swap(wake_);
  }
  if (wake) wake();
}

void RedisConsumer::Disarm() {
  Waiter::Ticket ticket = 0;
  {
    std::lock_guard lock(mutex_);
    wake_ = nullptr;
    std::swap(ticket, ticket_);
  }
  if (ticket != 0) waiter_.Disarm(ticket);
  std::lock_guard calling(calling_);  // a wake that runs ends first
}

Status RedisConsumer::GiveBack(std::span<const ShortId> unseen) { return Return(unseen, false); }

Status RedisConsumer::Close(std::span<const ShortId> unseen) {
  Disarm();
  return Return(unseen, true);
}

Status RedisConsumer::Return(std::span<const ShortId> unseen, bool close) {
  const auto view = queue_->view();
  const auto* group = Group(*view);
  if (group == nullptr) return Status::Ok();
  const Lease lease = this->lease();
  size_t left = unseen.size();
  do {
    const size_t step = std::min<size_t>(left, 1000);
    const bool last = step == left;
    Command command(Script::kGiveBack);
    AddGroupKeys(&command, queue_->keys(), group->keys);
    command.KeepKey(keys_.Hand(lease.consumer));
    AddLaneKeys(&command, group->keys);
    command.Arg(lease.consumer).Arg(close && last ? "1" : "0").Arg(options_.visibility_timeout);
    command.Arg("0").Arg("").Arg(source_.group).Arg(static_cast<int64_t>(view->lanes.size()));
    AddLanes(&command, *view);
    for (size_t i = 0; i < step; ++i) command.Arg(unseen[--left].view());  // newest first
    auto reply = queues_.server().Run(std::move(command), {{}, Server::Again::kOnLoss, true});
    if (!reply.ok()) return reply.status();
  } while (left > 0);
  return Status::Ok();
}

}  // namespace agentmq::redis
