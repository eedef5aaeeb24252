#include "memory/store.hpp"

#include <algorithm>

#include "util/clock.hpp"

namespace agentmq::memory {
namespace {

// Never destroyed: threads that outlive main() may still meet it.
struct Registry {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<Store>> stores;  // guarded by mutex
};

Registry& TheRegistry() {
  static Registry& registry = *std::make_unique<Registry>().release();
  return registry;
}

}  // namespace

std::shared_ptr<Store> Store::Open(const std::string& name, std::string_view prefix, std::string_view name_space) {
  const std::string key = PercentEncode(prefix) + ":" + PercentEncode(name_space) + ":" + PercentEncode(name);
  Registry& registry = TheRegistry();
  const std::lock_guard lock(registry.mutex);
  std::erase_if(registry.stores, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Store>& known = registry.stores[key];
  std::shared_ptr<Store> store = known.lock();
  if (store == nullptr) {
    store = std::make_shared<Store>();
    known = store;
  }
  return store;
}

Store::Store() : base_(WallMillis() - SteadyMillis()) {}

int64_t Store::Now() const { return base_ + SteadyMillis() + skew_.load(std::memory_order_relaxed); }

std::shared_ptr<Queue> Store::Find(const QueueName& name) const {
  const std::shared_lock lock(mutex_);
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : found->second;
}

std::shared_ptr<Queue> Store::FindOrMake(const QueueName& name) {
  if (std::shared_ptr<Queue> queue = Find(name)) return queue;
  bool crowded = false;
  std::shared_ptr<Queue> made;
  {
    const std::unique_lock lock(mutex_);
    std::shared_ptr<Queue>& queue = queues_[name];
    if (queue == nullptr) {
      queue = std::make_shared<Queue>(name, Now());
      queue->BeginPaused(pauses_);
    }
    made = queue;
    crowded = queues_.size() >= retire_at_;
  }
  if (crowded) Retire();
  return made;
}

std::vector<std::shared_ptr<Queue>> Store::Queues() const {
  std::vector<std::shared_ptr<Queue>> queues;
  {
    const std::shared_lock lock(mutex_);
    queues.reserve(queues_.size());
    for (const auto& [name, queue] : queues_) queues.push_back(queue);
  }
  std::ranges::sort(queues, {}, [](const auto& queue) -> const QueueName& { return queue->name(); });
  return queues;
}

void Store::Retire() {
  const int64_t now = Now();
  const std::unique_lock lock(mutex_);
  std::erase_if(queues_, [now](const auto& entry) { return entry.second->Retire(now); });
  retire_at_ = std::max<size_t>(1024, queues_.size() * 2);
}

std::vector<std::shared_ptr<Queue>> Store::QueuesOf(const QueueName& place) const {
  std::vector<std::shared_ptr<Queue>> queues;
  for (const auto& [name, queue] : queues_) {
    if (!PausedGroup(place, name).empty()) queues.push_back(queue);
  }
  return queues;
}

std::vector<std::shared_ptr<Queue>> Store::Pause(const QueueName& place, const agentmq::Pause& pause) {
  const std::unique_lock lock(mutex_);
  pauses_.insert_or_assign(place, pause);
  return QueuesOf(place);
}

std::optional<std::vector<std::shared_ptr<Queue>>> Store::Resume(const QueueName& place) {
  const std::unique_lock lock(mutex_);
  if (pauses_.erase(place) == 0) return std::nullopt;
  return QueuesOf(place);
}

std::map<QueueName, Pause> Store::Pauses() const {
  const std::shared_lock lock(mutex_);
  return pauses_;
}

ShortId Store::MakeId(int priority) {
  const std::lock_guard lock(ids_mutex_);
  return ids_.Next(Now(), priority, false);
}

Trail& Store::TrailOf(std::string_view kind) {
  const std::lock_guard lock(trails_mutex_);
  return trails_.try_emplace(std::string(kind)).first->second;
}

void Store::Announce(const std::string& agent, const std::string& description, int64_t lease) {
  const int64_t now = Now();
  const std::lock_guard lock(agents_mutex_);
  AgentRecord& record = agents_[agent];
  record.agent = agent;
  if (record.until <= now) record.since = now;
  if (lease == 0) record.since = 0;
  record.last_seen = now;
  record.until = lease == 0 ? 0 : now + lease;
  if (lease != 0) record.description = description;
}

void Store::NoteAgents(std::span<const std::string> agents) {
  const int64_t now = Now();
  const std::lock_guard lock(agents_mutex_);
  for (const std::string& agent : agents) agents_.try_emplace(agent, AgentRecord{agent, {}, 0, now, 0});
}

bool Store::KnowsAgent(const std::string& agent) const {
  const std::lock_guard lock(agents_mutex_);
  return agents_.contains(agent);
}

std::vector<AgentRecord> Store::Agents() const {
  const std::lock_guard lock(agents_mutex_);
  std::vector<AgentRecord> all;
  for (const auto& [name, record] : agents_) all.push_back(record);
  return all;
}

ChannelSettings Store::ReadChannel(std::string_view channel) const {
  const std::lock_guard lock(channels_mutex_);
  const auto found = channels_.find(channel);
  return found == channels_.end() ? ChannelSettings() : found->second;
}

void Store::WriteChannel(std::string_view channel, const ChannelSettings& settings) {
  const std::lock_guard lock(channels_mutex_);
  channels_.insert_or_assign(std::string(channel), settings);
}

}  // namespace agentmq::memory
