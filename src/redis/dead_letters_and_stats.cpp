#include <algorithm>
#include <array>

#include "core/pauses.hpp"
#include "redis/inspection.hpp"
#include "redis/pause_text.hpp"
#include "redis/recovery.hpp"

// Dead letters and numbers.
namespace agentmq::redis {
namespace {

constexpr size_t kStep = 500;

int64_t Counter(const Reply& meta, std::string_view name) {
  for (size_t i = 0; i + 1 < meta.items.size(); i += 2) {
    if (meta.items[i].text == name) return meta.items[i + 1].Number();
  }
  return 0;
}

std::optional<Pause> PauseOf(const Reply& meta, std::string_view group) {
  const std::string field = PauseField(group);
  for (size_t i = 0; i + 1 < meta.items.size(); i += 2) {
    if (meta.items[i].text == field) return ParsePause(meta.items[i + 1].text);
  }
  return std::nullopt;
}

}  // namespace

// "<status> <failures> <lapses> <crashes> <time> <size of account> <size of consumer>\n" account consumer record
Result<Found> Inspection::ParseDead(const Queue& queue, std::string_view name, std::string& letter) {
  const auto tilde = name.find('~');
  const auto id = ShortId::Parse(name.substr(0, tilde));
  const auto end = letter.find('\n');
  std::array<int64_t, 7> head{};
  size_t fields = 0;
  std::string_view line = std::string_view(letter).substr(0, end);
  while (fields < head.size() && !line.empty()) {
    head[fields++] = ToNumber(line);
    line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  }
  const auto account = static_cast<size_t>(head[5]);
  const auto consumer = static_cast<size_t>(head[6]);
  const size_t at = end + 1;
  const size_t room = end == std::string::npos ? 0 : letter.size() - at;
  if (!id || tilde == std::string_view::npos || fields != head.size() || account > room || consumer > room - account) {
    return Status(Code::kCorrupt, "dead letter '" + std::string(name) + "' can't be read");
  }
  Tries tries;
  tries.failures = static_cast<int>(head[1]);
  tries.lapses = static_cast<int>(head[2]);
  tries.crashes = static_cast<int>(head[3]);
  Found found;
  found.queue = queue.name();
  found.id = *id;
  found.group = std::string(name.substr(tilde + 1));
  found.state = State::kDead;
  found.status = static_cast<Code>(head[0]);
  found.time_of_death = head[4];
  tries.account = letter.substr(at, account);
  found.tries = std::move(tries);
  found.consumer = letter.substr(at + account, consumer);
  found.record = letter.substr(at + account + consumer);
  if (id->blob()) {
    Command get{"GET"};
    get.Keep(queue.keys().DeadBlob(id->view(), found.group));
    auto payload = queues_.server().Run(std::move(get), {});
    if (!payload.ok()) return payload.status();
    found.record += payload->text;
  }
  return found;
}

Result<Found> Inspection::GetDead(const QueueName& name, const ShortId& id, std::string_view group) {
  auto queue = queues_.Get(name);
  const std::string field = DeadName(id, group);
  auto reply = queues_.server().Run(Command{"HGET", queue->keys().dead(), field}, {});
  if (!reply.ok()) return reply.status();
  if (reply->is_nil()) {
    return Status::NotFound("there is no dead letter '" + FullId{name, id, std::string(group)}.Text() + "'");
  }
  return ParseDead(*queue, field, reply->text);
}

Status Inspection::WalkDead(const QueueName& name, const std::function<bool(Found&&)>& visit) {
  auto queue = queues_.Get(name);
  auto names = queues_.server().Run(Command{"ZRANGE", queue->keys().dead_by(), "0", "-1", "REV"}, {});
  if (!names.ok()) return names.status();
  for (size_t from = 0; from < names->items.size(); from += kStep) {
    const size_t to = std::min(from + kStep, names->items.size());
    Command get{"HMGET", queue->keys().dead()};
    for (size_t i = from; i < to; ++i) get.Arg(names->items[i].text);
    auto letters = queues_.server().Run(std::move(get), {});
    if (!letters.ok()) return letters.status();
    if (Status status = ListStatus(*letters, to - from); !status.ok()) return status;
    for (size_t i = from; i < to; ++i) {
      if (letters->items[i - from].is_nil()) continue;
      auto found = ParseDead(*queue, names->items[i].text, letters->items[i - from].text);
      if (!found.ok() && found.code() != Code::kCorrupt) return found.status();
      if (found.ok() && !visit(std::move(*found))) return Status::Ok();
    }
  }
  return Status::Ok();
}

Result<QueueStats> Inspection::Stats(const QueueName& name) {
  auto queue = queues_.Get(name);
  const auto view = queues_.Refresh(*queue);
  std::vector<Command> commands;
  commands.push_back(Command{"HGETALL", queue->keys().meta()});
  commands.push_back(Command{"HLEN", queue->keys().messages()});
  commands.push_back(Command{"HLEN", queue->keys().dead()});
  commands.push_back(Command{"HLEN"});
  commands.back().Keep(queue->keys().Kept());
  std::vector<size_t> first;  // of each group's commands
  for (const auto& group : view->groups) {
    first.push_back(commands.size());
    commands.push_back(Command{"HGETALL", group->keys.lease()});
    commands.push_back(Command{"ZCARD", group->keys.due()});
    for (const std::string& lane : group->keys.lanes) {
      commands.push_back(Command{"LLEN", lane});
      commands.push_back(Command{"LINDEX", lane, "0"});
    }
  }
  std::vector<Reply> replies(commands.size());
  if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  const int64_t now = queues_.server().Now(queue->keys().meta());
  QueueStats stats;
  stats.queue = name;
  stats.stored = replies[1].Number();
  stats.dead = replies[2].Number();
  stats.kept = replies[3].Number();
  stats.published = Counter(replies[0], "c:published");
  stats.expired = Counter(replies[0], "c:expired");
  stats.corrupt = Counter(replies[0], "c:corrupt");
  stats.dropped = Counter(replies[0], "c:dropped");
  stats.dead_lettered = Counter(replies[0], "c:dead");
  stats.repeated = Counter(replies[0], "c:repeated");
  stats.groups_removed = Counter(replies[0], "c:groups_removed");
  stats.now = now;
  stats.paused = PauseOf(replies[0], kAllGroups);
  for (size_t g = 0; g < view->groups.size(); ++g) {
    const auto& group = view->groups[g];
    GroupStats& out = stats.groups.emplace_back();
    out.group = group->name;
    const Reply& leases = replies[first[g]];
    out.consumers = static_cast<int64_t>(leases.items.size() / 2);
    out.paused = PauseOf(replies[0], group->name);
    out.delivered = Counter(replies[0], "d:" + group->name);
    out.acked = Counter(replies[0], "a:" + group->name);
    out.retried = Counter(replies[0], "r:" + group->name);
    out.scheduled = replies[first[g] + 1].Number();
    auto consumers = Consumers(group->keys);
    if (!consumers.ok()) return consumers.status();
    std::vector<Command> hands;
    for (const std::string& consumer : *consumers) {
      Command deliveries{"HVALS"};
      deliveries.Keep(group->keys.Hand(consumer));
      hands.push_back(std::move(deliveries));
    }
    std::vector<Reply> held(hands.size());
    if (!hands.empty()) {
      if (auto outcome = queues_.server().Run(hands, held, {}); !outcome.status.ok()) return outcome.status;
    }
    for (size_t i = 0; i < held.size(); ++i) {
      ConsumerStats& member = out.members.emplace_back();
      member.name = (*consumers)[i];
      for (const Reply& ids : held[i].items) member.reserved += static_cast<int64_t>(ids.text.size() / ShortId::kSize);
      out.reserved += member.reserved;
      for (size_t at = 0; at + 1 < leases.items.size(); at += 2) {
        if (leases.items[at].text != member.name) continue;
        member.last_seen = LeaseTime(leases.items[at + 1].text);
        member.last_fetch = LastFetch(leases.items[at + 1].text);
      }
    }
    int64_t oldest = now;
    for (size_t lane = 0; lane < group->keys.lanes.size(); ++lane) {
      out.waiting += replies[first[g] + 2 + 2 * lane].Number();
      const auto id = ShortId::Parse(std::string_view(replies[first[g] + 3 + 2 * lane].text).substr(0, ShortId::kSize));
      if (id) oldest = std::min(oldest, id->time());
    }
    // Entries of lanes may be tombstones. An inbox knows what is living; a log's groups say what they have.
    if (!name.broadcast) out.waiting = std::max<int64_t>(0, stats.stored - out.reserved - out.scheduled);
    out.oldest_age = out.waiting > 0 ? now - oldest : 0;
  }
  return stats;
}

}  // namespace agentmq::redis
