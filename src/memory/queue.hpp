#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/backend.hpp"
#include "core/pauses.hpp"
#include "memory/group.hpp"
#include "memory/remembered_keys.hpp"
#include "memory/turn.hpp"

namespace agentmq::memory {

// One inbox or one broadcast log.
//
// Invariants: a message of an inbox is there until its one group has settled it; one of a log until every group that
// needed it has, or until max_items pushes it out. An inbox always has its group.
// Everything but name() and Retire() is called within a Turn, which holds the lock.
class Queue {
 public:
  Queue(QueueName name, int64_t now);

  const QueueName& name() const { return name_; }
  // Before anybody else has it.
  void BeginPaused(const std::map<QueueName, Pause>& pauses);
  // Whether it was unused for long and nobody will use it any more: a turn that waited for it looks for another.
  bool Retire(int64_t now);
  // Removes what has expired, and once a second groups that were abandoned and tombstones.
  void Refresh(Turn& turn);

  Status Publish(Turn& turn, const Limits& limits, std::span<Outgoing> messages, int64_t* dropped);

  // ---- consuming: a consumer's group is there while the consumer is open
  struct Membership {
    Group* group = nullptr;
    std::shared_ptr<Reader> reader;
  };
  Result<Membership> Join(Turn& turn, const std::string& group, const ConsumerOptions& options);
  // Of a consumer that takes some types alone `others` says that only messages of other types are left.
  Fetched Fetch(Turn& turn, Group& group, Reader& reader, size_t room);
  void GiveBack(Turn& turn, Group& group, Reader& reader, std::span<const ShortId> unseen);
  // What it still holds gets a deadline: nobody extends for a closed consumer.
  void Leave(Turn& turn, Group& group, Reader& reader);
  // Wakes it at once where there is something to look at.
  void Arm(Turn& turn, Group& group, const std::shared_ptr<Reader>& reader);
  void Disarm(Turn& turn, Group& group, Reader& reader);

  // ---- pausing
  // Of its group of that name, which need not be there yet, or kAllGroups; nullopt resumes.
  void SetPause(Turn& turn, const std::string& group, const std::optional<Pause>& pause);

  // ---- settling
  void Ack(Turn& turn, const SettleBatch& batch);
  std::vector<bool> Done(const Turn& turn, std::string_view group, std::span<const std::string> keys);
  Status AckId(Turn& turn, std::string_view group, const ShortId& id, const Retention& retention);
  // The group begins anew; what it had is in none of its places any more.
  Status Seek(Turn& turn, std::string_view group, bool from_start, std::string_view from);
  Status GiveUp(Turn& turn, std::string_view group, std::string_view consumer, const Nack& nack, bool* dead);
  Result<int64_t> Extend(Turn& turn, std::string_view group, std::string_view consumer, const Settlement& settlement,
                         int64_t visibility_timeout);

  // ---- looking
  std::vector<Found> Pending(std::string_view group, size_t limit, int64_t now) const;
  Result<Found> Get(const ShortId& id, int64_t now) const;
  int64_t Count() const { return static_cast<int64_t>(entries_.size()); }
  std::vector<ShortId> Ids() const;  // oldest first
  std::vector<ShortId> KeptIds() const;
  Result<Found> GetKept(const ShortId& id) const;
  Result<State> Await(const ShortId& id, Backend::Look look);
  std::vector<Standing> Standings(const ShortId& id, int64_t now) const;
  Status Delete(const ShortId& id, int64_t now);
  bool IsDeleted(const ShortId& id) const { return deleted_in_hand_.contains(id); }
  int64_t Clear(int64_t now);
  int64_t Recover(Turn& turn, const std::optional<std::string>& group);
  QueueStats Stats(const Turn& turn) const;

  // ---- dead letters
  Result<Found> GetDead(const ShortId& id, std::string_view group) const;
  // Up to `count`, newest first, older than `before`, which is moved on. INT64_MAX starts.
  std::vector<Found> Dead(int64_t* before, size_t count) const;
  Result<ShortId> Replay(Turn& turn, const ShortId& id, std::string_view group, const Limits& limits,
                         bool keep_attempts);
  Status PurgeDead(const ShortId& id, std::string_view group);

 private:
  friend class Turn;

  struct Entry {
    std::string record;
    int64_t expires = kNothingDue;
    GroupSet needs;       // groups that have not settled it
    bool logged = false;  // in order_
  };
  using Entries = IdMap<Entry>;

  struct DeadLetter {
    ShortId id;
    std::string group;
    std::string record;
    int64_t ttl = -1;
    Tries tries;
    std::string consumer;
    int64_t time = 0;
    Code status = Code::kOk;
  };
  using DeadKey = std::pair<ShortId, std::string>;  // id, group

  // What was acknowledged by all, and is kept.
  struct Kept {
    std::string record;
    int64_t until = kNothingDue;
  };

