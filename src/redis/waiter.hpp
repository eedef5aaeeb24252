#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "redis/server.hpp"
#include "util/thread.hpp"

namespace agentmq::redis {

// Waits on wake lists for all subscriptions of a bus: one thread, one blocked connection for each 64 lists (BLPOP), no
// polling. A blocked connection whose lists change is woken through a control list of its own. Thread-safe.
//
// Each key has the waits of one or several consumers; a token wakes one of them, the one that has waited longest.
class Waiter {
 public:
  Waiter(Server& server, std::string control_prefix);
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
    size_t number = 0;
    std::unique_ptr<Connection> connection;
    std::vector<std::string> keys;     // in the order in which they are asked; one that was served goes to the end
    std::vector<std::string> blocked;  // what the BLPOP under way asks for; empty: none
    bool changed = false;              // keys and blocked differ
    bool nudged = false;               // a control token is under way
    int64_t reissue_at = 0;            // steady; a served line waits a moment for its consumers to come back
    int64_t answer_by = 0;             // steady; beyond it the connection is taken for dead
    uint64_t losses = 0;               // of the pool when it was sent: after another it is taken for dead too
  };

  void Run();
  int NextTimeout();
  void Service(Line& line, int64_t now);
  void Block(Line& line, int64_t now);
  void Nudge(Line& line);
  void Served(Line& line, const Reply& reply);
  void Drop(Line& line);
  void GiveUp(Line& line);
  void Wake(const std::string& key);
  bool Waits(const std::string& key);
  Line& LineFor(const std::string& key);
  std::string ControlKey(const Line& line) const;

  Server& server_;
  const std::string control_prefix_;
  EventFd changed_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Line>> lines_;                  // guarded by mutex_, connections by the thread
  std::unordered_map<std::string, std::vector<Wait>> waits_;  // by key; guarded by mutex_
  std::unordered_map<std::string, size_t> line_of_;           // key -> line; guarded by mutex_
  std::unordered_map<Ticket, std::string> tickets_;           // guarded by mutex_
  Ticket next_ticket_ = 1;                                    // guarded by mutex_
  std::mutex calling_;                                        // held while a wake runs, so that Disarm can wait for it
  bool stopping_ = false;                                     // guarded by mutex_
  std::unique_ptr<Connection> control_;                       // the thread's
  Thread thread_;
};

}  // namespace agentmq::redis
