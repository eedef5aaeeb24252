#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/attempts.hpp"
#include "core/glob.hpp"
#include "core/ids.hpp"
#include "core/names.hpp"
#include "util/event.hpp"
#include "util/status.hpp"

// The one interface between what the bus is (core) and where its messages live (memory, redis). Every operation is one
// transition of one or several queues; a backend makes each of them atomic per queue. All of it is thread-safe unless
// said otherwise. Statuses: kUnavailable is "certainly not done", kUnknown "sent, no answer".
namespace agentmq {

// ---- publishing ----------------------------------------------------------------------------------------------------

enum class Overflow { kReject, kDropOldest, kBlock };

// A channel's limits as a publish passes them.
struct Limits {
  int64_t max_items = 0;                  // 0: none. An inbox: un-acked messages. A log: messages kept; the oldest go.
  Overflow overflow = Overflow::kReject;  // kBlock is kReject here: waiting is the core's
  int64_t dedup_window = 0;               // ms that a deduplication key is taken; 0: keys are not looked at
};

// What a channel keeps of what was acknowledged.
struct Retention {
  int64_t time = 0;   // ms from then on; 0: as long as there are not too many
  int64_t count = 0;  // of each queue; 0: any number
  bool any() const { return time > 0 || count > 0; }
};

// A message on its way into a queue.
struct Outgoing {
  int priority = 5;
  int64_t ttl = -1;          // ms, -1 never
  std::string_view head;     // encoded record without payload
  std::string_view payload;  // bytes above kBlobThreshold are a blob; `head` says so already
  ShortId id;                // receives the id once stored
  int64_t delay = 0;         // ms from its being stored until it is due
  bool tell = false;         // listeners are told of it too, once it is stored
  // Where another message took it within the window this one is not stored: `repeats` is set, and the id is the other's.
  std::string_view dedup_key = {};
  bool repeats = false;
  // Receives where a backend tells in the same step; kNo leaves it to Tell().
  enum class Told : uint8_t { kNo, kYes, kMaybe } told = Told::kNo;
  int64_t receivers = 0;  // receives, with kYes
};

// What a publish waits for beyond the server's memory, or has reached.
struct Durability {
  int replicas = 0;    // that have it
  bool fsync = false;  // it is on the disk of the server, and of so many replicas

