#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "redis/live_names.hpp"
#include "redis/server.hpp"
#include "util/thread.hpp"

namespace agentmq::redis {

// Hears what is told, for all listeners of a bus, over one connection, and on one thread ("amq-listen") from the first
// listener on. In a cluster the connection goes to any one node: they tell each other. Without listeners there is none.
//
// A connection that is lost, or silent for command_timeout, is made anew as the pool's back-off allows, and all that is
// listened to is asked for again; each listener is told of the gap. Thread-safe.
class Listening {
 public:
  Listening(Server& server, const BackendOptions& options);
  ~Listening();

  // See Backend::Listen() and Unlisten().
  Status Add(const std::shared_ptr<Ear>& ear, const Patience& patience);
  void Remove(const Ear* ear);

 private:
  using Ears = std::vector<std::shared_ptr<Ear>>;
  // What the server is asked for, and who wants it.
  struct Topic {
    bool is_pattern = false;
    bool asked = false;  // on this connection
    bool heard = false;  // and confirmed
    int64_t ask_at = 0;  // steady: not before, after a refusal
    Status failure;      // of the last refusal
    std::shared_ptr<const Ears> ears = std::make_shared<const Ears>();
  };
  // What was sent, whose answers come in this order between what is heard.
  struct Sent {
    enum class Kind { kListen, kUnlisten, kPing } kind;
    std::string topic;
  };

  void Run();
  bool Idle();
  void Connect();
  bool Ask();
  bool Send(Sent sent, Command command);
  void Serve();
  bool Read();
  bool Take(Reply& reply);
  void Hear(const std::string& topic, const std::string& channel, std::string_view text);
  void Confirmed(const std::string& topic);
  void Refused(const std::string& topic, const Status& status);
  void Lose(const Status& status);
  static void Drop(Topic& topic, const Ear* ear);

  Server& server_;
  const LiveNames names_;
  const EventSink events_;

  std::mutex mutex_;
  std::condition_variable changed_;      // Add() waits on it
  std::map<std::string, Topic> topics_;  // by their name at the server; guarded by mutex_
  std::vector<std::string> unwanted_;    // to be asked for no more; guarded by mutex_
  Status failure_;                       // why there is no connection; guarded by mutex_
  std::mutex calling_;                   // held while ears are called, so that Remove() can wait for it; before mutex_

  // The thread's:
  std::unique_ptr<Connection> connection_;
  std::shared_ptr<Pool> pool_;  // where it goes to
  size_t turn_;                 // of a cluster's nodes, which is tried next
  std::deque<Sent> sent_;
  int64_t retry_at_ = 0;      // steady
  int64_t connected_at_ = 0;  // steady
  int64_t heard_at_ = 0;      // steady, anything at all
  int64_t pinged_at_ = 0;
  bool pinged_ = false;  // and not answered
  bool more_ = false;    // may be read without waiting

  Cancel stop_;
  Event wake_;
  Thread thread_;  // started under mutex_
};

}  // namespace agentmq::redis
