#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend.hpp"
#include "util/event.hpp"
#include "util/status.hpp"

namespace agentmq {

// The numbers of MQ_LOG_...
enum LogLevel : int { kLogDebug = 0, kLogInfo = 1, kLogWarn = 2, kLogError = 3 };

// "debug", "info", "warn", "error" -> LogLevel; kLogWarn for anything else.
int LogLevelOf(std::string_view name);

// Tells what happens as lines of JSON: {"time", "level", "event", details...}, to a callback and to who asks Next().
// Never told: payloads and secrets.
//
// Thread-safe. The callback runs on the thread where the event happens, one call at a time; what it logs itself by
// calling the library is dropped. No callback runs once Detach() has returned.
class EventLog {
 public:
  using Callback = std::function<void(int level, const char* json)>;

  // callback: may be empty.
  EventLog(int level, Callback callback);
  ~EventLog();

  // Whether events of that level go anywhere: ask before building details on a hot path.
  bool Wants(int level) const { return level >= level_ && listeners_.load(std::memory_order_relaxed) != 0; }
  void Write(int level, std::string_view event, const Details& details);
  // Hears what backends tell through Sink(), whatever the level; null ends it.
  using Tap = std::function<void(std::string_view event, const Details& details)>;
  void SetTap(Tap tap);
  // What a backend takes; keeps the log alive.
  static EventSink Sink(std::shared_ptr<EventLog> log);

  // The next event. The newest 1,000 are kept from the first call on. kTimeout, kClosed, kInterrupted.
  Result<std::string> Next(const Patience& patience);
  // Ends waiting Next() calls with kClosed, now and, once nothing is left, later.
  void Shutdown();
  // Ends the callback; returns when it no longer runs, unless called from inside it.
  void Detach();

 private:
  static constexpr size_t kKept = 1000;
  static constexpr int kToCallback = 1;
  static constexpr int kToRing = 2;

  void Keep(std::string line);
  void TellTap(std::string_view event, const Details& details);

  const int level_;
  std::atomic<int> listeners_{0};  // kTo... bits
  std::mutex callback_mutex_;      // held while the callback runs: "one call at a time"
  Callback callback_;              // guarded by callback_mutex_
  std::mutex mutex_;
  std::deque<std::string> ring_;    // guarded by mutex_
  std::deque<Event*> waiters_;      // guarded by mutex_
  bool shut_down_ = false;          // guarded by mutex_
  std::shared_ptr<const Tap> tap_;  // guarded by mutex_
};

}  // namespace agentmq