  bool asked() const { return replicas > 0 || fsync; }
  bool Covers(const Durability& wanted) const { return replicas >= wanted.replicas && (fsync || !wanted.fsync); }
  void Raise(const Durability& other) {
    replicas = replicas < other.replicas ? other.replicas : replicas;
    fsync = fsync || other.fsync;
  }
};

// What goes into one queue in one step: all or nothing. At most 1,000 messages and 1 MiB (blobs not counted). Batches of
// one queue are stored in their order; one that is not stops those behind it (kUnavailable).
struct PublishBatch {
  const QueueName* queue = nullptr;
  Limits limits;
  std::span<Outgoing> messages;
  Durability wanted;  // waited for up to durability_timeout
  // An answer that was lost is asked for until it is known, beyond the patience of the call: kUnknown is told only when
  // that can't be any more.
  bool until_known = false;
  bool tells = false;     // some of its messages are to be told too
  bool keyed = false;     // some of its messages have a deduplication key; nothing is sent behind it until it is stored
  Status status;          // receives what became of it: ok, kFull, kTooLarge, kUnavailable, kUnknown, ...
  int64_t dropped = 0;    // receives how many older messages made room
  Durability reached;     // receives what is known of one that is stored, and
  std::string shortfall;  // where that is less than wanted, why, if that is known
};

inline Status BehindAFailure() { return {Code::kUnavailable, "not sent, because the batch before it was not stored"}; }

// ---- rate limits ---------------------------------------------------------------------------------------------------

// Tokens drip into a bucket, so many a second; it holds those of a second, one at least. Publishing takes one a message.
// All that use a name share the bucket.
struct Bucket {
  std::string name;  // of the namespace; a part of a key
  double rate = 0;   // tokens a second
};

// What is taken for messages of one queue: from all of its buckets or from none. Of more than a bucket holds it is enough
// that it is full; what comes after waits until that is made up for.
struct Take {
  struct Need {
    size_t bucket = 0;
    int64_t tokens = 0;
  };
  std::vector<Need> needs;
  bool some_will_do = false;  // as many as there are; every need is the same
  int64_t granted = 0;        // receives how many messages are paid for: all, or where some will do some; else 0 and
  int64_t wait = 0;           // ms until it may be granted, and
  size_t short_of = 0;        // the bucket that says so
};

// ---- telling -------------------------------------------------------------------------------------------------------

// A message for whoever listens to its channel at the moment; nothing is kept.
struct Telling {
  const QueueName* queue = nullptr;  // its channel and target
  bool stored = false;               // it has an id; else it receives one
  ShortId id;
  int priority = 5;
  std::string_view head, payload;  // as of Outgoing
  Status status;                   // receives what became of it: ok, kUnavailable, kUnknown, ...
  int64_t receivers = 0;           // receives how many were told, as far as the backend counts them
};

// One who listens. Called on a thread of the backend's, or of whoever tells: must not wait, and not call the backend.
class Ear {
 public:
  virtual ~Ear() = default;
  virtual const Glob& pattern() const = 0;
  // Of a channel that the pattern fits.
  virtual void Hear(const FullId& id, std::string_view record) = 0;
  // Nothing is heard from now on: what is told meanwhile is lost. Again where the reason is another one.
  virtual void Lose(const Status& why) = 0;
  // It hears from now on; the first time before Listen() answers.
  virtual void Regain() = 0;
};

// ---- consuming -----------------------------------------------------------------------------------------------------

// What a consumer reads: a queue, as a group of it.
struct Source {
  QueueName queue;
  std::string group;  // kInboxGroup, or an agent's encoded full name
  auto operator<=>(const Source&) const = default;
};

// A message in hand.
struct Delivery {
  ShortId id;
  int64_t delivery = 0;  // number that fences it, with the consumer's name
  std::string record;    // head and payload
  Tries tries;
  int64_t reserved_until = 0;  // server Unix ms
};

struct Fetched {
  std::vector<Delivery> messages;
  bool more = false;        // something was left behind
  int64_t server_time = 0;  // server Unix ms of this fetch
  bool older = false;       // of what was asked for ahead: that there is no more may have changed since
  int64_t next_due = -1;    // ms from now until something becomes due in the source, -1: nothing known
  bool paused = false;      // nothing is delivered: what was read ahead goes back
  bool others = false;      // what is left has other types than the consumer takes: wake-ups tell it nothing
};

struct ConsumerOptions {
  std::string name;                    // the agent's consumer name: shown to people, part of the incarnation
  bool from_start = true;              // a new group of a log starts with the broadcasts that are there or kept, and
  std::string from;                    // of these with that id, or the first that begins with more than this
  int64_t visibility_timeout = 30000;  // ms
  bool auto_extend = true;             // the lease covers what is in hand; else each message has its own deadline
  int retry_attempts = 5;              // for lapses and deaths that this consumer finds
  // Whether somebody here has that delivery of the message: what is in the hand without that goes back, where the server
  // may have gone back in time. Null: not known. Called by Fetch().
  std::function<bool(const ShortId& id, int64_t delivery)> holds;
  std::vector<std::string> types;  // of the messages that it takes; empty: all
  int64_t group_ttl = 0;           // ms; a log's group without a consumer for so long is abandoned; 0: never
};

// One reader of one source, with its lease. Its destructor gives nothing back: Close() does.
class Consumer {
 public:
  virtual ~Consumer() = default;

  // Takes up to `room` messages from the highest lanes, renews the lease. Does not wait for messages, only for the
  // server, within `patience`. One call at a time.
  virtual Result<Fetched> Fetch(size_t room, const Patience& patience) = 0;

  // Asks for up to `room` messages more, which the next Fetch() brings; waits for nothing. For a source that is known to
  // have more, while what was fetched before is worked on. As Fetch(), one call at a time; may do nothing.
  virtual void ReadAhead(size_t room) { (void)room; }

  // Calls `wake` once, from any thread, when there may be something to fetch (soon, where there is already). Arming
  // again while armed is nothing. After Disarm() returned `wake` is not called.
  virtual void Arm(std::function<void()> wake) = 0;
  virtual void Disarm() = 0;

  // Something is due that nobody here waits for: whoever waits elsewhere is to look. Any thread.
  virtual void WakeAnother() {}

  // Whether the lease is sure to be held, so that buffered messages may be handed out; false: Fetch(0) first.
  virtual bool LeaseHeld() const = 0;

  // Whether deliveries of the source are paused, as far as is known here, within a second; Fetch(0) asks.
  virtual bool Paused() const { return false; }

