#include "redis/server.hpp"

#include <poll.h>

#include <algorithm>

#include "redis/server_work.hpp"

namespace agentmq::redis {
namespace {

constexpr int64_t kPause = 20;         // ms between attempts while the server says that it is busy or loading
constexpr int64_t kClusterPause = 50;  // ms at most between attempts: another node may have taken over
constexpr int64_t kReachTime = 2000;   // ms for one of several nodes when a bus is opened
constexpr int kDetours = 16;           // attempts without a pause between: redirections follow each other

// Worse: what is less certain, then what does not mend.
bool Worse(const Status& one, const Status& other) {
  const auto rank = [](const Status& status) {
    if (status.ok()) return 0;
    if (status.code() == Code::kUnavailable) return 1;
    return status.code() == Code::kUnknown ? 3 : 2;
  };
  return rank(one) > rank(other);
}

}  // namespace

Server::Server(const Options& options, EventSink events) : options_(options), nodes_(options, std::move(events)) {}

void Server::Shutdown() {
  shut_down_.store(true, std::memory_order_release);
  stop_.Signal();
}

bool Server::Reachable() const {
  const auto map = nodes_.map();
  return !map->pools.empty() &&
         std::all_of(map->pools.begin(), map->pools.end(), [](const auto& pool) { return pool->connected(); });
}

int64_t Server::RetryAfter() const {
  int64_t longest = 0;
  for (const auto& pool : nodes_.map()->pools) longest = std::max(longest, pool->RetryAfter());
  return longest;
}

int64_t Server::Now(std::string_view key) const {
  const auto pool = nodes_.Of(key);
  return pool != nullptr ? pool->ServerNow() : WallMillis();
}

void Server::SetNow(std::string_view key, int64_t now) {
  if (const auto pool = nodes_.Of(key)) pool->SetServerTime(now);
}

Status Server::Open(Deadline deadline) {
  if (Status status = nodes_.Ask(deadline); !status.ok()) return status;
  Status failure;
  bool reached = false;
  for (const auto& pool : nodes_.map()->pools) {
    const Patience patience{nodes_.is_cluster() ? deadline.Earlier(Deadline::After(kReachTime)) : deadline, nullptr};
    auto connection = pool->Take(patience);
    Status status = connection.status();
    if (connection.ok()) {
      status = LoadScripts(**connection, patience);
      pool->Return(std::move(*connection));
    }
    reached = reached || status.ok();
    if (Worse(status, failure)) failure = std::move(status);
  }
  // A node that is away is not waited for where others are there.
  return reached && failure.code() == Code::kUnavailable ? Status::Ok() : failure;
}

// Whether what is left is tried again; else it is decided.
bool Server::MayGoOn(Work& work) {
  if (work.left.empty()) return false;
  if (work.patience.cancelled()) {
    work.End({Code::kInterrupted, "interrupted while waiting for the server"});
    return false;
  }
  if (!work.patience.deadline.Expired() && (!work.waits || !work.call.no_more.Expired())) return true;
  for (const size_t command : work.left) Work::Decide(work.Of(command));
  return false;
}

void Server::Pause(const Patience& patience, bool settles, int64_t millis) const {
  const int64_t remaining = patience.deadline.Remaining();
  pollfd fds[2] = {{patience.cancel != nullptr ? patience.cancel->fd() : -1, POLLIN, 0},
                   {settles ? -1 : stop_.fd(), POLLIN, 0}};
  poll(fds, 2, static_cast<int>(remaining < 0 ? millis : std::min(millis, remaining)));
}

void Server::Pause(const Call& call) const { Pause(call.patience, call.settles, kClusterPause); }

Server::Outcome Server::Run(std::span<Command> commands, std::span<Reply> replies, const Call& call) {
  return Run(commands, replies, call, {});
}

Server::Outcome Server::Run(std::span<Command> commands, std::span<Reply> replies, const Call& call,
                            std::span<const std::shared_ptr<Pool>> places) {
  if (commands.empty()) return {};
  Work work{commands, replies, call, call.patience, places};
  work.patience.deadline = work.patience.deadline.Earlier(Deadline::After(options_.command_timeout));
  work.left.resize(commands.size());
  for (size_t i = 0; i < work.left.size(); ++i) work.left[i] = i;
  int detours = kDetours;
  for (;;) {
    if (!call.settles && shut_down()) {
      work.End(Status::Closed("the bus was shut down"));
      break;
    }
    Attempt(work);
    if (--detours <= 0 && !work.waits) work.WaitFor(0);
    if (!MayGoOn(work)) break;
    if (!work.waits) continue;
    const int64_t pause = std::max(work.retry_after, kPause);
    const Patience until{work.patience.deadline.Earlier(call.no_more), work.patience.cancel};
    Pause(until, call.settles, nodes_.is_cluster() ? std::min(pause, kClusterPause) : pause);
  }
  Outcome outcome;
  outcome.shortfall = std::move(work.shortfall);
  if (work.reached) outcome.reached = *work.reached;
  if (work.states.empty()) return outcome;
  for (Work::State& state : work.states) {
    outcome.repeated = outcome.repeated || state.repeated;
    if (Worse(state.status, outcome.status)) outcome.status = state.status;
  }
  for (Work::State& state : work.states) outcome.fates.push_back({std::move(state.status), state.repeated});
  return outcome;
}

Result<Reply> Server::Run(Command command, const Call& call) {
  Reply reply;
  const Outcome outcome = Run({&command, 1}, {&reply, 1}, call);
  if (!outcome.status.ok()) return outcome.status;
  if (reply.is_error()) return ErrorStatus(reply);
  return reply;
}

std::vector<Server::Told> Server::RunEverywhere(const std::function<std::vector<Command>()>& make, const Call& call) {
  const auto map = nodes_.map();
  std::vector<Command> commands;
  std::vector<std::shared_ptr<Pool>> places;
  std::vector<Told> told;
  for (const auto& pool : map->pools) {
    Told& one = told.emplace_back(Told{pool->address().Text(), {}, {}});
    for (Command& command : make()) {
      commands.push_back(std::move(command));
      places.push_back(pool);
      one.replies.emplace_back();
    }
  }
  std::vector<Reply> replies(commands.size());
  const Outcome outcome = Run(commands, replies, call, places);
  size_t at = 0;
  for (Told& one : told) {
    for (Reply& reply : one.replies) {
      if (Worse(outcome.StatusOf(at), one.status)) one.status = outcome.StatusOf(at);
      reply = std::move(replies[at++]);
    }
  }
  return told;
}

}  // namespace agentmq::redis
