#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/backend.hpp"
#include "core/backoff.hpp"
#include "core/ledger.hpp"

namespace agentmq {

// One source of a subscription: its consumer, and what was read ahead of what is handed out.
//
// Not thread-safe: the subscription's mutex guards all but `consumer`, which is called without it by the one thread
// that refills, arms or closes.
struct Reader {
  static constexpr int64_t kCrowdedBase = 5;  // ms
  static constexpr int64_t kCrowdedMax = 100;

  Reader(std::shared_ptr<Backend> store, std::shared_ptr<const Source> from, std::unique_ptr<Consumer> reads,
         std::shared_ptr<Ledger> book, Backoff waits)
      : backend(std::move(store)),
        source(std::move(from)),
        ledger(std::move(book)),
        consumer(std::move(reads)),
        backoff(waits),
        looks_(kCrowdedBase, kCrowdedMax) {}

  const std::shared_ptr<Backend> backend;  // outlives the consumer
  const std::shared_ptr<const Source> source;
  const std::shared_ptr<Ledger> ledger;
  const std::unique_ptr<Consumer> consumer;

  // What a fetch answered at `now` (steady ms). False: a failure that does not mend by waiting.
  bool Accept(Result<Fetched> fetched, int64_t now);
  bool empty() const { return next_ == buffer_.size(); }
  size_t size() const { return buffer_.size() - next_; }
  const Delivery& front() const { return buffer_[next_]; }
  Delivery TakeFront();
  void PutFront(Delivery delivery);
  bool Buffers(const ShortId& id, int64_t delivery) const;
  // What nobody saw, oldest first.
  std::vector<ShortId> Unseen() const;
  void DropBuffer();

  // The incarnation that what is in the buffer was fetched by.
  const std::shared_ptr<const std::string>& incarnation() const { return incarnation_; }

  int64_t look_at = 0;         // steady ms: when there may be something to fetch; 0: now
  int64_t due_at = INT64_MAX;  // steady ms: when something becomes due, as the last fetch knew; INT64_MAX: nothing
  bool armed = false;
  bool crowded = false;       // messages of other types wait: it looks again by itself, and takes no wake-ups
  bool woken = false;         // by the backend, and not looked at since
  bool paused = false;        // so the last fetch said
  bool renew_first = false;   // the lease is in doubt: nothing is handed out before a fetch succeeded
  int64_t completed_at = 0;   // steady ms: the last fetch that succeeded
  int64_t clock_offset = 0;   // server Unix ms - steady ms, as of that fetch
  int64_t failing_since = 0;  // steady ms, 0: not
  Status failure;             // of the last fetch
  Backoff backoff;

 private:
  Backoff looks_;  // while it is crowded
  std::vector<Delivery> buffer_;
  size_t next_ = 0;  // of buffer_, the first that was not handed out
  std::shared_ptr<const std::string> incarnation_;
};

// Whether the same fetch may succeed later without anybody doing something about it here.
bool MendsByWaiting(Code code);

}  // namespace agentmq
