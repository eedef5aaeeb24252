#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend.hpp"
#include "redis/ahead.hpp"
#include "redis/recovery.hpp"
#include "redis/waiter.hpp"

namespace agentmq::redis {

// One reader of one source: its incarnation, lease and place among those who wait.
//
// The lease carries an epoch. When the answer of a fetch is lost, the next one raises it and has back what that fetch
// took: a late copy of the lost call is refused. An incarnation whose lease is gone is never used again.
class RedisConsumer final : public Consumer, public std::enable_shared_from_this<RedisConsumer> {
 public:
  RedisConsumer(Queues& queues, Recovery& recovery, Waiter& waiter, Ahead& ahead, const Source& source,
                const ConsumerOptions& options);
  ~RedisConsumer() override;

  Status Enter(const Patience& patience);  // a new incarnation

  Result<Fetched> Fetch(size_t room, const Patience& patience) override { return Fetch(room, patience, std::nullopt); }
  void ReadAhead(size_t room) override;
  void Arm(std::function<void()> wake) override;
  void Disarm() override;
  void WakeAnother() override;
  bool LeaseHeld() const override;
  bool Paused() const override { return paused_.load(std::memory_order_relaxed); }
  Status GiveBack(std::span<const ShortId> unseen) override;
  Status Close(std::span<const ShortId> unseen) override;
  std::string incarnation() const override;

  // One call of the fetch script.
  struct Attempt {
    Status status;
    Reply reply;
    int64_t sent = 0;  // steady ms
    int64_t delivery = 0;
  };
  // For who sends several consumers' scripts in one round trip: the first attempt of a fetch that is Simple().
  bool Simple() const;
  Command MakeFetch(size_t room);
  int64_t delivery() const { return delivery_; }
  Result<Fetched> Fetch(size_t room, const Patience& patience, std::optional<Attempt> first);

  // For Ahead: what was asked for ahead, read while its consumer does something else.
  int AheadFd();
  bool PumpAhead();

  // Steady ms: when something becomes due, as the last fetch knew; INT64_MAX: nothing known.
  int64_t due_at() const { return due_at_; }

  // For the ticker.
  struct Lease {
    std::string consumer;
    int64_t epoch;
  };
  Lease lease() const;
  void Renewed(int64_t at);  // steady time at which the renewal was sent
  void SetPaused(bool paused) { paused_.store(paused, std::memory_order_relaxed); }
  // There may be something, or the lease is gone; false where nobody waits for that.
  bool WakeUp();

  // While somebody waits at the server for it: what WakeUp() calls, and the delivery that a fetch behind the wait would
  // take. Ended by Disarm().
  void Watch(std::function<void()> wake, int64_t delivery);
  int64_t awaited() const { return awaited_.load(); }  // 0: none
  // The server did that fetch, and its answer did not come.
  void AnswerIsLost(int64_t delivery);
  bool TakeAnswerIsLost() { return answer_lost_.exchange(false); }
  const std::string& wake_key() const { return keys_.wake(); }
  Queue& queue() { return *queue_; }
  const Source& source() const { return source_; }

 private:
  static constexpr size_t kByteBound = 1 << 20;  // of one fetch

  // What a fetch took and answered by ids alone: the records are to be read.
  struct Unread {
    int64_t delivery = 0;
    int64_t at = 0;   // server Unix ms
    std::string ids;  // as one text
  };
  // What was asked for ahead and not used yet: fetches, each followed by a read of the records whose ids it answered.
  struct Asked {
    int64_t sent = 0;            // steady ms
    int64_t delivery = 0;        // of a fetch, which asked for up to
    size_t room = 0;             // so many
    std::optional<Unread> read;  // whose records; else it is a fetch
    bool followed = false;       // a fetch whose records are asked for
  };
  struct Started {
    Server::Trip trip;
    std::deque<Asked> asked;  // as the trip's commands
  };

