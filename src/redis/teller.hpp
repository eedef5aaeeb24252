#pragma once

#include <mutex>
#include <span>

#include "core/ids.hpp"
#include "redis/live_names.hpp"
#include "redis/server.hpp"

namespace agentmq::redis {

// Tells listeners, through the server's pub/sub. Thread-safe.
class Teller {
 public:
  Teller(Server& server, const BackendOptions& options) : server_(server), names_(options, server.options().database) {}

  // One round trip. What got no answer is not told again: kUnknown.
  void Tell(std::span<Telling> tellings, const Patience& patience);

 private:
  Server& server_;
  const LiveNames names_;
  std::mutex mutex_;
  IdMaker ids_;  // guarded by mutex_
};

}  // namespace agentmq::redis
