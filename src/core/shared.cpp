#include "core/shared.hpp"

#include <utility>

#include "core/intake.hpp"

namespace agentmq {

BusSettings BusSettings::From(const Config& config) {
  BusSettings settings;
  settings.source = config.Text("source");
  settings.command_timeout = config.Integer("command_timeout");
  settings.close_timeout = config.Integer("close_timeout");
  settings.reconnect_base = config.Integer("reconnect_base");
  settings.reconnect_max = config.Integer("reconnect_max");
  settings.health_interval = config.Integer("health_interval");
  settings.health_degraded = config.Integer("health_degraded");
  settings.health_unhealthy = config.Integer("health_unhealthy");
  settings.ack_interval = config.Integer("ack_interval");
  settings.reply_ttl = config.Integer("reply_ttl");
  settings.trace = config.Bool("trace");
  settings.async_max = static_cast<size_t>(config.Integer("async_max"));
  settings.max_payload = static_cast<size_t>(config.Integer("max_payload"));
  settings.outbox_max = static_cast<size_t>(config.Integer("outbox_max"));
  settings.outbox_bytes = static_cast<size_t>(config.Integer("outbox_bytes"));
  settings.rate_limit = config.Number("bus_rate_limit");
  settings.durability = {static_cast<int>(config.Integer("min_replicas")), config.Bool("fsync")};
  return settings;
}

Shared::Shared(std::shared_ptr<Backend> store, Config given, std::shared_ptr<EventLog> events, Keyring keys)
    : config(std::move(given)),
      settings(BusSettings::From(config)),
      seal(config, std::move(keys)),
      log(std::move(events)),
      channels(config),
      audit(*this),
      settler(*this),
      publisher(*this),
      sender(*this),
      housekeeper(*this),
      presence(*this),
      backend_(std::move(store)) {}

std::shared_ptr<Backend> Shared::backend() const {
  const std::lock_guard lock(mutex_);
  return backend_;
}

std::shared_ptr<Backend> Shared::ReleaseBackend() {
  const std::lock_guard lock(mutex_);
  return std::exchange(backend_, nullptr);
}

void Shared::AddSubscription(const std::shared_ptr<Intake>& subscription) {
  const std::lock_guard lock(mutex_);
  std::erase_if(subscriptions_, [](const auto& known) { return known.expired(); });
  subscriptions_.push_back(subscription);
}

std::vector<std::shared_ptr<Intake>> Shared::subscriptions() const {
  std::vector<std::shared_ptr<Intake>> living;
  const std::lock_guard lock(mutex_);
  for (const auto& known : subscriptions_) {
    if (auto subscription = known.lock()) living.push_back(std::move(subscription));
  }
  return living;
}

}  // namespace agentmq
