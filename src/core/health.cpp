#include "core/health.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/directory.hpp"
#include "core/intake.hpp"
#include "core/shared.hpp"

namespace agentmq {
namespace {

using Json = nlohmann::ordered_json;

// A subscription that waits looks at its sources every 30 s, whatever happens.
constexpr int64_t kFetchTooOld = 90000;    // ms
constexpr int64_t kFailingTooLong = 5000;  // ms

constexpr std::array kStateNames = {"healthy", "degraded", "unhealthy"};

}  // namespace

// The report in the making: its state is that of the worst finding.
class HealthCheck::Report {
 public:
  Json json;

  void Add(HealthState state, std::string advice) {
    state_ = std::max(state_, state);
    advice_.push_back(std::move(advice));
  }
  HealthReport Finish() {
    Json whole{{"state", kStateNames[static_cast<size_t>(state_)]}};
    for (auto& [name, value] : json.items()) whole[name] = std::move(value);
    whole["advice"] = std::move(advice_);
    return {state_, whole.dump(-1, ' ', false, Json::error_handler_t::replace)};
  }
  // Notes how long a check took, or why it failed; true where it went well.
  bool Note(const char* name, const Status& status, double millis) {
    json[name] = status.ok() ? Json{{"ok", true}, {"ms", millis}} : Json{{"ok", false}, {"error", status.text()}};
    if (!status.ok()) Add(HealthState::kUnhealthy, std::string(name) + " failed: " + status.text());
    return status.ok();
  }

