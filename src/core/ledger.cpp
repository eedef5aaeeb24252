#include "core/ledger.hpp"

namespace agentmq {

void Ledger::HandOut(const std::vector<Entry>& entries, const std::shared_ptr<const std::string>& consumer,
                     int64_t now) {
  if (longest_ <= 0) return;
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries) {
    held_.insert_or_assign(entry.id, Held{entry.delivery, now, consumer});
  }
}

void Ledger::Settled(const ShortId& id, int64_t delivery) {
  if (longest_ <= 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(id);
  // A later delivery of the same message may be in other hands of this process.
  if (found != held_.end() && found->second.delivery == delivery) held_.erase(found);
}

std::vector<Ledger::Forgotten> Ledger::TakeForgotten(int64_t now) {
  std::vector<Forgotten> forgotten;
  const std::lock_guard lock(mutex_);
  for (auto at = held_.begin(); at != held_.end();) {
    if (now - at->second.since < longest_) {
      ++at;
      continue;
    }
    forgotten.push_back({at->first, at->second.delivery, std::move(at->second.consumer)});
    at = held_.erase(at);
  }
  return forgotten;
}

size_t Ledger::size() const {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

}  // namespace agentmq
