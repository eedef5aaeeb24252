#pragma once

#include <deque>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "core/backend.hpp"

namespace agentmq::memory {

// An audit trail of the embedded store. Thread-safe.
class Trail {
 public:
  // See Backend::AppendAudit().
  Status Append(int64_t most, AuditHead* head, std::span<const AuditRecord> records, int64_t now);
  std::vector<AuditRecord> Read(std::string_view after, size_t limit) const;

 private:
  mutable std::mutex mutex_;
  std::deque<AuditRecord> records_;  // guarded by mutex_
  AuditHead head_;                   // guarded by mutex_
  int64_t last_time_ = 0;            // guarded by mutex_; of the newest record's id, and
  int64_t last_of_time_ = 0;         // guarded by mutex_; its number within that
};

}  // namespace agentmq::memory
