#include <algorithm>

#include "core/record.hpp"
#include "memory/queue.hpp"

namespace agentmq::memory {
namespace {

constexpr size_t kMaxFetchBytes = 1024 * 1024;

// What a consumer's name may not hold in receipts is encoded.
std::string Incarnation(const std::string& name) {
  std::string text = PercentEncode(name);
  for (size_t bar = text.find('|'); bar != std::string::npos; bar = text.find('|')) text.replace(bar, 1, "%7C");
  return text + "." + RandomName();
}

}  // namespace

Result<Queue::Membership> Queue::Join(Turn& turn, const std::string& name, const ConsumerOptions& options) {
  Group* group = FindGroup(name);
  if (group == nullptr && !name_.broadcast) {
    return Status::Invalid("an inbox has only the group '-', not '" + name + "'");
  }
  if (group == nullptr) {
    group = &AddGroup(name);
    if (options.from_start) GiveAll(turn, *group, options.from);
  }
  auto reader = std::make_shared<Reader>();
  reader->incarnation = Incarnation(options.name);
  reader->options = options;
  group->readers[reader->incarnation] = reader;
  group->ttl = options.group_ttl;
  ++group->open;
  last_used_ = turn.now();
  return Membership{group, std::move(reader)};
}

Fetched Queue::Fetch(Turn& turn, Group& group, Reader& reader, size_t room) {
  reader.woken = false;
  reader.last_fetch = turn.now();
  TakeDue(group, turn.now());
  TakeLapsed(group, turn.now(), &reader.options.retry_attempts);

  Fetched fetched;
  fetched.server_time = turn.now();
  fetched.paused = group.paused;
  if (fetched.paused) {
    reader.told = kNothingDue;
    return fetched;
  }
  fetched.messages.reserve(std::min(room, group.waiting));
  Haul haul{room, Later(turn.now(), reader.options.visibility_timeout), &fetched};
  bool all_seen = true;
  for (auto& [priority, lane] : group.lanes) {
    if (!reader.options.types.empty()) {
      all_seen = all_seen && Sift(group, reader, &lane, &haul);
      continue;
    }
    while (!haul.full()) {
      auto* const entry = Pop(group, &lane);
      if (entry == nullptr) break;
      Take(group, reader, entry, &haul);
    }
  }
  group.delivered += static_cast<int64_t>(fetched.messages.size());
  fetched.others = group.waiting > 0 && !reader.options.types.empty() && all_seen;
  fetched.more = group.waiting > 0 && !fetched.others;
  reader.told = group.NextDue();
  if (reader.told != kNothingDue) fetched.next_due = std::max<int64_t>(reader.told - turn.now(), 0);
  if (group.waiting > 0) turn.Wake(group);
  turn.Watch(group);
  return fetched;
}

bool Queue::Haul::full() const { return fetched->messages.size() >= room || bytes >= kMaxFetchBytes; }

void Queue::Take(Group& group, Reader& reader, Entries::Node* entry, Haul* haul) {
  const auto& [id, message] = *entry;
  group.Take(id, &reader, ++group.last_delivery, haul->reserved_until);
  haul->bytes += message.record.size();
  Delivery& delivery = haul->fetched->messages.emplace_back();
  delivery.id = id;
  delivery.delivery = group.last_delivery;
  delivery.record = message.record;
  delivery.reserved_until = haul->reserved_until;
  if (group.tries.empty()) return;
  if (const auto tries = group.tries.find(id); tries != group.tries.end()) delivery.tries = tries->second;
}

bool Queue::IsWanted(const Reader& reader, const Entry& entry) {
  const auto view = RecordView::Parse(entry.record);
  if (!view.ok()) return false;
  return std::ranges::find(reader.options.types, view->properties[static_cast<size_t>(Property::kType)]) !=
         reader.options.types.end();
}

bool Queue::Sift(Group& group, Reader& reader, std::deque<ShortId>* lane, Haul* haul) {
  size_t kept = 0;
  size_t at = 0;
  for (; at < lane->size() && !haul->full(); ++at) {
    const ShortId id = (*lane)[at];
    auto* const entry = entries_.find(id);
    if (entry == nullptr || !entry->second.needs.Has(group.ordinal)) {
      --group.tombstones;
    } else if (!IsWanted(reader, entry->second)) {
      (*lane)[kept++] = id;
    } else {
      --group.waiting;
      Take(group, reader, entry, haul);
    }
  }
  const bool all_seen = at == lane->size();
  lane->erase(lane->begin() + static_cast<std::ptrdiff_t>(kept), lane->begin() + static_cast<std::ptrdiff_t>(at));
  return all_seen;
}

// The first that was due is the first at the head.
void Queue::TakeDue(Group& group, int64_t now) {
  std::vector<ShortId> ids;
  for (auto next = group.due.begin(); next != group.due.end() && next->first <= now; ++next) {
    ids.push_back(next->second);
  }
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    group.Release(group.away.find(*id));
    PutBack(group, *id, now);
  }
}

