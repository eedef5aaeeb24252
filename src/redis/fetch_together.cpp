// Fetches of several consumers that share a round trip, and the wait before them.
#include <algorithm>

#include "redis/consumer.hpp"

namespace agentmq::redis {
namespace {

constexpr int64_t kAbreast = 1000;       // ms for one of several nodes
constexpr int64_t kGrace = 2000;         // ms for the answers of a wait that was ended, or was short
constexpr int64_t kControlSeconds = 60;  // that a control token stays

using Attempts = std::vector<RedisConsumer::Attempt>;

// What came of the first attempt of each; where that was not all, the consumer goes on by itself.
void Conclude(std::span<RedisConsumer* const> consumers, std::span<Backend::Order> orders, Attempts& first,
              std::span<Reply> replies, const Server::Outcome& outcome, const Patience& patience) {
  for (size_t i = 0, at = 0; i < orders.size(); ++i) {
    if (first[i].delivery == 0) continue;
    Reply& reply = replies[at];
    if (reply.is_nil()) first[i].status = outcome.StatusOf(at);
    ++at;
    // What passes did nothing: the next attempt follows it.
    const bool again = Server::Passes(reply);
    first[i].reply = std::move(reply);
    orders[i].fetched =
        consumers[i]->Fetch(orders[i].room, patience, again ? std::nullopt : std::optional(std::move(first[i])));
  }
}

void AddFetch(RedisConsumer& consumer, size_t room, RedisConsumer::Attempt* attempt, std::vector<Command>* commands) {
  commands->push_back(consumer.MakeFetch(room));
  attempt->sent = SteadyMillis();
  attempt->delivery = consumer.delivery();
}

}  // namespace

void FetchTogether(Server& server, std::span<RedisConsumer* const> consumers, std::span<Backend::Order> orders,
                   const Patience& longest) {
  // A node that is away does not hold up what others have.
  Patience patience = longest;
  if (server.nodes().is_cluster() && orders.size() > 1) {
    patience.deadline = longest.deadline.Earlier(Deadline::After(kAbreast));
  }
  Attempts first(orders.size());
  std::vector<Command> commands;
  for (size_t i = 0; i < orders.size() && orders.size() > 1; ++i) {
    if (consumers[i]->Simple()) AddFetch(*consumers[i], orders[i].room, &first[i], &commands);
  }
  Server::Call call{LongEnough(server, patience), Server::Again::kNever, false, patience.deadline};
  call.gives_up = true;  // what they took is asked back
  if (server.nodes().is_cluster()) call.no_more = Deadline::After(0);
  std::vector<Reply> replies(commands.size());
  Server::Outcome outcome;
  // While the answers of what was asked for ahead are read, the server works on the others.
  std::optional<Server::Trip> trip;
  if (!commands.empty() && commands.size() < orders.size()) trip = server.Start(commands);
  if (!trip && !commands.empty()) outcome = server.Run(commands, replies, call);
  for (size_t i = 0; i < orders.size(); ++i) {
    if (first[i].delivery == 0) orders[i].fetched = consumers[i]->Fetch(orders[i].room, patience);
  }
  if (trip) outcome.status = server.Finish(std::move(*trip), replies, call);
  Conclude(consumers, orders, first, replies, outcome, patience);
}

bool WaitTogether(Server& server, const std::string& name, std::span<RedisConsumer* const> consumers,
                  std::span<Backend::Order> orders, const Patience& patience, Event& interrupt) {
  if (!std::all_of(consumers.begin(), consumers.end(), [](const auto* consumer) { return consumer->Simple(); })) {
    return false;
  }
  const std::string& wake_key = consumers[0]->wake_key();
  const auto elsewhere = [&](const auto* consumer) {
    return server.nodes().Slot(consumer->wake_key()) != server.nodes().Slot(wake_key);
  };
  if (std::any_of(consumers.begin(), consumers.end(), elsewhere)) return false;
  const std::string control = ControlKey(wake_key, name);
  const int64_t left = patience.deadline.Remaining();
  const int64_t most = server.options().block();
  const int64_t block = std::max<int64_t>(1, left < 0 ? most : std::min(left, most));
  Attempts first(orders.size());
  std::vector<Command> commands;
  // BLPOP wake... control seconds
  Command& wait = commands.emplace_back(Command{"BLPOP"});
  for (const RedisConsumer* consumer : consumers) wait.Arg(consumer->wake_key());
  wait.Arg(control).Timeout(block);
  for (size_t i = 0; i < orders.size(); ++i) AddFetch(*consumers[i], orders[i].room, &first[i], &commands);
  auto trip = server.Start(commands);
  if (!trip) return false;
  // The ticker may find that a lease is gone.
  for (size_t i = 0; i < consumers.size(); ++i) {
    consumers[i]->Watch([&interrupt] { interrupt.Set(); }, first[i].delivery);
  }
  // A server looks at the ends of waits ten times a second only: what becomes due is waited for here, to the millisecond.
  const auto sooner = [](const auto* one, const auto* other) { return one->due_at() < other->due_at(); };
  const int64_t due = (*std::min_element(consumers.begin(), consumers.end(), sooner))->due_at();
  const bool knows = due <= SteadyMillis() + block;
  const int64_t longest =
      knows ? std::max<int64_t>(1, due - SteadyMillis()) : std::min(block + kGrace, most + kSilence);
  const Patience bounded{Deadline::After(longest), patience.cancel};
  const bool answered = server.Await(*trip, bounded, interrupt);
  for (RedisConsumer* consumer : consumers) consumer->Disarm();
  std::vector<Reply> replies(commands.size());
  bool dead = !answered && !knows && bounded.deadline.Expired();
  for (RedisConsumer* consumer : consumers) dead = (consumer->TakeAnswerIsLost() && !answered) || dead;
  bool lost = !answered && (dead || server.MayBeLost(*trip));
  if (!answered && !lost) {
    // The wait ends and the fetches run now; what they bring is in hand, and has to be known here.
    const auto told = server.Run(MakeToken(control, kControlSeconds),
                                 {{Deadline::After(kGrace), nullptr}, Server::Again::kOnLoss, true});
    lost = !told.ok() || server.MayBeLost(*trip);
  }
  Server::Outcome outcome;
  if (lost) {
    // Its connection may be dead as well: what the fetches took is asked back.
    outcome.status = {Code::kUnknown, "the connection to the server may be lost"};
    server.End(std::move(*trip), dead ? outcome.status : Status::Ok());
    Conclude(consumers, orders, first, std::span(replies).subspan(1), outcome, patience);
    return true;
  }
  outcome.status =
      server.Finish(std::move(*trip), replies, {{Deadline::After(kGrace), nullptr}, Server::Again::kNever, true});
  if (!answered && replies[0].At(0).text != control) {
    (void)server.Run(Command{"DEL", control}, {{Deadline::After(kGrace), nullptr}, Server::Again::kNever, true});
  }
  Conclude(consumers, orders, first, std::span(replies).subspan(1), outcome, patience);
  if (!replies[0].is_error() || Server::Passes(replies[0])) return true;
  // Without a wait in front of it a fetch that finds nothing would be repeated at once.
  for (Backend::Order& order : orders) {
    if (order.fetched.ok() && order.fetched->messages.empty()) order.fetched = ErrorStatus(replies[0]);
  }
  return true;
}

}  // namespace agentmq::redis
