#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "redis/inspection.hpp"
#include "redis/recovery.hpp"

namespace agentmq::redis {

// Changes queues from outside: what an operator does. Thread-safe.
class Administration {
 public:
  Administration(Queues& queues, Recovery& recovery, Inspection& inspection)
      : queues_(queues), recovery_(recovery), inspection_(inspection) {}

  Status Delete(const QueueName& queue, const ShortId& id);
  Status Seek(const Source& source, bool from_start, std::string_view from, const Patience& patience);
  Result<bool> IsDeleted(const QueueName& queue, const ShortId& id, const Patience& patience);
  Result<int64_t> Clear(const QueueName& queue);
  Result<int64_t> Recover(const QueueName& queue, const std::optional<std::string>& group);
  Result<ShortId> Replay(const QueueName& queue, const ShortId& id, std::string_view group, const Limits& limits,
                         bool keep_attempts);
  Status PurgeDead(const QueueName& queue, const ShortId& id, std::string_view group);

  Result<std::map<std::string, std::string>> ReadChannel(std::string_view channel);
  Status WriteChannel(std::string_view channel, const std::map<std::string, std::string>& settings);

  Status Ping();
  Status WriteAndReadBack();
  Result<std::vector<ServerReport>> Report();

 private:
  Result<Command> MakeDelete(Queue& queue, const ShortId& id);

  Queues& queues_;
  Recovery& recovery_;
  Inspection& inspection_;
  std::mutex mutex_;
  IdMaker ids_;  // of replayed messages; guarded by mutex_
};

}  // namespace agentmq::redis