  // consumer.cpp
  Status TakeBackLost(const Patience& patience, bool settles);
  Status Copy(const Patience& patience);
  static std::string Text(std::span<const ShortId> ids);
  Status Return(std::string_view ids, bool close);

  // consumer_fetch.cpp
  std::string TypesAndCursor();
  Command MakeRead(const Unread& taken) const;
  Attempt Try(size_t room, const Patience& patience);
  Status Judge(Attempt& attempt, const Patience& patience, Fetched* fetched, bool* again);
  Status Accept(Reply& reply, int64_t delivery, Fetched* fetched);
  size_t Apart() const;
  Status Read(const Patience& patience, Fetched* fetched);
  Status Add(const Unread& taken, Reply& records, const Reply& tries, Fetched* fetched);
  Status FillBlobs(std::span<Delivery> deliveries);
  void LetGo(const std::string& id, int64_t delivery);
  int64_t Ordinal() const;

  // consumer_reconcile.cpp
  void Reconcile(const Patience& patience, Fetched* fetched);
  Status FindNobodys(const Patience& patience, std::vector<ShortId>* ids);
  bool IsUnderWay(int64_t delivery);

  // consumer_ahead.cpp
  bool AwaitsIds() const;
  static size_t Coming(const Asked& asked, const Reply* answer);
  void Advance();
  void Follow(Asked& asked, Reply& answer);
  Status UseAhead(const Server::Call& call, bool all, Fetched* fetched);
  bool Use(const Asked& asked, Reply& reply, Fetched* fetched);
  void EndAhead(const Status& status);

  const QueueView::Group* Group(const QueueView& view) const { return view.Find(source_.group); }

  Queues& queues_;
  Recovery& recovery_;
  Waiter& waiter_;
  Ahead& ahead_;
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
  std::atomic<bool> paused_{false};
  std::atomic<int64_t> awaited_{0};
  std::atomic<bool> answer_lost_{false};

  // Only used inside Fetch, ReadAhead and Close, one call at a time.
  int64_t delivery_ = 0;
  int64_t due_at_ = INT64_MAX;
  std::string cursor_;                    // of a consumer of some types: what was looked at and left to others
  int64_t cursor_ends_ = 0;               // steady ms: then all is looked at anew
  Deadline no_more_ = Deadline::Never();  // the caller's own deadline
  std::vector<int64_t> lost_;             // fetches whose answer did not come
  std::optional<Unread> unread_;
  std::shared_ptr<Pool> server_;    // that the hand was last known to agree with, and
  uint64_t losses_ = 0;             // how many of its connections had been lost then
  int64_t reconcile_at_ = 0;        // steady ms; 0: hand and client agree
  bool seen_once_ = false;          // the hand was looked at since, and
  std::vector<ShortId> nobodys_;    // these of it were nobody's here; sorted
  std::mutex trip_mutex_;           // held while what was asked for ahead is read, sent or taken
  std::optional<Started> started_;  // set and reset with trip_mutex_ held
  size_t mean_ = kByteBound;        // bytes of a record, as the last fetch had them; unknown at first
};

// A fetch that does not wait for messages still has to hear the server's answer.
Patience LongEnough(const Server& server, const Patience& patience);

// Waits on their wake lists (and on a control list of that name, which ends it) and fetches from all, in one trip on a
// connection of the pool's that is idle. False where there is none, where the lists are in several slots of a cluster, or
// where one of the consumers has something else to do first.
bool WaitTogether(Server& server, const std::string& name, std::span<RedisConsumer* const> consumers,
                  std::span<Backend::Order> orders, const Patience& patience, Event& interrupt);

// Several consumers' fetches in as few round trips as there can be. orders[i] is of consumers[i].
void FetchTogether(Server& server, std::span<RedisConsumer* const> consumers, std::span<Backend::Order> orders,
                   const Patience& patience);

}  // namespace agentmq::redis
