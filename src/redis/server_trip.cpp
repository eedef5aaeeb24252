// Commands whose answers are read later.
#include <poll.h>

#include <algorithm>
#include <climits>

#include "redis/server.hpp"

namespace agentmq::redis {
namespace {

constexpr int64_t kLookAtMap = 500;   // ms between looks whether the node still has the keys that are waited on
constexpr int64_t kElsewhere = 1000;  // ms for the answer of a node that has them no more

}  // namespace

std::optional<Server::Trip> Server::Start(std::span<Command> commands) {
  if (shut_down() || !digests_.known()) return std::nullopt;
  const auto map = nodes_.map();
  Trip trip;
  trip.slot = nodes_.Slot(commands[0].place());
  trip.pool = map->Of(trip.slot);
  const auto elsewhere = [&](const Command& command) { return map->Of(SlotOf(command.place())) != trip.pool; };
  if (nodes_.is_cluster() && std::any_of(commands.begin(), commands.end(), elsewhere)) return std::nullopt;
  if (trip.pool == nullptr) return std::nullopt;
  trip.connection = trip.pool->TakeIdle();
  if (trip.connection == nullptr) return std::nullopt;
  Send(trip, commands);
  return trip;
}

void Server::Send(Trip& trip, std::span<Command> commands) {
  trip.asked_at = SteadyMillis();
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
    int64_t wait = patience.deadline.Remaining();
    if (nodes_.is_cluster()) wait = wait < 0 ? kLookAtMap : std::min(wait, kLookAtMap);
    const short events = trip.connection->unsent() ? POLLIN | POLLOUT : POLLIN;
    pollfd fds[4] = {{trip.connection->fd(), events, 0},
                     {interrupt.fd(), POLLIN, 0},
                     {patience.cancel != nullptr ? patience.cancel->fd() : -1, POLLIN, 0},
                     {stop_.fd(), POLLIN, 0}};
    poll(fds, 4, wait < 0 ? -1 : static_cast<int>(std::min<int64_t>(wait, INT_MAX)));
    if ((fds[0].revents & ~POLLOUT) != 0 && trip.connection->Arrived()) return true;
    if ((fds[0].revents & POLLOUT) != 0 && !trip.connection->Send().ok()) return true;
    if (fds[1].revents != 0 || fds[2].revents != 0 || fds[3].revents != 0 || patience.deadline.Expired()) return false;
    if (nodes_.is_cluster() && nodes_.map()->Of(trip.slot) != trip.pool) return false;
  }
}

bool Server::MayBeLost(const Trip& trip) const { return !WorthWaitingUntil(trip).never(); }

// Another node that serves the keys now is no loss, but no better.
Deadline Server::WorthWaitingUntil(const Trip& trip) const {
  const bool elsewhere = nodes_.map()->Of(trip.slot) != trip.pool;
  return elsewhere ? Deadline::After(kElsewhere) : trip.pool->WorthWaitingUntil(*trip.connection, trip.asked_at);
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
    auto outcome = trip.connection->Exchange(rest, bounded, call.settles ? -1 : stop_.fd(), nullptr,
                                             [&] { return WorthWaitingUntil(trip); });
    trip.answered += outcome.answered;
    if (!outcome.status.ok()) return std::move(outcome.status);
  }
  *reply = Fold(std::span(trip.got).subspan(0, size));
  if (Demoted(*reply)) trip.pool->Demoted(*trip.connection, ErrorStatus(*reply));
  trip.got.erase(trip.got.begin(), trip.got.begin() + static_cast<std::ptrdiff_t>(size));
  trip.answered -= size;
  trip.replies.pop_front();
  return Status::Ok();
}

void Server::End(Trip trip, const Status& status) {
  if (status.code() == Code::kUnknown) nodes_.Lost(*trip.pool, *trip.connection, status);
  // With answers under way it is of no use to anybody.
  trip.pool->Return(trip.got.empty() ? std::move(trip.connection) : nullptr);
}

Status Server::Finish(Trip trip, std::span<Reply> replies, const Call& call) {
  Status status;
  for (size_t i = 0; i < replies.size() && status.ok(); ++i) status = Take(trip, &replies[i], call);
  End(std::move(trip), status);
  return status;
}

}  // namespace agentmq::redis
