#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/backend.hpp"
#include "memory/consumer.hpp"

namespace agentmq::memory {

// One bus' view of an embedded store: the Backend interface over its queues. Thread-safe.
class MemoryBackend : public Backend {
 public:
  MemoryBackend(std::shared_ptr<Store> store, EventSink events);

  void Shutdown() override { session_->Close(); }

  void Publish(std::span<PublishBatch> batches, const Patience& patience) override;
  Status TakeTokens(std::span<const Bucket> buckets, std::span<Take> takes, const Patience& patience) override;
  void Tell(std::span<Telling> tellings, const Patience& patience) override;
  Status Listen(const std::shared_ptr<Ear>& ear, const Patience& patience) override;
  void Unlisten(const Ear* ear) override { store().ears().Remove(ear); }

  Result<std::unique_ptr<Consumer>> Subscribe(const Source& source, const ConsumerOptions& options,
                                              const Patience& patience) override;

  void Ack(std::span<SettleBatch> batches, const Patience& patience) override;
  Result<std::vector<bool>> Done(const Source& source, std::span<const std::string> keys,
                                 const Patience& patience) override;
  Status AckId(const Source& source, const ShortId& id, const Retention& retention) override;
  Status Seek(const Source& source, bool from_start, std::string_view from, const Patience& patience) override;
  Status GiveUp(const Source& source, std::string_view consumer, const Nack& nack, bool* dead) override;
  Status Extend(const Source& source, std::string_view consumer, const Settlement& settlement,
                int64_t visibility_timeout, int64_t* reserved_until) override;

  Result<std::vector<Found>> Pending(const Source& source, size_t limit) override;
  Result<Found> Get(const QueueName& queue, const ShortId& id) override;
  Result<int64_t> Count(const QueueName& queue) override;
  Status Walk(const QueueName& queue, const std::function<bool(Found&&)>& visit) override;
  Status WalkKept(const QueueName& queue, const std::function<bool(Found&&)>& visit) override;
  Result<State> Await(const QueueName& queue, const ShortId& id, Look look) override;
  Status Delete(const QueueName& queue, const ShortId& id) override;

  Result<std::vector<Standing>> Standings(const QueueName& queue, const ShortId& id) override;
  Status Announce(const std::string& agent, const std::string& description, int64_t lease) override;
  Status NoteAgents(std::span<const std::string> agents) override;
  Result<bool> KnowsAgent(const std::string& agent) override;
  Result<std::vector<AgentRecord>> Agents(int64_t* now) override;

  Result<bool> IsDeleted(const QueueName& queue, const ShortId& id, const Patience& patience) override;
  Result<int64_t> Clear(const QueueName& queue) override;
  Result<int64_t> Recover(const QueueName& queue, const std::optional<std::string>& group) override;

  Result<Found> GetDead(const QueueName& queue, const ShortId& id, std::string_view group) override;
  Status WalkDead(const QueueName& queue, const std::function<bool(Found&&)>& visit) override;
  Result<ShortId> Replay(const QueueName& queue, const ShortId& id, std::string_view group, const Limits& limits,
                         bool keep_attempts) override;
  Status PurgeDead(const QueueName& queue, const ShortId& id, std::string_view group) override;

  Result<std::vector<QueueName>> Queues() override;
  Result<QueueStats> Stats(const QueueName& queue) override;

  Status Pause(const QueueName& place, agentmq::Pause pause) override;
  Status Resume(const QueueName& place) override;
  Result<std::map<QueueName, agentmq::Pause>> Pauses() override;

  Result<std::map<std::string, std::string>> ReadChannel(std::string_view channel) override;
  Status WriteChannel(std::string_view channel, const std::map<std::string, std::string>& settings) override;

  Status AppendAudit(std::string_view kind, int64_t most, AuditHead* head, std::span<const AuditRecord> records,
                     const Patience& patience) override;
  Result<std::vector<AuditRecord>> ReadAudit(std::string_view kind, std::string_view after, size_t limit) override;

  void Tidy() override;

  Status Ping() override;
  Status WriteAndReadBack() override;
  Result<std::vector<ServerReport>> Report() override;

 private:
  template <class List, class Read>
  Status WalkIds(const QueueName& queue, const List& list, const Read& read, const std::function<bool(Found&&)>& visit);
  Store& store() const { return *session_->store; }

  const std::shared_ptr<Session> session_;
};

}  // namespace agentmq::memory
