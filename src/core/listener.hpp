#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend.hpp"
#include "core/intake.hpp"
#include "core/settings.hpp"
#include "util/event.hpp"

namespace agentmq {

// A listener's settings as numbers.
struct ListenerSettings {
  size_t most = 10000;    // messages that wait to be fetched
  size_t most_bytes = 0;  // of their records; one alone may be larger
  size_t workers = 1;

  static ListenerSettings From(const Config& config);
};

// Hears what is told on channels that fit a pattern, and keeps it until it is fetched. Where that takes too long the oldest
// make room and are counted; where the connection was lost a gap is.
//
// Thread-safe. Invariant: while messages wait, the first in line of those who wait for one has been woken.
class Listener final : public Intake, public Ear {
 public:
  Listener(std::shared_ptr<Shared> shared, Glob pattern, ListenerSettings settings);
  ~Listener() override;

  // Once, and not within a constructor: the backend holds `self` until Close().
  Status Start(const std::shared_ptr<Listener>& self);

  Status Add(std::string_view channel) override;
  Status Remove(std::string_view channel) override;
  Status Fetch(size_t max, const Patience& patience, Messages* messages) override;
  int Fd(Status* status) override;
  Status Lost(int64_t* dropped, int64_t* gaps) const override;
  Status Seek(std::string_view position) override;

  void Stop() override;
  void Close(const Patience& patience) override;
  void RunOut(const Patience& patience) override;
  bool stopped() const override;

  Status StartWorkers(Handler handler) override { return workers_.Start(std::move(handler), settings_.workers); }
  WorkerPool& workers() override { return workers_; }
  Shared& shared() const override { return *shared_; }
  const std::string& name() const override { return pattern_.text(); }
  SubscriptionHealth Health() const override;

  const Glob& pattern() const override { return pattern_; }
  void Hear(const FullId& id, std::string_view record) override;
  void Lose(const Status& why) override;
  void Regain() override;

 private:
  struct Heard {
    FullId id;
    std::string record;
  };
  struct Caller;

  void Unlisten();
  std::vector<Heard> Take(size_t max);
  Status Wait(std::unique_lock<std::mutex>& lock, Caller& caller, const Patience& patience);
  void WakeFirst();
  void UpdateFd();

  const std::shared_ptr<Shared> shared_;
  const Glob pattern_;
  const ListenerSettings settings_;

  mutable std::mutex mutex_;
  std::shared_ptr<Backend> backend_;            // guarded by mutex_; null: it does not listen
  std::deque<Heard> heard_;                     // guarded by mutex_
  size_t bytes_ = 0;                            // guarded by mutex_; of their records
  int64_t dropped_ = 0;                         // guarded by mutex_
  int64_t gaps_ = 0;                            // guarded by mutex_
  bool overflowing_ = false;                    // guarded by mutex_; since it was last empty
  bool hears_ = false;                          // guarded by mutex_
  Status failure_;                              // guarded by mutex_; why it does not
  int64_t failing_since_ = 0;                   // guarded by mutex_; steady ms
  std::deque<Caller*> line_;                    // guarded by mutex_
  std::vector<std::unique_ptr<Event>> events_;  // guarded by mutex_; idle ones
  bool running_out_ = false;                    // guarded by mutex_; ends when it is empty
  bool stopped_ = false;                        // guarded by mutex_
  std::optional<EventFd> fd_;                   // guarded by mutex_
  bool fd_readable_ = false;                    // guarded by mutex_

  WorkerPool workers_;  // last: its threads use all of the above
};

}  // namespace agentmq
