#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend.hpp"
#include "util/event.hpp"
#include "util/thread.hpp"

namespace agentmq {

struct Shared;

// The trail of what becomes of messages.
inline constexpr std::string_view kMessageTrail = "messages";

// Writes the audit trails. Each trail is one chain of hashes through all processes: a record is appended behind the one that
// its writer knows to be the newest, or, where another came first, is chained to that one and tried again.
//
// What becomes of messages is noted by whoever did it, and written by one thread ("amq-audit") soon afterwards, many
// records at a time; who notes faster than can be written waits. Thread-safe.
class Audit {
 public:
  explicit Audit(Shared& shared);
  ~Audit();

  // Whether what becomes of messages is recorded: ask before anything is built for a record.
  bool on() const { return on_; }
  using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  // Fields without a value are left out.
  void Note(std::string_view action, Fields fields) { Note(action, std::vector(fields)); }
  void Note(std::string_view action, const std::vector<std::pair<std::string_view, std::string_view>>& fields);
  // What a backend did on its own account.
  void NoteEvent(std::string_view event, const Details& details);
  // Until what was noted so far is written. kPartial where some could not be.
  Status Flush(const Patience& patience);
  // Takes nothing more, and ends the thread once all is written or the deadline is over. kPartial.
  Status Close(Deadline deadline);

  // A record of the application's own; stored when this answers ok.
  Status Add(Backend& backend, std::string_view kind, std::string_view actor, std::string_view json);

 private:
  struct Gathered {
    std::string text;
    int64_t at;  // steady ms
  };

  std::string Text(std::string_view front) const;
  // Until it is appended, or fails.
  Status Append(Backend& backend, std::string_view kind, const std::vector<std::string>& texts, AuditHead* head,
                const Patience& patience) const;
  void Run();
  std::vector<std::string> Take();
  // What could not be written is tried again: whether it may be.
  bool Failed(const Status& status, size_t records);

  Shared& shared_;
  const bool on_;
  const int64_t most_;
  const std::string by_;

  std::mutex heads_mutex_;
  std::map<std::string, AuditHead, std::less<>> heads_;  // guarded by heads_mutex_; of the application's trails

  std::mutex mutex_;
  std::condition_variable work_;   // the thread waits on it
  std::condition_variable done_;   // others do, for room or for what they noted to be written
  std::deque<Gathered> gathered_;  // guarded by mutex_
  uint64_t noted_ = 0;             // guarded by mutex_; in all
  uint64_t finished_ = 0;          // guarded by mutex_; of them: written, or lost
  uint64_t lost_ = 0;              // guarded by mutex_; not told in the trail yet
  bool lost_some_ = false;         // guarded by mutex_; since the last flush
  uint64_t hurried_ = 0;           // guarded by mutex_; up to there nothing is gathered
  bool failing_ = false;           // guarded by mutex_; nobody waits for room
  bool closing_ = false;           // guarded by mutex_
  bool ended_ = false;             // guarded by mutex_
  Cancel give_up_;                 // fired when closing has no time left
  Thread thread_;                  // started under mutex_
};

// The trail from behind `after` on, as JSON. after: "" from the oldest, the id of a record, or a time.
Result<std::string> ReadAudit(Backend& backend, std::string_view kind, std::string_view after, size_t limit);

// Whether each record follows the one before it, as JSON.
Result<std::string> VerifyAudit(Backend& backend, std::string_view kind);

}  // namespace agentmq
