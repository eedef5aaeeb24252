#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/backend.hpp"
#include "redis/recovery.hpp"
#include "redis/waiter.hpp"

namespace agentmq::redis {

// One reader of one source: its incarnation, lease and place among those who wait.
//
// The lease carries an epoch. When the answer of a fetch is lost, the next one raises it and has back what that fetch
// took: a late copy of the lost call is refused. An incarnation whose lease is gone is never used again.
class RedisConsumer final : public Consumer, public std::enable_shared_from_this<RedisConsumer> {
 public:
  RedisConsumer(Queues& queues, Recovery& recovery, Waiter& waiter, const Source& source,
                const ConsumerOptions& options);

  Status Enter(const Patience& patience);  // a new incarnation

  Result<Fetched> Fetch(size_t room, const Patience& patience) override;
  void Arm(std::function<void()> wake) override;
  void Disarm() override;
  bool LeaseHeld() const override;
  Status GiveBack(std::span<const ShortId> unseen) override;
  Status Close(std::span<const ShortId> unseen) override;
  std::string incarnation() const override;

  // For the ticker.
  struct Lease {
    std::string consumer;
    int64_t epoch;
  };
  Lease lease() const;
  void Renewed(int64_t at);  // steady time at which the renewal was sent
  void WakeUp();             // there may be something, or the lease is gone
  Queue& queue() { return *queue_; }
  const Source& source() const { return source_; }

 private:
  static constexpr size_t kByteBound = 1 << 20;  // of one fetch

  Result<Reply> Take(size_t room, const Patience& patience);
  Status TakeBackLost(const Patience& patience);
  Status Copy(const Patience& patience);
  Result<Fetched> Parse(Reply& reply);
  Status FillBlobs(Fetched* fetched);
  void SetAside(const std::string& id);
  int64_t Ordinal() const;
  Status Return(std::span<const ShortId> unseen, bool close);
  const QueueView::Group* Group(const QueueView& view) const { return view.Find(source_.group); }

  Queues& queues_;
  Recovery& recovery_;
  Waiter& waiter_;
  const Source source_;
  const ConsumerOptions options_;
  const std::shared_ptr<Queue> queue_;
  const GroupKeys keys_;  // without lanes

  mutable std::mutex mutex_;
  std::string consumer_;             // the incarnation; guarded by mutex_
  int64_t epoch_ = 1;                // guarded by mutex_
  std::function<void()> wake_;       // armed; guarded by mutex_
  Waiter::Ticket ticket_ = 0;        // guarded by mutex_
  std::mutex calling_;               // held while a wake runs
  std::atomic<int64_t> renewed_{0};  // steady

  // Only used inside Fetch, one call at a time.
  int64_t delivery_ = 0;
  Deadline no_more_ = Deadline::Never();  // the caller's own deadline
  int64_t lost_ = 0;                      // number of a fetch whose answer did not come
  size_t mean_ = kByteBound;              // bytes of a record, as the last fetch had them; unknown at first
};

}  // namespace agentmq::redis
