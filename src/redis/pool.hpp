#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/backend.hpp"
#include "redis/connection.hpp"
#include "redis/sentinel_watch.hpp"
#include "redis/sentinels.hpp"
#include "redis/sockets.hpp"

namespace agentmq::redis {

// The connections for commands, at most pool_size of them, made when needed. Connecting that fails is not tried again
// before its back-off is over; callers are told at once until then. A server that was there and then keeps failing is
// not tried for breaker_reset, or a part of it where attempts fail at once; then one caller's attempt decides for all (a
// circuit breaker, as M. Nygard's "Release It!" has it). Threads of the bus that have to be back soon, for subscriptions, probe it as often as the back-off says.
// Where sentinels are asked for the address, each connection is made to the master of then, and those to the one
// before end as soon as a sentinel tells of another: the one that is listened to, or the one that was asked.
//
// Thread-safe. No lock is held while connecting.
class Pool {
 public:
  Pool(const Options& options, EventSink events);

  // One for the caller alone, back with Return(). kUnavailable, kAuth, ..., kTimeout where all are in use.
  // probes: of the bus' own threads, which go on trying while the circuit breaker refuses callers.
  Result<std::unique_ptr<Connection>> Take(const Patience& patience, bool probes = false);
  // One that is idle; null where none is.
  std::unique_ptr<Connection> TakeReady();
  // As TakeReady(), for a use that may take its time: null where half of the pool is in use, too.
  std::unique_ptr<Connection> TakeIdle();
  // A broken one is dropped.
  void Return(std::unique_ptr<Connection> connection);
  // One was lost while it was in use. Its generation ends with it, all that were made before that is known: they may be
  // dead too. Idle ones are dropped, those in use when they come back. False where it had ended before. To be told to
  // Nodes, which tells whoever waits.
  bool Lost(const Connection& connection, const Status& status);
  // The server said on it that it is no master any more: all connections to it end, also those in use. Nothing where its
  // generation had ended before.
  void Demoted(const Connection& connection, const Status& status);

  // A connection beside the pool, for the waiter; counted by nobody, same back-off.
  Result<std::unique_ptr<Connection>> Connect(const Patience& patience, bool probes);

  const Address& address() const { return options_.address; }
  // Milliseconds until connecting is tried again; 0 now.
  int64_t RetryAfter() const;
  // How many generations of connections have ended.
  uint64_t losses() const { return losses_.load(std::memory_order_acquire); }
  // Whether the connection's generation has ended.
  bool MayBeLost(const Connection& connection) const { return connection.generation() != losses(); }
  // Until when an answer is worth waiting for that was asked for then (steady ms). Never() while its generation lasts.
  Deadline WorthWaitingUntil(const Connection& connection, int64_t asked_at) const;
  // The server is not tried at present: nobody need wait for it.
  bool BreakerOpen() const;
  bool connected() const;
  // The server's wall clock, as known from replies.
  int64_t ServerNow() const;
  void SetServerTime(int64_t now);

 private:
  std::unique_ptr<Connection> TakeIdle(int most);  // unless so many are in use
  std::shared_ptr<Sockets> Follow(const Address& master, std::shared_ptr<Sockets> before);
  std::shared_ptr<Sockets> Leave(std::unique_lock<std::mutex> lock, const std::string& reason);
  void EndGeneration(std::unique_lock<std::mutex> lock, const std::string& reason, Sockets* cut);
  void Connected(Connection& connection);
  void Failed(const Status& status, int64_t began);
  // With mutex_ held:
  bool Open() const { return options_.breaker_failures > 0 && ever_up_ && failures_ >= options_.breaker_failures; }
  Status Refusal(int64_t now) const;
  std::unique_ptr<Connection> Idle();

  const Options options_;
  const EventSink events_;
  std::atomic<uint64_t> losses_{0};  // written with mutex_ held
  std::atomic<int64_t> lost_at_{0};  // steady ms, the last of them
  mutable std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
  int in_use_ = 0;                                 // guarded by mutex_
  enum class Link { kNever, kUp, kDown };
  Link link_ = Link::kNever;        // guarded by mutex_
  bool ever_up_ = false;            // guarded by mutex_
  bool probing_ = false;            // an attempt decides whether the breaker closes; guarded by mutex_
  int failures_ = 0;                // in a row; guarded by mutex_
  int64_t failed_at_ = 0;           // steady, the last of them; guarded by mutex_
  int64_t retry_at_ = 0;            // steady; guarded by mutex_
  int64_t reset_at_ = 0;            // steady, of the breaker; guarded by mutex_
  Status last_failure_;             // guarded by mutex_
  int64_t server_offset_ = 0;       // guarded by mutex_
  std::optional<Address> address_;  // of the master, as a sentinel said last; guarded by mutex_
  std::shared_ptr<Sockets> sockets_ = std::make_shared<Sockets>();  // guarded by mutex_
  std::optional<Sentinels> sentinels_;
  std::optional<SentinelWatch> watch_;  // the last member: it calls Follow()
};

}  // namespace agentmq::redis
