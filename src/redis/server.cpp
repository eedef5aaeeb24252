#include "redis/server.hpp"

#include <poll.h>

#include <algorithm>
#include <climits>

namespace agentmq::redis {
namespace {

// The server has become a replica.
bool Demoted(const Reply& reply) {
  return reply.is_error() && (reply.StartsWith("READONLY") || reply.StartsWith("UNBLOCKED"));
}

// Errors that pass: the same command is right again soon, and nothing of it was done.
bool Passes(const Reply& reply) {
  return reply.is_error() && (reply.StartsWith("NOSCRIPT") || reply.StartsWith("LOADING") || reply.StartsWith("BUSY") ||
                              reply.StartsWith("TRYAGAIN") || reply.StartsWith("MASTERDOWN") || Demoted(reply));
}

bool CanMend(Code code) { return code == Code::kUnavailable; }

// A transaction's answer is that of its first command. An error of any of them is its answer: of those that were refused
// while they were queued, or that failed in EXEC.
Reply Fold(std::span<Reply> raw) {
  if (raw.size() == 1) return std::move(raw[0]);
  Reply& exec = raw.back();
  if (!exec.is_array()) {
    const auto refused = std::find_if(raw.begin(), raw.end(), [](const Reply& reply) { return reply.is_error(); });
    return refused == raw.end() ? std::move(exec) : std::move(*refused);
  }
  for (Reply& reply : exec.items) {
    if (reply.is_error()) return std::move(reply);
  }
  return exec.items.empty() ? Reply() : std::move(exec.items[0]);
}

// WAIT replicas timeout, or WAITAOF 1 replicas timeout
Command MakeConfirm(const Durability& wanted, int64_t timeout) {
  Command command{wanted.fsync ? "WAITAOF" : "WAIT"};
  if (wanted.fsync) command.Arg("1");
  command.Arg(int64_t{wanted.replicas}).Arg(timeout);
  return command;
}

void ReadConfirmation(const Reply& reply, Durability* reached, std::string* shortfall) {
  if (reply.is_error()) {
    *shortfall = reply.text;
  } else if (reply.is_array()) {
    *reached = {static_cast<int>(reply.At(1).Number()), reply.At(0).Number() > 0};
  } else {
    *reached = {static_cast<int>(reply.Number()), false};
  }
}

// Where a user may not do it the server says so of the keys, or of something inside a script: not of what.
void NameRefused(const Command& command, Reply* reply) {
  if (!reply->is_error() || ErrorStatus(*reply).code() != Code::kAuth) return;
  const bool script = command.script() != kNoScript;
  reply->text.append(script ? ", in " : ", by ").append(script ? ScriptName(command.script()) : command.Name());
}

constexpr int64_t kPause = 20;  // ms between attempts while the server says that it is busy or loading

}  // namespace

Server::Server(const Options& options, EventSink events) : options_(options), pool_(options, std::move(events)) {}

void Server::Shutdown() {
  shut_down_.store(true, std::memory_order_release);
  stop_.Signal();
}

Status Server::LoadScripts(Connection& connection, const Patience& patience) {
  std::vector<Command> commands;
  for (size_t i = 0; i < kScriptCount; ++i) {
    commands.push_back(Command{"SCRIPT", "LOAD", ScriptSource(static_cast<Script>(i))});
  }
  for (Command& command : commands) {
    if (Status status = connection.Append(command, digests_); !status.ok()) return status;
  }
  std::vector<Reply> replies(kScriptCount);
  if (auto outcome = connection.Exchange(replies, patience, -1); !outcome.status.ok()) return outcome.status;
  for (size_t i = 0; i < kScriptCount; ++i) {
    if (replies[i].is_error()) return ErrorStatus(replies[i]);
    digests_.Set(static_cast<Script>(i), replies[i].text);
  }
  return Status::Ok();
}

// Sends the commands that are `left` on one connection, and strikes out those that were answered for good.
Status Server::Attempt(std::span<Command> commands, std::span<Reply> replies, std::vector<size_t>* left,
                       const Patience& patience, const Call& call, Outcome* result) {
  auto connection = pool_.Take(patience, call.probes);
  if (!connection.ok()) return connection.status();
  Status status;
  if (!digests_.known()) status = LoadScripts(**connection, patience);
  if (status.code() == Code::kUnknown) status = {Code::kUnavailable, status.text()};  // nothing of ours was sent
  if (!status.ok()) {
    pool_.Return(std::move(*connection));
    return status;
  }
  size_t expected = 0;
  for (const size_t i : *left) {
    if (status.ok()) status = (*connection)->Append(commands[i], digests_);
    expected += commands[i].replies();
  }
  const bool confirms = call.wanted.asked();
  if (confirms && status.ok()) {
    const int64_t timeout = std::min(options_.durability_timeout, patience.deadline.Remaining() * 4 / 5);
    Command confirm = MakeConfirm(call.wanted, std::max<int64_t>(timeout, 1));
    status = (*connection)->Append(confirm, digests_);
  }
  if (!status.ok()) {
    pool_.Return(nullptr);  // with part of the commands in it the connection is of no use
    return status;
  }
  std::vector<Reply> got(expected + (confirms ? 1 : 0));
  const auto outcome = (*connection)->Exchange(got, patience, call.settles ? -1 : stop_.fd(), call.side);
  std::vector<size_t> remaining;
  bool lost_scripts = false;
  std::string passing;
  size_t at = 0;
  for (const size_t i : *left) {
    const size_t size = commands[i].replies();
    at += size;
    if (at > outcome.answered) {
      remaining.push_back(i);
      continue;
    }
    replies[i] = Fold(std::span(got).subspan(at - size, size));
    NameRefused(commands[i], &replies[i]);
    if (!Passes(replies[i])) continue;
    if (Demoted(replies[i])) pool_.Demoted(ErrorStatus(replies[i]));
    lost_scripts = lost_scripts || replies[i].StartsWith("NOSCRIPT");
    if (passing.empty()) passing = ErrorStatus(replies[i]).text();
    replies[i] = Reply();  // no answer: the next attempt may get none
    remaining.push_back(i);
  }
  if (confirms && outcome.answered > expected) ReadConfirmation(got.back(), &result->reached, &result->shortfall);
  if (outcome.status.ok() && lost_scripts) {
    status = LoadScripts(**connection, patience);
    result->reloaded = status.ok();
  }
  if (outcome.status.code() == Code::kUnknown) pool_.Lost(outcome.status);
  const bool all_answered = outcome.status.ok();
  pool_.Return(std::move(*connection));
  *left = std::move(remaining);
  if (!all_answered) return outcome.status;
  if (!status.ok()) return {Code::kUnavailable, status.text()};
  if (left->empty()) return Status::Ok();
  return {Code::kUnavailable, passing};
}

Server::Outcome Server::Run(std::span<Command> commands, std::span<Reply> replies, const Call& call) {
  if (commands.empty()) return {};
  Patience patience = call.patience;
  patience.deadline = patience.deadline.Earlier(Deadline::After(options_.command_timeout));
  std::vector<size_t> left(commands.size());
  for (size_t i = 0; i < left.size(); ++i) left[i] = i;
  Outcome result;
  bool unanswered = false;  // something was sent and its answer lost
  for (;;) {
    const bool had_reloaded = result.reloaded;
    if (!call.settles && shut_down()) {
      result.status = Status::Closed("the bus was shut down");
    } else {
      result.status = Attempt(commands, replies, &left, patience, call, &result);
    }
    if (result.status.ok()) return result;
    if (result.status.code() == Code::kUnknown) {
      unanswered = true;
      if (call.again == Again::kNever) return result;
      result.repeated = true;
    } else if (!CanMend(result.status.code())) {
      return result;
    }
    if (patience.cancelled()) {
      result.status = {Code::kInterrupted, "interrupted while waiting for the server"};
      return result;
    }
    if (result.reloaded && !had_reloaded) continue;  // it has done nothing yet: this is no second time
    if (patience.deadline.Expired() || call.no_more.Expired() || pool_.BreakerOpen()) {
      const int64_t retry_after = result.status.retry_after();
      result.status = Status(unanswered ? Code::kUnknown : Code::kUnavailable, result.status.text());
      if (!unanswered) result.status = std::move(result.status).RetryAfter(retry_after);
      return result;
    }
    const int64_t remaining = patience.deadline.Earlier(call.no_more).Remaining();
    const int64_t pause = std::min({std::max(pool_.RetryAfter(), kPause), remaining});
    pollfd fds[2] = {{patience.cancel != nullptr ? patience.cancel->fd() : -1, POLLIN, 0},
                     {call.settles ? -1 : stop_.fd(), POLLIN, 0}};
    poll(fds, 2, static_cast<int>(pause));
  }
}

std::optional<Server::Trip> Server::Start(std::span<Command> commands) {
  if (shut_down() || !digests_.known()) return std::nullopt;
  Trip trip;
  trip.connection = pool_.TakeIdle();
  if (trip.connection == nullptr) return std::nullopt;
  Send(trip, commands);
  return trip;
}

void Server::Send(Trip& trip, std::span<Command> commands) {
  for (Command& command : commands) {
    if (!trip.connection->Append(command, digests_).ok()) break;
    trip.replies.push_back(command.replies());
    trip.got.resize(trip.got.size() + command.replies());
  }
  // Where any of this fails Take() finds out.
  (void)trip.connection->Send();
}

bool Server::Await(const Trip& trip, const Patience& patience, const Event& interrupt) const {
  for (;;) {
    const int64_t remaining = patience.deadline.Remaining();
    const short events = trip.connection->unsent() ? POLLIN | POLLOUT : POLLIN;
    pollfd fds[4] = {{trip.connection->fd(), events, 0},
                     {interrupt.fd(), POLLIN, 0},
                     {patience.cancel != nullptr ? patience.cancel->fd() : -1, POLLIN, 0},
                     {stop_.fd(), POLLIN, 0}};
    poll(fds, 4, remaining < 0 ? -1 : static_cast<int>(std::min<int64_t>(remaining, INT_MAX)));
    if ((fds[0].revents & ~POLLOUT) != 0 && trip.connection->Arrived()) return true;
    if ((fds[0].revents & POLLOUT) != 0 && !trip.connection->Send().ok()) return true;
    if (fds[1].revents != 0 || fds[2].revents != 0 || fds[3].revents != 0 || patience.deadline.Expired()) return false;
  }
}

bool Server::Pump(Trip& trip) {
  if (trip.connection->unsent() && !trip.connection->Send().ok()) return false;
  bool more = true;
  while (more && trip.answered < trip.got.size()) {
    if (!trip.connection->ReadSome(&more).ok()) return false;
    if (!trip.connection->ReceiveSome(trip.got, &trip.answered).ok()) return false;
  }
  return trip.answered < trip.got.size();
}

Status Server::Take(Trip& trip, Reply* reply, const Call& call) {
  if (trip.replies.empty()) return {Code::kNoMemory, "no memory for a command"};
  const size_t size = trip.replies.front();
  if (trip.answered < size) {
    Patience bounded = call.patience;
    bounded.deadline = bounded.deadline.Earlier(Deadline::After(options_.command_timeout));
    const auto rest = std::span(trip.got).subspan(trip.answered, size - trip.answered);
    auto outcome = trip.connection->Exchange(rest, bounded, call.settles ? -1 : stop_.fd());
    trip.answered += outcome.answered;
    if (!outcome.status.ok()) return std::move(outcome.status);
  }
  *reply = Fold(std::span(trip.got).subspan(0, size));
  if (Demoted(*reply)) pool_.Demoted(ErrorStatus(*reply));
  trip.got.erase(trip.got.begin(), trip.got.begin() + static_cast<std::ptrdiff_t>(size));
  trip.answered -= size;
  trip.replies.pop_front();
  return Status::Ok();
}

void Server::End(Trip trip, const Status& status) {
  if (status.code() == Code::kUnknown) pool_.Lost(status);
  // With answers under way it is of no use to anybody.
  pool_.Return(trip.got.empty() ? std::move(trip.connection) : nullptr);
}

Status Server::Finish(Trip trip, std::span<Reply> replies, const Call& call) {
  Status status;
  for (size_t i = 0; i < replies.size() && status.ok(); ++i) status = Take(trip, &replies[i], call);
  End(std::move(trip), status);
  return status;
}

Result<Reply> Server::Run(Command command, const Call& call) {
  Reply reply;
  const Outcome outcome = Run({&command, 1}, {&reply, 1}, call);
  if (!outcome.status.ok()) return outcome.status;
  if (reply.is_error()) return ErrorStatus(reply);
  return reply;
}

}  // namespace agentmq::redis
