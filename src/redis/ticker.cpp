#include "redis/ticker.hpp"

#include <algorithm>

namespace agentmq::redis {
namespace {

constexpr size_t kSourcesACall = 50;

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
  for (size_t from = 0; from < all.size() && !stopping_.load(); from += kSourcesACall) {
    const size_t to = std::min(all.size(), from + kSourcesACall);
    TickSome(Batch(all.begin() + static_cast<std::ptrdiff_t>(from), all.begin() + static_cast<std::ptrdiff_t>(to)));
  }
  // Where one connection was lost others may be dead and not know it: who waits on one asks anew.
  if (const uint64_t losses = server_.pool().losses(); std::exchange(losses_, losses) != losses) {
    for (const auto& consumer : all) consumer->WakeUp();
  }
  // Consumers that left in order.
  const int64_t now = SteadyMillis();
  std::erase_if(seen_, [&](const auto& entry) { return now - entry.second.last > 60000; });
}

void Ticker::TickSome(const Batch& consumers) {
  Command command(Script::kTick);
  std::vector<std::shared_ptr<const QueueView>> views;
  std::vector<RedisConsumer::Lease> leases;
  std::vector<int64_t> awaited;
  std::vector<GroupKeys> own_keys;
  own_keys.reserve(consumers.size());
  leases.reserve(consumers.size());
  for (const auto& consumer : consumers) {
    const auto& view = views.emplace_back(consumer->queue().view());
    const auto* group = view->Find(consumer->source().group);
    const QueueKeys& queue = consumer->queue().keys();
    const GroupKeys& keys =
        group != nullptr ? group->keys : own_keys.emplace_back(queue.Group(consumer->source().group, {}));
    command.Key(keys.lease()).Key(keys.wake()).Key(keys.due()).Key(keys.until()).Key(queue.expiry()).Key(queue.meta());
    leases.push_back(consumer->lease());
    command.KeepKey(keys.Hand(leases.back().consumer));
    AddLaneKeys(&command, keys);
  }
  for (size_t i = 0; i < consumers.size(); ++i) {
    const auto* group = views[i]->Find(consumers[i]->source().group);
    command.Arg(leases[i].consumer).Arg(leases[i].epoch).Keep(RandomName());
    awaited.push_back(consumers[i]->awaited());
    command.Arg(awaited.back());
    command.Arg(static_cast<int64_t>(group != nullptr ? group->keys.lanes.size() : 0));
  }
  const int64_t sent = SteadyMillis();
  Server::Call call{{Deadline::After(1000), nullptr}, Server::Again::kOnLoss, false};
  call.probes = true;
  auto reply = server_.Run(std::move(command), call);
  const int64_t now = SteadyMillis();
  if (!reply.ok()) {
    calm_since_ = now + server_.options().liveness_timeout;  // nobody is dead for twice that time
    return;
  }
  server_.pool().SetServerTime(reply->At(0).Number());
  for (size_t i = 0; i < consumers.size(); ++i) {
    const Reply& answer = reply->At(i + 1);
    if (answer.At(0).integer != 1) consumers[i]->Renewed(sent);
    Judge(*consumers[i], answer, now);
    // A connection that a router forgot: the server thinks that it told.
    if (answer.At(3).integer == 1) consumers[i]->WakeUp();
    if (answer.At(3).integer == 2) consumers[i]->AnswerIsLost(awaited[i]);
  }
}

void Ticker::Judge(RedisConsumer& consumer, const Reply& reply, int64_t now) {
  const int64_t state = reply.At(0).integer;
  // A lease that is gone is found out by the next fetch; one who waits has to make it.
  if (state == 1) consumer.WakeUp();
  if (state == 3 || state == 4) (void)recovery_.Lapse(consumer.queue(), consumer.source().group);
  if (reply.At(1).integer == 1) maintenance_.Maintain(consumer.queue());
  Observe(consumer, reply.At(2), now);
}

void Ticker::Observe(RedisConsumer& consumer, const Reply& leases, int64_t now) {
  const int64_t timeout = server_.options().liveness_timeout;
  const std::string own = consumer.lease().consumer;
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
    const bool silent = now - std::max(seen.since, calm_since_) >= timeout;
    const bool ancient = is_new && server_.pool().ServerNow() - LeaseTime(lease) > 60000;
    if (!silent && !ancient) continue;
    auto count = recovery_.Reclaim(consumer.queue(), consumer.source().group, name, lease);
    if (count.ok()) seen_.erase(at);
  }
}

}  // namespace agentmq::redis
