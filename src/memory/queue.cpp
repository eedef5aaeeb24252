#include "memory/queue.hpp"

#include <algorithm>
#include <unordered_set>

#include "core/record.hpp"

namespace agentmq::memory {
namespace {

constexpr int64_t kRetireAfter = 24 * 3600 * 1000;
constexpr int64_t kHousekeeping = 1000;
constexpr size_t kFewTombstones = 1000;
constexpr size_t kFewCells = 1 << 16;

}  // namespace

Queue::Queue(QueueName name, int64_t now) : name_(std::move(name)), last_used_(now) {
  if (!name_.broadcast) AddGroup(std::string(kInboxGroup));
}

void Queue::BeginPaused(const std::map<QueueName, Pause>& pauses) {
  for (const auto& [place, pause] : pauses) {
    if (std::string group = PausedGroup(place, name_); !group.empty()) paused_.emplace(std::move(group), pause);
  }
  for (const auto& [name, group] : groups_) group->paused = IsPaused(name);
}

bool Queue::Retire(int64_t now) {
  const std::lock_guard lock(mutex_);
  if (now - last_used_ < kRetireAfter || !entries_.empty() || !dead_.empty() || !taken_.empty() || !kept_.empty())
    return false;
  for (const auto& [name, group] : groups_) {
    if (name_.broadcast || !group->readers.empty()) return false;
  }
  retired_ = true;
  return true;
}

void Queue::Refresh(Turn& turn) {
  Expire(turn.now());
  taken_.Drop(turn.now());
  while (!kept_until_.empty() && kept_until_.begin()->first <= turn.now()) ForgetKept(kept_until_.begin()->second);
  if (turn.now() < housekeeping_at_) return;
  housekeeping_at_ = turn.now() + kHousekeeping;
  // A peak that is over: erasing gives back what the entries took, not their table.
  if (entries_.empty() && entries_.capacity() > kFewCells) entries_ = Entries();
  for (auto it = groups_.begin(); it != groups_.end();) {
    Group& group = *(it++)->second;
    const bool abandoned = name_.broadcast && group.open == 0 && group.ttl > 0;
    if (abandoned && turn.now() - group.idle_since >= group.ttl) {
      RemoveGroup(turn, group);
    } else {
      group.done.Drop(turn.now());
      Sweep(group);
    }
  }
}

// What somebody has in hand may still be acked; it is dropped when it comes back.
void Queue::Expire(int64_t now) {
  while (!expiry_.empty() && expiry_.begin()->first <= now) {
    const ShortId id = expiry_.begin()->second;
    expiry_.erase(expiry_.begin());
    Entries::Node* const entry = entries_.find(id);
    for (const size_t ordinal : entry->second.needs.Members()) {
      Group& group = *by_ordinal_[ordinal];
      const auto* const place = group.away.find(id);
      if (place != nullptr && place->second.holder != nullptr) continue;
      group.Forget(id);
      entry->second.needs.Remove(ordinal);
    }
    if (!entry->second.needs.empty()) continue;
    Erase(entry);
    ++expired_;
    last_loss_ = now;
    Trace(id, State::kExpired);
  }
}

void Queue::Sweep(Group& group) {
  if (group.away.empty() && group.away.capacity() > kFewCells) group.away = Group::Places();
  if (group.tombstones < kFewTombstones || group.tombstones < group.waiting) return;
  for (auto& [priority, lane] : group.lanes) {
    std::erase_if(lane, [&](const ShortId& id) {
      const auto* const entry = entries_.find(id);
      return entry == nullptr || !entry->second.needs.Has(group.ordinal);
    });
    lane.shrink_to_fit();
  }
  group.tombstones = 0;
}

Group* Queue::FindGroup(std::string_view name) const {
  const auto found = groups_.find(name);
  return found == groups_.end() ? nullptr : found->second.get();
}

Group& Queue::AddGroup(std::string name) {
  const auto free = std::ranges::find(by_ordinal_, nullptr);
  const auto ordinal = static_cast<size_t>(free - by_ordinal_.begin());
  auto group = std::make_unique<Group>(name, ordinal);
  group->paused = IsPaused(name);
  if (free == by_ordinal_.end()) by_ordinal_.push_back(nullptr);
  by_ordinal_[ordinal] = group.get();
  everyone_.Add(ordinal);
  return *(groups_[std::move(name)] = std::move(group));
}

std::optional<Pause> Queue::PauseOf(std::string_view group) const {
  const auto found = paused_.find(group);
  return found == paused_.end() ? std::nullopt : std::optional(found->second);
}

void Queue::SetPause(Turn& turn, const std::string& name, const std::optional<Pause>& pause) {
  if (pause) {
    paused_.insert_or_assign(name, *pause);
  } else {
    paused_.erase(name);
  }
  for (const auto& [group_name, group] : groups_) {
    const bool before = group->paused.exchange(IsPaused(group_name));
    if (!before || group->paused) continue;
    if (group->waiting > 0) turn.Wake(*group);
    turn.Watch(*group);
  }
}

// What nobody else needs goes with it.
void Queue::RemoveGroup(Turn& turn, Group& group) {
  std::vector<Entries::Node*> unneeded;
  entries_.ForEach([&](Entries::Node& entry) {
    if (!entry.second.needs.Has(group.ordinal)) return;
    entry.second.needs.Remove(group.ordinal);
    if (entry.second.needs.empty()) unneeded.push_back(&entry);
  });
  for (Entries::Node* entry : unneeded) Erase(entry);
  everyone_.Remove(group.ordinal);
  by_ordinal_[group.ordinal] = nullptr;
  ++groups_removed_;
  last_loss_ = turn.now();
  turn.GroupRemoved(group.name);
  groups_.erase(groups_.find(group.name));
}

Status Queue::Publish(Turn& turn, const Limits& limits, std::span<Outgoing> messages, int64_t* dropped) {
  // What needs much memory comes first, so that a failure changes nothing.
  std::vector<std::string> records(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    records[i].reserve(messages[i].head.size() + messages[i].payload.size());
    records[i].append(messages[i].head).append(messages[i].payload);
  }
  const size_t repeats = MarkRepeats(messages);
  if (!name_.broadcast) {
    Status status = MakeRoom(limits, messages.size() - repeats, dropped);
    if (!status.ok()) return status;
  }
  bool at_once = false;
  for (size_t i = 0; i < messages.size(); ++i) {
    Outgoing& message = messages[i];
    if (message.repeats) {
      message.id = *taken_.Find(message.dedup_key);
      continue;
    }
    message.id = ids_.Next(turn.now(), message.priority, message.payload.size() > kBlobThreshold);
    Entry& entry = Insert(message.id, std::move(records[i]), message.ttl)->second;
    entry.needs = everyone_;
    entry.logged = name_.broadcast;
    if (entry.logged) order_.push_back(message.id);
    if (!message.dedup_key.empty()) {
      taken_.Add(message.dedup_key, message.id, Later(turn.now(), limits.dedup_window));
    }
    if (message.delay > 0) {
      const int64_t due = Later(turn.now(), message.delay);
      if (entry.logged) later_[message.id] = due;
      for (const auto& [name, group] : groups_) group->Postpone(message.id, due);
    } else {
      for (const auto& [name, group] : groups_) group->PushBack(message.id);
      at_once = true;
    }
  }
  published_ += static_cast<int64_t>(messages.size() - repeats);
  repeated_ += static_cast<int64_t>(repeats);
  last_used_ = turn.now();
  if (name_.broadcast) TrimLog(limits, dropped);
  if (*dropped > 0) last_loss_ = turn.now();
  for (const auto& [name, group] : groups_) {
    if (at_once) {
      turn.Wake(*group);
    } else {
      turn.Watch(*group);
    }
  }
  return Status::Ok();
}

// Of several with one key the first is stored. Answers how many repeat another.
size_t Queue::MarkRepeats(std::span<Outgoing> messages) const {
  if (std::ranges::all_of(messages, [](const Outgoing& message) { return message.dedup_key.empty(); })) return 0;
  size_t repeats = 0;
  std::unordered_set<std::string_view> of_these;
  for (Outgoing& message : messages) {
    message.repeats = !message.dedup_key.empty() &&
                      (taken_.Find(message.dedup_key) != nullptr || !of_these.insert(message.dedup_key).second);
    repeats += message.repeats ? 1 : 0;
  }
  return repeats;
}

void Queue::FreeKey(const ShortId& id, const std::string& record) {
  if (taken_.empty()) return;
  const auto view = RecordView::Parse(record);
  if (view.ok()) taken_.Remove(view->properties[static_cast<size_t>(Property::kDedupKey)], id);
}

Status Queue::MakeRoom(const Limits& limits, size_t count, int64_t* dropped) {
  const auto room = static_cast<size_t>(std::max<int64_t>(limits.max_items, 0));
  if (room == 0 || entries_.size() + count <= room) return Status::Ok();
  const size_t excess = entries_.size() + count - room;
  Group& group = *FindGroup(kInboxGroup);
  if (limits.overflow != Overflow::kDropOldest || group.waiting < excess) {
    return {Code::kFull, "queue '" + name_.Text() + "' is full: " + std::to_string(entries_.size()) +
                             " messages, max_items is " + std::to_string(limits.max_items)};
  }
  size_t left = excess;
  for (auto lane = group.lanes.rbegin(); lane != group.lanes.rend() && left > 0; ++lane) {
    for (auto* oldest = Pop(group, &lane->second); oldest != nullptr; oldest = Pop(group, &lane->second)) {
      Settle(oldest, group);
      if (--left == 0) break;
    }
  }
  *dropped += static_cast<int64_t>(excess);
  dropped_ += static_cast<int64_t>(excess);
  return Status::Ok();
}

void Queue::TrimLog(const Limits& limits, int64_t* dropped) {
  const auto room = static_cast<size_t>(std::max<int64_t>(limits.max_items, 0));
  while (room > 0 && order_.size() - order_tombstones_ > room) {
    Entries::Node* const oldest = entries_.find(order_.front());
    order_.pop_front();
    if (oldest == nullptr) {
      --order_tombstones_;
      continue;
    }
    oldest->second.logged = false;
    Erase(oldest);
    ++*dropped;
    ++dropped_;
  }
}

Queue::Entries::Node* Queue::Insert(const ShortId& id, std::string record, int64_t ttl) {
  Entries::Node* const stored = entries_.emplace(id);
  stored->second.record = std::move(record);
  if (ttl < 0 || ttl > kNothingDue - id.time() - 1) return stored;
  stored->second.expires = id.time() + ttl;
  expiry_.emplace(stored->second.expires, id);
  return stored;
}

Queue::Entries::Node* Queue::Pop(Group& group, std::deque<ShortId>* lane) {
  while (!lane->empty()) {
    Entries::Node* const entry = entries_.find(lane->front());
    lane->pop_front();
    if (entry != nullptr && entry->second.needs.Has(group.ordinal)) {
      --group.waiting;
      return entry;
    }
    --group.tombstones;
  }
  return nullptr;
}

void Queue::Settle(Entries::Node* entry, Group& group) {
  if (!group.tries.empty()) group.tries.erase(entry->first);
  entry->second.needs.Remove(group.ordinal);
  if (entry->second.needs.empty()) Erase(entry);
}

void Queue::Erase(Entries::Node* entry) {
  const auto& [id, message] = *entry;
  if (message.expires != kNothingDue) expiry_.erase({message.expires, id});
  if (!message.needs.empty()) {
    for (const size_t ordinal : message.needs.Members()) by_ordinal_[ordinal]->Forget(id);
  }
  const bool logged = message.logged;
  if (!later_.empty()) later_.erase(id);
  entries_.erase(entry);
  if (!logged) return;
  ++order_tombstones_;
  if (order_tombstones_ < kFewTombstones || order_tombstones_ < order_.size() / 2) return;
  std::erase_if(order_, [this](const ShortId& other) { return entries_.find(other) == nullptr; });
  order_tombstones_ = 0;
}

}  // namespace agentmq::memory
