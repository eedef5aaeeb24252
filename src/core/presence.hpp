#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "core/backend.hpp"

namespace agentmq {

struct Shared;

// Agents that this bus has announced, whose leases it renews until it is closed; and those that it knows to have been.
// Thread-safe.
class Presence {
 public:
  explicit Presence(Shared& shared) : shared_(shared) {}

  // lease: ms; 0 withdraws.
  Status Announce(Backend& backend, std::string_view agent, std::string_view description, int64_t lease);
  // All of them; the timer has stopped.
  void Withdraw(Backend& backend);

  // Somebody reads for it.
  Status Note(Backend& backend, std::string_view agent);
  // Whether it was ever announced, or somebody read for it. Asks once for each that was.
  Result<bool> Knows(Backend& backend, std::string_view agent);

 private:
  struct Announced {
    std::string description;
    int64_t lease = 0;
    uint64_t task = 0;
  };

  int64_t Renew(const std::string& agent);
  Status NoteAll(Backend& backend, std::string_view agent);
  bool IsKnown(std::string_view agent);
  void Keep(std::string_view agent);

  Shared& shared_;
  std::mutex mutex_;
  std::map<std::string, Announced, std::less<>> announced_;  // guarded by mutex_
  std::unordered_set<std::string> known_;                    // guarded by mutex_
};

}  // namespace agentmq
