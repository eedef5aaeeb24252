// What was acknowledged and is kept, and groups that read it again.
#include <algorithm>

#include "core/record.hpp"
#include "memory/queue.hpp"

namespace agentmq::memory {

void Queue::Keep(const ShortId& id, std::string record, const Retention& retention, int64_t now) {
  const int64_t until = retention.time > 0 ? Later(now, retention.time) : kNothingDue - 1;
  const auto [kept, is_new] = kept_.try_emplace(id, Kept{std::move(record), until});
  if (is_new) kept_until_.emplace(until, id);  // what was replayed is not kept for longer
  while (retention.count > 0 && kept_.size() > static_cast<size_t>(retention.count)) {
    ForgetKept(kept_until_.begin()->second);
  }
}

void Queue::ForgetKept(const ShortId& id) {
  const auto kept = kept_.find(id);
  kept_until_.erase({kept->second.until, id});
  kept_.erase(kept);
}

void Queue::SettleKept(Turn& turn, Entries::Node* entry, Group& group, const Retention& retention) {
  if (!retention.any()) return Settle(entry, group);
  const ShortId id = entry->first;
  GroupSet others = entry->second.needs;
  others.Remove(group.ordinal);
  const bool last = others.empty();
  std::string record = last ? entry->second.record : std::string();
  Settle(entry, group);
  if (last) Keep(id, std::move(record), retention, turn.now());
}

void Queue::GiveAll(Turn& turn, Group& group, std::string_view from) {
  std::vector<ShortId> ids;
  for (const ShortId& id : order_) {
    const auto* const entry = entries_.find(id);
    if (id.view() >= from && entry != nullptr && entry->second.expires > turn.now()) ids.push_back(id);
  }
  for (const auto& [id, kept] : kept_) {
    if (id.view() < from) continue;
    // A copy, which is not in the log's order: it counts for nothing, and is nobody else's. What has expired does not
    // come again.
    if (entries_.find(id) == nullptr) {
      const auto view = RecordView::Parse(kept.record);
      if (!view.ok() || (view->ttl >= 0 && Later(id.time(), view->ttl) <= turn.now())) continue;
      Insert(id, kept.record, view->ttl);
    }
    ids.push_back(id);
  }
  if (!kept_.empty()) std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const ShortId& id : ids) {
    entries_.find(id)->second.needs.Add(group.ordinal);
    const auto later = later_.find(id);
    if (later != later_.end() && later->second > turn.now()) {
      group.Postpone(id, later->second);
    } else {
      group.PushBack(id);
    }
  }
}

Status Queue::Seek(Turn& turn, std::string_view name, bool from_start, std::string_view from) {
  Group* const group = FindGroup(name);
  if (group == nullptr) return Status::NotFound("there is no group '" + std::string(name) + "'");
  std::vector<Entries::Node*> had;
  entries_.ForEach([&](Entries::Node& entry) {
    if (entry.second.needs.Has(group->ordinal)) had.push_back(&entry);
  });
  for (Entries::Node* entry : had) {
    group->Forget(entry->first);
    entry->second.needs.Remove(group->ordinal);
  }
  for (auto& [priority, lane] : group->lanes) lane.clear();
  group->waiting = group->tombstones = 0;
  group->done.Clear();
  if (from_start) GiveAll(turn, *group, from);
  for (Entries::Node* entry : had) {
    if (entry->second.needs.empty()) Erase(entry);
  }
  if (group->waiting > 0) {
    turn.Wake(*group);
  } else {
    turn.Watch(*group);
  }
  return Status::Ok();
}

std::vector<ShortId> Queue::KeptIds() const {
  std::vector<ShortId> ids;
  for (const auto& [id, kept] : kept_) {
    if (entries_.find(id) == nullptr) ids.push_back(id);  // else it is read again, and is found there
  }
  return ids;
}

Result<Found> Queue::GetKept(const ShortId& id) const {
  const auto kept = kept_.find(id);
  if (kept == kept_.end()) return Status::NotFound("message '" + FullId{name_, id, {}}.Text() + "' is not there");
  Found found;
  found.queue = name_;
  found.id = id;
  found.record = kept->second.record;
  found.state = State::kAcked;
  return found;
}

}  // namespace agentmq::memory
