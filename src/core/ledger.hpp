#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/backend.hpp"
#include "core/backoff.hpp"
#include "core/id_map.hpp"

namespace agentmq {

// What the application holds of one source: handed out and not settled. Messages share it with their subscription, so
// that settling one anywhere is known here, also after the subscription ended.
//
// Thread-safe.
class Ledger {
 public:
  // longest: ms after which a message counts as forgotten; 0: never, and nothing is written down.
  // backend: where its messages are, for as long as the bus is open.
  // remembers: what is acknowledged is remembered as worked off.
  Ledger(std::shared_ptr<const Source> source, RetryPolicy retry, int64_t longest, std::weak_ptr<Backend> backend = {},
         bool remembers = false)
      : source_(std::move(source)),
        id_front_(FullId::Front(source_->queue)),
        retry_(retry),
        longest_(longest),
        remembers_(remembers),
        backend_(std::move(backend)) {}

  const Source& source() const { return *source_; }
  const std::shared_ptr<const Source>& shared_source() const { return source_; }
  const std::string& id_front() const { return id_front_; }  // of the ids of its messages
  const RetryPolicy& retry() const { return retry_; }
  int64_t longest() const { return longest_; }
  bool remembers() const { return remembers_; }

  // What its channel keeps of what is acknowledged, as it was known last: told by the housekeeper.
  void SetRetention(const Retention& retention);
  Retention retention() const {
    return {retain_time_.load(std::memory_order_relaxed), retain_count_.load(std::memory_order_relaxed)};
  }

  // Handed out by the consumer of that incarnation, now (steady ms).
  struct Entry {
    ShortId id;
    int64_t delivery;
  };
  void HandOut(const std::vector<Entry>& entries, const std::shared_ptr<const std::string>& consumer, int64_t now);
  // No longer held, or no longer ours to let go (it has a deadline of its own).
  void Settled(const ShortId& id, int64_t delivery);

  // The deduplication key of one that is handed out by who remembers, so that a receipt suffices to know it.
  void Note(const ShortId& id, int64_t delivery, std::string_view dedup_key, int64_t now);
  // What is to be remembered of it.
  std::string DoneKeyOf(const ShortId& id) const;

  bool Holds(const ShortId& id, int64_t delivery) const;
  // Asks the backend whether it was deleted while somebody held it; false where there is no answer.
  bool IsDeleted(const ShortId& id) const;

  struct Forgotten {
    ShortId id;
    int64_t delivery;
    std::shared_ptr<const std::string> consumer;
  };
  // Takes out what is held for too long.
  std::vector<Forgotten> TakeForgotten(int64_t now);

  size_t size() const;
  // The subscription ended: nothing more is handed out.
  void Close() { closed_.store(true, std::memory_order_release); }
  bool Finished() const { return closed_.load(std::memory_order_acquire) && size() == 0; }

 private:
  struct Held {
    int64_t delivery = 0;
    int64_t since = 0;
    std::shared_ptr<const std::string> consumer;
  };

  const std::shared_ptr<const Source> source_;
  const std::string id_front_;
  const RetryPolicy retry_;
  struct Noted {
    int64_t delivery = 0;
    int64_t since = 0;
    std::string dedup_key;
  };

  const int64_t longest_;
  const bool remembers_;
  const std::weak_ptr<Backend> backend_;
  std::atomic<bool> closed_{false};
  std::atomic<int64_t> retain_time_{0}, retain_count_{0};
  mutable std::mutex mutex_;
  IdMap<Held> held_;                          // guarded by mutex_
  std::unordered_map<ShortId, Noted> noted_;  // guarded by mutex_
  size_t prune_at_ = 1024;                    // guarded by mutex_; entries of noted_
};

}  // namespace agentmq