  void Keep(const ShortId& id, std::string record, const Retention& retention, int64_t now);
  void ForgetKept(const ShortId& id);
  // Settle(), and what nobody needs any more is kept where it is to be.
  void SettleKept(Turn& turn, Entries::Node* entry, Group& group, const Retention& retention);
  // What is there, or kept, from that id on is for the group too.
  void GiveAll(Turn& turn, Group& group, std::string_view from);
  Group* FindGroup(std::string_view name) const;
  bool IsPaused(std::string_view group) const { return paused_.contains(kAllGroups) || paused_.contains(group); }
  std::optional<Pause> PauseOf(std::string_view group) const;
  Group& AddGroup(std::string name);
  void RemoveGroup(Turn& turn, Group& group);
  void Expire(int64_t now);
  void Sweep(Group& group);

  size_t MarkRepeats(std::span<Outgoing> messages) const;
  // It is deleted, or dead: another one with its deduplication key is none of its repeats.
  void FreeKey(const ShortId& id, const std::string& record);
  Status MakeRoom(const Limits& limits, size_t count, int64_t* dropped);
  void TrimLog(const Limits& limits, int64_t* dropped);
  Entries::Node* Insert(const ShortId& id, std::string record, int64_t ttl);
  // What a fetch takes, and how much it may.
  struct Haul {
    const size_t room;
    const int64_t reserved_until;
    Fetched* const fetched;
    size_t bytes = 0;

    bool full() const;
  };
  void Take(Group& group, Reader& reader, Entries::Node* entry, Haul* haul);
  static bool IsWanted(const Reader& reader, const Entry& entry);
  // Those of a lane that the reader takes, while there is room. Whether all of the lane was looked at.
  bool Sift(Group& group, Reader& reader, std::deque<ShortId>* lane, Haul* haul);
  // The next message of a lane that the group needs, out of the lane; null where there is none.
  Entries::Node* Pop(Group& group, std::deque<ShortId>* lane);
  // The group needs it no more; it is in none of the group's places.
  void Settle(Entries::Node* entry, Group& group);
  void Erase(Entries::Node* entry);
  bool DropIfExpired(Entries::Node* entry, Group& group, int64_t now);
  // Back to the head of its lane; it is in none of the group's places.
  void PutBack(Group& group, const ShortId& id, int64_t now);
  void TakeDue(Group& group, int64_t now);
  // Reservations that ran out; retry_attempts: of who looks, 0: of each holder.
  int64_t TakeLapsed(Group& group, int64_t now, const int* retry_attempts);
  void Bury(Group& group, Group::Places::Node* place, Tries tries, Code status, int64_t now);
  std::map<int64_t, DeadLetter>::const_iterator FindDead(const ShortId& id, std::string_view group) const;
  void EraseDead(std::map<int64_t, DeadLetter>::const_iterator letter);
  Status NoDeadLetter(const ShortId& id, std::string_view group) const;

  Status Missing(std::string_view group, const ShortId& id) const;
  Found Describe(const ShortId& id, const Entry& entry, const Group* group, int64_t now) const;
  void CountAhead(const Group& group, const ShortId& id, Standing* place) const;
  const Group* MostTelling(const ShortId& id, const Entry& entry) const;
  Found Describe(const DeadLetter& letter) const;
  GroupStats Describe(const Group& group, int64_t now) const;

  const QueueName name_;
  std::mutex mutex_;  // guards all that follows

  bool retired_ = false;
  int64_t last_used_ = 0;
  int64_t housekeeping_at_ = 0;
  IdMaker ids_;
  Entries entries_;
  std::set<std::pair<int64_t, ShortId>> expiry_;
  std::map<std::string, std::unique_ptr<Group>, std::less<>> groups_;
  std::vector<Group*> by_ordinal_;                    // null where free
  std::map<std::string, Pause, std::less<>> paused_;  // by group, or kAllGroups
  GroupSet everyone_;

  std::unordered_map<ShortId, int64_t> later_;  // of a log: when broadcasts are due, for groups that come later

  RememberedKeys taken_;  // deduplication keys

  std::map<ShortId, Kept> kept_;
  std::set<std::pair<int64_t, ShortId>> kept_until_;

  std::deque<ShortId> order_;  // a log's messages as they came, and tombstones
  size_t order_tombstones_ = 0;

  std::map<int64_t, DeadLetter> dead_;  // by number, which ascends
  std::map<DeadKey, int64_t> dead_numbers_;
  int64_t last_dead_ = 0;

  // Messages that somebody waits for, by how many, and how they ended.
  struct Awaited {
    int waiters = 0;
    std::optional<State> end;
  };
  // Of one that is still there, or that nobody waits for, nothing is written down.
  void Trace(const ShortId& id, State end) {
    if (!awaited_.empty()) LeaveTrace(id, end);
  }
  void LeaveTrace(const ShortId& id, State end);
  std::unordered_map<ShortId, Awaited> awaited_;
  int64_t last_loss_ = 0;  // when messages last left other than settled

  std::unordered_set<ShortId> deleted_in_hand_;           // for a day, and
  std::deque<std::pair<int64_t, ShortId>> deleted_when_;  // since when

  int64_t published_ = 0, expired_ = 0, corrupt_ = 0, dropped_ = 0, dead_lettered_ = 0, repeated_ = 0,
          groups_removed_ = 0;
};

}  // namespace agentmq::memory
