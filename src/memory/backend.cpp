#include "memory/backend.hpp"

#include <algorithm>

#include "memory/open.hpp"

namespace agentmq::memory {
namespace {

using IfAbsent = Turn::IfAbsent;

constexpr size_t kWalkStep = 64;  // messages that are copied under one lock

Status NoMessage(const QueueName& queue, const ShortId& id) {
  return Status::NotFound("message '" + FullId{queue, id, {}}.Text() + "' is not there");
}

Status NoDeadLetter(const QueueName& queue, const ShortId& id, std::string_view group) {
  return Status::NotFound("there is no dead letter '" + FullId{queue, id, std::string(group)}.Text() + "'");
}

}  // namespace

Result<std::shared_ptr<Backend>> Open(const std::string& name, const BackendOptions& common) {
  auto store = Store::Open(name, common.prefix, common.name_space);
  return std::shared_ptr<Backend>(std::make_shared<MemoryBackend>(std::move(store), common.events));
}

MemoryBackend::MemoryBackend(std::shared_ptr<Store> store, EventSink events)
    : session_(std::make_shared<Session>(std::move(store), std::move(events))) {}

void MemoryBackend::Publish(std::span<PublishBatch> batches, const Patience& /*nothing here waits*/) {
  for (PublishBatch& batch : batches) {
    batch.dropped = 0;
    const auto stops = [&](const PublishBatch& before) {
      return &before < &batch && !before.status.ok() && *before.queue == *batch.queue;
    };
    if (session_->closed()) {
      batch.status = SessionClosed();
      continue;
    }
    if (std::any_of(batches.begin(), batches.end(), stops)) {
      batch.status = BehindAFailure();
      continue;
    }
    Turn turn(store(), *batch.queue, IfAbsent::kMake, session_->events);
    batch.status = turn->Publish(turn, batch.limits, batch.messages, &batch.dropped);
    if (batch.wanted.asked()) batch.shortfall = "the embedded store has neither replicas nor a disk";
  }
}

Status MemoryBackend::TakeTokens(std::span<const Bucket> buckets, std::span<Take> takes,
                                 const Patience& /*nothing here waits*/) {
  if (session_->closed()) return SessionClosed();
  store().buckets().Take(buckets, takes);
  return Status::Ok();
}

void MemoryBackend::Tell(std::span<Telling> tellings, const Patience& /*nothing here waits*/) {
  for (Telling& telling : tellings) {
    if (session_->closed()) {
      telling.status = SessionClosed();
      continue;
    }
    if (!telling.stored) telling.id = store().MakeId(telling.priority);
    telling.receivers = store().ears().Tell({*telling.queue, telling.id, {}}, telling.head, telling.payload);
  }
}

Status MemoryBackend::Listen(const std::shared_ptr<Ear>& ear, const Patience& /*nothing here waits*/) {
  if (session_->closed()) return SessionClosed();
  store().ears().Add(ear);
  ear->Regain();
  return Status::Ok();
}

Result<std::unique_ptr<Consumer>> MemoryBackend::Subscribe(const Source& source, const ConsumerOptions& options,
                                                           const Patience& /*nothing here waits*/) {
  if (session_->closed()) return SessionClosed();
  Place place;
  {
    Turn turn(store(), source.queue, IfAbsent::kMake, session_->events);
    Result<Queue::Membership> membership = turn->Join(turn, source.group, options);
    if (!membership.ok()) return membership.status();
    place = {turn.queue(), std::move(*membership)};
  }
  return std::unique_ptr<Consumer>(std::make_unique<MemoryConsumer>(session_, place));
}

void MemoryBackend::Ack(std::span<SettleBatch> batches, const Patience& /*nothing here waits*/) {
  for (SettleBatch& batch : batches) {
    Turn turn(store(), batch.source->queue, IfAbsent::kNothing, session_->events);
    if (turn) {
      turn->Ack(turn, batch);
      continue;
    }
    for (Settlement& settlement : batch.settlements) {
      settlement.status = NoMessage(batch.source->queue, settlement.id);
    }
  }
}

Result<std::vector<bool>> MemoryBackend::Done(const Source& source, std::span<const std::string> keys,
                                              const Patience& /*nothing here waits*/) {
  Turn turn(store(), source.queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->Done(turn, source.group, keys) : std::vector<bool>(keys.size());
}

Status MemoryBackend::Seek(const Source& source, bool from_start, std::string_view from,
                           const Patience& /*nothing here waits*/) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), source.queue, IfAbsent::kMake, session_->events);
  return turn->Seek(turn, source.group, from_start, from);
}

