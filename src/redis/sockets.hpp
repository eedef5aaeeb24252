#pragma once

#include <mutex>
#include <set>

namespace agentmq::redis {

// The sockets of connections that go to the same server and are of no use once it is another's turn. Thread-safe.
class Sockets {
 public:
  // False where they were cut already.
  bool Add(int fd);
  void Remove(int fd);  // before it is closed
  // Ends their connections: whoever waits on one is told by its end.
  void Cut();
  bool cut() const;

 private:
  mutable std::mutex mutex_;
  std::set<int> fds_;  // guarded by mutex_
  bool cut_ = false;   // guarded by mutex_
};

}  // namespace agentmq::redis
