#include "core/bus.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/directory.hpp"
#include "core/inside.hpp"
#include "core/listener.hpp"
#include "core/requester.hpp"
#include "core/shared.hpp"
#include "core/stats.hpp"
#include "core/subscription_state.hpp"

namespace agentmq {
namespace {

constexpr int64_t kTidyEvery = 1000;  // ms

// Acknowledges what is well among the requests, and says of each what became of it.
Status AckAll(Shared& shared, std::span<AckRequest> requests, int32_t* results, size_t* acked) {
  if (acked != nullptr) *acked = 0;
  const auto backend = shared.backend();
  if (backend == nullptr) return ClosedStatus();
  shared.settler.Ack(*backend, requests, shared.Brief());
  size_t done = 0;
  const Status* first_failure = nullptr;
  for (size_t i = 0; i < requests.size(); ++i) {
    const Status& status = requests[i].status;
    if (results != nullptr) results[i] = static_cast<int32_t>(status.code());
    done += status.ok() ? 1 : 0;
    if (!status.ok() && first_failure == nullptr) first_failure = &status;
  }
  if (acked != nullptr) *acked = done;
  return Summary(done, requests.size(), first_failure == nullptr ? Status::Ok() : *first_failure, "acknowledged");
}

}  // namespace

// Calls `body` with the backend; kClosed where the bus was shut down.
template <class Body>
auto Bus::Ask(Body body) -> decltype(body(std::declval<Backend&>())) {
  const auto backend = shared_->backend();
  if (backend == nullptr || shared_->gate.closed()) return ClosedStatus();
  return body(*backend);
}

// The same for what goes on after a shutdown, until the bus is closed: settling.
template <class Body>
auto Bus::Settle(Body body) -> decltype(body(std::declval<Backend&>())) {
  const auto backend = shared_->backend();
  if (backend == nullptr) return ClosedStatus();
  return body(*backend);
}

Bus::Bus(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)),
      directory_(std::make_unique<Directory>(*shared_)),
      health_(std::make_unique<HealthCheck>(*shared_)),
      requester_(std::make_unique<Requester>(shared_)) {}

std::shared_ptr<Bus> Bus::Make(std::shared_ptr<Backend> backend, Config config, std::shared_ptr<EventLog> log,
                               Keyring keys) {
  auto shared = std::make_shared<Shared>(std::move(backend), std::move(config), std::move(log), std::move(keys));
  std::shared_ptr<Bus> bus(new Bus(std::move(shared)));
  bus->StartTimer();
  if (bus->shared_->audit.on()) {
    bus->shared_->log->SetTap([weak = std::weak_ptr(bus->shared_)](std::string_view event, const Details& details) {
      if (const auto alive = weak.lock(); alive != nullptr) alive->audit.NoteEvent(event, details);
    });
  }
  if (bus->shared_->log->Wants(kLogInfo)) bus->shared_->log->Write(kLogInfo, "opened", {});
  return bus;
}

Bus::~Bus() { (void)Close(); }

// Close() stops the timer before the bus ends.
void Bus::StartTimer() {
  shared_->timer.Add(kTidyEvery, [this] {
    if (const auto backend = shared_->backend(); backend != nullptr) backend->Tidy();
    return kTidyEvery;
  });
  const int64_t interval = shared_->settings.health_interval;
  if (interval <= 0) return;
  shared_->timer.Add(interval, [this, interval] {
    if (const auto backend = shared_->backend(); backend != nullptr) (void)health_->Ping(*backend);
    return interval;
  });
}

Status Bus::Configure(std::string_view channel, const Config& config) {
  if (!channel.empty()) {
    if (Status status = CheckName("channel", channel); !status.ok()) return status;
  }
  return Ask([&](Backend& backend) {
    Status status = shared_->channels.Configure(backend, channel, config);
    if (!status.ok() || !shared_->audit.on()) return status;
    std::string settings;
    for (const auto& [name, value] : config.values()) settings += (settings.empty() ? "" : " ") + name + "=" + value;
    shared_->audit.Note("configure", {{"channel", channel}, {"settings", settings}});
    return status;
  });
}