  // Puts messages that nobody saw back at the head of their lanes, uncounted, and wakes somebody. Oldest first.
  virtual Status GiveBack(std::span<const ShortId> unseen) = 0;

  // As GiveBack; the lease then lasts until what was handed out (`held`, the rest of the hand) is settled or
  // the bus ends. After it only Settle calls refer to this consumer.
  virtual Status Close(std::span<const ShortId> unseen) = 0;

  // The incarnation's name: part of receipts. Changes only inside Fetch, where the
  // reservations of before are lost.
  virtual std::string incarnation() const = 0;
};

// ---- settling ------------------------------------------------------------------------------------------------------

struct Settlement {
  ShortId id;
  int64_t delivery = 0;
  Status status;  // receives ok, kStale, kNotFound, ...
};

// Deliveries of one consumer of one source.
struct SettleBatch {
  const Source* source = nullptr;
  std::string_view consumer;
  std::span<Settlement> settlements;
  // What the group is to remember as worked off (core/done_key.hpp) for so long, before anything is settled, and whatever
  // becomes of that.
  std::span<const std::string> done = {};
  int64_t remember = 0;  // ms
  Retention retention{};
};

struct Nack {
  ShortId id;
  int64_t delivery = 0;
  bool permanent = false;
  int64_t delay = 0;  // ms until due
  int retry_attempts = 5;
  Code status = Code::kOk;  // of the dead letter, where it becomes one; kCorrupt for a record that can't be read
  std::string reason;

  AttemptEnd end() const {
    if (status != Code::kOk) return AttemptEnd::kRefused;
    return permanent ? AttemptEnd::kPermanent : AttemptEnd::kFailure;
  }
};

// ---- looking -------------------------------------------------------------------------------------------------------

enum class State : int { kQueued, kScheduled, kReserved, kRetrying, kAcked, kDead, kExpired, kDeleted };

// A message as it was found.
struct Found {
  QueueName queue;
  ShortId id;
  std::string group;  // encoded: of a dead letter, or whom the state is of
  std::string record;
  State state = State::kQueued;
  Tries tries;
  int64_t reserved_until = 0;
  int64_t due = 0;            // server Unix ms: when it goes to its lane, of one that waits for that
  std::string consumer;       // who holds it, or gave it up
  int64_t time_of_death = 0;  // of a dead letter, server Unix ms
  Code status = Code::kOk;    // of a dead letter: why
};

// A message as one group has it.
struct Standing {
  std::string group;   // encoded
  bool needed = true;  // false: the group has settled or given up the message, or never got it
  State state = State::kQueued;
  Tries tries;
  int64_t due = 0, reserved_until = 0;
  std::string consumer;           // who holds it
  int64_t higher = 0, older = 0;  // in front of one that is queued: in higher lanes, in its own
  bool exact = true;              // false: at least so many
};

// Why nothing is delivered.
struct Pause {
  std::string reason;
  std::string by;     // who paused it
  int64_t since = 0;  // server Unix ms
  bool operator==(const Pause&) const = default;
};

struct ConsumerStats {
  std::string name;  // the incarnation
  int64_t reserved = 0;
  int64_t last_fetch = 0, last_seen = 0;  // server Unix ms, 0: never
};

struct GroupStats {
  std::string group;  // encoded
  int64_t waiting = 0, scheduled = 0, reserved = 0, consumers = 0, oldest_age = 0;
  int64_t delivered = 0, acked = 0, retried = 0;
  std::vector<ConsumerStats> members;  // those that have a lease, and those that left and hold something
  std::optional<Pause> paused;
};

// An agent as it is known: it announced itself, or somebody read for it once.
struct AgentRecord {
  std::string agent;
  std::string description;
  int64_t since = 0;      // server Unix ms: announced without a gap since; 0: it is not announced
  int64_t last_seen = 0;  // server Unix ms
  int64_t until = 0;      // server Unix ms: when its lease ends
};

struct QueueStats {
  QueueName queue;
  int64_t stored = 0, dead = 0, kept = 0;
  int64_t published = 0, expired = 0, corrupt = 0, dropped = 0, dead_lettered = 0, repeated = 0;
  int64_t groups_removed = 0;   // a log's: abandoned for group_ttl
  int64_t now = 0;              // server Unix ms of these numbers
  std::optional<Pause> paused;  // the whole channel
  std::vector<GroupStats> groups;
};

// A record of an audit trail: its hash is that of the one before it, its number and its text.
struct AuditRecord {
  std::string id;  // "<time>-<number>"; made by the backend
  int64_t number = 0;
  std::string hash;
  std::string text;
};

// The newest record of a trail, as a writer knows it.
struct AuditHead {
  int64_t number = 0;  // 0: there is none
  std::string hash;
  bool doubtful = false;  // what was appended last may be there
};

// What the server says of itself, for the health report.
struct ServerReport {
  std::string address;  // "" where there is but one
  std::string kind;     // "memory", "redis", "valkey"
  std::string version;
  std::string role;             // "master", ...
  std::string eviction_policy;  // "" where unknown
  bool aof = false;
  bool rdb = false;
  int64_t used_memory = 0, max_memory = 0;
};

// What a backend tells on its own account, for the log: event name and details as (key, value).
using Details = std::vector<std::pair<std::string, std::string>>;
using EventSink = std::function<void(int level, std::string_view event, const Details& details)>;

class Backend {
 public:
  virtual ~Backend() = default;

