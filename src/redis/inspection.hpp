#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "redis/queues.hpp"

namespace agentmq::redis {

// Looks at queues, takes nothing. Thread-safe.
class Inspection {
 public:
  explicit Inspection(Queues& queues) : queues_(queues) {}

  Result<std::vector<Found>> Pending(const Source& source, size_t limit);
  Result<Found> Get(const QueueName& queue, const ShortId& id);
  Result<int64_t> Count(const QueueName& name);
  Status Walk(const QueueName& queue, const std::function<bool(Found&&)>& visit);
  Status WalkKept(const QueueName& queue, const std::function<bool(Found&&)>& visit);
  Result<Found> GetDead(const QueueName& queue, const ShortId& id, std::string_view group);
  Status WalkDead(const QueueName& queue, const std::function<bool(Found&&)>& visit);
  Result<QueueStats> Stats(const QueueName& queue);
  Result<std::vector<Standing>> Standings(const QueueName& queue, const ShortId& id);
  Result<State> Await(const QueueName& queue, const ShortId& id, Backend::Look look);

  // Ids of the messages that a hash holds, oldest first; in steps, the server is never blocked for long.
  Result<std::vector<ShortId>> Ids(const std::string& records);
  // Everything that holds ids of a group: consumers with a lease or a deadline.
  Result<std::vector<std::string>> Consumers(const GroupKeys& keys);

 private:
  struct Held {
    std::string consumer;
    int64_t until = 0;
  };
  // Where the messages of a group are that wait in no lane.
  struct Whereabouts {
    std::map<ShortId, Held> held;
    std::map<ShortId, int64_t> due;
    std::map<ShortId, Tries> tries;
  };
  Status CountAhead(const QueueView& view, const QueueView::Group& group, const ShortId& id, Standing* place);
  Result<Whereabouts> Locate(const Queue& queue, const QueueView::Group& group);
  Status Fill(const Queue& queue, const std::string& records, std::span<Found> found);  // records and blobs
  Result<Found> GetKept(const Queue& queue, Found found);
  // A log's broadcasts that are due later; empty for an inbox, whose group knows.
  Result<std::map<ShortId, int64_t>> Later(const Queue& queue);
  static void Schedule(Found* found, const std::map<ShortId, int64_t>& later);
  static void Describe(Found* found, const Whereabouts& whereabouts, std::string_view group);
  Result<Found> ParseDead(const Queue& queue, std::string_view name, std::string& letter);

  Queues& queues_;
};

Tries ParseTries(const std::string& text);

}  // namespace agentmq::redis
