#include "core/directory.hpp"

#include <algorithm>
#include <utility>

#include "core/shared.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr size_t kMostFound = 10000;

// What agents read of a queue: each group, or that of one agent.
Result<std::vector<std::string>> GroupsOf(Backend& backend, const QueueName& queue,
                                          std::optional<std::string_view> agent) {
  if (!queue.broadcast) return std::vector<std::string>{std::string(kInboxGroup)};
  if (agent) return std::vector<std::string>{PercentEncode(*agent)};
  auto stats = backend.Stats(queue);
  if (!stats.ok()) return stats.status();
  std::vector<std::string> groups;
  for (GroupStats& group : stats->groups) groups.push_back(std::move(group.group));
  return groups;
}

// Whether an agent reads the queue: an instance reads its type's inbox too.
bool Reads(std::string_view agent, const QueueName& queue) {
  return queue.broadcast || queue.target == agent || (!queue.target.empty() && queue.target == AgentType(agent));
}

Result<std::vector<QueueName>> QueuesFor(Backend& backend, std::optional<std::string_view> channel,
                                         std::optional<std::string_view> agent) {
  std::vector<QueueName> queues;
  if (channel && agent) {
    const std::string name(*channel);
    queues.push_back(QueueName::Inbox(name, std::string(*agent)));
    if (const auto type = AgentType(*agent); !type.empty()) queues.push_back(QueueName::Inbox(name, std::string(type)));
    if (!name.empty()) queues.push_back(QueueName::Log(name));
    return queues;
  }
  auto all = channel ? backend.Queues() : PublicQueues(backend);
  if (!all.ok()) return all.status();
  for (QueueName& queue : *all) {
    if ((!channel || queue.channel == *channel) && (!agent || Reads(*agent, queue))) queues.push_back(std::move(queue));
  }
  return queues;
}

Status CheckNames(std::optional<std::string_view> channel, std::optional<std::string_view> agent) {
  Status status = !channel || channel->empty() ? Status::Ok() : CheckName("channel", *channel);
  if (status.ok() && agent) status = CheckName("agent", *agent);
  return status;
}

bool GoesBefore(const Found& a, const Found& b) {
  if (a.id.priority() != b.id.priority()) return a.id.priority() > b.id.priority();
  return a.id < b.id;
}

}  // namespace

Result<std::vector<QueueName>> PublicQueues(Backend& backend) {
  auto queues = backend.Queues();
  if (queues.ok()) std::erase_if(*queues, [](const QueueName& queue) { return queue.channel == kPrivateChannel; });
  return queues;
}

Status CheckLimit(size_t limit) {
  if (limit >= 1 && limit <= kMostFound) return Status::Ok();
  return Status::Invalid("limit must be between 1 and 10000, got " + std::to_string(limit));
}

std::unique_ptr<Message> MessageOf(Found&& found, const Seal& seal) {
  const std::string agent = AgentOf(found.queue, found.group);
  auto message = Message::FromFound(std::move(found), agent, seal);
  return message.ok() ? std::move(*message) : nullptr;
}

Result<Directory::Messages> Directory::Pending(Backend& backend, MaybeName channel, MaybeName agent, size_t limit) {
  Status status = CheckNames(channel, agent);
  if (status.ok()) status = CheckLimit(limit);
  if (!status.ok()) return status;
  const auto queues = QueuesFor(backend, channel, agent);
  if (!queues.ok()) return queues.status();
  std::vector<Found> all;
  for (const QueueName& queue : *queues) {
    auto groups = GroupsOf(backend, queue, agent);
    if (!groups.ok()) return groups.status();
    for (std::string& group : *groups) {
      auto found = backend.Pending({queue, group}, limit);
      if (!found.ok()) return found.status();
      for (Found& one : *found) {
        one.group = group;
        all.push_back(std::move(one));
      }
    }
  }
  std::stable_sort(all.begin(), all.end(), GoesBefore);
  if (all.size() > limit) all.erase(all.begin() + static_cast<std::ptrdiff_t>(limit), all.end());
  Messages messages;
  for (Found& found : all) {
    if (auto message = MessageOf(std::move(found), shared_.seal)) messages.push_back(std::move(message));
  }
  return messages;
}

Result<std::unique_ptr<Message>> Directory::Get(Backend& backend, std::string_view id) {
  auto full = FullId::Parse(id);
  if (!full.ok()) return full.status();
  bool dead = !full->group.empty();
  auto found = dead ? backend.GetDead(full->queue, full->id, full->group) : backend.Get(full->queue, full->id);
  if (found.code() == Code::kNotFound && !dead && !full->queue.broadcast) {
    // An inbox has one group: a message that died there is still found by the id that its sender knows.
    if (auto letter = backend.GetDead(full->queue, full->id, kInboxGroup); letter.ok()) {
      dead = true;
      found = std::move(letter);
    }
  }
  if (!found.ok()) return found.status();
  // A broadcast is many agents' to settle: what was looked up says of none.
  if (!dead) found->group = full->queue.broadcast ? "" : kInboxGroup;
  const std::string agent = AgentOf(full->queue, found->group);
  return Message::FromFound(std::move(*found), agent, shared_.seal);
}

