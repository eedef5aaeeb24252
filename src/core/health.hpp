#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/backend.hpp"

namespace agentmq {

struct Shared;

// The numbers of mq_health_state.
enum class HealthState : int { kHealthy = 0, kDegraded = 1, kUnhealthy = 2 };

struct HealthReport {
  HealthState state = HealthState::kHealthy;
  std::string json;
};

// Looks how the bus is. Thread-safe.
class HealthCheck {
 public:
  explicit HealthCheck(Shared& shared);

  HealthReport Check(Backend& backend);
  // Measures one round trip for the report.
  Status Ping(Backend& backend);

 private:
  class Report;

  void CheckServer(Backend& backend, Report* report);
  void CheckRoundTrip(Backend& backend, Report* report);
  void CheckLatency(Report* report) const;
  void CheckSettings(Backend& backend, Report* report) const;
  static void Advise(const ServerReport& server, Report* report);
  void CheckSubscriptions(Report* report) const;
  Status SendRound(Backend& backend);

  Shared& shared_;
  const QueueName queue_;  // of this bus alone
  std::mutex mutex_;       // held for a round trip's time: one at a time, since they share the queue
};

}  // namespace agentmq
