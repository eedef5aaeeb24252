#pragma once

#include <string>
#include <string_view>

#include "redis/queues.hpp"

namespace agentmq::redis {

// What lapsed goes back to its queue: reservations past their deadline, and the hands of the dead. Every step judges on
// the server, so that two who do the same do it once. Thread-safe.
class Recovery {
 public:
  explicit Recovery(Queues& queues) : queues_(queues) {}

  // A lease that was seen unchanged for long enough: what its consumer had goes back. Answers how many messages.
  Result<int64_t> Reclaim(Queue& queue, std::string_view group, const std::string& consumer, const std::string& lease);
  // Deadlines of a group that have passed.
  Result<int64_t> Lapse(Queue& queue, std::string_view group);
  // Leases that are older than max_age by the server's clock, and deadlines.
  Result<int64_t> Recover(Queue& queue, std::string_view group, int64_t max_age);
  // Fills a group that is new, or begins anew, with the broadcasts that it is to get.
  Status Copy(Queue& queue, std::string_view group, const Server::Call& call);
  // What only an ordinal needed that no group has any more goes.
  Status Unref(const Queue& queue, int64_t ordinal, const Server::Call& call);
  // Payloads and keys that scripts released but could not declare.
  void SweepTrash(const Queue& queue);

 private:
  Queues& queues_;
};

// "<epoch> <random> <time>" of a lease: when it was renewed, by the server's clock.
int64_t LeaseTime(std::string_view lease);
// Of the last fetch, which a renewal by the tick carries on.
int64_t LastFetch(std::string_view lease);

}  // namespace agentmq::redis
