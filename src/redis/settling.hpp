#pragma once

#include <span>

#include "redis/inspection.hpp"
#include "redis/recovery.hpp"

namespace agentmq::redis {

// Ends deliveries. Every call is judged on the server by the hand of the consumer that it names. Thread-safe.
class Settling {
 public:
  Settling(Queues& queues, Recovery& recovery, Inspection& inspection)
      : queues_(queues), recovery_(recovery), inspection_(inspection) {}

  // side: what is done while the server works.
  void Ack(std::span<SettleBatch> batches, const Patience& patience, const Connection::Side* side);
  Result<std::vector<bool>> Done(const Source& source, std::span<const std::string> keys, const Patience& patience);
  Status AckId(const Source& source, const ShortId& id, const Retention& retention);
  Status GiveUp(const Source& source, std::string_view consumer, const Nack& nack, bool* dead);
  Status Extend(const Source& source, std::string_view consumer, const Settlement& settlement,
                int64_t visibility_timeout, int64_t* reserved_until);

 private:
  struct Place {
    std::shared_ptr<Queue> queue;
    std::shared_ptr<const QueueView> view;
    GroupKeys keys;
    int64_t ordinal;
  };
  // Part of a batch, as one call takes it.
  struct Part {
    SettleBatch* batch;
    std::span<Settlement> settlements;
    Place place;
    std::span<const std::string> done{};  // what is to be remembered of them
    size_t at = 0;                        // of the commands, which acknowledges
  };
  static Command MakeRemember(const Part& part);
  Place Find(const Source& source);
  // beside: the messages leave the queue beside the script (scripts/lib/open.lua).
  static Command MakeAck(const Part& part, bool beside);

  Queues& queues_;
  Recovery& recovery_;
  Inspection& inspection_;
};

}  // namespace agentmq::redis
