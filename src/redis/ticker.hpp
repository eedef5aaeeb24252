#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "redis/consumer.hpp"
#include "redis/maintenance.hpp"
#include "util/thread.hpp"

namespace agentmq::redis {

// Once a second, in one call for up to 50 sources (of one slot, in a cluster): renews the leases of this bus' consumers, looks for what they missed,
// and watches the leases of others. A lease that one observer has seen unchanged for liveness_timeout by its own steady
// clock is dead; after an outage nobody is declared dead for twice that time. Thread-safe.
class Ticker {
 public:
  Ticker(Server& server, Recovery& recovery, Maintenance& maintenance);
  ~Ticker();

  void Add(std::weak_ptr<RedisConsumer> consumer);
  // From now on its lease is not renewed; a tick that is under way has ended when this returns.
  void Remove(const RedisConsumer* consumer);

 private:
  using Batch = std::vector<std::shared_ptr<RedisConsumer>>;

  void Run();
  void Tick();
  // Consumers whose keys can be in one command.
  struct Call {
    Batch consumers;
    std::vector<std::shared_ptr<const QueueView>> views;
    std::vector<RedisConsumer::Lease> leases;
    std::vector<int64_t> awaited;
    std::list<GroupKeys> own_keys;  // of groups that no view has
  };
  static Command MakeCommand(Call& call);
  void TickSome(std::span<Call> calls);
  void FollowLosses(const Batch& consumers);
  void Judge(RedisConsumer& consumer, const Reply& reply, int64_t now);
  int SlotOf(const RedisConsumer& consumer) const;
  void Observe(RedisConsumer& consumer, const Reply& leases, int64_t now);

  struct Seen {
    std::string lease;
    int64_t since;  // steady: first seen so
    int64_t last;   // steady: seen at all
  };

  Server& server_;
  Recovery& recovery_;
  Maintenance& maintenance_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<RedisConsumer>> consumers_;  // guarded by mutex_
  Event wake_;
  std::atomic<bool> stopping_{false};
  // The thread's own:
  std::map<std::pair<Source, std::string>, Seen> seen_;
  std::map<int, int64_t> calm_since_;                 // by slot, steady: all calls succeeded since
  std::set<const Queue*> maintained_;                 // in this tick
  int64_t maintain_left_ = 0;                         // ms of this tick
  std::map<std::shared_ptr<Pool>, uint64_t> losses_;  // of each server, that are known here
  Thread thread_;
};

}  // namespace agentmq::redis
