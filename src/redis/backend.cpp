#include <atomic>
#include <memory>
#include <mutex>

#include "redis/administration.hpp"
#include "redis/agents.hpp"
#include "redis/consumer.hpp"
#include "redis/inspection.hpp"
#include "redis/listening.hpp"
#include "redis/maintenance.hpp"
#include "redis/open.hpp"
#include "redis/publishing.hpp"
#include "redis/rates.hpp"
#include "redis/settling.hpp"
#include "redis/teller.hpp"
#include "redis/ticker.hpp"
#include "redis/trails.hpp"
#include "redis/waiter.hpp"

namespace agentmq::redis {
namespace {

// The parts of a bus on a server or a cluster. They are declared in the order in which they depend on each other; the threads (waiter,
// ticker, listening) end first.
class RedisBackend final : public Backend, public std::enable_shared_from_this<RedisBackend> {
 public:
  RedisBackend(const Options& options, const BackendOptions& common)
      : server_(options, common.events),
        queues_(server_, common),
        publishing_(queues_),
        rates_(queues_),
        recovery_(queues_),
        inspection_(queues_),
        settling_(queues_, recovery_, inspection_),
        administration_(queues_, recovery_, inspection_),
        agents_(queues_),
        maintenance_(queues_, recovery_, inspection_),
        name_(RandomName()),
        waiter_(server_, name_),
        ticker_(server_, recovery_, maintenance_),
        teller_(server_, common),
        trails_(queues_),
        listening_(server_, common) {}

  // Connects, so that what can't mend itself is told at once.
  Status Connect() {
    const int64_t timeout = server_.options().open_timeout;
    if (timeout == 0) {
      server_.nodes().Doubt();
      return Status::Ok();
    }
    const Deadline deadline = Deadline::After(timeout);
    Status status = server_.Open(deadline);
    // A server that is starting gets the time that there is.
    while (status.code() == Code::kUnavailable && !deadline.Expired()) {
      Event nothing;
      const int64_t pause = std::max<int64_t>(server_.RetryAfter(), 10);
      (void)nothing.Wait({deadline.Earlier(Deadline::After(pause)), nullptr});
      Status next = server_.Open(deadline);
      // An attempt that ran out of time says less than the one before it.
      if (next.ok() || !deadline.Expired()) status = std::move(next);
    }
    return status;
  }

  void Shutdown() override { server_.Shutdown(); }

  void Publish(std::span<PublishBatch> batches, const Patience& patience) override {
    publishing_.Publish(batches, patience);
  }

  Status TakeTokens(std::span<const Bucket> buckets, std::span<Take> takes, const Patience& patience) override {
    return rates_.Take(buckets, takes, patience);
  }

  void Tell(std::span<Telling> tellings, const Patience& patience) override { teller_.Tell(tellings, patience); }
  Status Listen(const std::shared_ptr<Ear>& ear, const Patience& patience) override {
    return listening_.Add(ear, patience);
  }
  void Unlisten(const Ear* ear) override { listening_.Remove(ear); }

  Result<std::unique_ptr<Consumer>> Subscribe(const Source& source, const ConsumerOptions& options,
                                              const Patience& patience) override {
    auto consumer = std::make_shared<RedisConsumer>(queues_, recovery_, waiter_, ahead_, source, options);
    if (Status status = consumer->Enter(patience); !status.ok()) return status;
    ticker_.Add(consumer);
    return std::unique_ptr<Consumer>(std::make_unique<Handle>(shared_from_this(), std::move(consumer)));
  }