void Bus::Shutdown() {
  shared_->gate.Close();
  shared_->log->Shutdown();
  requester_->Shutdown();
  for (const auto& subscription : shared_->subscriptions()) subscription->Stop();
  // With asynchronous publishes under way the backend is needed until Close(): what waits in it returns then, or by
  // command_timeout.
  const auto backend = shared_->backend();
  if (backend != nullptr && shared_->sender.Idle()) backend->Shutdown();
}

Status Bus::Close() {
  if (Inside::OfBus(shared_.get())) return Status::Invalid("a bus can't be closed from inside its handler or callback");
  if (shared_->backend() == nullptr) return Status::Ok();
  const Deadline deadline = Deadline::After(shared_->settings.close_timeout);
  Shutdown();
  const auto subscriptions = shared_->subscriptions();
  for (const auto& subscription : subscriptions) subscription->Close({deadline, nullptr});
  for (const auto& subscription : subscriptions) (void)subscription->workers().Wait({deadline, nullptr});
  requester_->Close();
  Status status = shared_->sender.Close(deadline);
  shared_->log->SetTap({});
  Status audited = shared_->audit.Close(deadline);
  if (status.ok()) status = std::move(audited);
  shared_->timer.Stop();
  if (const auto backend = shared_->backend(); backend != nullptr && backend->Reachable() && !deadline.Expired()) {
    shared_->presence.Withdraw(*backend);
  }
  if (const auto backend = shared_->ReleaseBackend(); backend != nullptr) backend->Shutdown();
  if (shared_->log->Wants(kLogInfo)) shared_->log->Write(kLogInfo, "closed", {});
  shared_->log->Detach();
  return status;
}

// ---- publish ----------------------------------------------------------------------------------------------------

Status Bus::Publish(std::string_view channel, Message& message, const Patience& patience) {
  Message* const one = &message;
  return shared_->publisher.Publish(channel, std::span(&one, 1), patience, nullptr, nullptr);
}

Status Bus::PublishBatch(std::string_view channel, std::span<Message* const> messages, const Patience& patience,
                         int32_t* results, size_t* published) {
  return shared_->publisher.Publish(channel, messages, patience, results, published);
}

Status Bus::PublishMany(std::string_view channel, const Message& message, std::span<const char* const> targets,
                        const Patience& patience, Messages* sent) {
  return shared_->publisher.PublishMany(channel, message, targets, patience, sent);
}

Status Bus::PublishAsync(std::string_view channel, std::unique_ptr<Message> message, PublishCallback callback) {
  if (!channel.empty()) {
    if (Status status = CheckName("channel", channel); !status.ok()) return status;
  }
  if (Status status = shared_->publisher.Check(channel, message.get()); !status.ok()) return status;
  if (Status status = shared_->publisher.Trace(*message); !status.ok()) return status;
  return shared_->sender.Publish(channel, std::move(message), std::move(callback));
}

Status Bus::Flush(const Patience& patience) {
  Status status = shared_->sender.Flush(patience);
  Status audited = shared_->audit.on() ? shared_->audit.Flush(patience) : Status::Ok();
  return status.ok() ? audited : status;
}

// ---- request and reply ------------------------------------------------------------------------------------------

Result<std::unique_ptr<Message>> Bus::Request(std::string_view target, Message& message, int64_t timeout,
                                              const Cancel* cancel) {
  return requester_->Request(target, message, timeout, cancel);
}

Status Bus::RequestMany(std::span<const char* const> targets, const Message& message, size_t wanted, int64_t timeout,
                        const Cancel* cancel, Messages* replies) {
  return requester_->RequestMany(targets, message, wanted, timeout, cancel, replies);
}

Status Bus::Reply(const Message& request, Message& reply) { return requester_->Reply(request, reply); }

Result<std::unique_ptr<Message>> Bus::Collect(std::string_view agent, std::string_view correlation_id,
                                              const Patience& patience) {
  return requester_->Collect(agent, correlation_id, patience);
}

// ---- subscribe --------------------------------------------------------------------------------------------------

// What is given, over the bus' own.
Result<Config> Bus::SubscriptionConfig(const Config* config) const {
  constexpr std::array kKinds = {SettingKind::kSubscription};
  if (config == nullptr) return shared_->config;
  if (Status status = config->CheckKinds("a subscription", kKinds); !status.ok()) return status;
  return config->Over(shared_->config);
}

