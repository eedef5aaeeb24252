#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/channel_settings.hpp"
#include "core/intake.hpp"
#include "core/position.hpp"
#include "core/reader.hpp"
#include "core/settings.hpp"
#include "util/event.hpp"
#include "util/status.hpp"

namespace agentmq {

struct Shared;

// A subscription's settings as numbers; durations in ms.
struct SubscriptionSettings {
  ConsumerOptions consumer;
  RetryPolicy retry;
  size_t prefetch = 32;
  int64_t auto_extend_max = 0;  // 0: never
  size_t workers = 1;
  bool skip_done = false;
  Position start{};

  static SubscriptionSettings From(const Config& config);
};

// A subscription's inside: its sources, what was read ahead of them, and who waits for it.
//
// Callers take from the sources' buffers, merged by priority. When those are empty one caller at a time refills them;
// the others, and then it too, wait in line on events of their own. While somebody waits the sources are armed: their
// wake-up marks the source and wakes the first in line, which refills. A caller that is alone may instead wait at the
// server, which then fetches for it (refilling_ is set all that time); who needs a source sets its event.
//
// Thread-safe. Invariants: no backend call is made with mutex_ held (but LeaseHeld(), which does not wait); a source
// is fetched from, or closed, only by who set refilling_; whoever leaves the line passes on what is left to do.
class SubscriptionState final : public Intake, public std::enable_shared_from_this<SubscriptionState> {
 public:
  SubscriptionState(std::shared_ptr<Shared> shared, std::string agent, SubscriptionSettings settings);
  ~SubscriptionState() override;

  Status Add(std::string_view channel) override;
  // Reads these sources too, under a name; ok where something of that name is read already.
  Status Read(const std::string& name, std::vector<Source> sources);
  Status Remove(std::string_view channel) override;
  Status Fetch(size_t max, const Patience& patience, Messages* messages) override;
  int Fd(Status* status) override;
  Status Lost(int64_t* dropped, int64_t* gaps) const override;
  Status Seek(std::string_view position) override;

  void Stop() override;
  void Close(const Patience& patience) override;
  void RunOut(const Patience& patience) override { Close(patience); }
  bool stopped() const override;

  Status StartWorkers(Handler handler) override { return workers_.Start(std::move(handler), settings_.workers); }
  WorkerPool& workers() override { return workers_; }
  Shared& shared() const override { return *shared_; }
  const std::string& name() const override { return agent_; }
  SubscriptionHealth Health() const override;

 private:
  struct Caller;
  struct Channel {
    std::string name;
    std::vector<std::shared_ptr<Reader>> readers;
  };
  struct Taken {
    std::shared_ptr<Reader> reader;
    std::shared_ptr<const std::string> incarnation;
    Delivery delivery;
    int64_t server_now = 0;
  };

  // subscription_state.cpp
  Result<std::shared_ptr<Reader>> Open(const std::shared_ptr<Backend>& backend, Source source,
                                       const ChannelLimits& limits);
  Status SeekOne(const std::shared_ptr<Reader>& reader, const Position& position);
  bool Buffers(const Source& source, const ShortId& id, int64_t delivery) const;
  void CloseReaders(const std::vector<std::shared_ptr<Reader>>& readers, const Patience& patience);
  bool WaitForRefill(std::unique_lock<std::mutex>& lock, Deadline deadline);
  int64_t LookForFd();
  void UpdateFd();
  void NoteDue();
  int64_t WakeOthers();

  // subscription_fetch.cpp
  Status Gather(size_t max, const Patience& patience, std::vector<Taken>* taken);
  Status Step(std::unique_lock<std::mutex>& lock, Caller& caller, std::vector<Taken>* taken, bool* again);
  bool Take(size_t max, std::vector<Taken>* taken);
  void ReadAhead(std::unique_lock<std::mutex>& lock, size_t max);
  Reader* BestReader();
  bool CanWaitAtServer(const Caller& caller) const;
  bool WaitAtServer(std::unique_lock<std::mutex>& lock, Caller& caller, Status* failure);
  void InterruptWait();
  Status Accept(const std::vector<std::shared_ptr<Reader>>& asked, std::span<Backend::Order> orders);
  void GiveBackPaused(std::unique_lock<std::mutex>& lock, const std::vector<std::shared_ptr<Reader>>& asked);
  Status Refill(std::unique_lock<std::mutex>& lock, size_t room, bool all, const Patience& patience);
  void Wait(std::unique_lock<std::mutex>& lock, Caller& caller);
  void Leave(std::unique_lock<std::mutex>& lock, Caller& caller);
  bool AnswerLateWake(std::unique_lock<std::mutex>& lock, size_t max, std::vector<Taken>* taken);
  void WakeLookers();
  static void WakeCaller(Caller& caller);
  void PassOn();
  void Rearm();
  void Woken(Reader& reader);
  bool AnyBuffered() const;
  int64_t EarliestLook() const;
  Status NothingCame() const;
  void Unpack(std::vector<Taken>& taken, Messages* messages);

  // subscription_done.cpp
  Status SkipDone(std::vector<Taken>* taken, const Patience& patience);
  void PutBack(std::vector<Taken>* taken);

  const std::shared_ptr<Shared> shared_;
  const std::string agent_;
  const SubscriptionSettings settings_;

  mutable std::mutex mutex_;
  std::vector<Channel> channels_;                 // guarded by mutex_
  std::vector<std::shared_ptr<Reader>> readers_;  // guarded by mutex_; of all channels
  std::deque<Caller*> line_;                      // guarded by mutex_
  std::vector<std::unique_ptr<Event>> events_;    // guarded by mutex_; idle ones
  bool refilling_ = false;                        // guarded by mutex_
  int wanted_ = 0;                                // guarded by mutex_; who waits for refilling_ to end
  Caller* at_server_ = nullptr;                   // guarded by mutex_; waits there and has set refilling_
  std::condition_variable refilled_;              // Close() and Remove() wait on it
  uint64_t looks_begun_ = 0;                      // guarded by mutex_; refills from all sources
  uint64_t looks_done_ = 0;                       // guarded by mutex_; the newest that ended
  size_t last_reader_ = 0;                        // guarded by mutex_; to alternate at equals
  bool stopped_ = false;                          // guarded by mutex_
  bool close_owed_ = false;                       // guarded by mutex_; who refills closes
  std::optional<EventFd> fd_;                     // guarded by mutex_
  bool fd_readable_ = false;                      // guarded by mutex_
  uint64_t fd_task_ = 0;                          // guarded by mutex_; of the timer
  uint64_t due_task_ = 0;                         // guarded by mutex_; of the timer
  int64_t due_task_at_ = INT64_MAX;               // guarded by mutex_; steady ms: when it runs

  std::mutex arm_mutex_;  // held while sources are armed and disarmed, so that the last decision wins; before mutex_

  WorkerPool workers_;  // last: its threads use all of the above
};

}  // namespace agentmq
