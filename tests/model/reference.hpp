#pragma once

#include <agentmq/agentmq.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/moment.hpp"

// The reference model: what docs/guarantees.md promises, as small as it can be said. It stores nothing and delivers nothing;
// it is told each call with its answer, says whether that answer is allowed, and takes it for what happened. Where time or
// reading ahead leave several answers open it allows each of them, until a later answer decides.
namespace agentmq::test::model {

// "" where an answer is allowed, else why it is not.
using Verdict = std::string;

// An inbox, or a channel's broadcasts.
struct QueueId {
  std::string channel;
  std::string target;
  bool log = false;
  auto operator<=>(const QueueId&) const = default;
};

struct Consumer {
  int bus = 0;
  std::string channel;
  std::string agent;
  bool from_start = true;
  bool auto_extend = true;
  int64_t visibility = 0;
  size_t prefetch = 1;

  // The reference's own.
  bool open = true;
  bool crashed = false;
  bool reads_ahead = false;  // it fetched fewer than `prefetch`: from then on more may be on its way
  bool cut_off = false;      // what was on its way may be lost, until it comes back to its lane
  Span lapse;                // of what a crashed one had read ahead, in the embedded store
};

enum class Place : uint8_t { kReady, kHeld, kRetrying /* or scheduled */, kDone };

// What a group has to do with a message.
struct Claim {
  Place place = Place::kReady;
  bool regular = true;            // in line since it was published; else it came back to the head of its lane
  uint64_t since = 0;             // the step from which on it is there for sure
  std::map<int, uint64_t> ahead;  // who may have read it ahead: consumer -> since which step
  int holder = 0;
  uint64_t handle = 0;
  Span ends;  // held: when the reservation lapses; retrying: when it is due
  int least_tries = 0;
  int most_tries = 0;
  bool suspect = false;  // its consumer died: it is delivered alone
  bool unsure = false;   // it may have been given up
};

struct Entry {
  std::string id;
  std::string payload;
  QueueId queue;
  int priority = 0;
  uint64_t order = 0;
  int64_t ttl = 0;  // 0: none
  Span expires;
  bool removed = false;
  bool logged = false;                  // whether a group that comes later gets it
  std::map<std::string, Claim> claims;  // by group: an agent, or "-" for an inbox
};

// A delivery that the application holds, or held.
struct Handle {
  std::string id;
  std::string group;
  uint64_t number = 0;
};

struct Sent {
  std::string id;
  std::string payload;
  int priority = 0;
  int64_t ttl = 0;  // from its publishing on
  int64_t expires = 0;
  int64_t delay = 0;
};

struct Delivered {
  std::string id;
  std::string payload;
  int priority = 0;
  int deliveries = 0;
  uint64_t handle = 0;  // the number that it gets here
};

struct Seen {
  std::string id;
  std::string agent;
  mq_state state = MQ_STATE_QUEUED;
  int priority = 0;
  int deliveries = 0;
};

class Reference {
 public:
  // leases: whether the death of a consumer is noticed by its silence (on a server), or not at all (embedded).
  Reference(int attempts, bool leases) : attempts_(attempts), leases_(leases) {}

  void NextStep() { ++step_; }
  // A connection was lost: calls may answer that they were certainly not done.
  void Disturb();
  void Limit(const std::string& channel, size_t max_items) { limits_[channel] = max_items; }

  Verdict Published(const QueueId& queue, const std::vector<Sent>& sent, size_t count, mq_status status, Moment moment);
  int Subscribed(const Consumer& consumer, Moment moment);
  void Closed(int consumer, Moment moment);
  void Crashed(int consumer, Moment moment);
  void FoundDead(Moment moment);  // all that crashed were noticed

  // Whether it is, or may be, in the hand of a consumer that crashed and was not noticed yet.
  bool IsWithDead(const std::string& id, const std::string& group) const;
  // Something that this consumer gets if it asks now.
  bool SurelyHas(int consumer, Moment moment) const;
  Verdict Fetched(int consumer, size_t max, mq_status status, const std::vector<Delivered>& messages, Moment moment);
  // What the group has to answer for a handle: the statuses that are allowed.
  std::vector<mq_status> Allowed(const Handle& handle, Moment moment) const;
  Verdict Acked(const Handle& handle, mq_status status, Moment moment);
  Verdict Nacked(const Handle& handle, bool permanent, Span delay, mq_status status, Moment moment);
  Verdict Extended(const Handle& handle, int64_t visibility, mq_status status, Moment moment);
  Verdict AckedId(const std::string& agent, const std::string& id, mq_status status, Moment moment);

