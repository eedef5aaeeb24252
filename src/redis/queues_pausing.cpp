// What is paused is written down for the namespace first, then told to each queue that is there. Who makes a queue reads
// what is written down afterwards; its entry in the registry was there before: so nobody is missed.
#include "core/pauses.hpp"
#include "redis/pause_text.hpp"
#include "redis/queues.hpp"
#include "redis/reply.hpp"

namespace agentmq::redis {
namespace {

constexpr int kRounds = 20;  // each for a lane or a group that came meanwhile

}  // namespace

std::string PauseText(const Pause& pause) {
  return std::to_string(pause.since) + "\n" + pause.by + "\n" + pause.reason;
}

std::optional<Pause> ParsePause(std::string_view text) {
  const auto first = text.find('\n');
  const auto second = first == std::string_view::npos ? first : text.find('\n', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  Pause pause;
  pause.since = ToNumber(text.substr(0, first));
  pause.by = std::string(text.substr(first + 1, second - first - 1));
  pause.reason = std::string(text.substr(second + 1));
  return pause;
}

std::string PauseField(std::string_view group) { return "pause:" + std::string(group); }

// HSET paused place pause; then each queue
Status Queues::Pause(const QueueName& place, agentmq::Pause pause) {
  pause.since = server_.Now(PausedKey());
  const std::string value = PauseText(pause);
  Command set{"HSET"};
  set.Keep(PausedKey()).Keep(place.Text()).Arg(value);
  if (auto reply = server_.Run(std::move(set), {}); !reply.ok()) return reply.status();
  auto changes = ChangesOf(place, value);
  return changes.ok() ? Apply(std::move(*changes), {}) : changes.status();
}

// HDEL paused place; then each queue, also where nothing is written down: an earlier call may have come to an end half-way
Status Queues::Resume(const QueueName& place) {
  Command remove{"HDEL"};
  remove.Keep(PausedKey()).Keep(place.Text());
  auto removed = server_.Run(std::move(remove), {});
  if (!removed.ok()) return removed.status();
  auto changes = ChangesOf(place, {});
  if (!changes.ok()) return changes.status();
  if (Status status = Apply(std::move(*changes), {}); !status.ok()) return status;
  return removed->integer == 1 ? Status::Ok() : Status::NotFound("'" + place.Text() + "' is not paused");
}

// HGETALL paused
Result<std::map<QueueName, Pause>> Queues::Pauses(const Server::Call& call) {
  Command read{"HGETALL"};
  read.Keep(PausedKey());
  auto reply = server_.Run(std::move(read), call);
  if (!reply.ok()) return reply.status();
  std::map<QueueName, agentmq::Pause> pauses;
  for (size_t i = 0; i + 1 < reply->items.size(); i += 2) {
    auto place = QueueName::Parse(reply->items[i].text);
    auto pause = ParsePause(reply->items[i + 1].text);
    if (place.ok() && pause) pauses.emplace(std::move(*place), std::move(*pause));
  }
  return pauses;
}

Status Queues::FollowPauses(std::span<Queue* const> made, const Server::Call& call) {
  auto pauses = Pauses(call);
  if (!pauses.ok()) return pauses.status();
  std::vector<Change> changes;
  for (const auto& [place, pause] : *pauses) {
    for (const Queue* queue : made) {
      const std::string group = PausedGroup(place, queue->name());
      if (!group.empty()) changes.push_back({Get(queue->name()), PauseField(group), PauseText(pause)});
    }
  }
  return Apply(std::move(changes), call);
}

Result<std::vector<Queues::Change>> Queues::ChangesOf(const QueueName& place, const std::string& value) {
  std::vector<QueueName> names = {place};
  if (place.broadcast) {
    auto all = List();
    if (!all.ok()) return all.status();
    names = std::move(*all);
  } else if (!place.channel.empty()) {
    names.push_back(QueueName::Log(place.channel));
  }
  std::vector<Change> changes;
  for (const QueueName& name : names) {
    const std::string group = PausedGroup(place, name);
    if (!group.empty()) changes.push_back({Get(name), PauseField(group), value});
  }
  return changes;
}

// All queues in one round trip, and once more those that changed meanwhile.
Status Queues::Apply(std::vector<Change> changes, const Server::Call& call) {
  for (int round = 0; round < kRounds && !changes.empty(); ++round) {
    std::vector<std::shared_ptr<const QueueView>> views;
    std::vector<Command> commands;
    for (const Change& change : changes) {
      const auto& view = views.emplace_back(change.queue->view());
      Command& command = commands.emplace_back(Command(Script::kPause));
      AddQueueKeys(&command, change.queue->keys());
      for (const auto& group : view->groups) command.Key(group->keys.wake());
      command.Arg(view->generation).Keep(RandomName()).Arg(change.field).Arg(change.value);
    }
    std::vector<Reply> replies(commands.size());
    const auto outcome = server_.Run(commands, replies, call);
    std::vector<Change> again;
    for (size_t i = 0; i < changes.size(); ++i) {
      if (!outcome.StatusOf(i).ok()) return outcome.StatusOf(i);
      if (replies[i].is_error()) return ErrorStatus(replies[i]);
      if (replies[i].At(1).integer != 2) continue;
      changes[i].queue->Learn(replies[i], 2);
      again.push_back(std::move(changes[i]));
    }
    changes = std::move(again);
  }
  if (changes.empty()) return Status::Ok();
  return {Code::kUnavailable, "queue '" + changes[0].queue->keys().text + "' changed all the time"};
}

}  // namespace agentmq::redis
