#include "memory/trail.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace agentmq::memory {
namespace {

using Place = std::pair<uint64_t, uint64_t>;

// "<time>-<number>", as ids of streams are.
Place PlaceOf(std::string_view id) {
  Place place{};
  const size_t dash = std::min(id.find('-'), id.size());
  std::from_chars(id.data(), id.data() + dash, place.first);
  if (dash < id.size()) std::from_chars(id.data() + dash + 1, id.data() + id.size(), place.second);
  return place;
}

}  // namespace

Status Trail::Append(int64_t most, AuditHead* head, std::span<const AuditRecord> records, int64_t now) {
  const std::lock_guard lock(mutex_);
  if (head->number != head_.number || head->hash != head_.hash) {
    *head = head_;
    return {Code::kStale, "somebody else appended to the trail meanwhile"};
  }
  for (const AuditRecord& record : records) {
    last_of_time_ = now > last_time_ ? 0 : last_of_time_ + 1;
    last_time_ = std::max(last_time_, now);
    records_.push_back(record);
    records_.back().id = std::to_string(last_time_) + '-' + std::to_string(last_of_time_);
  }
  head_.number = records.back().number;
  head_.hash = records.back().hash;
  while (records_.size() > static_cast<size_t>(most)) records_.pop_front();
  return Status::Ok();
}

std::vector<AuditRecord> Trail::Read(std::string_view after, size_t limit) const {
  const std::lock_guard lock(mutex_);
  auto record = records_.begin();
  if (!after.empty()) {
    record = std::upper_bound(records_.begin(), records_.end(), PlaceOf(after),
                              [](const Place& place, const AuditRecord& one) { return place < PlaceOf(one.id); });
  }
  const auto count = std::min<size_t>(limit, static_cast<size_t>(records_.end() - record));
  return {record, record + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace agentmq::memory