  Verdict Deleted(const std::string& id, mq_status status, Moment moment);
  Verdict Cleared(const std::string& channel, int64_t removed, Moment moment);
  void Recovered(Moment moment);
  Verdict Got(const std::string& id, mq_status status, const Seen& seen, Moment moment) const;
  Verdict Pending(const std::string& channel, const std::string& agent, const std::vector<Seen>& list, Moment moment);
  Verdict Counted(const std::string& channel, int64_t count, Moment moment) const;
  Verdict DeadLetters(const std::vector<Seen>& list, Moment moment);
  Verdict Replayed(const std::string& dead_id, mq_status status, const std::string& new_id, Moment moment);
  // Every group's own consumer has fetched all that it got: nothing may be left.
  Verdict Emptied(Moment moment) const;

  const std::map<int, Consumer>& consumers() const { return consumers_; }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  std::vector<std::pair<std::string, std::string>> Readers() const;  // channel, agent: who ever subscribed
  std::vector<std::string> Ids() const;                              // of all that ever were, oldest first
  int64_t NextDeadline(int64_t after) const;                         // kNever where there is none
  std::string Name(const std::string& id) const;                     // short, for a trace

 private:
  struct Dead {
    std::string id;
    std::string group;
    int least_tries = 0;
    int most_tries = 0;
    bool sure = true;
  };

  // reference.cpp
  std::vector<std::pair<QueueId, std::string>> SourcesOf(const Consumer& consumer) const;
  bool Reads(const Consumer& consumer, const Entry& entry, const std::string& group) const;
  Claim* Find(const std::string& id, const std::string& group);
  const Claim* Find(const std::string& id, const std::string& group) const;
  Verdict Full(const std::string& channel, size_t least, size_t most, size_t count, mq_status status) const;
  bool SurelyExists(const Entry& entry, Moment moment) const;
  bool MayExist(const Entry& entry) const;
  int MostLapses(const Claim& claim, Moment moment) const;
  bool MayHaveLapsed(const Claim& claim, Moment moment) const { return MostLapses(claim, moment) > 0; }
  bool MayHaveDied(const Claim& claim, Moment moment) const;
  void Remove(Entry* entry);
  void Settle(Entry* entry, Claim* claim);
  void Bury(Entry* entry, const std::string& group, Claim* claim, bool sure);
  void PutBack(Entry* entry, const std::string& group, Claim* claim);
  void MarkAhead(const Entry& entry, const std::string& group, Claim* claim, bool anybody);
  Verdict OneOf(mq_status status, std::vector<mq_status> allowed, const std::string& what) const;

  // reference_fetch.cpp
  Verdict Take(int consumer, const Delivered& message, Moment moment);
  Verdict Overtaken(int consumer, const Entry& entry, const std::string& group, uint64_t since, Moment moment) const;
  bool Surely(const Entry& entry, const Claim& claim, int consumer, uint64_t before, Moment moment) const;
  bool HandMayHoldBack(int consumer, const QueueId& queue, const std::string& group) const;
  Verdict SettleBy(const Handle& handle, mq_status status, Moment moment, bool extends, bool* done);

  // reference_look.cpp
  Verdict CheckState(const Seen& seen, const Claim& claim, Moment moment) const;

  const int attempts_;
  const bool leases_;
  bool disturbed_ = false;
  uint64_t step_ = 1;
  uint64_t last_order_ = 0;
  int last_consumer_ = 0;
  std::map<std::string, size_t> limits_;
  std::map<std::string, Entry> entries_;
  std::map<int, Consumer> consumers_;
  std::map<QueueId, std::map<std::string, bool>> groups_;  // of logs
  std::map<std::string, Dead> dead_;                       // by the id of the dead letter
};

}  // namespace agentmq::test::model
