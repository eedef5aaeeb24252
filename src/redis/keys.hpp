#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/backend.hpp"
#include "redis/command.hpp"
#include "redis/reply.hpp"

namespace agentmq::redis {

// Dead letters of a queue beyond it fall off, oldest first.
inline constexpr int64_t kDeadLettersKept = 10000;

// The names of a group's keys, in the order of scripts/lib/group.lua.
struct GroupKeys {
  std::string prefix;  // "{...}:<group>:"
  std::array<std::string, 6> base;
  std::vector<std::string> lanes;  // parallel to the view's priorities

  const std::string& due() const { return base[0]; }
  const std::string& until() const { return base[1]; }
  const std::string& tries() const { return base[2]; }
  const std::string& skip() const { return base[3]; }
  const std::string& wake() const { return base[4]; }
  const std::string& lease() const { return base[5]; }
  std::string Hand(std::string_view consumer) const { return prefix + "hand:" + std::string(consumer); }
  // What the group has worked off, by when that is forgotten.
  std::string Done() const { return prefix + "done"; }
  std::string Lane(int priority) const { return prefix + "ready:" + std::to_string(priority); }
};

// The names of a queue's keys, in the order of scripts/lib/queue.lua.
struct QueueKeys {
  QueueKeys(const BackendOptions& options, const QueueName& queue);

  std::string tag;   // "{prefix:namespace:channel/target}:"
  std::string text;  // "channel/target"
  std::array<std::string, 8> base;

  const std::string& meta() const { return base[0]; }
  const std::string& messages() const { return base[1]; }
  const std::string& expiry() const { return base[2]; }
  const std::string& refs() const { return base[3]; }
  const std::string& dead() const { return base[5]; }
  const std::string& dead_by() const { return base[6]; }
  const std::string& trash() const { return base[7]; }
  // What the records are called while a script's transaction goes on beside it (scripts/lib/open.lua).
  std::string Open() const { return messages() + ":open"; }
  // Of a log: when broadcasts are due, for groups that come later.
  std::string Later() const { return tag + "later"; }
  // What was deleted while somebody had it in hand.
  std::string Deleted() const { return tag + "deleted"; }
  // What was acknowledged and is kept: records, by when they go, a log's in order.
  std::string Kept() const { return tag + "kept"; }
  std::string KeptBy() const { return tag + "kept:by"; }
  std::string KeptLog() const { return tag + "kept:log"; }
  // Taken by the message that brought it, for the channel's dedup_window.
  std::string Dedup(std::string_view key) const { return tag + "dedup:" + std::string(key); }
  // What the last batch of a publishing slot repeated.
  std::string Once(std::string_view slot) const { return tag + "once:" + std::string(slot); }
  std::string Blob(std::string_view id) const { return tag + "blob:" + std::string(id); }
  std::string DeadBlob(std::string_view id, std::string_view group) const {
    return Blob(id) + "~" + std::string(group);
  }
  GroupKeys Group(std::string_view group, const std::vector<int>& lanes) const;
};

// What a client knows of a queue: its lanes and groups under a generation. Never changed, only replaced.
struct QueueView {
  std::string generation;  // "" where nothing is known
  std::vector<int> lanes;  // greatest first
  struct Group {
    std::string name;
    int64_t ordinal;  // -1 in an inbox
    GroupKeys keys;
  };
  std::vector<std::shared_ptr<const Group>> groups;  // those that stay are shared with the views after it
  std::string reference_map;                         // a log's: the bits of all groups
  std::string told;                                  // lanes and groups, as the server writes them

  const Group* Find(std::string_view group) const;
  bool HasLane(int priority) const;
};

// A queue as this process sees it. Thread-safe.
class Queue {
 public:
  Queue(const BackendOptions& options, const QueueName& name) : name_(name), keys_(options, name) {}

  const QueueName& name() const { return name_; }
  const QueueKeys& keys() const { return keys_; }
  std::shared_ptr<const QueueView> view() const;
  // From a script's answer: generation, lanes, groups at index, index + 1, index + 2.
  std::shared_ptr<const QueueView> Learn(const Reply& reply, size_t index);
  void Forget();  // nothing is known any more

 private:
  const QueueName name_;
  const QueueKeys keys_;
  mutable std::mutex mutex_;
  std::shared_ptr<const QueueView> view_ = std::make_shared<QueueView>();  // guarded by mutex_
};

// What a dead letter is called: "<id>~<group>".
std::string DeadName(const ShortId& id, std::string_view group);

// A list that ends a wait on a queue's key: in its slot.
std::string ControlKey(std::string_view key, std::string_view name);

// Puts the keys of a queue, or of a queue and a group, in front of a script's own.
void AddQueueKeys(Command* command, const QueueKeys& keys);
void AddGroupKeys(Command* command, const QueueKeys& queue, const GroupKeys& group);
void AddLaneKeys(Command* command, const GroupKeys& group);
void AddKeptKeys(Command* command, const QueueKeys& queue);
void AddLanes(Command* command, const QueueView& view);  // as arguments
// What ends the transaction of a script that opened the queue for commands beside it.
Command MakeClose(Script script, const QueueKeys& queue);

}  // namespace agentmq::redis