  // Every waiting operation ends with kClosed, now and later, except settling and giving back, which go on until the
  // destructor so that close can finish them within its time.
  virtual void Shutdown() = 0;

  // Stores each batch whole or not at all; pipelines over queues.
  virtual void Publish(std::span<PublishBatch> batches, const Patience& patience) = 0;

  // Takes tokens, in order. Where this fails none of the messages is paid for, but tokens may be lost.
  virtual Status TakeTokens(std::span<const Bucket> buckets, std::span<Take> takes, const Patience& patience) = 0;

  // Tells in order, of each channel; each at most once.
  virtual void Tell(std::span<Telling> tellings, const Patience& patience) = 0;
  // What is told after this answered ok is heard. kUnavailable, kAuth, ...: it does not listen.
  virtual Status Listen(const std::shared_ptr<Ear>& ear, const Patience& patience) = 0;
  // After it returned the ear is not called. Nothing where it does not listen.
  virtual void Unlisten(const Ear* ear) = 0;

  virtual Result<std::unique_ptr<Consumer>> Subscribe(const Source& source, const ConsumerOptions& options,
                                                      const Patience& patience) = 0;

  // Fetches from several consumers of this backend, in as few round trips as it can.
  struct Order {
    Consumer* consumer = nullptr;
    size_t room = 0;
    Result<Fetched> fetched = Status(Code::kUnavailable, "not asked");  // receives the answer
  };
  virtual void Fetch(std::span<Order> orders, const Patience& patience) {
    for (Order& order : orders) order.fetched = order.consumer->Fetch(order.room, patience);
  }

  // Waits at the server until there is something to fetch from one of them, then fetches from all: without a thread of
  // the backend's, and without a round trip between. Ends early when `interrupt` is set. False, and nothing was done:
  // arm the consumers instead.
  virtual bool WaitAndFetch(std::span<Order> orders, const Patience& patience, Event& interrupt) {
    (void)orders, (void)patience, (void)interrupt;
    return false;
  }

  virtual void Ack(std::span<SettleBatch> batches, const Patience& patience) = 0;
  // Of each key whether the group remembers it as worked off.
  virtual Result<std::vector<bool>> Done(const Source& source, std::span<const std::string> keys,
                                         const Patience& patience) = 0;
  // Settles for a group whoever holds it, delivered or not.
  virtual Status AckId(const Source& source, const ShortId& id, const Retention& retention = {}) = 0;
  virtual Status GiveUp(const Source& source, std::string_view consumer, const Nack& nack, bool* dead) = 0;  // a nack
  virtual Status Extend(const Source& source, std::string_view consumer, const Settlement& settlement,
                        int64_t visibility_timeout, int64_t* reserved_until) = 0;

  // A log's group begins anew, as a new one would with these (from_start, from). What its consumers hold is theirs no more.
  virtual Status Seek(const Source& source, bool from_start, std::string_view from, const Patience& patience) = 0;

