#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "redis/nodes.hpp"

namespace agentmq::redis {

// Runs commands on the server, or on the nodes of a cluster that have their keys: loads scripts that a server does not
// know, follows redirections, waits out an outage, and says what is known of a call that failed. Thread-safe.
class Server {
 public:
  Server(const Options& options, EventSink events);

  enum class Again {
    kNever,   // an unanswered call is the caller's to judge: kUnknown
    kOnLoss,  // may be sent again on a new connection: it reads, or its repetition does no harm
  };
  struct Call {
    Patience patience;  // within command_timeout in any case; but a slot that moves is waited for, 30 s
    Again again = Again::kOnLoss;
    bool settles = false;                  // goes on after Shutdown()
    Deadline no_more = Deadline::Never();  // beyond it nothing is tried anew; an answer is still waited for
    const Connection::Side* side = nullptr;
    bool probes = false;    // tries although the circuit breaker is open
    Durability wanted{};    // of all that they write: waited for behind them, once
    bool abreast = false;   // of several nodes: one that is away is not waited for
    bool gives_up = false;  // soon, where other connections are lost: it can ask back what it missed
  };
  // What became of a command. repeated: it was sent again after its answer was lost.
  struct Fate {
    Status status;
    bool repeated = false;
  };
  // What became of several. Of those that have an answer it says nothing but whether they were repeated.
  struct Outcome {
    Status status;  // the worst of all: kUnknown before anything else
    bool repeated = false;
    Durability reached{};       // of what was wanted, the least of all nodes, and
    std::string shortfall{};    // what a server said where it could not tell
    std::vector<Fate> fates{};  // of each, where they differ
    const Status& StatusOf(size_t command) const { return fates.empty() ? status : fates[command].status; }
    bool Repeated(size_t command) const { return fates.empty() ? repeated : fates[command].repeated; }
  };

  // One round trip for all of them; one to each node of a cluster that has some of their keys, at the same time. Error
  // replies that can't be waited out are left in `replies`; the status is that of the connections. kUnavailable:
  // certainly not done. kUnknown: sent, not answered; its reply is nil.
  Outcome Run(std::span<Command> commands, std::span<Reply> replies, const Call& call);
  // One command; an error reply is a failure.
  Result<Reply> Run(Command command, const Call& call);
  // The same commands on every master, in one round trip: all answers of each, with its address.
  struct Told {
    std::string address;
    std::vector<Reply> replies;
    Status status;
  };
  std::vector<Told> RunEverywhere(const std::function<std::vector<Command>()>& make, const Call& call);

  // Errors that pass: nothing was done, and the same command is right again soon, maybe elsewhere.
  static bool Passes(const Reply& reply);
  // Of these, that the server has become a replica.
  static bool Demoted(const Reply& reply);

  // For who tries again by itself: a moment, in which a node may have come back.
  void Pause(const Call& call) const;

  // Finds the nodes of a cluster, connects to each, and loads the scripts.
  Status Open(Deadline deadline);
  // Ends waiting with kClosed, but for calls that settle. StopAll ends these too.
  void Shutdown();
  bool shut_down() const { return shut_down_.load(std::memory_order_acquire); }

  const Options& options() const { return options_; }
  const Digests& digests() const { return digests_; }
  Nodes& nodes() { return nodes_; }
  bool Reachable() const;      // every node, as far as is known
  int64_t RetryAfter() const;  // ms until connecting to a server that failed is tried again
  // The wall clock of the server that has the key, as known from replies.
  int64_t Now(std::string_view key) const;
  void SetNow(std::string_view key, int64_t now);

  // Commands whose answers are read later, on a connection that stays out of the pool until then. They go out only where
  // that waits for nothing and leaves half of the pool to others, and where one server has all of their keys.
  struct Trip {
    std::shared_ptr<Pool> pool;
    std::unique_ptr<Connection> connection;
    int slot = 0;
    int64_t asked_at = 0;        // steady ms, the last of its commands
    std::deque<size_t> replies;  // of each command whose answer was not taken
    std::vector<Reply> got;      // the replies to these, in order
    size_t answered = 0;         // of got

    // Of a command (the first that was not taken: 0) that is no transaction; nullptr where its answer did not come yet.
    Reply* Answer(size_t index) { return index < answered ? &got[index] : nullptr; }
  };
  std::optional<Trip> Start(std::span<Command> commands);
  // More of them, of the same keys, behind the others.
  void Send(Trip& trip, std::span<Command> commands);
  // Waits until an answer begins to come; false where `patience` or `interrupt` ended that, a shutdown, or another node
  // that serves the keys now.
  bool Await(const Trip& trip, const Patience& patience, const Event& interrupt) const;
  // Whether it waits for nothing: others to that server were lost meanwhile, or another one has the keys.
  bool MayBeLost(const Trip& trip) const;
  // Reads what has come, without waiting; false where there is nothing more to come.
  static bool Pump(Trip& trip);
  // Takes the answer to the first command; kUnknown where it did not come: then the trip can only end.
  Status Take(Trip& trip, Reply* reply, const Call& call);
  // status: how taking went. Answers that were not taken are lost.
  void End(Trip trip, const Status& status);
  // Takes all answers and ends it.
  Status Finish(Trip trip, std::span<Reply> replies, const Call& call);

 private:
  struct Work;
  struct Share;

  Outcome Run(std::span<Command> commands, std::span<Reply> replies, const Call& call,
              std::span<const std::shared_ptr<Pool>> places);
  Status LoadScripts(Connection& connection, const Patience& patience);
  void Attempt(Work& work);
  std::vector<Share> Divide(Work& work);
  Status Send(Share& share, Work& work);
  void WriteAll(std::span<Share> shares, const Work& work) const;
  void Receive(Share& share, Work& work);
  bool Judge(Share& share, size_t command, Reply reply, Work& work);
  static void Confirm(const Reply* reply, Work& work);
  void Fail(Share& share, const Status& status, Work& work);
  static bool MayGoOn(Work& work);
  void Pause(const Patience& patience, bool settles, int64_t millis) const;
  Deadline WorthWaitingUntil(const Trip& trip) const;

  const Options options_;
  Nodes nodes_;
  Digests digests_;
  EventFd stop_;
  std::atomic<bool> shut_down_{false};
};

// The answer to a command, of what came for it: of a transaction that of its first command, or an error of any of them.
Reply Fold(std::span<Reply> raw);

}  // namespace agentmq::redis