  void Fetch(std::span<Order> orders, const Patience& patience) override {
    FetchTogether(server_, Consumers(orders), orders, patience);
  }
  bool WaitAndFetch(std::span<Order> orders, const Patience& patience, Event& interrupt) override {
    const std::string name = name_ + ":wait:" + std::to_string(++waits_);
    return WaitTogether(server_, name, Consumers(orders), orders, patience, interrupt);
  }
  void Ack(std::span<SettleBatch> batches, const Patience& patience) override {
    const std::string_view consumer = batches.empty() ? std::string_view() : batches[0].consumer;
    const Connection::Side side{ahead_.Fd(consumer), [&] { return ahead_.Read(consumer); }};
    settling_.Ack(batches, patience, side.fd >= 0 ? &side : nullptr);
  }
  Result<std::vector<bool>> Done(const Source& source, std::span<const std::string> keys,
                                 const Patience& patience) override {
    return settling_.Done(source, keys, patience);
  }
  Status AckId(const Source& source, const ShortId& id, const Retention& retention) override {
    return settling_.AckId(source, id, retention);
  }
  Status Seek(const Source& source, bool from_start, std::string_view from, const Patience& patience) override {
    return administration_.Seek(source, from_start, from, patience);
  }
  Status GiveUp(const Source& source, std::string_view consumer, const Nack& nack, bool* dead) override {
    return settling_.GiveUp(source, consumer, nack, dead);
  }
  Status Extend(const Source& source, std::string_view consumer, const Settlement& settlement,
                int64_t visibility_timeout, int64_t* reserved_until) override {
    return settling_.Extend(source, consumer, settlement, visibility_timeout, reserved_until);
  }

  Result<std::vector<Found>> Pending(const Source& source, size_t limit) override {
    return inspection_.Pending(source, limit);
  }
  Result<Found> Get(const QueueName& queue, const ShortId& id) override { return inspection_.Get(queue, id); }
  Result<int64_t> Count(const QueueName& queue) override { return inspection_.Count(queue); }
  Status Walk(const QueueName& queue, const std::function<bool(Found&&)>& visit) override {
    return inspection_.Walk(queue, visit);
  }
  Status WalkKept(const QueueName& queue, const std::function<bool(Found&&)>& visit) override {
    return inspection_.WalkKept(queue, visit);
  }
  Result<Found> GetDead(const QueueName& queue, const ShortId& id, std::string_view group) override {
    return inspection_.GetDead(queue, id, group);
  }
  Status WalkDead(const QueueName& queue, const std::function<bool(Found&&)>& visit) override {
    return inspection_.WalkDead(queue, visit);
  }
  Result<QueueStats> Stats(const QueueName& queue) override { return inspection_.Stats(queue); }

  Result<State> Await(const QueueName& queue, const ShortId& id, Look look) override {
    return inspection_.Await(queue, id, look);
  }
  Result<std::vector<Standing>> Standings(const QueueName& queue, const ShortId& id) override {
    return inspection_.Standings(queue, id);
  }
  Status Announce(const std::string& agent, const std::string& description, int64_t lease) override {
    return agents_.Announce(agent, description, lease);
  }
  Status NoteAgents(std::span<const std::string> agents) override { return agents_.Note(agents); }
  Result<bool> KnowsAgent(const std::string& agent) override { return agents_.Knows(agent); }
  Result<std::vector<AgentRecord>> Agents(int64_t* now) override { return agents_.All(now); }