  // What the group has not acked, highest lane first, oldest first in each. A group that is not there: nothing.
  virtual Result<std::vector<Found>> Pending(const Source& source, size_t limit) = 0;
  virtual Result<Found> Get(const QueueName& queue, const ShortId& id) = 0;
  virtual Result<int64_t> Count(const QueueName& queue) = 0;  // its messages, without a look at each
  // Walks a queue's messages in steps, oldest first: `visit` answers false to stop.
  virtual Status Walk(const QueueName& queue, const std::function<bool(Found&&)>& visit) = 0;
  virtual Status WalkKept(const QueueName& queue, const std::function<bool(Found&&)>& visit) = 0;  // what was acked
  // What became of a message that somebody waits for: how it ended, kQueued while it has not, whatever its state. kNotFound:
  // nothing is known of it. Who waits looks several times, with kFirst at first and kLast when it goes; what ends meanwhile
  // is known for sure.
  enum class Look { kLast = -1, kAgain = 0, kFirst = 1 };
  virtual Result<State> Await(const QueueName& queue, const ShortId& id, Look look) = 0;
  // Where a message is in each group of its queue. Looks at a bounded part of the lanes. Of one that is not there: no group
  // needs it.
  virtual Result<std::vector<Standing>> Standings(const QueueName& queue, const ShortId& id) = 0;
  virtual Status Delete(const QueueName& queue, const ShortId& id) = 0;
  // Whether it was deleted while somebody had it in hand; known for a day.
  virtual Result<bool> IsDeleted(const QueueName& queue, const ShortId& id, const Patience& patience) = 0;
  virtual Result<int64_t> Clear(const QueueName& queue) = 0;  // messages and dead letters; counts messages
  virtual Result<int64_t> Recover(const QueueName& queue, const std::optional<std::string>& group) = 0;

  virtual Result<Found> GetDead(const QueueName& queue, const ShortId& id, std::string_view group) = 0;
  virtual Status WalkDead(const QueueName& queue, const std::function<bool(Found&&)>& visit) = 0;  // newest first
  // keep_attempts: the new message goes on with the tries of the dead letter, else it has none.
  virtual Result<ShortId> Replay(const QueueName& queue, const ShortId& id, std::string_view group,
                                 const Limits& limits, bool keep_attempts) = 0;
  virtual Status PurgeDead(const QueueName& queue, const ShortId& id, std::string_view group) = 0;

  virtual Result<std::vector<QueueName>> Queues() = 0;  // of the namespace, sorted
  virtual Result<QueueStats> Stats(const QueueName& queue) = 0;

  // Nothing new is delivered until Resume(); kept, for queues too that are made later. A place is a channel's log, for all
  // queues of the channel, or an inbox, for that and for its agent's group in the channel's log. A pause that is there is
  // replaced; receives `since`.
  virtual Status Pause(const QueueName& place, agentmq::Pause pause) = 0;
  virtual Status Resume(const QueueName& place) = 0;  // kNotFound: it is not paused
  virtual Result<std::map<QueueName, agentmq::Pause>> Pauses() = 0;

  // Renews an agent's announcement for `lease` ms; 0 withdraws it, also after Shutdown().
  virtual Status Announce(const std::string& agent, const std::string& description, int64_t lease) = 0;
  // From now on these are known to have been.
  virtual Status NoteAgents(std::span<const std::string> agents) = 0;
  virtual Result<bool> KnowsAgent(const std::string& agent) = 0;
  // All that ever were, and the server's time.
  virtual Result<std::vector<AgentRecord>> Agents(int64_t* now) = 0;

  // A channel's own settings: name -> value as text; empty where nobody configured it.
  virtual Result<std::map<std::string, std::string>> ReadChannel(std::string_view channel) = 0;
  virtual Status WriteChannel(std::string_view channel, const std::map<std::string, std::string>& settings) = 0;

  // Appends to the trail behind `head`. kStale: that is not the newest record, `head` receives which is. At least the
  // newest `most` records are kept. Goes on after Shutdown(). kUnknown: `head` says that the same is to be asked again.
  virtual Status AppendAudit(std::string_view kind, int64_t most, AuditHead* head, std::span<const AuditRecord> records,
                             const Patience& patience) = 0;
  // From behind that id on, "" from the oldest.
  virtual Result<std::vector<AuditRecord>> ReadAudit(std::string_view kind, std::string_view after, size_t limit) = 0;

  // Removes what has expired where nobody comes by; asked once a second. A backend with a thread of its own for it
  // does nothing here.
  virtual void Tidy() {}

  virtual bool Reachable() const { return true; }  // as far as is known
  virtual Status Ping() = 0;                       // one round trip
  virtual Status WriteAndReadBack() = 0;
  virtual Result<std::vector<ServerReport>> Report() = 0;  // of each server: one, or a cluster's masters
};

// What every backend needs to know of the bus.
struct BackendOptions {
  std::string prefix;
  std::string name_space;
  EventSink events;  // may be called on any thread
};

}  // namespace agentmq
