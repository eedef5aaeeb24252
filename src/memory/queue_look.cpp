#include <algorithm>

#include "memory/queue.hpp"

namespace agentmq::memory {
namespace {

constexpr size_t kLookedAt = 100000;                         // of a lane
constexpr int64_t kDeletedKept = int64_t{24} * 3600 * 1000;  // ms

}  // namespace

Found Queue::Describe(const ShortId& id, const Entry& entry, const Group* group, int64_t now) const {
  Found found;
  found.queue = name_;
  found.id = id;
  found.record = entry.record;
  if (group == nullptr) {
    // A broadcast that no group has yet waits for its time all the same.
    const auto later = later_.find(id);
    if (later == later_.end() || later->second <= now) return found;
    found.state = State::kScheduled;
    found.due = later->second;
    return found;
  }
  found.group = group->name;
  if (const auto tries = group->tries.find(id); tries != group->tries.end()) found.tries = tries->second;
  const auto* const place = group->away.find(id);
  if (place == nullptr) return found;
  if (place->second.holder == nullptr) {
    found.state = found.tries.total() > 0 ? State::kRetrying : State::kScheduled;
    found.due = place->second.time;
    return found;
  }
  found.state = State::kReserved;
  found.reserved_until = place->second.time;
  found.consumer = place->second.holder->incarnation;
  return found;
}

// The group whose state says most of a message: one that holds it, else one that retries it, else an inbox' only one.
const Group* Queue::MostTelling(const ShortId& id, const Entry& entry) const {
  const Group* telling = name_.broadcast ? nullptr : FindGroup(kInboxGroup);
  for (const size_t ordinal : entry.needs.Members()) {
    const Group* const group = by_ordinal_[ordinal];
    const auto* const place = group->away.find(id);
    if (place == nullptr) continue;
    if (place->second.holder != nullptr) return group;
    telling = group;
  }
  return telling;
}

std::vector<Found> Queue::Pending(std::string_view group_name, size_t limit, int64_t now) const {
  const Group* const group = FindGroup(group_name);
  if (group == nullptr) return {};
  std::vector<std::pair<ShortId, const Entry*>> wanted;
  entries_.ForEach([&](const Entries::Node& entry) {
    if (entry.second.needs.Has(group->ordinal)) wanted.emplace_back(entry.first, &entry.second);
  });
  const size_t count = std::min(limit, wanted.size());
  std::partial_sort(wanted.begin(), wanted.begin() + static_cast<ptrdiff_t>(count), wanted.end(),
                    [](const auto& one, const auto& other) {
                      const int lane = one.first.priority();
                      const int other_lane = other.first.priority();
                      return lane != other_lane ? lane > other_lane : one.first < other.first;
                    });
  std::vector<Found> found;
  found.reserve(count);
  for (size_t i = 0; i < count; ++i) found.push_back(Describe(wanted[i].first, *wanted[i].second, group, now));
  return found;
}

Result<Found> Queue::Get(const ShortId& id, int64_t now) const {
  const auto* const entry = entries_.find(id);
  if (entry == nullptr) return GetKept(id);
  return Describe(id, entry->second, MostTelling(id, entry->second), now);
}

std::vector<Standing> Queue::Standings(const ShortId& id, int64_t now) const {
  const auto* const entry = entries_.find(id);
  std::vector<Standing> places;
  for (const auto& [name, group] : groups_) {
    Standing& place = places.emplace_back();
    place.group = name;
    place.needed = entry != nullptr && entry->second.needs.Has(group->ordinal);
    if (!place.needed) continue;
    Found found = Describe(id, entry->second, group.get(), now);
    place.state = found.state;
    place.tries = std::move(found.tries);
    place.due = found.due;
    place.reserved_until = found.reserved_until;
    place.consumer = std::move(found.consumer);
    if (place.state == State::kQueued) CountAhead(*group, id, &place);
  }
  return places;
}

void Queue::CountAhead(const Group& group, const ShortId& id, Standing* place) const {
  for (const auto& [priority, lane] : group.lanes) {
    if (priority < id.priority()) return;
    size_t looked_at = 0;
    for (const ShortId& other : lane) {
      if (other == id) return;
      place->exact = place->exact && ++looked_at <= kLookedAt;
      if (looked_at > kLookedAt) break;
      const auto* const entry = entries_.find(other);
      if (entry == nullptr || !entry->second.needs.Has(group.ordinal)) continue;
      ++(priority == id.priority() ? place->older : place->higher);
    }
  }
}

std::vector<ShortId> Queue::Ids() const {
  std::vector<ShortId> ids;
  ids.reserve(entries_.size());
  entries_.ForEach([&](const Entries::Node& entry) { ids.push_back(entry.first); });
  std::ranges::sort(ids);
  return ids;
}

Status Queue::Delete(const ShortId& id, int64_t now) {
  Entries::Node* const entry = entries_.find(id);
  if (const auto kept = kept_.find(id); kept != kept_.end()) {
    FreeKey(id, kept->second.record);
    ForgetKept(id);
    if (entry == nullptr) return Status::Ok();
  }
  if (entry == nullptr) {
    return Status::NotFound("message '" + FullId{name_, id, {}}.Text() + "' is not there");
  }
  const auto holds = [&](size_t ordinal) {
    const auto* const place = by_ordinal_[ordinal]->away.find(id);
    return place != nullptr && place->second.holder != nullptr;
  };
  if (std::ranges::any_of(entry->second.needs.Members(), holds)) {
    for (; !deleted_when_.empty() && deleted_when_.front().first < now - kDeletedKept; deleted_when_.pop_front()) {
      deleted_in_hand_.erase(deleted_when_.front().second);
    }
    deleted_in_hand_.insert(id);
    deleted_when_.emplace_back(now, id);
  }
  FreeKey(id, entry->second.record);
  Erase(entry);
  last_loss_ = now;
  Trace(id, State::kDeleted);
  return Status::Ok();
}

int64_t Queue::Clear(int64_t now) {
  last_loss_ = now;
  const auto removed = static_cast<int64_t>(entries_.size() + kept_.size());
  kept_.clear();
  kept_until_.clear();
  std::vector<Entries::Node*> all;
  all.reserve(entries_.size());
  entries_.ForEach([&](Entries::Node& entry) { all.push_back(&entry); });
  for (Entries::Node* entry : all) Erase(entry);
  for (const auto& [name, group] : groups_) {
    group->lanes.clear();
    group->tombstones = 0;
  }
  order_.clear();
  order_tombstones_ = 0;
  dead_.clear();
  dead_numbers_.clear();
  taken_.Clear();
  return removed;
}

int64_t Queue::Recover(Turn& turn, const std::optional<std::string>& only) {
  int64_t recovered = 0;
  for (const auto& [name, group] : groups_) {
    if (only && *only != name) continue;
    const int64_t lapsed = TakeLapsed(*group, turn.now(), nullptr);
    recovered += lapsed;
    if (lapsed > 0 && group->waiting > 0) turn.Wake(*group);
  }
  return recovered;
}

GroupStats Queue::Describe(const Group& group, int64_t now) const {
  GroupStats stats;
  stats.group = group.name;
  stats.waiting = static_cast<int64_t>(group.waiting);
  stats.scheduled = static_cast<int64_t>(group.due.size());
  stats.reserved = static_cast<int64_t>(group.away.size() - group.due.size());
  stats.consumers = static_cast<int64_t>(group.open);
  stats.delivered = group.delivered;
  stats.acked = group.acked;
  stats.retried = group.retried;
  stats.paused = PauseOf(group.name);
  for (const auto& [name, reader] : group.readers) {
    ConsumerStats& member = stats.members.emplace_back();
    member.name = name;
    member.reserved = static_cast<int64_t>(reader->held);
    member.last_fetch = reader->last_fetch;
    member.last_seen = reader->open ? now : 0;
  }
  for (const auto& [priority, lane] : group.lanes) {
    // The head is the oldest but for retries: what came back waits longest.
    const auto oldest = std::ranges::find_if(lane, [&](const ShortId& id) {
      const auto* const entry = entries_.find(id);
      return entry != nullptr && entry->second.needs.Has(group.ordinal);
    });
    if (oldest != lane.end()) stats.oldest_age = std::max(stats.oldest_age, now - oldest->time());
  }
  return stats;
}

QueueStats Queue::Stats(const Turn& turn) const {
  QueueStats stats;
  stats.queue = name_;
  stats.stored = static_cast<int64_t>(entries_.size());
  stats.dead = static_cast<int64_t>(dead_.size());
  stats.published = published_;
  stats.expired = expired_;
  stats.corrupt = corrupt_;
  stats.dropped = dropped_;
  stats.dead_lettered = dead_lettered_;
  stats.repeated = repeated_;
  stats.groups_removed = groups_removed_;
  stats.now = turn.now();
  stats.paused = PauseOf(kAllGroups);
  stats.kept = static_cast<int64_t>(kept_.size());
  for (const auto& [name, group] : groups_) stats.groups.push_back(Describe(*group, turn.now()));
  return stats;
}

}  // namespace agentmq::memory
