#pragma once

#include "redis/queues.hpp"

namespace agentmq::redis {

// The buckets that publishing takes tokens from: keys of one slot, so that a take over several of them is one step.
// Thread-safe.
class Rates {
 public:
  explicit Rates(Queues& queues) : queues_(queues) {}

  Status Take(std::span<const Bucket> buckets, std::span<agentmq::Take> takes, const Patience& patience);

 private:
  Queues& queues_;
};

}  // namespace agentmq::redis