Status MemoryBackend::AckId(const Source& source, const ShortId& id, const Retention& retention) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), source.queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->AckId(turn, source.group, id, retention) : NoMessage(source.queue, id);
}

Status MemoryBackend::GiveUp(const Source& source, std::string_view consumer, const Nack& nack, bool* dead) {
  *dead = false;
  Turn turn(store(), source.queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->GiveUp(turn, source.group, consumer, nack, dead) : NoMessage(source.queue, nack.id);
}

Status MemoryBackend::Extend(const Source& source, std::string_view consumer, const Settlement& settlement,
                             int64_t visibility_timeout, int64_t* reserved_until) {
  *reserved_until = 0;
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), source.queue, IfAbsent::kNothing, session_->events);
  if (!turn) return NoMessage(source.queue, settlement.id);
  Result<int64_t> until = turn->Extend(turn, source.group, consumer, settlement, visibility_timeout);
  if (!until.ok()) return until.status();
  *reserved_until = *until;
  return Status::Ok();
}

Result<std::vector<Found>> MemoryBackend::Pending(const Source& source, size_t limit) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), source.queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->Pending(source.group, limit, turn.now()) : std::vector<Found>();
}

Result<Found> MemoryBackend::Get(const QueueName& queue, const ShortId& id) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  if (!turn) return NoMessage(queue, id);
  return turn->Get(id, turn.now());
}

Result<int64_t> MemoryBackend::Count(const QueueName& queue) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->Count() : int64_t{0};
}

Status MemoryBackend::Walk(const QueueName& queue, const std::function<bool(Found&&)>& visit) {
  return WalkIds(
      queue, [](const Queue& one) { return one.Ids(); },
      [](const Queue& one, const ShortId& id, int64_t now) { return one.Get(id, now); }, visit);
}

Status MemoryBackend::WalkKept(const QueueName& queue, const std::function<bool(Found&&)>& visit) {
  return WalkIds(
      queue, [](const Queue& one) { return one.KeptIds(); },
      [](const Queue& one, const ShortId& id, int64_t) { return one.GetKept(id); }, visit);
}

template <class List, class Read>
Status MemoryBackend::WalkIds(const QueueName& queue, const List& list, const Read& read,
                              const std::function<bool(Found&&)>& visit) {
  std::vector<ShortId> ids;
  for (size_t at = 0; at == 0 || at < ids.size();) {
    if (session_->closed()) return SessionClosed();
    std::vector<Found> step;
    {
      Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
      if (!turn) return Status::Ok();
      if (at == 0) ids = list(*turn.queue());
      if (ids.empty()) return Status::Ok();
      for (const size_t end = std::min(at + kWalkStep, ids.size()); at < end; ++at) {
        Result<Found> found = read(*turn.queue(), ids[at], turn.now());
        if (found.ok()) step.push_back(std::move(*found));
      }
    }
    for (Found& found : step) {
      if (!visit(std::move(found))) return Status::Ok();
    }
  }
  return Status::Ok();
}

Result<State> MemoryBackend::Await(const QueueName& queue, const ShortId& id, Look look) {
  if (session_->closed() && look != Look::kLast) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  if (!turn) return NoMessage(queue, id);
  return turn->Await(id, look);
}

Result<std::vector<Standing>> MemoryBackend::Standings(const QueueName& queue, const ShortId& id) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->Standings(id, turn.now()) : std::vector<Standing>();
}

Status MemoryBackend::Announce(const std::string& agent, const std::string& description, int64_t lease) {
  if (session_->closed() && lease != 0) return SessionClosed();
  store().Announce(agent, description, lease);
  return Status::Ok();
}

Status MemoryBackend::NoteAgents(std::span<const std::string> agents) {
  if (session_->closed()) return SessionClosed();
  store().NoteAgents(agents);
  return Status::Ok();
}

Result<bool> MemoryBackend::KnowsAgent(const std::string& agent) {
  if (session_->closed()) return SessionClosed();
  return store().KnowsAgent(agent);
}

Result<std::vector<AgentRecord>> MemoryBackend::Agents(int64_t* now) {
  if (session_->closed()) return SessionClosed();
  *now = store().Now();
  return store().Agents();
}

Status MemoryBackend::Delete(const QueueName& queue, const ShortId& id) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->Delete(id, turn.now()) : NoMessage(queue, id);
}

Result<bool> MemoryBackend::IsDeleted(const QueueName& queue, const ShortId& id,
                                      const Patience& /*nothing here waits*/) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->IsDeleted(id) : false;
}

Result<int64_t> MemoryBackend::Clear(const QueueName& queue) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->Clear(turn.now()) : 0;
}

