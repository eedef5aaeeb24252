// How messages are settled, looked at and managed.
#include <algorithm>

#include "model/world.hpp"

namespace agentmq::test::model {
namespace {

constexpr size_t kMostSettled = 8;
constexpr size_t kRecent = 25;

Seen See(const MessageView& message) {
  return {std::string(message.id()), std::string(message.agent()), message.state(), message.priority(),
          message.deliveries()};
}

std::vector<Seen> See(const MessageList& list) {
  std::vector<Seen> all;
  for (size_t i = 0; i < list.size(); ++i) all.push_back(See(list[i]));
  return all;
}

}  // namespace

std::optional<World::Holding> World::Choose(uint32_t draw, bool again) const {
  if (again) return settled_.empty() ? std::nullopt : std::optional(settled_[draw % settled_.size()]);
  return held_.empty() ? std::nullopt : std::optional(held_[draw % held_.size()]);
}

// From now on it serves to be settled once more.
void World::Settled(const Holding& holding) {
  const auto is_it = [&](const Holding& other) { return other.handle.number == holding.handle.number; };
  if (std::erase_if(held_, is_it) == 0) return;
  settled_.push_back(holding);
  if (settled_.size() > kMostSettled) settled_.pop_front();
}

// Of one of the newest messages, be it there or gone.
std::optional<std::string> World::AnyId(uint32_t draw) const {
  const std::vector<std::string> ids = reference_.Ids();
  if (ids.empty()) return std::nullopt;
  return ids[ids.size() - 1 - draw % std::min(ids.size(), kRecent)];
}

Verdict World::Ack(const Operation& operation, bool again) {
  const auto& [which, how, where, unused] = operation.draws;
  const auto holding = Choose(which, again);
  if (!holding) return "";
  const Message& message = *holding->message;
  mq_status status = MQ_OK;
  std::string way = "acks ";
  const Moment now{Now(), Now()};
  const bool surely = reference_.Allowed(holding->handle, now) == std::vector<mq_status>{MQ_OK};
  const Moment moment = During([&] {
    if (how % 8 == 0 && surely) {
      way = "acks (asynchronously) ";
      status = mq_ack_async(bus(where), message.get());
      if (status == MQ_OK) status = mq_flush(bus(where), 10'000);
      if (status == MQ_PARTIAL) status = MQ_UNAVAILABLE;
    } else if (how % 8 < 3) {
      way = "acks by receipt ";
      const std::string receipt(message.receipt());
      const char* const text = receipt.c_str();
      status = mq_ack_receipts(bus(where), &text, 1, nullptr, nullptr);
    } else {
      status = mq_ack(bus(where), message.get());
    }
  });
  Note("bus " + std::to_string(where % buses_.size()) + " " + way + reference_.Name(holding->handle.id) +
       " of consumer " + std::to_string(holding->consumer) + ": " + mq_status_name(status));
  if (status != MQ_UNAVAILABLE) Settled(*holding);
  return reference_.Acked(holding->handle, status, moment);
}

// All that one consumer holds, and what others did before.
Verdict World::AckAll(const Operation& operation) {
  const auto& [which, how, where, unused] = operation.draws;
  const auto one = Choose(which, false);
  if (!one) return "";
  std::vector<Holding> all;
  // Of two deliveries of one message in one call nobody says which is judged first.
  const auto is_among = [&](const Holding& other) {
    return std::any_of(all.begin(), all.end(),
                       [&](const Holding& known) { return known.handle.id == other.handle.id; });
  };
  for (const Holding& holding : held_) {
    if (holding.consumer == one->consumer && !is_among(holding)) all.push_back(holding);
  }
  for (const Holding& holding : settled_) {
    if (how % 4 == 0 && !is_among(holding)) all.push_back(holding);
  }
  if (how % 3 == 0) std::reverse(all.begin(), all.end());
  std::vector<std::string> receipts;
  std::vector<const char*> texts;
  for (const Holding& holding : all) receipts.emplace_back(holding.message->receipt());
  for (const std::string& receipt : receipts) texts.push_back(receipt.c_str());
  std::vector<int32_t> results(all.size());
  const Moment moment =
      During([&] { (void)mq_ack_receipts(bus(where), texts.data(), texts.size(), results.data(), nullptr); });
  std::string line = "bus " + std::to_string(where % buses_.size()) + " acks";
  std::vector<Verdict> verdicts;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto status = static_cast<mq_status>(results[i]);
    line += " " + reference_.Name(all[i].handle.id) + ": " + mq_status_name(status);
    verdicts.push_back(reference_.Acked(all[i].handle, status, moment));
    if (status != MQ_UNAVAILABLE) Settled(all[i]);
  }
  Note(line);
  for (const Verdict& verdict : verdicts) {
    if (!verdict.empty()) return verdict;
  }
  return "";
}

Verdict World::AckId(const Operation& operation) {
  const auto& [which, how, where, who] = operation.draws;
  const auto id = AnyId(which);
  if (!id) return "";
  const QueueId& queue = reference_.entries().at(*id).queue;
  constexpr const char* kAgents[] = {"ann", "bob", "crew:1", "crew:2", "nobody"};
  const std::string agent = queue.log ? kAgents[who % std::size(kAgents)] : queue.target;
  mq_status status = MQ_OK;
  const Moment moment = During([&] { status = mq_ack_id(bus(where), agent.c_str(), id->c_str()); });
  Note("bus " + std::to_string(where % buses_.size()) + " acks " + reference_.Name(*id) + " by id for " + agent + ": " +
       mq_status_name(status));
  return reference_.AckedId(agent, *id, status, moment);
}

Verdict World::Nack(const Operation& operation, bool again) {
  const auto& [which, how, where, when] = operation.draws;
  const auto holding = Choose(which, again);
  if (!holding) return "";
  const bool permanent = how % 6 == 0;
  constexpr int64_t kDelays[] = {0, 0, kShort, -1, kLong};
  const int64_t delay = kDelays[when % std::size(kDelays)];
  const int64_t pause = delay < 0 ? kShort : delay;
  const mq_failure failure = permanent ? MQ_FAILURE_PERMANENT : MQ_FAILURE_TRANSIENT;
  const Message& message = *holding->message;
  const std::string receipt(message.receipt());
  mq_status status = MQ_OK;
  const Moment moment = During([&] {
    status = how / 6 % 3 == 0 ? mq_nack_receipt(bus(where), receipt.c_str(), failure, delay, "why not")
                              : mq_nack(bus(where), message.get(), failure, delay, "why not");
  });
  Note("bus " + std::to_string(where % buses_.size()) + " nacks " + reference_.Name(holding->handle.id) +
       " of consumer " + std::to_string(holding->consumer) +
       (permanent ? " for good: " : ", delay " + std::to_string(delay) + " ms: ") + mq_status_name(status));
  if (status != MQ_UNAVAILABLE) Settled(*holding);
  return reference_.Nacked(holding->handle, permanent, {pause, pause}, status, moment);
}

Verdict World::Extend(const Operation& operation, bool again) {
  const auto& [which, how, where, how_long] = operation.draws;
  const auto holding = Choose(which, again);
  if (!holding) return "";
  const int64_t visibility = how_long % 2 == 0 ? kShort : kLong;
  const std::string receipt(holding->message->receipt());
  mq_status status = MQ_OK;
  const Moment moment = During([&] {
    status = how % 3 == 0 ? mq_extend_receipt(bus(where), receipt.c_str(), visibility)
                          : mq_extend(bus(where), holding->message->get(), visibility);
  });
  Note("bus " + std::to_string(where % buses_.size()) + " extends " + reference_.Name(holding->handle.id) +
       " of consumer " + std::to_string(holding->consumer) + " by " + std::to_string(visibility) +
       " ms: " + mq_status_name(status));
  return reference_.Extended(holding->handle, visibility, status, moment);
}

Verdict World::SettleAgain(const Operation& operation) {
  switch (operation.draws[1] / 64 % 3) {
    case 0:
      return Nack(operation, true);
    case 1:
      return Extend(operation, true);
    default:
      return Ack(operation, true);
  }
}

Verdict World::Delete(const Operation& operation) {
  const auto id = AnyId(operation.draws[0]);
  if (!id) return "";
  mq_status status = MQ_OK;
  const Moment moment = During([&] { status = mq_delete(bus(operation.draws[1]), id->c_str()); });
  Note("bus " + std::to_string(operation.draws[1] % buses_.size()) + " deletes " + reference_.Name(*id) + ": " +
       mq_status_name(status));
  return reference_.Deleted(*id, status, moment);
}

Verdict World::LookAtPending(const std::string& channel, const std::string& agent) {
  mq_list* found = nullptr;
  mq_status status = MQ_OK;
  const Moment moment =
      During([&] { status = mq_get_pending(buses_[0]->get(), channel.c_str(), agent.c_str(), 10'000, &found); });
  const MessageList list(found);
  Note("pending for " + agent + ": " + std::to_string(list.size()));
  if (status != MQ_OK) return "";
  return reference_.Pending(channel, agent, See(list), moment);
}

Verdict World::Get(const Operation& operation) {
  const auto id = AnyId(operation.draws[0]);
  if (!id) return "";
  mq_message* found = nullptr;
  mq_status status = MQ_OK;
  const Moment moment = During([&] { status = mq_get(bus(operation.draws[1]), id->c_str(), &found); });
  Seen seen;
  if (found != nullptr) seen = See(Message(found));
  Note("getting " + reference_.Name(*id) + ": " + mq_status_name(status));
  return reference_.Got(*id, status, seen, moment);
}

Verdict World::Count(const Operation& operation) {
  const char* const channel = operation.draws[0] % 2 == 0 ? "orders" : "jobs";
  int64_t count = 0;
  mq_status status = MQ_OK;
  const Config filter{{"channel", channel}};
  const Moment moment = During([&] { status = mq_count(bus(operation.draws[1]), filter.get(), &count); });
  if (status != MQ_OK) return "";
  Note(std::string("counted on ") + channel + ": " + std::to_string(count));
  return reference_.Counted(channel, count, moment);
}

Verdict World::LookAtDead(std::vector<std::string>* ids) {
  mq_list* found = nullptr;
  mq_status status = MQ_OK;
  const Moment moment = During([&] { status = mq_dead_letters(buses_[0]->get(), nullptr, 10'000, 0, &found); });
  const MessageList list(found);
  if (status != MQ_OK) return "";
  for (size_t i = 0; i < list.size(); ++i) ids->emplace_back(list[i].id());
  Note("dead letters: " + std::to_string(list.size()));
  return reference_.DeadLetters(See(list), moment);
}

Verdict World::Replay(const Operation& operation) {
  std::vector<std::string> ids;
  if (Verdict wrong = LookAtDead(&ids); !wrong.empty() || ids.empty()) return wrong;
  const std::string& id = ids[operation.draws[0] % ids.size()];
  char* text = nullptr;
  mq_status status = MQ_OK;
  const Moment moment = During([&] { status = mq_replay(bus(operation.draws[1]), id.c_str(), &text); });
  const std::string new_id = detail::TakeText(text);
  const Verdict verdict = reference_.Replayed(id, status, new_id, moment);
  Note("replaying " + reference_.Name(id) + ": " + mq_status_name(status) +
       (status == MQ_OK ? " " + reference_.Name(new_id) : ""));
  return verdict;
}

Verdict World::Clear(const Operation& operation) {
  const char* const channel = operation.draws[0] % 2 == 0 ? "orders" : "jobs";
  int64_t removed = 0;
  mq_status status = MQ_OK;
  const Moment moment = During([&] { status = mq_clear(bus(operation.draws[1]), channel, &removed); });
  Note(std::string("clearing ") + channel + ": " + mq_status_name(status) + " " + std::to_string(removed));
  if (status != MQ_OK) return "";
  return reference_.Cleared(channel, removed, moment);
}

}  // namespace agentmq::test::model
