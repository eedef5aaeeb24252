#include "redis/queues.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

namespace agentmq::redis {

std::shared_ptr<Queue> Queues::Get(const QueueName& name) {
  std::lock_guard lock(mutex_);
  auto& queue = queues_[name];
  if (!queue) queue = std::make_shared<Queue>(options_, name);
  return queue;
}

std::vector<std::shared_ptr<Queue>> Queues::Known() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Queue>> known;
  for (const auto& [name, queue] : queues_) known.push_back(queue);
  return known;
}

std::string Queues::Prefix() const {
  return PercentEncode(options_.prefix) + ":" + PercentEncode(options_.name_space) + ":";
}

std::string Queues::RegistryKey(size_t part) const {
  char number[8];
  std::snprintf(number, sizeof number, "%02zx", part);
  return Prefix() + "queues:" + number;
}

std::string Queues::ChannelKey(std::string_view channel) const {
  return Prefix() + "channel:" + PercentEncode(channel);
}

Command Queues::Registration(std::string_view verb, const Queue& queue) const {
  // The part is drawn from the name by a hash that every process and version agrees on (FNV-1a).
  uint32_t hash = 2166136261U;
  for (const char c : queue.keys().text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  Command command{verb};
  command.Keep(RegistryKey(hash % kRegistryParts)).Arg(queue.keys().text);
  return command;
}

Status Queues::Register(const Queue& queue, const Server::Call& call) {
  auto reply = server_.Run(Registration("SADD", queue), call);
  return reply.status();
}

Status Queues::Unregister(Queue& queue, const Server::Call& call) {
  queue.Forget();
  auto reply = server_.Run(Registration("SREM", queue), call);
  return reply.status();
}

// SMEMBERS of all parts, one round trip.
Result<std::vector<QueueName>> Queues::List() {
  std::vector<Command> commands;
  for (size_t part = 0; part < kRegistryParts; ++part) {
    Command members{"SMEMBERS"};
    members.Keep(RegistryKey(part));
    commands.push_back(std::move(members));
  }
  std::vector<Reply> replies(commands.size());
  if (auto outcome = server_.Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  std::set<QueueName> names;
  for (const Reply& reply : replies) {
    if (reply.is_error()) return ErrorStatus(reply);
    for (const Reply& item : reply.items) {
      if (auto name = QueueName::Parse(item.text); name.ok()) names.insert(std::move(*name));
    }
  }
  return std::vector<QueueName>(names.begin(), names.end());
}

std::shared_ptr<const QueueView> Queues::Refresh(Queue& queue) {
  auto reply = server_.Run(Command{"HMGET", queue.keys().meta(), "gen", "lanes", "groups"}, {});
  if (reply.ok()) queue.Learn(*reply, 0);
  return queue.view();
}

void Queues::Prepare(std::span<Need> needs, const Server::Call& call) {
  std::vector<Command> commands;
  for (const Need& need : needs) {
    commands.push_back(Registration("SADD", *need.queue));
    Command lanes(Script::kLanes);
    AddQueueKeys(&lanes, need.queue->keys());
    lanes.Keep(RandomName()).Arg(need.queue->name().broadcast ? "1" : "0");
    for (const int lane : need.lanes) lanes.Arg(int64_t{lane});
    commands.push_back(std::move(lanes));
  }
  std::vector<Reply> replies(commands.size());
  const auto outcome = server_.Run(commands, replies, call);
  std::vector<Queue*> made;
  for (size_t i = 0; i < needs.size(); ++i) {
    Status& status = needs[i].status;
    for (const size_t at : {2 * i, 2 * i + 1}) {
      if (!status.ok()) continue;
      status = replies[at].is_error() ? ErrorStatus(replies[at]) : outcome.StatusOf(at);
    }
    if (!status.ok()) continue;
    const Reply& lanes = replies[2 * i + 1];
    needs[i].queue->Learn(lanes, 2);
    // Made anew: house-keeping may have struck off our entry just before.
    if (lanes.At(5).integer == 1) status = Register(*needs[i].queue, call);
    if (lanes.At(5).integer == 1) made.push_back(needs[i].queue);
  }
  if (made.empty()) return;
  const Status followed = FollowPauses(made, call);
  for (Need& need : needs) {
    if (followed.ok() || !need.status.ok()) continue;
    if (std::ranges::find(made, need.queue) != made.end()) need.status = followed;
  }
}

}  // namespace agentmq::redis
