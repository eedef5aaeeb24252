#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "redis/inspection.hpp"
#include "redis/recovery.hpp"

namespace agentmq::redis {

// House-keeping of queues: expiry, tombstones, idle slots, abandoned groups. Whoever is active does it; a slow walk over
// the registry covers queues that nobody uses.
class Maintenance {
 public:
  Maintenance(Queues& queues, Recovery& recovery, Inspection& inspection)
      : queues_(queues), recovery_(recovery), inspection_(inspection) {}

  void Maintain(Queue& queue);  // thread-safe
  void Walk();                  // one queue at most, every other second; one thread

 private:
  void Forget(Queue& queue, const std::string& group);

  Queues& queues_;
  Recovery& recovery_;
  Inspection& inspection_;
  std::vector<std::string> round_;  // queues that are left of this walk
  int64_t next_step_ = 0;           // steady
  int64_t next_round_ = 0;          // steady
};

}  // namespace agentmq::redis