 private:
  HealthState state_ = HealthState::kHealthy;
  Json advice_ = Json::array();
};

HealthCheck::HealthCheck(Shared& shared)
    : shared_(shared), queue_(QueueName::Inbox(std::string(kPrivateChannel), RandomName())) {}

Status HealthCheck::Ping(Backend& backend) {
  const Stopwatch watch;
  Status status = backend.Ping();
  if (status.ok()) shared_.latency.Add(watch.Millis());
  return status;
}

HealthReport HealthCheck::Check(Backend& backend) {
  Report report;
  CheckServer(backend, &report);
  CheckSubscriptions(&report);
  return report.Finish();
}

void HealthCheck::CheckServer(Backend& backend, Report* report) {
  const Stopwatch ping;
  // Where nobody answers, the other checks would only wait as long for the same.
  const Status pinged = Ping(backend);  // before the clock is read
  const bool answers = report->Note("ping", pinged, ping.Millis());
  CheckLatency(report);
  if (!answers) return;
  const Stopwatch write;
  const Status written = backend.WriteAndReadBack();
  report->Note("write_and_read_back", written, write.Millis());
  CheckRoundTrip(backend, report);
  CheckSettings(backend, report);
}

void HealthCheck::CheckLatency(Report* report) const {
  const Latency::Summary latency = shared_.latency.Summarize();
  report->json["latency"] = {
      {"count", latency.count}, {"min", latency.min}, {"average", latency.average}, {"max", latency.max}};
  const auto above = [&](int64_t threshold) {
    return threshold > 0 && latency.average > static_cast<double>(threshold);
  };
  if (above(shared_.settings.health_unhealthy)) {
    report->Add(HealthState::kUnhealthy, "the average latency is above health_unhealthy");
  } else if (above(shared_.settings.health_degraded)) {
    report->Add(HealthState::kDegraded, "the average latency is above health_degraded");
  }
}

void HealthCheck::CheckRoundTrip(Backend& backend, Report* report) {
  const std::lock_guard lock(mutex_);
  const Stopwatch round;
  const Status status = SendRound(backend);
  report->Note("queue_round_trip", status, round.Millis());
  (void)backend.Clear(queue_);  // what a failure left behind
}

// Publishes a message, fetches it and acknowledges it.
Status HealthCheck::SendRound(Backend& backend) {
  const Source source{queue_, std::string(kInboxGroup)};
  ConsumerOptions options;
  options.name = "health";
  auto consumer = backend.Subscribe(source, options, shared_.Brief());
  if (!consumer.ok()) return consumer.status();
  std::string head;
  Message("round trip").EncodeHead("", options.visibility_timeout, &head);
  Outgoing outgoing;
  outgoing.ttl = options.visibility_timeout;
  outgoing.head = head;
  outgoing.payload = "round trip";
  PublishBatch batch;
  batch.queue = &queue_;
  batch.messages = std::span(&outgoing, 1);
  backend.Publish(std::span(&batch, 1), shared_.Brief());
  Status status = std::move(batch.status);
  if (status.ok()) {
    auto fetched = (*consumer)->Fetch(1, shared_.Brief());
    status = fetched.status();
    if (status.ok() && fetched->messages.empty()) status = {Code::kProtocol, "the message did not come back"};
    if (status.ok()) {
      Settlement settlement{fetched->messages[0].id, fetched->messages[0].delivery, {}};
      const std::string incarnation = (*consumer)->incarnation();
      SettleBatch settle{&source, incarnation, std::span(&settlement, 1)};
      backend.Ack(std::span(&settle, 1), shared_.Brief());
      status = std::move(settlement.status);
    }
  }
  (void)(*consumer)->Close({});
  return status;
}

void HealthCheck::CheckSettings(Backend& backend, Report* report) const {
  const auto servers = backend.Report();
  if (!servers.ok()) {
    report->json["server"] = {{"error", servers.status().text()}};
    report->Add(HealthState::kDegraded, "the server does not tell its settings: " + servers.status().text());
    return;
  }
  Json all = Json::array();
  for (const ServerReport& server : *servers) {
    Json one{{"kind", server.kind},
             {"version", server.version},
             {"role", server.role},
             {"eviction_policy", server.eviction_policy},
             {"aof", server.aof},
             {"rdb", server.rdb},
             {"used_memory", server.used_memory},
             {"max_memory", server.max_memory}};
    if (!server.address.empty()) one["address"] = server.address;
    all.push_back(std::move(one));
    Advise(server, report);
  }
  const bool cluster = all.empty() || all[0].contains("address");
  report->json[cluster ? "servers" : "server"] = cluster ? std::move(all) : std::move(all[0]);
}

void HealthCheck::Advise(const ServerReport& server, Report* report) {
  const std::string name = server.address.empty() ? "the server" : "node " + server.address;
  if (!server.eviction_policy.empty() && server.eviction_policy != "noeviction") {
    report->Add(HealthState::kDegraded,
                name + " may evict messages: set maxmemory-policy to noeviction, it is " + server.eviction_policy);
  }
  if (server.role == "slave" || server.role == "replica") {
    report->Add(HealthState::kUnhealthy, name + " is a replica: it takes no messages");
  }
  if (server.kind == "memory" || server.aof) return;
  // Advice alone: how much may be lost is the operator's decision.
  report->Add(HealthState::kHealthy, server.rdb ? "a crash of " + name +
                                                      " loses what came since its last snapshot: appendonly yes with "
                                                      "appendfsync everysec loses a second at most"
                                                : "a crash of " + name + " loses everything: turn on appendonly");
}

void HealthCheck::CheckSubscriptions(Report* report) const {
  Json list = Json::array();
  for (const auto& subscription : shared_.subscriptions()) {
    if (subscription->stopped()) continue;
    SubscriptionHealth health = subscription->Health();
    const std::string name =
        health.listens ? "the listener of " + health.channels[0] : "the subscription of " + health.agent;
    if (health.failing_for >= kFailingTooLong) {
      report->Add(HealthState::kUnhealthy, name + " can't fetch: " + health.failure);
    } else if (health.failing_for > 0) {
      report->Add(HealthState::kDegraded, name + " could not fetch just now: " + health.failure);
    } else if (health.waiting && health.last_fetch_age > kFetchTooOld) {
      report->Add(HealthState::kUnhealthy, name + " waits, but its last completed fetch is too old");
    }
    Json one =
        health.listens
            ? Json{{"pattern", std::move(health.channels[0])}, {"dropped", health.dropped}, {"gaps", health.gaps}}
            : Json{{"agent", std::move(health.agent)}, {"channels", std::move(health.channels)}};
    one.update({{"waiting", health.waiting},
                {"consuming", health.consuming},
                {"unseen", health.unseen},
                {"failing_for", health.failing_for}});
    if (!health.listens) {
      one["last_fetch_age"] = health.last_fetch_age < 0 ? Json(nullptr) : Json(health.last_fetch_age);
    }
    if (!health.failure.empty()) one["failure"] = std::move(health.failure);
    list.push_back(std::move(one));
  }
  report->json["subscriptions"] = std::move(list);
}

}  // namespace agentmq
