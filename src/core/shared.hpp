#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/async_sender.hpp"
#include "core/audit.hpp"
#include "core/backend.hpp"
#include "core/channel_settings.hpp"
#include "core/event_log.hpp"
#include "core/gate.hpp"
#include "core/housekeeper.hpp"
#include "core/latency.hpp"
#include "core/presence.hpp"
#include "core/publisher.hpp"
#include "core/seal.hpp"
#include "core/settings.hpp"
#include "core/settler.hpp"
#include "core/timer.hpp"

namespace agentmq {

class Intake;

// The bus' settings as numbers; durations in ms.
struct BusSettings {
  std::string source;
  int64_t command_timeout = 5000;
  int64_t close_timeout = 5000;
  int64_t reconnect_base = 50;
  int64_t reconnect_max = 2000;
  int64_t health_interval = 30000;
  int64_t health_degraded = 50;
  int64_t health_unhealthy = 200;
  int64_t ack_interval = 2;
  int64_t reply_ttl = 0;  // 0: none
  bool trace = false;
  size_t async_max = 10000;
  size_t max_payload = 64 * 1024 * 1024;
  Durability durability;
  size_t outbox_max = 0;  // 0: none
  size_t outbox_bytes = 0;
  double rate_limit = 0;  // of all buses of the namespace that have one; 0: none

  static BusSettings From(const Config& config);
};

// What a bus and its children share; lives as long as any of them. Thread-safe.
struct Shared {
  Shared(std::shared_ptr<Backend> store, Config given, std::shared_ptr<EventLog> events, Keyring keys);

  const Config config;
  const BusSettings settings;
  const Seal seal;
  const std::shared_ptr<EventLog> log;
  Gate gate;
  ChannelSettings channels;
  Latency latency;
  Audit audit;
  Settler settler;
  Publisher publisher;
  AsyncSender sender;
  Housekeeper housekeeper;
  Presence presence;
  Timer timer;

  // The backend; null once the bus was closed. Whoever calls it holds it, so that it ends after its last call.
  std::shared_ptr<Backend> backend() const;
  std::shared_ptr<Backend> ReleaseBackend();
  // How long a call that must reach the server may take where its caller gives it no time or less.
  Patience Brief(const Cancel* cancel = nullptr) const { return {Deadline::After(settings.command_timeout), cancel}; }

  void AddSubscription(const std::shared_ptr<Intake>& subscription);
  std::vector<std::shared_ptr<Intake>> subscriptions() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Backend> backend_;                  // guarded by mutex_
  std::vector<std::weak_ptr<Intake>> subscriptions_;  // guarded by mutex_
};

}  // namespace agentmq