Result<int64_t> MemoryBackend::Recover(const QueueName& queue, const std::optional<std::string>& group) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->Recover(turn, group) : 0;
}

Result<Found> MemoryBackend::GetDead(const QueueName& queue, const ShortId& id, std::string_view group) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  if (!turn) return NoDeadLetter(queue, id, group);
  return turn->GetDead(id, group);
}

Status MemoryBackend::WalkDead(const QueueName& queue, const std::function<bool(Found&&)>& visit) {
  for (int64_t before = INT64_MAX;;) {
    if (session_->closed()) return SessionClosed();
    std::vector<Found> step;
    {
      Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
      if (turn) step = turn->Dead(&before, kWalkStep);
    }
    if (step.empty()) return Status::Ok();
    for (Found& found : step) {
      if (!visit(std::move(found))) return Status::Ok();
    }
  }
}

Result<ShortId> MemoryBackend::Replay(const QueueName& queue, const ShortId& id, std::string_view group,
                                      const Limits& limits, bool keep_attempts) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  if (!turn) return NoDeadLetter(queue, id, group);
  return turn->Replay(turn, id, group, limits, keep_attempts);
}

Status MemoryBackend::PurgeDead(const QueueName& queue, const ShortId& id, std::string_view group) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  return turn ? turn->PurgeDead(id, group) : NoDeadLetter(queue, id, group);
}

Result<std::vector<QueueName>> MemoryBackend::Queues() {
  if (session_->closed()) return SessionClosed();
  store().Retire();
  std::vector<QueueName> names;
  for (const auto& queue : store().Queues()) {
    const Turn turn(store(), queue, session_->events);  // removes what has expired
    names.push_back(queue->name());
  }
  return names;
}

Status MemoryBackend::AppendAudit(std::string_view kind, int64_t most, AuditHead* head,
                                  std::span<const AuditRecord> records, const Patience& /*patience*/) {
  return store().TrailOf(kind).Append(most, head, records, store().Now());
}

Result<std::vector<AuditRecord>> MemoryBackend::ReadAudit(std::string_view kind, std::string_view after, size_t limit) {
  if (session_->closed()) return SessionClosed();
  return store().TrailOf(kind).Read(after, limit);
}

void MemoryBackend::Tidy() {
  if (session_->closed()) return;
  for (const auto& queue : store().Queues())
    const Turn turn(store(), queue, session_->events);  // removes what has expired
}

Result<QueueStats> MemoryBackend::Stats(const QueueName& queue) {
  if (session_->closed()) return SessionClosed();
  Turn turn(store(), queue, IfAbsent::kNothing, session_->events);
  if (turn) return turn->Stats(turn);
  QueueStats none;
  none.queue = queue;
  return none;
}

Status MemoryBackend::Pause(const QueueName& place, agentmq::Pause pause) {
  if (session_->closed()) return SessionClosed();
  pause.since = store().Now();
  for (const auto& queue : store().Pause(place, pause)) {
    Turn turn(store(), queue, session_->events);
    turn->SetPause(turn, PausedGroup(place, queue->name()), pause);
  }
  return Status::Ok();
}

Status MemoryBackend::Resume(const QueueName& place) {
  if (session_->closed()) return SessionClosed();
  const auto queues = store().Resume(place);
  if (!queues) return Status::NotFound("'" + place.Text() + "' is not paused");
  for (const auto& queue : *queues) {
    Turn turn(store(), queue, session_->events);
    turn->SetPause(turn, PausedGroup(place, queue->name()), std::nullopt);
  }
  return Status::Ok();
}

Result<std::map<QueueName, Pause>> MemoryBackend::Pauses() {
  if (session_->closed()) return SessionClosed();
  return store().Pauses();
}

Result<std::map<std::string, std::string>> MemoryBackend::ReadChannel(std::string_view channel) {
  if (session_->closed()) return SessionClosed();
  return store().ReadChannel(channel);
}

Status MemoryBackend::WriteChannel(std::string_view channel, const std::map<std::string, std::string>& settings) {
  if (session_->closed()) return SessionClosed();
  store().WriteChannel(channel, settings);
  return Status::Ok();
}

Status MemoryBackend::Ping() { return session_->closed() ? SessionClosed() : Status::Ok(); }

Status MemoryBackend::WriteAndReadBack() { return Ping(); }

Result<std::vector<ServerReport>> MemoryBackend::Report() {
  if (session_->closed()) return SessionClosed();
  ServerReport report;
  report.kind = "memory";
  report.role = "master";
  report.eviction_policy = "noeviction";
  return std::vector{report};
}

}  // namespace agentmq::memory
