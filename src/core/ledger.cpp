#include "core/ledger.hpp"

#include <algorithm>

#include "core/done_key.hpp"

namespace agentmq {
namespace {

constexpr int64_t kAskFor = 1000;                         // ms
constexpr int64_t kNotedFor = int64_t{24} * 3600 * 1000;  // ms: of what nobody settles

}  // namespace

void Ledger::HandOut(const std::vector<Entry>& entries, const std::shared_ptr<const std::string>& consumer,
                     int64_t now) {
  if (longest_ <= 0) return;
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries) {
    held_.emplace(entry.id)->second = {entry.delivery, now, consumer};
  }
}

void Ledger::Settled(const ShortId& id, int64_t delivery) {
  if (longest_ <= 0 && !remembers_) return;
  const std::lock_guard lock(mutex_);
  if (const auto noted = noted_.find(id); noted != noted_.end() && noted->second.delivery == delivery) {
    noted_.erase(noted);
  }
  auto* const found = held_.find(id);
  // A later delivery of the same message may be in other hands of this process.
  if (found != nullptr && found->second.delivery == delivery) held_.erase(found);
}

void Ledger::Note(const ShortId& id, int64_t delivery, std::string_view dedup_key, int64_t now) {
  if (dedup_key.empty()) return;  // the id says all
  const std::lock_guard lock(mutex_);
  if (noted_.size() >= prune_at_) {
    std::erase_if(noted_, [&](const auto& noted) { return now - noted.second.since >= kNotedFor; });
    prune_at_ = std::max<size_t>(1024, 2 * noted_.size());
  }
  noted_.insert_or_assign(id, Noted{delivery, now, std::string(dedup_key)});
}

std::string Ledger::DoneKeyOf(const ShortId& id) const {
  const std::lock_guard lock(mutex_);
  const auto noted = noted_.find(id);
  return DoneKey(noted == noted_.end() ? std::string_view() : noted->second.dedup_key, id);
}

void Ledger::SetRetention(const Retention& retention) {
  retain_time_.store(retention.time, std::memory_order_relaxed);
  retain_count_.store(retention.count, std::memory_order_relaxed);
}

bool Ledger::Holds(const ShortId& id, int64_t delivery) const {
  const std::lock_guard lock(mutex_);
  const auto* const found = held_.find(id);
  return found != nullptr && found->second.delivery == delivery;
}

bool Ledger::IsDeleted(const ShortId& id) const {
  const auto backend = backend_.lock();
  if (backend == nullptr) return false;
  const auto deleted = backend->IsDeleted(source_->queue, id, {Deadline::After(kAskFor), nullptr});
  return deleted.ok() && *deleted;
}

std::vector<Ledger::Forgotten> Ledger::TakeForgotten(int64_t now) {
  std::vector<Forgotten> forgotten;
  if (longest_ <= 0) return forgotten;
  const std::lock_guard lock(mutex_);
  held_.ForEach([&](const auto& held) {
    if (now - held.second.since >= longest_)
      forgotten.push_back({held.first, held.second.delivery, held.second.consumer});
  });
  for (const Forgotten& one : forgotten) held_.erase(one.id);
  return forgotten;
}

size_t Ledger::size() const {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

}  // namespace agentmq
