#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "redis/pool.hpp"

namespace agentmq::redis {

// Runs commands on the server over the pool: loads scripts that it does not know, waits out an outage, and says what is
// known of a call that failed. Thread-safe.
class Server {
 public:
  Server(const Options& options, EventSink events);

  enum class Again {
    kNever,   // an unanswered call is the caller's to judge: kUnknown
    kOnLoss,  // may be sent again on a new connection: it reads, or its repetition does no harm
  };
  struct Call {
    Patience patience;  // within command_timeout in any case
    Again again = Again::kOnLoss;
    bool settles = false;                  // goes on after Shutdown()
    Deadline no_more = Deadline::Never();  // beyond it nothing is tried anew; an answer is still waited for
    const Connection::Side* side = nullptr;
    bool probes = false;  // tries although the circuit breaker is open
    Durability wanted{};  // of all that they write: waited for behind them, once
  };
  struct Outcome {
    Status status;
    bool repeated = false;  // some of them, after an answer was lost
    bool reloaded = false;  // the server had lost the scripts, did nothing, and has them again
    Durability reached{};   // of what was wanted, and
    std::string shortfall;  // what the server said where it could not tell
  };

  // One round trip for all of them. Error replies that can't be waited out are left in `replies`; the status is that of
  // the connection. kUnavailable: certainly not done. kUnknown: sent, not all answered; the replies up to there are set,
  // the others nil.
  Outcome Run(std::span<Command> commands, std::span<Reply> replies, const Call& call);
  // One command; an error reply is a failure.
  Result<Reply> Run(Command command, const Call& call);

  // Ends waiting with kClosed, but for calls that settle. StopAll ends these too.
  void Shutdown();
  bool shut_down() const { return shut_down_.load(std::memory_order_acquire); }
  int stop_fd() const { return stop_.fd(); }

  Pool& pool() { return pool_; }
  const Pool& pool() const { return pool_; }
  const Options& options() const { return options_; }
  const Digests& digests() const { return digests_; }
  Status LoadScripts(Connection& connection, const Patience& patience);

  // Commands whose answers are read later, on a connection that stays out of the pool until then. They go out only where
  // that waits for nothing and leaves half of the pool to others.
  struct Trip {
    std::unique_ptr<Connection> connection;
    std::deque<size_t> replies;  // of each command whose answer was not taken
    std::vector<Reply> got;      // the replies to these, in order
    size_t answered = 0;         // of got

    // Of a command (the first that was not taken: 0) that is no transaction; nullptr where its answer did not come yet.
    Reply* Answer(size_t index) { return index < answered ? &got[index] : nullptr; }
  };
  std::optional<Trip> Start(std::span<Command> commands);
  // More of them, behind the others.
  void Send(Trip& trip, std::span<Command> commands);
  // Waits until an answer begins to come; false where `patience` or `interrupt` ended that, or a shutdown.
  bool Await(const Trip& trip, const Patience& patience, const Event& interrupt) const;
  // Reads what has come, without waiting; false where there is nothing more to come.
  static bool Pump(Trip& trip);
  // Takes the answer to the first command; kUnknown where it did not come: then the trip can only end.
  Status Take(Trip& trip, Reply* reply, const Call& call);
  // status: how taking went. Answers that were not taken are lost.
  void End(Trip trip, const Status& status);
  // Takes all answers and ends it.
  Status Finish(Trip trip, std::span<Reply> replies, const Call& call);

 private:
  Status Attempt(std::span<Command> commands, std::span<Reply> replies, std::vector<size_t>* left,
                 const Patience& patience, const Call& call, Outcome* result);

  const Options options_;
  Pool pool_;
  Digests digests_;
  EventFd stop_;
  std::atomic<bool> shut_down_{false};
};

}  // namespace agentmq::redis
