#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "redis/server.hpp"

// How a call of Server::Run() goes on: what is left of it, attempt by attempt (server.cpp), and what each server does of
// an attempt (server_attempt.cpp).
namespace agentmq::redis {

// A call under way.
//
// Invariant: what is not in `left` is decided: it has its reply, or its state says what became of it.
struct Server::Work {
  std::span<Command> commands;
  std::span<Reply> replies;
  const Call& call;
  Patience patience;
  std::span<const std::shared_ptr<Pool>> places;  // where each goes, whatever its key is; empty: where its key is

  std::vector<size_t> left{};  // what is not decided
  struct State {
    Status status;
    bool unanswered = false;    // it was sent, and the answer lost
    bool repeated = false;      // and it is sent again
    std::shared_ptr<Pool> ask;  // who is asked the next time, once
  };
  std::vector<State> states{};  // of each command, from the first failure on
  std::optional<Deadline> moving{};

  // The least of what each server told of what it decided.
  std::optional<Durability> reached{};
  std::string shortfall{};

  // Of one attempt: whether something has to be waited for, and how long.
  bool waits = false;
  int64_t retry_after = 0;

  State& Of(size_t command) {
    if (states.empty()) states.resize(commands.size());
    return states[command];
  }
  // It is not tried again. What was sent before may have been done.
  static void Decide(State& state) {
    const int64_t retry_after = state.status.retry_after();
    state.status = {state.unanswered ? Code::kUnknown : Code::kUnavailable, state.status.text()};
    if (!state.unanswered) state.status = std::move(state.status).RetryAfter(retry_after);
  }
  // Not done; it is tried again.
  void Leave(size_t command, Status status) {
    Of(command).status = std::move(status);
    left.push_back(command);
  }
  void WaitFor(int64_t millis) {
    retry_after = waits ? std::min(retry_after, millis) : millis;
    waits = true;
  }
  void End(const Status& status) {
    for (const size_t command : left) Of(command).status = status;
    left.clear();
  }
};

// What one server does of a call.
struct Server::Share {
  std::shared_ptr<Pool> pool;
  bool asking = false;
  std::vector<size_t> commands;
  std::unique_ptr<Connection> connection;
  std::vector<Reply> got;
  bool failed = false;
  int64_t asked_at = 0;  // steady ms
};

}  // namespace agentmq::redis