Result<std::vector<QueueName>> Directory::QueuesOf(Backend& backend, const Filter& filter) {
  if (auto only = filter.OnlyQueue()) return std::vector<QueueName>{std::move(*only)};
  auto queues = PublicQueues(backend);
  if (queues.ok()) std::erase_if(*queues, [&](const QueueName& queue) { return !filter.Takes(queue); });
  return queues;
}

Status Directory::Walk(Backend& backend, const Filter& filter, const Visit& visit) {
  const auto queues = QueuesOf(backend, filter);
  if (!queues.ok()) return queues.status();
  bool go_on = true;
  for (const QueueName& queue : *queues) {
    Status status;
    const auto take = [&](Found&& found) {
      found.group = queue.broadcast ? "" : kInboxGroup;
      const int64_t time = found.id.time();
      if (filter.Takes(found, time)) go_on = visit(std::move(found));
      return go_on;
    };
    if (filter.TakesKept()) status = backend.WalkKept(queue, take);
    if (status.ok() && go_on && filter.TakesLiving()) status = backend.Walk(queue, take);
    if (status.ok() && go_on && filter.TakesDead()) {
      status = backend.WalkDead(queue, [&](Found&& found) {
        const int64_t time = found.id.time();
        if (filter.Takes(found, time)) go_on = visit(std::move(found));
        return go_on;
      });
    }
    if (!status.ok() || !go_on) return status;
  }
  return Status::Ok();
}

Result<Directory::Messages> Directory::Find(Backend& backend, const Config* filter, size_t limit, size_t offset) {
  const auto parsed = Filter::From(filter);
  if (!parsed.ok()) return parsed.status();
  if (Status status = CheckLimit(limit); !status.ok()) return status;
  Messages messages;
  size_t skip = offset;
  Status status = Walk(backend, *parsed, [&](Found&& found) {
    if (skip > 0) {
      --skip;
      return true;
    }
    if (auto message = MessageOf(std::move(found), shared_.seal)) messages.push_back(std::move(message));
    return messages.size() < limit;
  });
  if (!status.ok()) return status;
  return messages;
}

Result<int64_t> Directory::Count(Backend& backend, const Config* filter) {
  const auto parsed = Filter::From(filter);
  if (!parsed.ok()) return parsed.status();
  int64_t count = 0;
  if (parsed->TakesAllLiving()) {
    const auto queues = QueuesOf(backend, *parsed);
    if (!queues.ok()) return queues.status();
    for (const QueueName& queue : *queues) {
      const auto messages = backend.Count(queue);
      if (!messages.ok()) return messages.status();
      count += *messages;
    }
    return count;
  }
  Status status = Walk(backend, *parsed, [&](Found&& found) {
    if (found.state != State::kAcked || parsed->SaysStates()) ++count;
    return true;
  });
  if (!status.ok()) return status;
  return count;
}

Status Directory::Delete(Backend& backend, std::string_view id) {
  const auto full = FullId::Parse(id);
  if (!full.ok()) return full.status();
  const bool dead = !full->group.empty();
  Status status = dead ? backend.PurgeDead(full->queue, full->id, full->group) : backend.Delete(full->queue, full->id);
  if (status.ok() && shared_.audit.on()) shared_.audit.Note(dead ? "purge" : "delete", {{"id", id}});
  return status;
}

Result<bool> Directory::IsDeleted(Backend& backend, std::string_view id) {
  const auto full = FullId::Parse(id);
  if (!full.ok()) return full.status();
  if (!full->group.empty()) return false;  // a dead letter is in nobody's hand
  return backend.IsDeleted(full->queue, full->id, shared_.Brief());
}

Result<int64_t> Directory::Clear(Backend& backend, std::string_view channel) {
  const bool all = channel == "*";
  if (Status status = CheckNames(channel, {}); !status.ok()) return status;
  const auto queues = backend.Queues();
  if (!queues.ok()) return queues.status();
  int64_t removed = 0;
  for (const QueueName& queue : *queues) {
    if (!all && queue.channel != channel) continue;
    const auto cleared = backend.Clear(queue);
    if (!cleared.ok()) return cleared.status();
    removed += *cleared;
  }
  if (shared_.audit.on()) {
    shared_.audit.Note("clear", {{"channel", channel}, {"messages", std::to_string(removed)}});
  }
  if (shared_.log->Wants(kLogInfo)) {
    shared_.log->Write(kLogInfo, "cleared", {{"channel", std::string(channel)}, {"messages", std::to_string(removed)}});
  }
  return removed;
}

Result<int64_t> Directory::Recover(Backend& backend, MaybeName agent) {
  if (Status status = CheckNames({}, agent); !status.ok()) return status;
  const auto queues = QueuesFor(backend, {}, agent);
  if (!queues.ok()) return queues.status();
  int64_t recovered = 0;
  for (const QueueName& queue : *queues) {
    std::optional<std::string> group;
    if (agent) group = queue.broadcast ? PercentEncode(*agent) : std::string(kInboxGroup);
    const auto lapsed = backend.Recover(queue, group);
    if (!lapsed.ok()) return lapsed.status();
    recovered += *lapsed;
  }
  if (recovered > 0 && shared_.log->Wants(kLogInfo)) {
    shared_.log->Write(kLogInfo, "recovered", {{"messages", std::to_string(recovered)}});
  }
  return recovered;
}

}  // namespace agentmq