std::unique_ptr<Subscription> Bus::Hold(std::shared_ptr<Intake> intake) {
  shared_->AddSubscription(intake);
  // A shutdown meanwhile did not see it.
  if (shared_->gate.closed()) intake->Close(shared_->Brief());
  return std::make_unique<Subscription>(std::move(intake));
}

Result<std::unique_ptr<Subscription>> Bus::Subscribe(std::string_view channel, std::string_view agent,
                                                     const Config* config) {
  if (Status status = CheckName("agent", agent); !status.ok()) return status;
  const auto settings = SubscriptionConfig(config);
  if (!settings.ok()) return settings.status();
  auto state = std::make_shared<SubscriptionState>(shared_, std::string(agent), SubscriptionSettings::From(*settings));
  if (Status status = state->Add(channel); !status.ok()) return status;
  // From now on the agent has been (require_agent).
  if (Status status = Ask([&](Backend& backend) { return shared_->presence.Note(backend, agent); }); !status.ok()) {
    state->Close(shared_->Brief());
    return status;
  }
  return Hold(std::move(state));
}

Result<std::unique_ptr<Subscription>> Bus::Listen(std::string_view pattern, const Config* config) {
  auto glob = Glob::Parse(pattern);
  if (!glob.ok()) return glob.status();
  const auto settings = SubscriptionConfig(config);
  if (!settings.ok()) return settings.status();
  auto listener = std::make_shared<Listener>(shared_, std::move(*glob), ListenerSettings::From(*settings));
  if (Status status = listener->Start(listener); !status.ok()) return status;
  return Hold(std::move(listener));
}

// ---- settle -----------------------------------------------------------------------------------------------------

Status Bus::Ack(const Message& message) {
  AckRequest request = AckRequest::Of(message);
  return AckAll(*shared_, std::span(&request, 1), nullptr, nullptr);
}

Status Bus::AckBatch(const Messages& messages, int32_t* results, size_t* acked) {
  std::vector<AckRequest> requests;
  requests.reserve(messages.size());
  for (const auto& message : messages) {
    if (message != nullptr) {
      requests.push_back(AckRequest::Of(*message));
    } else {
      requests.emplace_back().status = Status::Invalid("a message was taken out of the list");
    }
  }
  return AckAll(*shared_, requests, results, acked);
}

Status Bus::AckReceipts(std::span<const char* const> receipts, int32_t* results, size_t* acked) {
  std::vector<AckRequest> requests = AckRequest::Of(receipts, shared_->housekeeper);
  return AckAll(*shared_, requests, results, acked);
}

Status Bus::AckId(MaybeName agent, std::string_view id) {
  return Settle([&](Backend& backend) { return shared_->settler.AckId(backend, agent, id); });
}

Status Bus::AckAsync(const Message& message) { return shared_->sender.Ack(AckRequest::Of(message)); }

Status Bus::Nack(const Message& message, Failure failure, int64_t delay, std::string_view reason) {
  return Settle([&](Backend& backend) {
    return shared_->settler.NackMessage(backend, message, failure == Failure::kPermanent, delay, reason);
  });
}

Status Bus::NackReceipt(std::string_view receipt, Failure failure, int64_t delay, std::string_view reason) {
  return Settle([&](Backend& backend) {
    return shared_->settler.NackReceipt(backend, receipt, failure == Failure::kPermanent, delay, reason);
  });
}

Status Bus::Extend(Message& message, int64_t visibility_timeout) {
  return Settle([&](Backend& backend) { return shared_->settler.ExtendMessage(backend, message, visibility_timeout); });
}

Status Bus::ExtendReceipt(std::string_view receipt, int64_t visibility_timeout) {
  return Settle([&](Backend& backend) { return shared_->settler.ExtendReceipt(backend, receipt, visibility_timeout); });
}

// ---- look and manage --------------------------------------------------------------------------------------------

Result<Messages> Bus::Pending(MaybeName channel, MaybeName agent, size_t limit) {
  return Ask([&](Backend& backend) { return directory_->Pending(backend, channel, agent, limit); });
}