int64_t Queue::TakeLapsed(Group& group, int64_t now, const int* retry_attempts) {
  std::vector<ShortId> ids;
  for (auto next = group.until.begin(); next != group.until.end() && next->first <= now; ++next) {
    ids.push_back(next->second);
  }
  // Newest first to the head, so that the order holds.
  std::ranges::sort(ids, std::greater<>());
  for (const ShortId& id : ids) {
    Group::Places::Node* const place = group.away.find(id);
    const int attempts = retry_attempts != nullptr ? *retry_attempts : place->second.holder->options.retry_attempts;
    const auto known = group.tries.find(id);
    Tries tries = known == group.tries.end() ? Tries() : known->second;
    ++tries.lapses;
    NoteAttempt(&tries, AttemptEnd::kLapse, now, group.name, place->second.holder->incarnation,
                "its reservation lapsed");
    if (tries.total() >= attempts) {
      Bury(group, place, std::move(tries), Code::kTimeout, now);
      continue;
    }
    group.tries[id] = std::move(tries);
    ++group.retried;
    group.Release(place);
    PutBack(group, id, now);
  }
  return static_cast<int64_t>(ids.size());
}

bool Queue::DropIfExpired(Entries::Node* entry, Group& group, int64_t now) {
  if (entry->second.expires > now) return false;
  const bool last = [&] {
    GroupSet others = entry->second.needs;
    others.Remove(group.ordinal);
    return others.empty();
  }();
  const ShortId id = entry->first;
  Settle(entry, group);
  if (!last) return true;
  ++expired_;
  last_loss_ = now;
  Trace(id, State::kExpired);
  return true;
}

void Queue::PutBack(Group& group, const ShortId& id, int64_t now) {
  if (!DropIfExpired(entries_.find(id), group, now)) group.PushFront(id);
}

void Queue::GiveBack(Turn& turn, Group& group, Reader& reader, std::span<const ShortId> unseen) {
  bool any = false;
  for (auto id = unseen.rbegin(); id != unseen.rend(); ++id) {
    Group::Places::Node* const place = group.away.find(*id);
    if (place == nullptr || place->second.holder != &reader) continue;
    group.Release(place);
    PutBack(group, *id, turn.now());
    any = true;
  }
  if (any && group.waiting > 0) turn.Wake(group);
}

void Queue::Leave(Turn& turn, Group& group, Reader& reader) {
  group.Disarm(&reader);
  reader.open = false;
  last_used_ = turn.now();
  --group.open;
  if (group.open == 0) group.idle_since = turn.now();
  const int64_t deadline = Later(turn.now(), reader.options.visibility_timeout);
  group.away.ForEach([&](Group::Places::Node& place) {
    if (place.second.holder != &reader || place.second.has_deadline) return;
    group.SetDeadline(place.first, &place.second, deadline);
  });
  // It may have been woken for what it does not fetch, or have been the one that waits for a due time.
  if (reader.woken && group.waiting > 0) turn.Wake(group);
  turn.Watch(group);
  if (reader.held == 0) group.readers.erase(group.readers.find(reader.incarnation));
}

void Queue::Arm(Turn& turn, Group& group, const std::shared_ptr<Reader>& reader) {
  if (reader->armed) return;
  const int64_t next = group.NextDue();
  if (!group.paused && (group.waiting > 0 || next <= turn.now() || next < reader->told)) {
    turn.WakeReader(reader);
    return;
  }
  reader->armed = true;
  group.armed.push_back(reader);
}

void Queue::Disarm(Turn& turn, Group& group, Reader& reader) {
  group.Disarm(&reader);
  // Woken, and it went away without a look: another looks instead.
  if (reader.woken && group.waiting > 0) turn.Wake(group);
  reader.woken = false;
  turn.Watch(group);
}

}  // namespace agentmq::memory
