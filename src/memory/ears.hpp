#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/backend.hpp"

namespace agentmq::memory {

// Who listens to one namespace of this process; all hear in the same order. Thread-safe.
class Ears {
 public:
  void Add(const std::shared_ptr<Ear>& ear);
  // After it returned the ear is not called.
  void Remove(const Ear* ear);
  // On the caller's thread; answers how many heard it.
  int64_t Tell(const FullId& id, std::string_view head, std::string_view payload) const;

 private:
  mutable std::mutex mutex_;                // held while ears are told
  std::vector<std::shared_ptr<Ear>> ears_;  // guarded by mutex_
};

}  // namespace agentmq::memory
