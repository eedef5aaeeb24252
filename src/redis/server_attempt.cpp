// One attempt at what is left of a call: divided among servers, sent, answered, judged.
#include <poll.h>

#include <algorithm>

#include "redis/server_work.hpp"

namespace agentmq::redis {
namespace {

constexpr int64_t kMovingSlot = 30000;  // ms that a slot may take to move
constexpr int64_t kWriteSlice = 100;    // ms

bool CanMend(Code code) { return code == Code::kUnavailable; }

bool IsRedirection(const Reply& reply) { return reply.StartsWith("MOVED ") || reply.StartsWith("ASK "); }

// Where a user may not do it the server says so of the keys, or of something inside a script: not of what.
void NameRefused(const Command& command, Reply* reply) {
  if (!reply->is_error() || ErrorStatus(*reply).code() != Code::kAuth) return;
  const bool script = command.script() != kNoScript;
  reply->text.append(script ? ", in " : ", by ").append(script ? ScriptName(command.script()) : command.Name());
}

// A slot on its way to another node, of whose keys some are here and some there.
bool IsMoving(const Reply& reply) {
  return reply.StartsWith("TRYAGAIN") || reply.text.find("non local key") != std::string::npos;
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

}  // namespace

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

bool Server::Passes(const Reply& reply) {
  return reply.is_error() && (reply.StartsWith("NOSCRIPT") || reply.StartsWith("LOADING") || reply.StartsWith("BUSY") ||
                              reply.StartsWith("MASTERDOWN") || reply.StartsWith("CLUSTERDOWN") ||
                              IsRedirection(reply) || IsMoving(reply) || Demoted(reply));
}

bool Server::Demoted(const Reply& reply) {
  return reply.is_error() && (reply.StartsWith("READONLY") || reply.StartsWith("UNBLOCKED"));
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
  if (auto outcome = connection.Exchange(replies, patience, -1); !outcome.status.ok()) {
    // Nothing of the caller's was sent.
    const bool unknown = outcome.status.code() == Code::kUnknown;
    return unknown ? Status(Code::kUnavailable, outcome.status.text()) : outcome.status;
  }
  for (size_t i = 0; i < kScriptCount; ++i) {
    if (replies[i].is_error()) return ErrorStatus(replies[i]);
    digests_.Set(static_cast<Script>(i), replies[i].text);
  }
  return Status::Ok();
}

// Who is to do what of what is left.
std::vector<Server::Share> Server::Divide(Work& work) {
  std::vector<Share> shares;
  const auto map = nodes_.map();
  if (!nodes_.is_cluster()) {
    shares.push_back({map->pools[0], false, std::move(work.left), nullptr, {}});
    work.left.clear();
    return shares;
  }
  for (const size_t command : std::exchange(work.left, {})) {
    std::shared_ptr<Pool> pool;
    if (!work.states.empty()) pool = std::exchange(work.states[command].ask, nullptr);
    const bool asking = pool != nullptr;
    const int slot = SlotOf(work.commands[command].place());
    if (pool == nullptr) pool = work.places.empty() ? map->Of(slot) : work.places[command];
    if (pool == nullptr) {
      work.Leave(command, {Code::kUnavailable, "no node of the cluster serves slot " + std::to_string(slot)});
      work.WaitFor(0);
      nodes_.Doubt();
      continue;
    }
    const auto same = [&](const Share& share) { return share.pool == pool && share.asking == asking; };
    auto share = std::find_if(shares.begin(), shares.end(), same);
    if (share == shares.end()) share = shares.insert(share, {std::move(pool), asking, {}, nullptr, {}});
    share->commands.push_back(command);
  }
  return shares;
}

// Sends what is left, and strikes out what is answered for good. Nodes to which there is a connection come first: one
// that is away holds up nobody else's answers.
void Server::Attempt(Work& work) {
  work.waits = false;
  work.retry_after = 0;
  std::vector<Share> shares = Divide(work);
  auto connecting = shares.begin();
  if (shares.size() > 1) {
    for (Share& share : shares) share.connection = share.pool->TakeReady();
    connecting =
        std::partition(shares.begin(), shares.end(), [](const Share& share) { return share.connection != nullptr; });
  }
  for (const auto some : {std::span(shares.begin(), connecting), std::span(connecting, shares.end())}) {
    for (Share& share : some) {
      if (Status status = Send(share, work); !status.ok()) Fail(share, status, work);
    }
    if (some.size() > 1) WriteAll(some, work);
    for (Share& share : some) {
      if (!share.failed) Receive(share, work);
    }
  }
  if (shares.size() > 1) std::sort(work.left.begin(), work.left.end());
}

Status Server::Send(Share& share, Work& work) {
  if (share.connection == nullptr) {
    auto connection = share.pool->Take(work.patience, work.call.probes);
    if (!connection.ok()) return connection.status();
    share.connection = std::move(*connection);
  }
  if (work.patience.deadline.Expired()) {
    // What nobody would wait for is not sent, and says nothing of the connection.
    share.pool->Return(std::move(share.connection));
    return {Code::kUnavailable, "no time was left to ask the server"};
  }
  share.asked_at = SteadyMillis();
  if (!digests_.known()) {
    if (Status status = LoadScripts(*share.connection, work.patience); !status.ok()) {
      share.pool->Return(std::move(share.connection));
      return status;
    }
  }
  size_t expected = 0;
  for (const size_t i : share.commands) {
    Command asking{"ASKING"};
    Status status;
    if (share.asking) status = share.connection->Append(asking, digests_);
    if (status.ok()) status = share.connection->Append(work.commands[i], digests_);
    if (!status.ok()) {
      share.pool->Return(nullptr);  // with part of the commands in it the connection is of no use
      return status;
    }
    expected += work.commands[i].replies() + (share.asking ? 1 : 0);
  }
  if (work.call.wanted.asked()) {
    const int64_t timeout = std::min(options_.durability_timeout, work.patience.deadline.Remaining() * 4 / 5);
    Command confirm = MakeConfirm(work.call.wanted, std::max<int64_t>(timeout, 1));
    if (Status status = share.connection->Append(confirm, digests_); !status.ok()) {
      share.pool->Return(nullptr);
      return status;
    }
    ++expected;
  }
  share.got.resize(expected);
  return Status::Ok();
}

// Everything is on its way to every node before an answer is waited for.
void Server::WriteAll(std::span<Share> shares, const Work& work) const {
  for (;;) {
    std::vector<pollfd> fds;
    for (Share& share : shares) {
      // Where this fails Exchange() finds out.
      if (share.failed || !share.connection->Send().ok() || !share.connection->unsent()) continue;
      fds.push_back({share.connection->fd(), POLLOUT, 0});
    }
    if (fds.empty() || work.patience.deadline.Expired() || work.patience.cancelled()) return;
    if (!work.call.settles && shut_down()) return;
    poll(fds.data(), fds.size(), static_cast<int>(kWriteSlice));
  }
}

// Nothing of it was sent.
void Server::Fail(Share& share, const Status& status, Work& work) {
  share.failed = true;
  const bool waits = CanMend(status.code()) && !work.call.abreast && !share.pool->BreakerOpen();
  for (const size_t i : share.commands) {
    auto& state = work.Of(i);
    state.status = status;
    if (waits) {
      work.left.push_back(i);
    } else if (CanMend(status.code())) {
      Work::Decide(state);
    }
  }
  if (!CanMend(status.code())) return;
  work.WaitFor(share.pool->RetryAfter());
  nodes_.Doubt();
}

void Server::Receive(Share& share, Work& work) {
  const auto until = [&] { return share.pool->WorthWaitingUntil(*share.connection, share.asked_at); };
  const auto outcome =
      share.connection->Exchange(share.got, work.patience, work.call.settles ? -1 : stop_.fd(), work.call.side,
                                 work.call.gives_up ? Connection::Until(until) : nullptr);
  const Status& status = outcome.status;
  const size_t asking = share.asking ? 1 : 0;
  const size_t left_before = work.left.size();
  const bool ends = work.call.again == Again::kNever || work.call.abreast || share.pool->BreakerOpen();
  bool lost_scripts = false;
  bool decided = false;  // one of them at least
  size_t at = 0;
  for (const size_t i : share.commands) {
    const size_t size = work.commands[i].replies() + asking;
    at += size;
    if (at <= outcome.answered) {
      Reply reply = Fold(std::span(share.got).subspan(at - size + asking, size - asking));
      lost_scripts = lost_scripts || reply.StartsWith("NOSCRIPT");
      decided = Judge(share, i, std::move(reply), work) || decided;
      continue;
    }
    auto& state = work.Of(i);
    state.status = status;
    if (status.code() != Code::kUnknown) continue;
    state.unanswered = true;
    state.repeated = work.call.again != Again::kNever;
    if (!ends) work.left.push_back(i);
  }
  if (work.call.wanted.asked() && decided) {
    Confirm(outcome.answered == share.got.size() ? &share.got.back() : nullptr, work);
  }
  if (status.ok() && lost_scripts) {
    if (const Status loaded = LoadScripts(*share.connection, work.patience); !loaded.ok()) {
      work.WaitFor(0);
      for (size_t i = left_before; i < work.left.size(); ++i) {
        work.Of(work.left[i]).status = {Code::kUnavailable, loaded.text()};
      }
    }
  }
  if (status.code() == Code::kUnknown) {
    nodes_.Lost(*share.pool, *share.connection, status);
    work.WaitFor(share.pool->RetryAfter());
  }
  share.pool->Return(std::move(share.connection));
  // Who does not send again what was lost is told at once, and of what is left too.
  if (!status.ok() && ends) work.left.resize(left_before);
}

// The answer behind all others: what the writes of this server have reached.
// Null: it was lost. Whoever wrote may have died with what nobody else has, and no other server's answer is about that.
void Server::Confirm(const Reply* reply, Work& work) {
  Durability reached;
  if (reply != nullptr) {
    ReadConfirmation(*reply, &reached, &work.shortfall);
  } else {
    work.shortfall = "the connection was lost before it was confirmed";
  }
  if (work.reached) {
    reached.replicas = std::min(reached.replicas, work.reached->replicas);
    reached.fsync = reached.fsync && work.reached->fsync;
  }
  work.reached = reached;
}

// An answer that came: whether it is one for good.
bool Server::Judge(Share& share, size_t command, Reply reply, Work& work) {
  NameRefused(work.commands[command], &reply);
  if (!Passes(reply) || (IsRedirection(reply) && !nodes_.is_cluster())) {
    work.replies[command] = std::move(reply);
    if (!work.states.empty()) work.states[command].status = Status::Ok();
    return true;
  }
  // No answer: the next attempt may get none.
  work.Leave(command, {Code::kUnavailable, ErrorStatus(reply).text()});
  if (reply.StartsWith("NOSCRIPT")) return false;
  if (IsRedirection(reply)) {
    auto pool = nodes_.Redirected(reply, *share.pool);
    if (pool == nullptr) work.WaitFor(0);
    if (reply.StartsWith("ASK ")) work.Of(command).ask = std::move(pool);
    return false;
  }
  work.WaitFor(0);
  if (Demoted(reply)) share.pool->Demoted(*share.connection, ErrorStatus(reply));
  if (reply.StartsWith("CLUSTERDOWN") || Demoted(reply)) nodes_.Doubt();
  if (!IsMoving(reply)) return false;
  // All is certain, and ends when the slot has moved: that is worth more time than an outage.
  if (!work.moving) work.moving = work.call.no_more.Earlier(Deadline::After(kMovingSlot));
  const Deadline longer = work.moving->Earlier(Deadline::After(options_.command_timeout));
  if (longer.Remaining() > work.patience.deadline.Remaining()) work.patience.deadline = longer;
  return false;
}

}  // namespace agentmq::redis
