#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/backend.hpp"
#include "core/id_map.hpp"
#include "memory/remembered_keys.hpp"

// All of this is guarded by the mutex of the queue that it belongs to.
namespace agentmq::memory {

inline constexpr int64_t kNothingDue = INT64_MAX;

// `now` and some milliseconds; for ever stays a time.
inline int64_t Later(int64_t now, int64_t millis) {
  if (millis <= 0) return now;
  return millis > kNothingDue - now - 1 ? kNothingDue - 1 : now + millis;
}

// Groups of one queue, by their ordinals.
class GroupSet {
 public:
  bool Has(size_t ordinal) const {
    if (ordinal < 64) return (first_ >> ordinal & 1) != 0;
    const size_t word = ordinal / 64 - 1;
    return word < rest_.size() && (rest_[word] >> ordinal % 64 & 1) != 0;
  }
  void Add(size_t ordinal);
  void Remove(size_t ordinal);
  bool empty() const;
  std::vector<size_t> Members() const;

 private:
  uint64_t first_ = 0;
  std::vector<uint64_t> rest_;  // ordinals from 64 on
};

// One consumer of a group, as the store knows it. It stays while it is open or still holds something.
struct Reader {
  std::string incarnation;
  ConsumerOptions options;
  bool open = true;
  size_t held = 0;  // messages in its hand

  // Waking. Invariant: `armed` means that it stands in its group's `armed` queue.
  std::function<void()> wake;
  bool armed = false;
  bool woken = false;            // since its last fetch
  int calls = 0;                 // of `wake`, chosen or running
  int64_t told = kNothingDue;    // the due time that its last fetch answered
  int64_t last_fetch = 0;        // 0: none
  std::condition_variable idle;  // calls fell
};

// Who competes for a queue's messages.
//
// Invariant: a message that the group needs is in exactly one place: a lane, a hand or `due`; the last two are what
// `away` holds. Lanes may hold ids besides that nobody needs any more: tombstones.
struct Group {
  // Where a message is that is not in its lane.
  struct Away {
    Reader* holder = nullptr;  // null: in `due`
    int64_t delivery = 0;
    int64_t time = 0;           // in hand: reserved until; else due
    bool has_deadline = false;  // in hand, and in `until`
  };
  using Places = IdMap<Away>;
  using Times = std::set<std::pair<int64_t, ShortId>>;

  Group(std::string full_name, size_t place) : name(std::move(full_name)), ordinal(place) {}

  void PushBack(const ShortId& id);
  void PushFront(const ShortId& id);
  void Take(const ShortId& id, Reader* reader, int64_t number, int64_t reserved_until);  // it left its lane
  void Postpone(const ShortId& id, int64_t when);                                        // to `due`
  void SetDeadline(const ShortId& id, Away* away, int64_t when);
  // Out of the hand or of `due`, to be put elsewhere.
  void Release(Places::Node* place);
  // Wherever it is, for good.
  void Forget(const ShortId& id);
  // Its place where it is in that hand under that number, else null.
  Places::Node* InHand(const ShortId& id, std::string_view consumer, int64_t number);

  // The armed consumer that has waited longest, out of the queue; null where nobody is armed.
  std::shared_ptr<Reader> NextArmed();
  void Disarm(Reader* reader);
  int64_t NextDue() const;
  // Whether an armed consumer looks again by the next due time.
  bool Watched() const;

  const std::string name;  // encoded
  const size_t ordinal;
  std::map<int, std::deque<ShortId>, std::greater<>> lanes;  // highest first; emptied ones stay
  Places away;
  Times due;    // scheduled ones, and retries that wait
  Times until;  // reservations with a deadline of their own
  std::unordered_map<ShortId, Tries> tries;
  std::map<std::string, std::shared_ptr<Reader>, std::less<>> readers;
  std::deque<std::shared_ptr<Reader>> armed;
  RememberedKeys done;    // what it has worked off
  size_t waiting = 0;     // in lanes, and needed
  size_t tombstones = 0;  // in lanes, and not
  size_t open = 0;        // consumers
  std::atomic<bool> paused{false};
  int64_t last_delivery = 0;
  int64_t delivered = 0, acked = 0, retried = 0;
  int64_t ttl = 0;         // 0: lives without consumers for ever
  int64_t idle_since = 0;  // while there is no consumer
};

}  // namespace agentmq::memory
