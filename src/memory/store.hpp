#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/names.hpp"
#include "memory/buckets.hpp"
#include "memory/ears.hpp"
#include "memory/queue.hpp"
#include "memory/trail.hpp"

namespace agentmq::memory {

using ChannelSettings = std::map<std::string, std::string>;

// The queues of one namespace, shared by all backends that have it open in this process. Thread-safe.
//
// Locks: its own are never held while a queue's is waited for, but in Retire().
class Store {
 public:
  // The store of that name, prefix and namespace; made where nobody has it open.
  static std::shared_ptr<Store> Open(const std::string& name, std::string_view prefix, std::string_view name_space);

  Store();

  // Server time: the wall clock when the store was made and what has passed since, so that it never jumps.
  int64_t Now() const;
  // Moves server time on, for tests.
  void Advance(int64_t millis) { skew_.fetch_add(millis); }

  std::shared_ptr<Queue> Find(const QueueName& name) const;  // null where there is none
  std::shared_ptr<Queue> FindOrMake(const QueueName& name);
  std::vector<std::shared_ptr<Queue>> Queues() const;  // sorted by name
  // Drops queues that held nothing and that nobody used for a day.
  void Retire();

  // Who listens to what is told here.
  Ears& ears() { return ears_; }
  Buckets& buckets() { return buckets_; }
  // Of a message that is told and not stored.
  ShortId MakeId(int priority);

  // The audit trail of that kind; made where there is none.
  Trail& TrailOf(std::string_view kind);

  ChannelSettings ReadChannel(std::string_view channel) const;
  void WriteChannel(std::string_view channel, const ChannelSettings& settings);

  // Agents that ever were.
  void Announce(const std::string& agent, const std::string& description, int64_t lease);
  void NoteAgents(std::span<const std::string> agents);
  bool KnowsAgent(const std::string& agent) const;
  std::vector<AgentRecord> Agents() const;

  // Places whose deliveries are paused; answers the queues that are there, queues that come later know it from the start.
  std::vector<std::shared_ptr<Queue>> Pause(const QueueName& place, const agentmq::Pause& pause);
  // Nothing where it was not paused.
  std::optional<std::vector<std::shared_ptr<Queue>>> Resume(const QueueName& place);
  std::map<QueueName, agentmq::Pause> Pauses() const;

 private:
  std::vector<std::shared_ptr<Queue>> QueuesOf(const QueueName& place) const;  // with mutex_ held

  const int64_t base_;  // server time less steady time
  std::atomic<int64_t> skew_{0};

  mutable std::shared_mutex mutex_;
  std::unordered_map<QueueName, std::shared_ptr<Queue>> queues_;  // guarded by mutex_
  std::map<QueueName, agentmq::Pause> pauses_;                    // guarded by mutex_
  size_t retire_at_ = 1024;                                       // queues; guarded by mutex_

  Ears ears_;
  Buckets buckets_;
  std::mutex ids_mutex_;
  IdMaker ids_;  // guarded by ids_mutex_

  mutable std::mutex agents_mutex_;
  std::map<std::string, AgentRecord> agents_;  // guarded by agents_mutex_

  mutable std::mutex channels_mutex_;
  std::map<std::string, ChannelSettings, std::less<>> channels_;  // guarded by channels_mutex_

  std::mutex trails_mutex_;
  std::map<std::string, Trail, std::less<>> trails_;  // guarded by trails_mutex_; they stay where they are
};

}  // namespace agentmq::memory
