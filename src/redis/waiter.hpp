#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "redis/dialer.hpp"
#include "redis/keys.hpp"
#include "redis/server.hpp"
#include "util/thread.hpp"

namespace agentmq::redis {

// Waits on wake lists for all subscriptions of a bus: one thread, no polling; one blocked connection (BLPOP) for each 64
// lists of a server, in a cluster for each slot. A blocked connection whose lists change is woken through a control list
// of its own. Thread-safe.
//
// Each key has the waits of one or several consumers; a token wakes one of them, the one that has waited longest.
class Waiter {
 public:
  // name: of the bus, in the names of control lists.
  Waiter(Server& server, std::string name);
  ~Waiter();

  using Ticket = uint64_t;
  // Calls `wake` once, on the waiter's thread, when the list has a token.
  Ticket Arm(const std::string& key, std::function<bool()> wake);
  // After it returned `wake` is not running and will not be called. Nothing where it was called already.
  void Disarm(Ticket ticket);

  static constexpr size_t kKeysPerConnection = 64;

 private:
  struct Wait {
    Ticket ticket;
    std::function<bool()> wake;
  };
  struct Line {  // one blocked connection and the keys that belong to it
    uint64_t number = 0;
    int slot = 0;                            // of all its keys
    std::string control;                     // its control list
    std::shared_ptr<Pool> pool;              // where the connection goes to; the thread's
    std::unique_ptr<Connection> connection;  // the thread's
    std::vector<std::string> keys;     // in the order in which they are asked; one that was served goes to the end
    std::vector<std::string> blocked;  // what the BLPOP under way asks for; empty: none
    bool dialing = false;              // a connection is being made
    bool writing = false;              // part of the BLPOP is not sent yet; the thread's
    bool changed = false;              // keys and blocked differ
    bool nudged = false;               // a control token is under way
    int64_t reissue_at = 0;            // steady; a served line waits a moment for its consumers to come back
    int64_t answer_by = 0;             // steady; beyond it the connection is taken for dead
    int64_t idle_until = 0;            // steady; a line without keys goes then
    int64_t due = 0;                   // steady; when the thread looks at it again
  };

  void Run();
  int NextTimeout();
  std::vector<uint64_t> TakeDue(int64_t now);
  void FollowServers();
  Line* Find(uint64_t number);
  void Service(Line& line, bool ready);
  void Read(Line& line);
  void Write(Line& line);
  void UseDialed();
  bool Connected(Line& line, Dialer::Dialed dialed);
  void Block(Line& line, int64_t now);
  void Nudge(Line& line);
  void Served(Line& line, const Reply& reply);
  void Refused(Line& line, const Reply& reply);
  void Lose(Line& line);
  void Drop(Line& line);
  void Postpone(Line& line, int64_t millis);
  void Schedule(Line& line, int64_t now);
  bool Wake(const std::string& key);  // who has waited longest; false: nobody waits
  Line& LineFor(const std::string& key);

  Server& server_;
  const std::string name_;
  EventFd changed_;
  int poll_ = -1;  // epoll: changed_, and the connections by their line's number
  std::mutex mutex_;
  std::unordered_map<uint64_t, std::unique_ptr<Line>> lines_;  // guarded by mutex_, only the thread removes
  std::unordered_map<int, std::vector<uint64_t>> by_slot_;     // guarded by mutex_
  std::set<std::pair<int64_t, uint64_t>> due_;                 // lines by their `due`; guarded by mutex_
  uint64_t last_line_ = 0;                                     // guarded by mutex_
  std::unordered_map<std::string, std::vector<Wait>> waits_;   // by key; guarded by mutex_
  std::unordered_map<std::string, uint64_t> line_of_;          // key -> line; guarded by mutex_
  std::unordered_map<Ticket, std::string> tickets_;            // guarded by mutex_
  Ticket next_ticket_ = 1;                                     // guarded by mutex_
  std::mutex calling_;                                         // held while a wake runs, so that Disarm can wait for it
  bool stopping_ = false;                                      // guarded by mutex_
  std::atomic<bool> servers_changed_{false};                   // slots went to other nodes, or connections were lost
  std::map<std::shared_ptr<Pool>, std::unique_ptr<Connection>> controls_;  // the thread's
  Dialer dialer_{[this] { changed_.Signal(); }};
  Thread thread_;
};

}  // namespace agentmq::redis
