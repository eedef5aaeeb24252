#include "memory/queue.hpp"

namespace agentmq::memory {
namespace {

constexpr size_t kMaxDead = 10000;

}  // namespace

void Queue::Bury(Group& group, Group::Places::Node* place, Tries tries, Code status, int64_t now) {
  Entries::Node* const entry = entries_.find(place->first);
  DeadLetter letter;
  letter.id = entry->first;
  letter.group = group.name;
  letter.record = entry->second.record;
  if (entry->second.expires != kNothingDue) letter.ttl = entry->second.expires - letter.id.time();
  letter.tries = std::move(tries);
  letter.consumer = place->second.holder->incarnation;
  letter.time = now;
  letter.status = status;
  if (!name_.broadcast) FreeKey(letter.id, letter.record);
  group.Release(place);
  Settle(entry, group);

  dead_numbers_[{letter.id, letter.group}] = ++last_dead_;
  dead_.emplace(last_dead_, std::move(letter));
  ++dead_lettered_;
  last_loss_ = now;
  if (dead_.size() <= kMaxDead) return;
  EraseDead(dead_.begin());
  ++dropped_;
}

void Queue::EraseDead(std::map<int64_t, DeadLetter>::const_iterator letter) {
  dead_numbers_.erase({letter->second.id, letter->second.group});
  dead_.erase(letter);
}

Found Queue::Describe(const DeadLetter& letter) const {
  Found found;
  found.queue = name_;
  found.id = letter.id;
  found.group = letter.group;
  found.record = letter.record;
  found.state = State::kDead;
  found.tries = letter.tries;
  found.consumer = letter.consumer;
  found.time_of_death = letter.time;
  found.status = letter.status;
  return found;
}

std::map<int64_t, Queue::DeadLetter>::const_iterator Queue::FindDead(const ShortId& id, std::string_view group) const {
  const auto number = dead_numbers_.find({id, std::string(group)});
  return number == dead_numbers_.end() ? dead_.end() : dead_.find(number->second);
}

Status Queue::NoDeadLetter(const ShortId& id, std::string_view group) const {
  return Status::NotFound("there is no dead letter '" + FullId{name_, id, std::string(group)}.Text() + "'");
}

Result<Found> Queue::GetDead(const ShortId& id, std::string_view group) const {
  const auto letter = FindDead(id, group);
  if (letter == dead_.end()) return NoDeadLetter(id, group);
  return Describe(letter->second);
}

std::vector<Found> Queue::Dead(int64_t* before, size_t count) const {
  std::vector<Found> letters;
  for (auto letter = dead_.lower_bound(*before); letter != dead_.begin() && letters.size() < count;) {
    --letter;
    *before = letter->first;
    letters.push_back(Describe(letter->second));
  }
  return letters;
}

Result<ShortId> Queue::Replay(Turn& turn, const ShortId& id, std::string_view group_name, const Limits& limits,
                              bool keep_attempts) {
  const auto found = FindDead(id, group_name);
  if (found == dead_.end()) return NoDeadLetter(id, group_name);
  Group* const group = FindGroup(group_name);
  if (group == nullptr) {
    return Status::NotFound("group '" + std::string(group_name) + "' of '" + name_.Text() +
                            "' is no more: nobody would receive its dead letter");
  }
  if (!name_.broadcast) {
    int64_t dropped = 0;
    Status status = MakeRoom(limits, 1, &dropped);
    if (!status.ok()) return status;
  }
  const ShortId new_id = ids_.Next(turn.now(), id.priority(), id.blob());
  // Not in a log's order: it is nobody else's, and no group that comes later reads it.
  Entry& entry = Insert(new_id, found->second.record, found->second.ttl)->second;
  entry.needs.Add(group->ordinal);
  if (keep_attempts) group->tries[new_id] = found->second.tries;
  group->PushBack(new_id);
  EraseDead(found);
  turn.Wake(*group);
  return new_id;
}

Status Queue::PurgeDead(const ShortId& id, std::string_view group) {
  const auto letter = FindDead(id, group);
  if (letter == dead_.end()) return NoDeadLetter(id, group);
  EraseDead(letter);
  return Status::Ok();
}

}  // namespace agentmq::memory