Result<std::unique_ptr<Message>> Bus::Get(std::string_view id) {
  return Ask([&](Backend& backend) { return directory_->Get(backend, id); });
}

Result<Messages> Bus::Find(const Config* filter, size_t limit, size_t offset) {
  return Ask([&](Backend& backend) { return directory_->Find(backend, filter, limit, offset); });
}

Result<int64_t> Bus::Count(const Config* filter) {
  return Ask([&](Backend& backend) { return directory_->Count(backend, filter); });
}

Status Bus::Delete(std::string_view id) {
  return Ask([&](Backend& backend) { return directory_->Delete(backend, id); });
}

Result<bool> Bus::IsDeleted(std::string_view id) {
  return Ask([&](Backend& backend) { return directory_->IsDeleted(backend, id); });
}

Result<int64_t> Bus::Clear(std::string_view channel) {
  return Ask([&](Backend& backend) { return directory_->Clear(backend, channel); });
}

Result<int64_t> Bus::Recover(MaybeName agent) {
  return Ask([&](Backend& backend) { return directory_->Recover(backend, agent); });
}

Result<Messages> Bus::DeadLetters(const Config* filter, size_t limit, size_t offset) {
  return Ask([&](Backend& backend) { return directory_->DeadLetters(backend, filter, limit, offset); });
}

Result<std::string> Bus::Replay(std::string_view id) {
  return Ask([&](Backend& backend) { return directory_->Replay(backend, id); });
}

Status Bus::ReplayAll(const Config* filter, int64_t* replayed) {
  *replayed = 0;
  return Ask([&](Backend& backend) { return directory_->ReplayAll(backend, filter, replayed); });
}

Result<int64_t> Bus::PurgeDead(const Config* filter) {
  return Ask([&](Backend& backend) { return directory_->PurgeDead(backend, filter); });
}

Status Bus::Await(std::string_view id, int state, const Patience& patience, State* reached) {
  *reached = State::kQueued;
  return Ask([&](Backend& backend) { return directory_->Await(backend, id, state, patience, reached); });
}

Result<std::string> Bus::Explain(std::string_view id) {
  return Ask([&](Backend& backend) { return directory_->Explain(backend, id); });
}

Status Bus::Announce(std::string_view agent, std::string_view description, int64_t lease) {
  return Ask([&](Backend& backend) { return shared_->presence.Announce(backend, agent, description, lease); });
}

Result<std::string> Bus::Agents(MaybeName pattern) {
  return Ask(
      [&](Backend& backend) { return AgentsJson(backend, pattern, shared_->config.Integer("liveness_timeout")); });
}

Status Bus::Pause(std::string_view channel, MaybeName agent, std::string_view reason) {
  return Ask([&](Backend& backend) { return directory_->Pause(backend, channel, agent, reason); });
}

Status Bus::Resume(std::string_view channel, MaybeName agent) {
  return Ask([&](Backend& backend) { return directory_->Resume(backend, channel, agent); });
}

Result<std::string> Bus::Channels() {
  return Ask([&](Backend& backend) { return ChannelsJson(backend); });
}

Result<std::string> Bus::Groups(MaybeName channel) {
  return Ask([&](Backend& backend) { return GroupsJson(backend, channel); });
}

Status Bus::AddToAudit(std::string_view kind, std::string_view actor, std::string_view json) {
  return Ask([&](Backend& backend) { return shared_->audit.Add(backend, kind, actor, json); });
}

Result<std::string> Bus::ReadAudit(std::string_view kind, std::string_view after, size_t limit) {
  return Ask([&](Backend& backend) { return agentmq::ReadAudit(backend, kind, after, limit); });
}

Result<std::string> Bus::VerifyAudit(std::string_view kind) {
  return Ask([&](Backend& backend) { return agentmq::VerifyAudit(backend, kind); });
}

Result<std::string> Bus::Stats(MaybeName channel) {
  return Ask([&](Backend& backend) { return StatsJson(backend, channel); });
}

Result<HealthReport> Bus::Health() {
  return Ask([&](Backend& backend) -> Result<HealthReport> { return health_->Check(backend); });
}

Result<std::string> Bus::NextLog(const Patience& patience) { return shared_->log->Next(patience); }

}  // namespace agentmq
