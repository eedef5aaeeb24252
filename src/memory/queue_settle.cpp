#include "memory/queue.hpp"

namespace agentmq::memory {

Status Queue::Missing(std::string_view group_name, const ShortId& id) const {
  const Group* const group = FindGroup(group_name);
  const auto* const entry = entries_.find(id);
  const std::string text = "message '" + FullId{name_, id, {}}.Text() + "'";
  if (group != nullptr && entry != nullptr && entry->second.needs.Has(group->ordinal)) {
    return {Code::kStale, text + " is not reserved by this consumer any more"};
  }
  return Status::NotFound(text + " is not there, or was settled");
}

void Queue::Ack(Turn& turn, const SettleBatch& batch) {
  Group* const group = FindGroup(batch.source->group);
  if (group != nullptr) {
    for (const std::string& key : batch.done) group->done.Add(key, {}, Later(turn.now(), batch.remember));
  }
  for (Settlement& settlement : batch.settlements) {
    Group::Places::Node* const place =
        group == nullptr ? nullptr : group->InHand(settlement.id, batch.consumer, settlement.delivery);
    if (place == nullptr) {
      settlement.status = Missing(batch.source->group, settlement.id);
      continue;
    }
    group->Release(place);
    SettleKept(turn, entries_.find(settlement.id), *group, batch.retention);
    Trace(settlement.id, State::kAcked);
    ++group->acked;
    settlement.status = Status::Ok();
  }
}

std::vector<bool> Queue::Done(const Turn& turn, std::string_view group_name, std::span<const std::string> keys) {
  Group* const group = FindGroup(group_name);
  if (group != nullptr) group->done.Drop(turn.now());
  std::vector<bool> done;
  for (const std::string& key : keys) done.push_back(group != nullptr && group->done.Find(key) != nullptr);
  return done;
}

Status Queue::AckId(Turn& turn, std::string_view group_name, const ShortId& id, const Retention& retention) {
  Group* const group = FindGroup(group_name);
  Entries::Node* const entry = entries_.find(id);
  if (group == nullptr || entry == nullptr || !entry->second.needs.Has(group->ordinal)) {
    return Missing(group_name, id);
  }
  group->Forget(id);
  SettleKept(turn, entry, *group, retention);
  Trace(id, State::kAcked);
  ++group->acked;
  return Status::Ok();
}

Status Queue::GiveUp(Turn& turn, std::string_view group_name, std::string_view consumer, const Nack& nack, bool* dead) {
  *dead = false;
  Group* const group = FindGroup(group_name);
  if (group == nullptr) return Missing(group_name, nack.id);
  Group::Places::Node* const place = group->InHand(nack.id, consumer, nack.delivery);
  if (place == nullptr) return Missing(group_name, nack.id);

  const auto known = group->tries.find(nack.id);
  Tries tries = known == group->tries.end() ? Tries() : known->second;
  ++tries.failures;
  NoteAttempt(&tries, nack.end(), turn.now(), group_name, consumer, nack.reason);
  if (nack.status == Code::kCorrupt) ++corrupt_;
  if (nack.permanent || tries.total() >= nack.retry_attempts) {
    Bury(*group, place, std::move(tries), nack.status, turn.now());
    *dead = true;
    return Status::Ok();
  }
  group->Release(place);
  if (DropIfExpired(entries_.find(nack.id), *group, turn.now())) return Status::Ok();
  group->tries[nack.id] = std::move(tries);
  group->Postpone(nack.id, Later(turn.now(), nack.delay));
  ++group->retried;
  turn.Watch(*group);
  return Status::Ok();
}

Result<int64_t> Queue::Extend(Turn& turn, std::string_view group_name, std::string_view consumer,
                              const Settlement& settlement, int64_t visibility_timeout) {
  Group* const group = FindGroup(group_name);
  if (group == nullptr) return Missing(group_name, settlement.id);
  Group::Places::Node* const place = group->InHand(settlement.id, consumer, settlement.delivery);
  if (place == nullptr) return Missing(group_name, settlement.id);
  const int64_t deadline = Later(turn.now(), visibility_timeout);
  group->SetDeadline(settlement.id, &place->second, deadline);
  turn.Watch(*group);
  return deadline;
}

}  // namespace agentmq::memory
