#pragma once

#include <mutex>
#include <string_view>
#include <vector>

#include "redis/connection.hpp"

namespace agentmq::redis {

class RedisConsumer;

// The consumers of a bus that have asked for messages ahead. Who waits for the answer to an acknowledgement reads for
// them meanwhile, so that client and server work at the same time. Thread-safe.
class Ahead {
 public:
  void Add(RedisConsumer* consumer);
  void Remove(RedisConsumer* consumer);

  // Where the answer of that consumer (its incarnation) comes; -1 where it waits for none.
  int Fd(std::string_view incarnation);
  // Reads what has come for it, without waiting; false where there will be no more.
  bool Read(std::string_view incarnation);

 private:
  RedisConsumer* Find(std::string_view incarnation);

  std::mutex mutex_;
  std::vector<RedisConsumer*> consumers_;  // guarded by mutex_
};

}  // namespace agentmq::redis
