#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/ledger.hpp"

namespace agentmq {

struct Shared;

// Lets go what an application forgot: messages held longer than `auto_extend_max`, whose leases would go on for ever.
// Keeps ledgers until they are empty, also when their subscriptions and messages are gone, and finds them for those who
// have nothing but a receipt. Thread-safe.
class Housekeeper {
 public:
  explicit Housekeeper(Shared& shared) : shared_(shared) {}

  void Watch(std::shared_ptr<Ledger> ledger);
  // What a consumer of that incarnation hands out is written down there.
  void Enter(const std::shared_ptr<const std::string>& incarnation, const std::shared_ptr<Ledger>& ledger);
  // Nulls where no subscription of this bus has or had it.
  struct Holder {
    std::shared_ptr<const std::string> incarnation;
    std::shared_ptr<Ledger> ledger;
  };
  Holder Find(std::string_view incarnation) const;

 private:
  struct Entered {
    std::shared_ptr<const std::string> incarnation;
    std::weak_ptr<Ledger> ledger;
  };

  // Answers when to look again, in ms; -1: nothing is watched.
  int64_t Look();
  void LetGo(Ledger& ledger);

  Shared& shared_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Ledger>> ledgers_;                  // guarded by mutex_
  std::unordered_map<std::string_view, Entered> by_incarnation_;  // guarded by mutex_; the names are those in there
  size_t prune_at_ = 64;                                          // guarded by mutex_
  uint64_t task_ = 0;                                             // guarded by mutex_
};

}  // namespace agentmq
