#include "ledger.hpp"

#include <agentmq/agentmq.h>

#include <algorithm>

#include "roles.hpp"

namespace agentmq::chaos {
namespace {

bool Uncertain(int status) { return status == MQ_UNKNOWN || status == MQ_CLOSED || status == MQ_INTERRUPTED; }

}  // namespace

int64_t Ledger::Copy::SettledAt() const {
  int64_t settled = 0;
  for (const Delivery& delivery : deliveries) {
    const int64_t time = delivery.acked != 0 ? delivery.acked : delivery.acking;
    if (time != 0 && (settled == 0 || time < settled)) settled = time;
  }
  return settled;
}

bool Ledger::Item::Settled() const {
  return std::all_of(copies.begin(), copies.begin() + static_cast<ptrdiff_t>(groups),
                     [](const Copy& copy) { return copy.SettledAt() != 0; });
}

Ledger::Member* Ledger::Follow(const std::string& file, size_t group) {
  members_.push_back(std::make_unique<Member>(file, group));
  return members_.back().get();
}

void Ledger::Update() {
  for (const auto& member : members_) {
    member->reader.Read([&](const Entry& entry) { Take(*member, entry); });
  }
}

void Ledger::Odd(const Entry& entry) {
  oddities_.push_back(std::string(entry.key) + ": " + mq_status_name(static_cast<mq_status>(entry.number)));
}

void Ledger::Take(Member& member, const Entry& entry) {
  if (entry.note == Note::kFailed) {
    if (entry.number != MQ_UNAVAILABLE && entry.number != MQ_UNKNOWN) Odd(entry);
    return;
  }
  Item& item = items_[std::string(entry.key)];
  if (entry.key.back() == kNewsMark) item.groups = 2;
  if (entry.id != "-" && std::find(item.ids.begin(), item.ids.end(), entry.id) == item.ids.end()) {
    item.ids.emplace_back(entry.id);
  }
  if (member.group == kPublishers) return TakePublished(member, item, entry);
  Copy& copy = item.copies[member.group];
  if (entry.note == Note::kReceived) {
    copy.deliveries.push_back({entry.time, &member});
    return;
  }
  const auto delivery = std::find_if(copy.deliveries.rbegin(), copy.deliveries.rend(),
                                     [&](const Delivery& other) { return other.to == &member; });
  if (delivery == copy.deliveries.rend()) return Odd(entry);
  if (entry.note == Note::kAcking) {
    delivery->acking = entry.time;
  } else {
    TakeAcked(member, *delivery, entry);
  }
}

void Ledger::TakePublished(Member& member, Item& item, const Entry& entry) {
  if (entry.note == Note::kPublishing) {
    if (item.published == 0) item.published = entry.time;
    item.open = true;
    return;
  }
  item.open = false;
  if (entry.number == MQ_OK || entry.number == MQ_PARTIAL) {
    (entry.number == MQ_OK ? item.stored : item.weak) = true;
    member.successes.push_back(entry.time);
  } else if (Uncertain(entry.number)) {
    item.uncertain = true;
  } else if (entry.number != MQ_UNAVAILABLE && entry.number != MQ_FULL) {
    Odd(entry);
  }
}

void Ledger::TakeAcked(Member& member, Delivery& delivery, const Entry& entry) {
  delivery.acking = 0;
  if (entry.number == MQ_OK) {
    delivery.acked = entry.time;
    member.successes.push_back(entry.time);
  } else if (Uncertain(entry.number)) {
    delivery.uncertain = true;
  } else if (entry.number == MQ_UNAVAILABLE || entry.number == MQ_STALE || entry.number == MQ_NOT_FOUND) {
    delivery.refused = true;
  } else {
    Odd(entry);
  }
}

std::vector<const Ledger::Item*> Ledger::Unsettled() const {
  std::vector<const Item*> items;
  for (const auto& [key, item] : items_) {
    const bool there =
        item.stored || item.weak || !item.copies[0].deliveries.empty() || !item.copies[1].deliveries.empty();
    if (there && !item.Settled()) items.push_back(&item);
  }
  return items;
}

}  // namespace agentmq::chaos
