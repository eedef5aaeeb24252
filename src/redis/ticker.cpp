#include "redis/ticker.hpp"

#include <algorithm>

namespace agentmq::redis {
namespace {

constexpr size_t kSourcesACall = 50;
constexpr int64_t kMaintainTime = 300;  // ms of a tick
constexpr int64_t kTickTime = 1000;     // ms for its answers

}  // namespace

Ticker::Ticker(Server& server, Recovery& recovery, Maintenance& maintenance)
    : server_(server), recovery_(recovery), maintenance_(maintenance), thread_("amq-tick", [this] { Run(); }) {}

Ticker::~Ticker() {
  stopping_.store(true);
  wake_.Set();
  thread_.Join();
}

void Ticker::Add(std::weak_ptr<RedisConsumer> consumer) {
  std::lock_guard lock(mutex_);
  consumers_.push_back(std::move(consumer));
}

void Ticker::Remove(const RedisConsumer* consumer) {
  std::lock_guard lock(mutex_);
  std::erase_if(consumers_, [&](const auto& weak) {
    auto held = weak.lock();
    return !held || held.get() == consumer;
  });
}

void Ticker::Run() {
  const int64_t period = std::max<int64_t>(server_.options().liveness_timeout / 3, 10);
  int64_t next = SteadyMillis() + period;
  while (!stopping_.load()) {
    wake_.Wait({Deadline::After(std::max<int64_t>(next - SteadyMillis(), 0)), nullptr});
    if (stopping_.load() || server_.shut_down()) return;
    if (SteadyMillis() < next) continue;
    next = SteadyMillis() + period;
    Tick();
    if (!stopping_.load()) maintenance_.Walk();
  }
}

void Ticker::Tick() {
  Batch all;
  {
    std::lock_guard lock(mutex_);
    for (const auto& weak : consumers_) {
      if (auto consumer = weak.lock()) all.push_back(std::move(consumer));
    }
  }
  maintained_.clear();
  maintain_left_ = kMaintainTime;
  // In a cluster keys of one command are in one slot; on one server all are.
  std::map<int, std::vector<Call>> by_slot;
  for (const auto& consumer : all) {
    auto& calls = by_slot[SlotOf(*consumer)];
    if (calls.empty() || calls.back().consumers.size() == kSourcesACall) calls.emplace_back();
    calls.back().consumers.push_back(consumer);
  }
  // One server is asked a call at a time, so that others come in between; the nodes of a cluster all at once, so that
  // one that is away does not keep the others waiting more than once.
  std::vector<Call> calls;
  for (auto& [slot, some] : by_slot) std::move(some.begin(), some.end(), std::back_inserter(calls));
  const size_t step = server_.nodes().is_cluster() ? calls.size() : 1;
  for (size_t from = 0; from < calls.size() && !stopping_.load(); from += step) {
    TickSome(std::span(calls).subspan(from, step));
  }
  FollowLosses(all);
  // Consumers that left in order.
  const int64_t now = SteadyMillis();
  std::erase_if(seen_, [&](const auto& entry) { return now - entry.second.last > 60000; });
}

Command Ticker::MakeCommand(Call& call) {
  Command command(Script::kTick);
  call.leases.reserve(call.consumers.size());
  for (const auto& consumer : call.consumers) {
    const auto& view = call.views.emplace_back(consumer->queue().view());
    const auto* group = view->Find(consumer->source().group);
    const QueueKeys& queue = consumer->queue().keys();
    const GroupKeys& keys =
        group != nullptr ? group->keys : call.own_keys.emplace_back(queue.Group(consumer->source().group, {}));
    command.Key(keys.lease()).Key(keys.wake()).Key(keys.due()).Key(keys.until()).Key(queue.expiry()).Key(queue.meta());
    call.leases.push_back(consumer->lease());
    command.KeepKey(keys.Hand(call.leases.back().consumer));
    AddLaneKeys(&command, keys);
  }
  for (size_t i = 0; i < call.consumers.size(); ++i) {
    const auto* group = call.views[i]->Find(call.consumers[i]->source().group);
    command.Arg(call.leases[i].consumer).Arg(call.leases[i].epoch).Keep(RandomName());
    call.awaited.push_back(call.consumers[i]->awaited());
    command.Arg(call.awaited.back());
    command.Arg(static_cast<int64_t>(group != nullptr ? group->keys.lanes.size() : 0));
  }
  return command;
}

void Ticker::TickSome(std::span<Call> calls) {
  std::vector<Command> commands;
  for (Call& call : calls) commands.push_back(MakeCommand(call));
  std::vector<Reply> replies(commands.size());
  const int64_t sent = SteadyMillis();
  const Deadline soon = Deadline::After(kTickTime);
  // In a cluster the next tick tries again: who waits here keeps the leases of the others waiting.
  const Deadline no_more = server_.nodes().is_cluster() ? Deadline::After(0) : soon;
  Server::Call call{{soon, nullptr}, Server::Again::kOnLoss, false, no_more};
  call.probes = true;
  (void)server_.Run(commands, replies, call);
  const int64_t now = SteadyMillis();
  for (size_t c = 0; c < calls.size(); ++c) {
    const Batch& consumers = calls[c].consumers;
    const Reply& reply = replies[c];
    if (!reply.is_array()) {
      // Nobody is dead for twice that time.
      calm_since_[SlotOf(*consumers[0])] = now + server_.options().liveness_timeout;
      continue;
    }
    server_.SetNow(consumers[0]->wake_key(), reply.At(0).Number());
    for (size_t i = 0; i < consumers.size(); ++i) {
      const Reply& answer = reply.At(i + 1);
      if (answer.At(0).integer != 1) consumers[i]->Renewed(sent);
      consumers[i]->SetPaused(answer.At(4).integer == 1);
      Judge(*consumers[i], answer, now);
      // A connection that a router forgot: the server thinks that it told.
      if (answer.At(3).integer == 1) consumers[i]->WakeUp();
      if (answer.At(3).integer == 2) consumers[i]->AnswerIsLost(calls[c].awaited[i]);
    }
  }
}

// Where one connection was lost others may be dead and not know it: who waits on one asks anew.
void Ticker::FollowLosses(const Batch& consumers) {
  std::map<std::shared_ptr<Pool>, uint64_t> losses;
  const auto map = server_.nodes().map();
  for (const auto& pool : map->pools) losses[pool] = pool->losses();
  for (const auto& consumer : consumers) {
    const auto pool = map->Of(SlotOf(*consumer));
    const auto known = losses_.find(pool);
    if (pool != nullptr && losses[pool] != (known == losses_.end() ? 0 : known->second)) consumer->WakeUp();
  }
  losses_ = std::move(losses);
}

int Ticker::SlotOf(const RedisConsumer& consumer) const { return server_.nodes().Slot(consumer.wake_key()); }

void Ticker::Judge(RedisConsumer& consumer, const Reply& reply, int64_t now) {
  const int64_t state = reply.At(0).integer;
  // A lease that is gone is found out by the next fetch; one who waits has to make it.
  if (state == 1) consumer.WakeUp();
  if (state == 3 || state == 4) (void)recovery_.Lapse(consumer.queue(), consumer.source().group);
  // Once for all groups of a queue. What is left for lack of time is due the next time, too: leases come first.
  const bool due = reply.At(1).integer == 1 && maintain_left_ > 0;
  if (due && maintained_.insert(&consumer.queue()).second) {
    const int64_t began = SteadyMillis();
    maintenance_.Maintain(consumer.queue());
    maintain_left_ -= SteadyMillis() - began;
  }
  Observe(consumer, reply.At(2), now);
}

void Ticker::Observe(RedisConsumer& consumer, const Reply& leases, int64_t now) {
  const int64_t timeout = server_.options().liveness_timeout;
  const std::string own = consumer.lease().consumer;
  const auto calm = calm_since_.find(SlotOf(consumer));
  const int64_t calm_since = calm == calm_since_.end() ? 0 : calm->second;
  for (size_t i = 0; i + 1 < leases.items.size(); i += 2) {
    const std::string& name = leases.At(i).text;
    const std::string& lease = leases.At(i + 1).text;
    if (name == own) continue;
    auto [at, is_new] = seen_.try_emplace({consumer.source(), name}, Seen{lease, now, now});
    Seen& seen = at->second;
    seen.last = now;
    if (seen.lease != lease) {
      seen.lease = lease;
      seen.since = now;
      continue;
    }
    // Seen unchanged for long enough, and we were well all the time; or older than a minute by the server's clock.
    const bool silent = now - std::max(seen.since, calm_since) >= timeout;
    const bool ancient = is_new && server_.Now(consumer.wake_key()) - LeaseTime(lease) > 60000;
    if (!silent && !ancient) continue;
    auto count = recovery_.Reclaim(consumer.queue(), consumer.source().group, name, lease);
    if (count.ok()) seen_.erase(at);
  }
}

}  // namespace agentmq::redis
