#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/queues.hpp"

namespace agentmq::redis {

// Audit trails: a stream each. Thread-safe.
class Trails {
 public:
  explicit Trails(Queues& queues) : queues_(queues) {}

  Status Append(std::string_view kind, int64_t most, AuditHead* head, std::span<const AuditRecord> records,
                const Patience& patience);
  Result<std::vector<AuditRecord>> Read(std::string_view kind, std::string_view after, size_t limit);

 private:
  std::string Key(std::string_view kind) const;

  Queues& queues_;
};

}  // namespace agentmq::redis
