#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/async_sender.hpp"
#include "core/backend.hpp"
#include "core/event_log.hpp"
#include "core/health.hpp"
#include "core/message.hpp"
#include "core/settings.hpp"
#include "core/subscription.hpp"
#include "util/event.hpp"
#include "util/status.hpp"

namespace agentmq {

class Directory;
class Requester;
struct Shared;

// The numbers of mq_failure.
enum class Failure : int { kTransient = 0, kPermanent = 1 };

// A name or nullopt for "any" (C's NULL).
using MaybeName = std::optional<std::string_view>;

// An open bus: publishing, settling and looking. All names, limits and filters are checked here, so that callers check
// only for null pointers. Text arguments are not kept.
//
// Thread-safe. Subscriptions, messages and lists outlive it: they hold what they need of its inside (Shared).
class Bus {
 public:
  // config: bus settings, and what it gives channels and subscriptions as defaults. log: also the backend's sink.
  // keys: as its settings say.
  static std::shared_ptr<Bus> Make(std::shared_ptr<Backend> backend, Config config, std::shared_ptr<EventLog> log,
                                   Keyring keys = {});
  ~Bus();  // as Close() where that was not done
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // config: settings of kind channel; "" is MQ_DIRECT.
  Status Configure(std::string_view channel, const Config& config);
  // Every waiting call answers kClosed, now and later.
  void Shutdown();
  // Shutdown, close_timeout for what is under way, then all threads end. kPartial; kInvalid from inside a handler or
  // callback of this bus: nothing was done, the handle must not be freed then.
  Status Close();

  // ---- publish ----
  Status Publish(std::string_view channel, Message& message, const Patience& patience);
  // results: null, or room for a status number each. published: may be null. Entries may be null: kInvalid.
  Status PublishBatch(std::string_view channel, std::span<Message* const> messages, const Patience& patience,
                      int32_t* results, size_t* published);
  // targets: null ones are kInvalid. sent: may be null; copies in the order of targets, also with a failure that came
  // after the arguments were found good.
  Status PublishMany(std::string_view channel, const Message& message, std::span<const char* const> targets,
                     const Patience& patience, Messages* sent);
  // callback may be empty; is not called where this answers a failure.
  Status PublishAsync(std::string_view channel, std::unique_ptr<Message> message, PublishCallback callback);
  Status Flush(const Patience& patience);

  // ---- request and reply ----
  // Sets the message's target and reply_to, and the correlation id where it has none. timeout: ms, -1 without end, also
  // of those below.
  Result<std::unique_ptr<Message>> Request(std::string_view target, Message& message, int64_t timeout,
                                           const Cancel* cancel);
  // wanted: replies, 0 one of each target. replies: set with ok and kPartial.
  Status RequestMany(std::span<const char* const> targets, const Message& message, size_t wanted, int64_t timeout,
                     const Cancel* cancel, Messages* replies);
  Status Reply(const Message& request, Message& reply);
  Result<std::unique_ptr<Message>> Collect(std::string_view agent, std::string_view correlation_id,
                                           const Patience& patience);

  // ---- subscribe ----
  // config: settings of kind subscription; may be null.
  Result<std::unique_ptr<Subscription>> Subscribe(std::string_view channel, std::string_view agent,
                                                  const Config* config);
  Result<std::unique_ptr<Subscription>> Listen(std::string_view pattern, const Config* config);

  // ---- settle ----
  Status Ack(const Message& message);
  // Null entries (taken out of a list) are kInvalid each. results, acked: may be null.
  Status AckBatch(const Messages& messages, int32_t* results, size_t* acked);
  Status AckReceipts(std::span<const char* const> receipts, int32_t* results, size_t* acked);
  Status AckId(MaybeName agent, std::string_view id);
  Status AckAsync(const Message& message);
  Status Nack(const Message& message, Failure failure, int64_t delay, std::string_view reason);
  Status NackReceipt(std::string_view receipt, Failure failure, int64_t delay, std::string_view reason);
  Status Extend(Message& message, int64_t visibility_timeout);
  Status ExtendReceipt(std::string_view receipt, int64_t visibility_timeout);

  // ---- look and manage ----
  Result<Messages> Pending(MaybeName channel, MaybeName agent, size_t limit);
  Result<std::unique_ptr<Message>> Get(std::string_view id);
  // filter: settings of kind filter; null: all.
  Result<Messages> Find(const Config* filter, size_t limit, size_t offset);
  Result<int64_t> Count(const Config* filter);
  Status Delete(std::string_view id);
  Result<bool> IsDeleted(std::string_view id);
  Result<int64_t> Clear(std::string_view channel);  // "*": the whole namespace
  Result<int64_t> Recover(MaybeName agent);
  Result<Messages> DeadLetters(const Config* filter, size_t limit, size_t offset);
  Result<std::string> Replay(std::string_view id);            // the new id
  Status ReplayAll(const Config* filter, int64_t* replayed);  // replayed is set in any case
  Result<int64_t> PurgeDead(const Config* filter);

  // state: a number of mq_state. reached: is set in any case.
  Status Await(std::string_view id, int state, const Patience& patience, State* reached);
  Result<std::string> Explain(std::string_view id);
  Status Announce(std::string_view agent, std::string_view description, int64_t lease);
  Result<std::string> Agents(MaybeName pattern);
  Status Pause(std::string_view channel, MaybeName agent, std::string_view reason);
  Status Resume(std::string_view channel, MaybeName agent);
  // actor: may be "". after: "", the id of a record, or a time.
  Status AddToAudit(std::string_view kind, std::string_view actor, std::string_view json);
  Result<std::string> ReadAudit(std::string_view kind, std::string_view after, size_t limit);
  Result<std::string> VerifyAudit(std::string_view kind);

  Result<std::string> Stats(MaybeName channel);
  Result<std::string> Channels();
  Result<std::string> Groups(MaybeName channel);
  Result<HealthReport> Health();
  Result<std::string> NextLog(const Patience& patience);

 private:
  explicit Bus(std::shared_ptr<Shared> shared);

  void StartTimer();
  Result<Config> SubscriptionConfig(const Config* config) const;
  std::unique_ptr<Subscription> Hold(std::shared_ptr<Intake> intake);
  template <class Body>
  auto Ask(Body body) -> decltype(body(std::declval<Backend&>()));
  template <class Body>
  auto Settle(Body body) -> decltype(body(std::declval<Backend&>()));

  const std::shared_ptr<Shared> shared_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<HealthCheck> health_;
  std::unique_ptr<Requester> requester_;
};

}  // namespace agentmq
