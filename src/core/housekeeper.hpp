#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/ledger.hpp"

namespace agentmq {

struct Shared;

// Lets go what an application forgot: messages held longer than `auto_extend_max`, whose leases would go on for ever.
// Keeps ledgers until they are empty, also when their subscriptions and messages are gone. Thread-safe.
class Housekeeper {
 public:
  explicit Housekeeper(Shared& shared) : shared_(shared) {}

  void Watch(std::shared_ptr<Ledger> ledger);

 private:
  // Answers when to look again, in ms; -1: nothing is watched.
  int64_t Look();
  void LetGo(Ledger& ledger);

  Shared& shared_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Ledger>> ledgers_;  // guarded by mutex_
  uint64_t task_ = 0;                             // guarded by mutex_
};

}  // namespace agentmq