  Status Delete(const QueueName& queue, const ShortId& id) override { return administration_.Delete(queue, id); }
  Result<bool> IsDeleted(const QueueName& queue, const ShortId& id, const Patience& patience) override {
    return administration_.IsDeleted(queue, id, patience);
  }
  Result<int64_t> Clear(const QueueName& queue) override { return administration_.Clear(queue); }
  Result<int64_t> Recover(const QueueName& queue, const std::optional<std::string>& group) override {
    return administration_.Recover(queue, group);
  }
  Result<ShortId> Replay(const QueueName& queue, const ShortId& id, std::string_view group, const Limits& limits,
                         bool keep_attempts) override {
    return administration_.Replay(queue, id, group, limits, keep_attempts);
  }
  Status PurgeDead(const QueueName& queue, const ShortId& id, std::string_view group) override {
    return administration_.PurgeDead(queue, id, group);
  }
  Result<std::vector<QueueName>> Queues() override { return queues_.List(); }
  Status Pause(const QueueName& place, agentmq::Pause pause) override { return queues_.Pause(place, std::move(pause)); }
  Status Resume(const QueueName& place) override { return queues_.Resume(place); }
  Result<std::map<QueueName, agentmq::Pause>> Pauses() override { return queues_.Pauses({}); }
  Result<std::map<std::string, std::string>> ReadChannel(std::string_view channel) override {
    return administration_.ReadChannel(channel);
  }
  Status WriteChannel(std::string_view channel, const std::map<std::string, std::string>& settings) override {
    return administration_.WriteChannel(channel, settings);
  }
  Status AppendAudit(std::string_view kind, int64_t most, AuditHead* head, std::span<const AuditRecord> records,
                     const Patience& patience) override {
    return trails_.Append(kind, most, head, records, patience);
  }
  Result<std::vector<AuditRecord>> ReadAudit(std::string_view kind, std::string_view after, size_t limit) override {
    return trails_.Read(kind, after, limit);
  }
  bool Reachable() const override { return server_.Reachable(); }
  Status Ping() override { return administration_.Ping(); }
  Status WriteAndReadBack() override { return administration_.WriteAndReadBack(); }
  Result<std::vector<ServerReport>> Report() override { return administration_.Report(); }

 private:
  // What the core holds: keeps the backend, and has the consumer's lease end with it.
  class Handle final : public Consumer {
   public:
    Handle(std::shared_ptr<RedisBackend> backend, std::shared_ptr<RedisConsumer> consumer)
        : backend_(std::move(backend)), consumer_(std::move(consumer)) {}
    ~Handle() override {
      consumer_->Disarm();
      backend_->ticker_.Remove(consumer_.get());
    }
    Result<Fetched> Fetch(size_t room, const Patience& patience) override { return consumer_->Fetch(room, patience); }
    void ReadAhead(size_t room) override { consumer_->ReadAhead(room); }
    RedisConsumer& consumer() { return *consumer_; }
    void Arm(std::function<void()> wake) override { consumer_->Arm(std::move(wake)); }
    void Disarm() override { consumer_->Disarm(); }
    void WakeAnother() override { consumer_->WakeAnother(); }
    bool LeaseHeld() const override { return consumer_->LeaseHeld(); }
    bool Paused() const override { return consumer_->Paused(); }
    Status GiveBack(std::span<const ShortId> unseen) override { return consumer_->GiveBack(unseen); }
    Status Close(std::span<const ShortId> unseen) override {
      backend_->ticker_.Remove(consumer_.get());
      return consumer_->Close(unseen);
    }
    std::string incarnation() const override { return consumer_->incarnation(); }

   private:
    const std::shared_ptr<RedisBackend> backend_;
    const std::shared_ptr<RedisConsumer> consumer_;
  };

  static std::vector<RedisConsumer*> Consumers(std::span<Order> orders) {
    std::vector<RedisConsumer*> consumers;
    for (const Order& order : orders) consumers.push_back(&static_cast<Handle*>(order.consumer)->consumer());
    return consumers;
  }

  Server server_;
  agentmq::redis::Queues queues_;
  Publishing publishing_;
  Rates rates_;
  Recovery recovery_;
  Inspection inspection_;
  Settling settling_;
  Administration administration_;
  agentmq::redis::Agents agents_;
  Maintenance maintenance_;
  const std::string name_;  // of this bus, in the names of lists that end waits
  std::atomic<int64_t> waits_{0};
  Ahead ahead_;
  Waiter waiter_;
  Ticker ticker_;
  Teller teller_;
  Trails trails_;
  Listening listening_;
};

}  // namespace

Result<std::shared_ptr<Backend>> Open(const Options& options, const BackendOptions& common) {
  auto backend = std::make_shared<RedisBackend>(options, common);
  if (Status status = backend->Connect(); !status.ok()) return status;
  return std::shared_ptr<Backend>(std::move(backend));
}

}  // namespace agentmq::redis
