// What a consumer asks for ahead of its use: commands and answers are under way while messages are worked on.
//
// A fetch answers the ids of many messages; as soon as they have come their records are asked for, on the same
// connection. Who waits for the answer to an acknowledgement does that too (ahead.hpp), so that the server has work
// while its last answers are used.
#include <algorithm>

#include "redis/consumer.hpp"

namespace agentmq::redis {
namespace {

// The ids of messages without their records, in a fetch script's answer.
std::string* IdsAlone(Reply& answer) {
  if (answer.items.size() < 8 || answer.At(0).integer != 0) return nullptr;
  return answer.items[6].items.empty() && !answer.items[5].text.empty() ? &answer.items[5].text : nullptr;
}

}  // namespace

void RedisConsumer::ReadAhead(size_t room) {
  if (!lost_.empty() || !LeaseHeld() || !options_.auto_extend) return;
  std::unique_lock lock(trip_mutex_);
  if (started_ && AwaitsIds()) Advance();
  std::vector<Command> commands;
  std::deque<Asked> asked;
  size_t coming = 0;
  bool known = true;  // how many come
  for (size_t i = 0; started_ && i < started_->asked.size(); ++i) {
    const Reply* answer = started_->trip.Answer(i);
    known = known && (started_->asked[i].read || answer != nullptr);
    coming += Coming(started_->asked[i], answer);
  }
  if (unread_) {
    asked.push_back({SteadyMillis(), 0, 0, std::exchange(unread_, std::nullopt), false});
    coming += Coming(asked.back(), nullptr);
    commands.push_back(MakeRead(*asked.back().read));
  }
  // What found nothing is used before it is asked again: a quiet source would be asked with each message of another. And
  // fewer than what is under way are not worth a call.
  const bool quiet = started_ && commands.empty() && coming == 0;
  if (known && !quiet && room > coming && room - coming >= coming) {
    commands.push_back(MakeFetch(room - coming));
    asked.push_back({SteadyMillis(), delivery_, room - coming, std::nullopt, false});
  }
  if (commands.empty()) return;
  const bool first = !started_;
  if (first) {
    auto trip = queues_.server().Start(commands);
    if (!trip) {
      if (asked[0].read) unread_ = std::move(asked[0].read);
      return;
    }
    started_.emplace().trip = std::move(*trip);
  } else {
    queues_.server().Send(started_->trip, commands);
  }
  std::move(asked.begin(), asked.end(), std::back_inserter(started_->asked));
  lock.unlock();
  if (first) ahead_.Add(this);
}

// Whether it is worth a look whether an answer has come.
bool RedisConsumer::AwaitsIds() const {
  return std::any_of(started_->asked.begin(), started_->asked.end(),
                     [this](const Asked& asked) { return !asked.read && !asked.followed && asked.room >= Apart(); });
}

// How many messages are known to come of it.
size_t RedisConsumer::Coming(const Asked& asked, const Reply* answer) {
  if (asked.read) return asked.read->ids.size() / ShortId::kSize;
  return answer != nullptr && answer->items.size() >= 8 ? answer->items[5].text.size() / ShortId::kSize : 0;
}

// Reads what has come, and asks for the records of ids among it.
void RedisConsumer::Advance() {
  (void)Server::Pump(started_->trip);
  for (size_t i = 0; i < started_->asked.size(); ++i) {
    Reply* answer = started_->trip.Answer(i);
    if (answer != nullptr) Follow(started_->asked[i], *answer);
  }
}

void RedisConsumer::Follow(Asked& asked, Reply& answer) {
  std::string* ids = asked.read ? nullptr : IdsAlone(answer);
  if (ids == nullptr) return;
  asked.followed = true;
  Asked next{SteadyMillis(), 0, 0, Unread{asked.delivery, answer.At(1).Number(), std::exchange(*ids, {})}, false};
  Command read = MakeRead(*next.read);
  queues_.server().Send(started_->trip, {&read, 1});
  started_->asked.push_back(std::move(next));
}

int RedisConsumer::AheadFd() {
  std::unique_lock lock(trip_mutex_, std::try_to_lock);
  return lock.owns_lock() && started_ ? started_->trip.connection->fd() : -1;
}

bool RedisConsumer::PumpAhead() {
  std::unique_lock lock(trip_mutex_, std::try_to_lock);
  if (!lock.owns_lock() || !started_) return false;
  Advance();
  return started_->trip.answered < started_->trip.got.size() && !started_->trip.connection->broken();
}

// Uses the answers in their order until there are messages, or all of them. Waits for what has not come.
Status RedisConsumer::UseAhead(const Server::Call& call, bool all, Fetched* fetched) {
  Status status;
  while (started_ && (all || !lost_.empty() || fetched->messages.empty())) {
    Reply reply;
    Asked asked;
    {
      std::lock_guard lock(trip_mutex_);
      status = queues_.server().Take(started_->trip, &reply, call);
      if (status.ok()) {
        asked = std::move(started_->asked.front());
        started_->asked.pop_front();
        Follow(asked, reply);
      }
    }
    const bool held = !status.ok() || Use(asked, reply, fetched);
    if (!held) {  // the lease is gone, and all that it held
      std::lock_guard lock(trip_mutex_);
      started_->asked.clear();
    }
    if (!status.ok() || started_->asked.empty()) EndAhead(status);
  }
  return status;
}

// False: there is no such lease any more.
bool RedisConsumer::Use(const Asked& asked, Reply& reply, Fetched* fetched) {
  if (!reply.is_array()) {
    // Refused: the next fetch hears why.
    if (asked.read) lost_.push_back(asked.read->delivery);
    return true;
  }
  if (asked.read) {
    (void)Add(*asked.read, reply, {}, fetched);
    return true;
  }
  switch (reply.At(0).integer) {
    case 0:
      Renewed(asked.sent);
      fetched->older = true;
      (void)Accept(reply, asked.delivery, fetched);
      if (fetched->next_due > 0) {
        fetched->next_due = std::max<int64_t>(0, fetched->next_due - (SteadyMillis() - asked.sent));
      }
      return true;
    case 1:
      return false;
    case 2:
      queue_->Learn(reply, 2);
      return true;
    default:
      return true;
  }
}

// Nothing more is used of it. What was taken and is not known here goes back.
void RedisConsumer::EndAhead(const Status& status) {
  ahead_.Remove(this);
  std::lock_guard lock(trip_mutex_);
  for (const Asked& asked : started_->asked) {
    if (!asked.followed) lost_.push_back(asked.read ? asked.read->delivery : asked.delivery);
  }
  queues_.server().End(std::move(started_->trip), status);
  started_.reset();
}

}  // namespace agentmq::redis
