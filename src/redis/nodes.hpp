#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "redis/pool.hpp"
#include "redis/topology.hpp"
#include "util/event.hpp"
#include "util/thread.hpp"

namespace agentmq::redis {

// Which server has a key, and the connections to it. One server has all keys. The nodes of a cluster share them by slot:
// a thread asks who serves which at first, after a redirection or a failure, and from time to time. It asks the nodes that
// it knows, and those that the bus was opened with when none of them answers. Thread-safe.
class Nodes {
 public:
  Nodes(const Options& options, EventSink events);
  ~Nodes();

  // Never changed, only replaced.
  struct Map {
    std::vector<std::shared_ptr<Pool>> pools;  // of a server, or of a cluster's masters
    std::vector<uint16_t> owners;              // by slot: an index of pools; empty: the first one has all
    // Null where no node is known to serve it.
    std::shared_ptr<Pool> Of(int slot) const;
  };
  std::shared_ptr<const Map> map() const;
  std::shared_ptr<Pool> Of(std::string_view key) const { return map()->Of(Slot(key)); }

  bool is_cluster() const { return !options_.cluster.empty(); }
  // Keys of one command must have the same. Of one server all keys do.
  int Slot(std::string_view key) const { return is_cluster() ? SlotOf(key) : 0; }

  // Asks the cluster now, on the caller's thread. One server: nothing to ask.
  Status Ask(Deadline deadline);
  // Something does not go as the map says: it is asked anew, soon, by the thread.
  void Doubt();
  // A connection to it was lost while it was in use.
  void Lost(Pool& pool, const Connection& connection, const Status& status);
  // A node's "MOVED" or "ASK": where the command is to go, null where the answer makes no sense. What moved is known
  // from then on.
  std::shared_ptr<Pool> Redirected(const Reply& error, const Pool& by);
  // Called, on any thread, after slots have gone to other nodes, or a connection was lost; nothing any more after it was
  // set to null.
  void OnChange(std::function<void()> changed);

 private:
  void Run();
  std::vector<Address> Candidates();
  Status AskOne(const Address& address, const Patience& patience);
  bool Adopt(const Topology& topology);
  std::shared_ptr<Pool> PoolOf(const Map& known, const Address& address) const;
  void Replace(std::shared_ptr<const Map> map);
  void Tell();

  const Options options_;
  const EventSink events_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Map> map_;  // guarded by mutex_
  std::vector<Address> replicas_;   // guarded by mutex_
  size_t turn_ = 0;                 // who is asked first; guarded by mutex_
  std::mutex changing_;             // one at a time makes a new map
  std::mutex calling_;              // held while `changed_` runs
  std::function<void()> changed_;   // guarded by calling_
  Event wake_;
  std::atomic<bool> doubt_{false};
  std::atomic<bool> stopping_{false};
  Thread thread_;
};

}  // namespace agentmq::redis
