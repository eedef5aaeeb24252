#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "redis/pool.hpp"
#include "util/event.hpp"
#include "util/thread.hpp"

namespace agentmq::redis {

// Connects for somebody who must not wait for it, one after the other, on a thread of its own: a server that stands still
// holds up new connections and nothing else. Thread-safe.
class Dialer {
 public:
  // `told`: there is something to take. Called on the dialer's thread.
  explicit Dialer(std::function<void()> told) : told_(std::move(told)) {}
  ~Dialer();

  struct Dialed {
    uint64_t number;  // the asker's
    std::shared_ptr<Pool> pool;
    Result<std::unique_ptr<Connection>> connection;
  };
  void Ask(uint64_t number, std::shared_ptr<Pool> pool);
  std::vector<Dialed> Take();

 private:
  void Run();

  const std::function<void()> told_;
  std::mutex mutex_;
  std::vector<std::pair<uint64_t, std::shared_ptr<Pool>>> asked_;  // guarded by mutex_
  std::vector<Dialed> dialed_;                                     // guarded by mutex_
  std::atomic<bool> stopping_{false};
  Event wake_;
  Thread thread_;  // from the first question on; guarded by mutex_
};

}  // namespace agentmq::redis
