// How messages come: the fetch script, and records that are read beside it.
#include <algorithm>

#include "redis/consumer.hpp"
#include "redis/inspection.hpp"

namespace agentmq::redis {
namespace {

constexpr size_t kBlobWeight = 1 << 18;  // bytes that a blob counts for, its size is not known to the script
constexpr int kRounds = 20;              // of a fetch that is told to look again; each has a cause that passes
constexpr size_t kMost = 1000;           // messages of one call
constexpr int64_t kCursorLasts = 5000;   // ms

// Records of so many bytes are read by a command of their own, which costs a round trip: Lua would copy each of them
// four times. Fewer than the lower bound are not worth it in any case, more than the upper one always.
constexpr size_t kApartBytes = 32 << 10;
constexpr size_t kApartAtLeast = 16;
constexpr size_t kApartAlways = 128;

}  // namespace

Patience LongEnough(const Server& server, const Patience& patience) {
  Patience enough = patience;
  const int64_t least = std::min<int64_t>(1000, server.options().command_timeout);
  const int64_t left = patience.deadline.Remaining();
  if (left >= 0 && left < least) enough.deadline = Deadline::After(least);
  return enough;
}

// So many messages are answered without their records.
size_t RedisConsumer::Apart() const { return std::clamp(kApartBytes / mean_, kApartAtLeast, kApartAlways); }

Command RedisConsumer::MakeFetch(size_t room) {
  const auto view = queue_->view();
  const auto* group = Group(*view);
  const Lease lease = this->lease();
  const GroupKeys& keys = group != nullptr ? group->keys : keys_;
  // Where a full room may be more than the bound the server looks at each size before it takes.
  const size_t fits = kByteBound / mean_;
  const bool probe = room > fits && fits < kApartAtLeast;
  if (room > fits && !probe) room = fits;
  Command command(Script::kFetch);
  for (const std::string& key : queue_->keys().base) command.Key(key);
  for (const std::string& key : keys.base) command.KeepKey(key);
  command.KeepKey(keys_.Hand(lease.consumer));
  for (const std::string& key : keys.lanes) command.KeepKey(key);
  ++delivery_;
  command.Keep(group != nullptr ? view->generation : std::string());
  command.Keep(lease.consumer).Keep(RandomName()).Arg(lease.epoch);
  command.Arg(static_cast<int64_t>(std::min(room, kMost))).Arg(delivery_);
  command.Arg(options_.auto_extend ? int64_t{0} : options_.visibility_timeout).Arg(static_cast<int64_t>(kByteBound));
  if (options_.types.empty()) {
    command.Arg(probe ? "1" : "0");
  } else {
    command.Keep(TypesAndCursor());
  }
  command.Arg(source_.group).Arg(group != nullptr ? group->ordinal : int64_t{-1});
  command.Arg(static_cast<int64_t>(Apart()));
  if (group != nullptr) AddLanes(&command, *view);
  return command;
}

// Now and then it forgets what it has looked at, should a lane have changed in a way that its ends do not show.
std::string RedisConsumer::TypesAndCursor() {
  const int64_t now = SteadyMillis();
  if (now >= cursor_ends_) {
    cursor_.clear();
    cursor_ends_ = now + kCursorLasts;
  }
  std::string text = ",";
  for (const std::string& type : options_.types) text.append(type).append(",");
  return text.append("\n").append(cursor_);
}

// HMGET messages id...
Command RedisConsumer::MakeRead(const Unread& taken) const {
  const std::string_view ids = taken.ids;
  Command read{"HMGET", queue_->keys().messages()};
  read.Reserve(ids.size() / ShortId::kSize);
  for (size_t at = 0; at < ids.size(); at += ShortId::kSize) read.Arg(ids.substr(at, ShortId::kSize));
  return read;
}

// Messages in hand with their records. What has none any more is let go, and what is no message is set aside.
Status RedisConsumer::Add(const Unread& taken, Reply& records, const Reply& tries, Fetched* fetched) {
  const std::string_view ids = taken.ids;
  const size_t from = fetched->messages.size();
  size_t bytes = 0;
  bool blobs = false;
  fetched->messages.reserve(from + records.items.size());
  for (size_t i = 0; i < records.items.size(); ++i) {
    const std::string_view text = ids.substr(std::min(ids.size(), i * ShortId::kSize), ShortId::kSize);
    const auto id = ShortId::Parse(text);
    if (!id || records.items[i].is_nil()) {
      LetGo(std::string(text), taken.delivery);
      fetched->more = true;
      continue;
    }
    Delivery& delivery = fetched->messages.emplace_back();
    delivery.id = *id;
    delivery.delivery = taken.delivery;
    delivery.record = std::move(records.items[i].text);
    delivery.reserved_until = taken.at + options_.visibility_timeout;
    bytes += delivery.record.size() + (id->blob() ? kBlobWeight : 0);
    blobs = blobs || id->blob();
    if (i < tries.items.size() && !tries.items[i].text.empty()) delivery.tries = ParseTries(tries.items[i].text);
  }
  const size_t count = fetched->messages.size() - from;
  if (count > 0) mean_ = bytes / count + 1;
  if (!blobs) return Status::Ok();
  Status status = FillBlobs(std::span(fetched->messages).subspan(from));
  if (!status.ok()) {
    fetched->messages.resize(from);
    lost_.push_back(taken.delivery);  // all of this delivery goes back
  }
  return status;
}

// What a fetch script answered with code 0.
Status RedisConsumer::Accept(Reply& reply, int64_t delivery, Fetched* fetched) {
  const int64_t now = reply.At(1).Number();
  fetched->more = fetched->more || reply.At(2).Number() == 1;
  fetched->others = reply.At(2).Number() == 2;
  if (reply.items.size() > 8) cursor_ = std::move(reply.items[8].text);
  fetched->next_due = reply.At(3).Number();
  due_at_ = fetched->next_due < 0 ? INT64_MAX : SteadyMillis() + std::max<int64_t>(1, fetched->next_due);
  if (reply.items.size() < 8) return {Code::kProtocol, "the fetch script gave an answer that makes no sense"};
  fetched->paused = reply.items.size() > 9;
  SetPaused(fetched->paused);
  Unread taken{delivery, now, std::move(reply.items[5].text)};
  const bool with_records = !reply.items[6].items.empty();
  Status status;
  if (with_records) {
    status = Add(taken, reply.items[6], reply.items[7], fetched);
  } else if (!taken.ids.empty()) {
    unread_ = std::move(taken);
    fetched->more = true;
  }
  if (reply.At(4).Number() == 1) {
    (void)recovery_.Lapse(*queue_, source_.group);
    fetched->more = true;
  }
  return status;
}

RedisConsumer::Attempt RedisConsumer::Try(size_t room, const Patience& patience) {
  Attempt attempt;
  attempt.sent = SteadyMillis();
  Command command = MakeFetch(room);
  attempt.delivery = delivery_;
  Server::Call call{patience, Server::Again::kNever, false, no_more_};
  call.gives_up = true;  // what it took is asked back
  attempt.status = queues_.server().Run({&command, 1}, {&attempt.reply, 1}, call).status;
  return attempt;
}

// Whether a fetch has nothing else to do first: then several consumers' can share a round trip.
bool RedisConsumer::Simple() const { return !started_ && !unread_ && lost_.empty(); }

Result<Fetched> RedisConsumer::Fetch(size_t room, const Patience& patience, std::optional<Attempt> first) {
  const Patience bounded = LongEnough(queues_.server(), patience);
  no_more_ = patience.deadline;
  Fetched fetched;
  // What was asked for ahead may be older than the wake-up that this fetch follows: that it found no more says nothing.
  const bool ahead = started_.has_value();
  const Status used = UseAhead({bounded, Server::Again::kNever, false}, false, &fetched);
  const bool ended = used.code() == Code::kInterrupted || used.code() == Code::kClosed;
  if (ended && fetched.messages.empty()) return used;
  for (int round = 0; round < kRounds; ++round) {
    if (!fetched.messages.empty() || (fetched.older && !unread_ && lost_.empty())) break;
    if (!lost_.empty()) {
      Status status = TakeBackLost(bounded, false);
      if (status.code() == Code::kNotFound) {
        lost_.clear();
      } else if (!status.ok()) {
        return status;
      }
    }
    if (unread_ && LeaseHeld()) {
      if (Status status = Read(bounded, &fetched); !status.ok()) return status;
      continue;
    }
    Attempt attempt = first ? *std::exchange(first, std::nullopt) : Try(unread_ ? 0 : room, bounded);
    bool again = false;
    if (Status status = Judge(attempt, bounded, &fetched, &again); !status.ok()) return status;
    if (!again && !unread_) break;
    if (round + 1 == kRounds) {
      return Status(Code::kUnavailable, "queue '" + queue_->keys().text + "' changed all the time");
    }
  }
  Reconcile(bounded, &fetched);
  fetched.more = fetched.more || unread_ || ahead;
  fetched.server_time = queues_.server().Now(keys_.wake());
  return fetched;
}

// again: nothing is decided yet.
Status RedisConsumer::Judge(Attempt& attempt, const Patience& patience, Fetched* fetched, bool* again) {
  *again = true;
  if (!attempt.status.ok()) {
    // Sent, and not answered: what it took is not known here.
    if (attempt.status.code() != Code::kUnavailable) lost_.push_back(attempt.delivery);
    if (attempt.status.code() != Code::kUnknown) return attempt.status;
    if (!patience.deadline.Expired() && !no_more_.Expired()) return Status::Ok();
    return {Code::kUnavailable, attempt.status.text()};
  }
  if (attempt.reply.is_error()) return ErrorStatus(attempt.reply);
  queues_.server().SetNow(keys_.wake(), attempt.reply.At(1).Number());
  switch (attempt.reply.At(0).integer) {
    case 0:
      Renewed(attempt.sent);
      *again = false;
      return Accept(attempt.reply, attempt.delivery, fetched);
    case 1:
      return Enter(patience);
    case 2:
      queue_->Learn(attempt.reply, 2);
      // A group that was forgotten, or a queue that was removed: enter anew.
      if (Group(*queue_->view()) != nullptr) return Status::Ok();
      return Enter(patience);
    case 3:
      Renewed(attempt.sent);
      return Copy(patience);
    default:
      return {Code::kProtocol, "the fetch script gave an answer that makes no sense"};
  }
}

Status RedisConsumer::Read(const Patience& patience, Fetched* fetched) {
  auto records = queues_.server().Run(MakeRead(*unread_), {patience, Server::Again::kOnLoss, false});
  if (!records.ok()) {
    const bool unknown = records.code() == Code::kUnknown;
    return unknown ? Status(Code::kUnavailable, records.status().text()) : records.status();
  }
  const Unread taken = *std::exchange(unread_, std::nullopt);
  return Add(taken, *records, {}, fetched);
}

// A message without a record was deleted by hand; under an id of somebody's own making it goes to the dead letters.
void RedisConsumer::LetGo(const std::string& id, int64_t delivery) {
  const std::string lane = keys_.Lane(0);
  const int64_t ordinal = Ordinal();
  const std::string consumer = incarnation();
  Command command(Script::kNack);
  AddGroupKeys(&command, queue_->keys(), keys_);
  command.KeepKey(keys_.Hand(consumer)).Key(lane).KeepKey(queue_->keys().Blob(id)).KeepKey(queue_->keys().Blob("-"));
  command.Arg(consumer).Arg(source_.group).Arg(ordinal).Arg(id).Arg(delivery).Arg("1").Arg("0").Arg("1");
  command.Arg(static_cast<int64_t>(Code::kCorrupt)).Arg(kDeadLettersKept).Arg("an entry that is no id of a message");
  (void)queues_.server().Run(std::move(command), {});
}

int64_t RedisConsumer::Ordinal() const {
  const auto view = queue_->view();
  const auto* group = Group(*view);
  return group != nullptr ? group->ordinal : -1;
}

// GET blob: payloads that are stored apart are joined to their records.
Status RedisConsumer::FillBlobs(std::span<Delivery> deliveries) {
  for (Delivery& delivery : deliveries) {
    if (!delivery.id.blob()) continue;
    Command get{"GET"};
    get.Keep(queue_->keys().Blob(delivery.id.view()));
    auto reply = queues_.server().Run(std::move(get), {});
    if (!reply.ok()) return {Code::kUnavailable, reply.status().text()};
    if (reply->is_nil()) {
      delivery.record.clear();  // no record any more: it goes to the dead letters as corrupt
    } else {
      delivery.record += reply->text;
    }
  }
  return Status::Ok();
}

}  // namespace agentmq::redis
