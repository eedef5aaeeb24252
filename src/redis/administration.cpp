#include "redis/administration.hpp"

#include <algorithm>

#include "core/record.hpp"

namespace agentmq::redis {
namespace {

constexpr int kDeleteRounds = 20;                            // each for a consumer that came meanwhile
constexpr int64_t kDeletedKept = int64_t{24} * 3600 * 1000;  // ms

std::string Field(const std::string& info, std::string_view name) {
  const auto at = info.find("\n" + std::string(name) + ":");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 2;
  return info.substr(from, info.find_first_of("\r\n", from) - from);
}

// What INFO says.
ServerReport Read(const std::string& info) {
  ServerReport report;
  const std::string valkey = Field(info, "valkey_version");
  report.kind = valkey.empty() ? "redis" : "valkey";
  report.version = valkey.empty() ? Field(info, "redis_version") : valkey;
  report.role = Field(info, "role");
  report.eviction_policy = Field(info, "maxmemory_policy");
  report.aof = Field(info, "aof_enabled") == "1";
  report.used_memory = ToNumber(Field(info, "used_memory"));
  report.max_memory = ToNumber(Field(info, "maxmemory"));
  return report;
}

}  // namespace

Status Administration::Delete(const QueueName& name, const ShortId& id) {
  auto queue = queues_.Get(name);
  bool repeated = false;
  for (int round = 0; round < kDeleteRounds; ++round) {
    auto command = MakeDelete(*queue, id);
    if (!command.ok()) return command.status();
    Reply reply;
    auto outcome = queues_.server().Run({&*command, 1}, {&reply, 1}, {});
    if (!outcome.status.ok()) return outcome.status;
    if (reply.is_error()) return ErrorStatus(reply);
    repeated = repeated || outcome.repeated;
    const int64_t state = reply.At(1).integer;
    if (state == 2) continue;  // somebody came meanwhile, who may have it
    if (reply.At(2).integer > 0) recovery_.SweepTrash(*queue);
    if (state == 1 || repeated) return Status::Ok();
    return Status::NotFound("there is no message '" + FullId{name, id, {}}.Text() + "'");
  }
  return {Code::kUnavailable, "consumers of queue '" + queue->keys().text + "' changed all the time"};
}

Result<Command> Administration::MakeDelete(Queue& queue, const ShortId& id) {
  const auto view = queues_.Refresh(queue);
  std::vector<std::pair<int64_t, std::string>> holders;  // and which group's, from 1 on
  for (const auto& group : view->groups) {
    auto consumers = inspection_.Consumers(group->keys);
    if (!consumers.ok()) return consumers.status();
    const int64_t number = &group - view->groups.data() + 1;
    for (std::string& consumer : *consumers) holders.emplace_back(number, std::move(consumer));
  }
  Command command(Script::kDelete);
  for (const std::string& key : queue.keys().base) command.KeepKey(key);
  command.KeepKey(queue.keys().Later()).KeepKey(queue.keys().Deleted());
  AddKeptKeys(&command, queue.keys());
  for (const auto& group : view->groups) command.KeepKey(group->keys.lease());
  for (const auto& group : view->groups) command.KeepKey(group->keys.due());
  for (const auto& group : view->groups) command.KeepKey(group->keys.tries());
  for (const auto& [number, consumer] : holders) {
    command.KeepKey(view->groups[static_cast<size_t>(number - 1)]->keys.Hand(consumer));
  }
  for (const auto& group : view->groups) {
    command.KeepKey(group->keys.wake()).KeepKey(group->keys.skip());
    for (const std::string& lane : group->keys.lanes) command.KeepKey(lane);
  }
  command.Keep(id.str()).Keep(view->generation).Arg(kDeletedKept).Arg(static_cast<int64_t>(view->groups.size()));
  command.Arg(static_cast<int64_t>(holders.size()));
  for (auto& [number, consumer] : holders) command.Arg(number).Keep(std::move(consumer));
  return command;
}

// As a new group; the bits of what it had go when it has what it gets.
Status Administration::Seek(const Source& source, bool from_start, std::string_view from, const Patience& patience) {
  auto queue = queues_.Get(source.queue);
  const Server::Call call{patience, Server::Again::kOnLoss, false};
  for (int round = 0; round < kDeleteRounds; ++round) {
    const auto view = queues_.Refresh(*queue);
    const auto* group = view->Find(source.group);
    if (group == nullptr) return Status::NotFound("the group is gone");
    auto consumers = inspection_.Consumers(group->keys);
    if (!consumers.ok()) return consumers.status();
    Command command(Script::kSeek);
    AddGroupKeys(&command, queue->keys(), group->keys);
    command.KeepKey(group->keys.Done());
    for (const std::string& consumer : *consumers) command.KeepKey(group->keys.Hand(consumer));
    AddLaneKeys(&command, group->keys);
    command.Arg(view->generation).Arg(source.group).Keep(RandomName()).Arg(from_start ? "1" : "0").Arg(from);
    for (const std::string& consumer : *consumers) command.Arg(consumer);
    auto reply = queues_.server().Run(std::move(command), call);
    if (!reply.ok()) return reply.status();
    if (reply->At(0).integer == 3) return Status::NotFound("the group is gone");
    if (reply->At(0).integer != 0) continue;  // it changed meanwhile
    queue->Learn(*reply, 2);
    if (from_start) {
      if (Status status = recovery_.Copy(*queue, source.group, call); !status.ok()) return status;
    }
    return recovery_.Unref(*queue, reply->At(5).Number(), call);
  }
  return {Code::kUnavailable, "consumers of queue '" + queue->keys().text + "' changed all the time"};
}

// ZSCORE deleted id
Result<bool> Administration::IsDeleted(const QueueName& name, const ShortId& id, const Patience& patience) {
  Command command{"ZSCORE"};
  command.Keep(queues_.Get(name)->keys().Deleted()).Keep(id.str());
  auto reply = queues_.server().Run(std::move(command), {patience, Server::Again::kOnLoss, false});
  if (!reply.ok()) return reply.status();
  return !reply->is_nil();
}

Result<int64_t> Administration::Clear(const QueueName& name) {
  auto queue = queues_.Get(name);
  const auto view = queues_.Refresh(*queue);
  std::vector<std::string> keys = {queue->keys().Kept(), queue->keys().KeptBy(), queue->keys().KeptLog(),
                                   queue->keys().Later()};
  for (const auto& group : view->groups) {
    keys.insert(keys.end(),
                {group->keys.due(), group->keys.until(), group->keys.tries(), group->keys.skip(), group->keys.wake()});
    keys.insert(keys.end(), group->keys.lanes.begin(), group->keys.lanes.end());
    auto consumers = inspection_.Consumers(group->keys);
    if (!consumers.ok()) return consumers.status();
    for (const std::string& consumer : *consumers) keys.push_back(group->keys.Hand(consumer));
  }
  // Payloads that are stored apart have no other trace than the ids.
  std::vector<std::string> blobs;
  for (const std::string& records : {queue->keys().messages(), queue->keys().Kept()}) {
    auto ids = inspection_.Ids(records);
    if (!ids.ok()) return ids.status();
    for (const ShortId& id : *ids) {
      if (id.blob()) blobs.push_back(queue->keys().Blob(id.view()));
    }
  }
  auto dead = queues_.server().Run(Command{"ZRANGE", queue->keys().dead_by(), "0", "-1"}, {});
  if (!dead.ok()) return dead.status();
  for (const Reply& letter : dead->items) {
    const auto id = ShortId::Parse(std::string_view(letter.text).substr(0, letter.text.find('~')));
    if (id && id->blob()) blobs.push_back(queue->keys().Blob(letter.text));
  }
  Command command(Script::kClear);
  AddQueueKeys(&command, queue->keys());
  for (const std::string& key : keys) command.Key(key);
  auto reply = queues_.server().Run(std::move(command), {});
  if (!reply.ok()) return reply.status();
  for (size_t from = 0; from < blobs.size(); from += 1000) {
    Command unlink{"UNLINK"};
    for (size_t i = from; i < std::min(from + 1000, blobs.size()); ++i) unlink.Arg(blobs[i]);
    if (auto done = queues_.server().Run(std::move(unlink), {}); !done.ok()) return done.status();
  }
  return reply->At(1).Number();
}

Result<int64_t> Administration::Recover(const QueueName& name, const std::optional<std::string>& group) {
  auto queue = queues_.Get(name);
  const auto view = queues_.Refresh(*queue);
  const int64_t max_age = queues_.server().options().liveness_timeout + 1000;
  int64_t total = 0;
  for (const auto& known : view->groups) {
    if (group && *group != known->name) continue;
    auto count = recovery_.Recover(*queue, known->name, max_age);
    if (!count.ok()) return count;
    total += *count;
  }
  return total;
}

Result<ShortId> Administration::Replay(const QueueName& name, const ShortId& id, std::string_view group,
                                       const Limits& limits, bool keep_attempts) {
  auto queue = queues_.Get(name);
  auto letter = inspection_.GetDead(name, id, group);
  if (!letter.ok()) return letter.status();
  auto record = RecordView::Parse(letter->record);
  if (!record.ok()) {
    return Status(Code::kCorrupt, "the dead letter can't be read as a message: " + record.status().text());
  }
  ShortId fresh;
  {
    std::lock_guard lock(mutex_);
    fresh = ids_.Next(queues_.server().Now(queue->keys().meta()), id.priority(), id.blob());
  }
  Queues::Need need{queue.get(), {id.priority()}, {}};
  queues_.Prepare({&need, 1}, {});
  if (!need.status.ok()) return need.status;
  for (int round = 0; round < 5; ++round) {
    const auto view = queue->view();
    const auto* known = view->Find(group);
    if (known == nullptr) return Status::NotFound("the group that gave the message up is gone");
    Command command(Script::kReplay);
    AddGroupKeys(&command, queue->keys(), known->keys);
    command.KeepKey(known->keys.Lane(id.priority())).KeepKey(queue->keys().DeadBlob(id.view(), group));
    command.KeepKey(queue->keys().Blob(fresh.view()));
    command.Keep(DeadName(id, group)).Arg(fresh.view()).Arg(view->generation).Arg(known->ordinal);
    command.Arg(limits.max_items).Arg(record->ttl).Arg(keep_attempts ? "1" : "0");
    Reply reply;
    auto outcome = queues_.server().Run({&command, 1}, {&reply, 1}, {});
    if (!outcome.status.ok()) return outcome.status;
    if (reply.is_error()) return ErrorStatus(reply);
    switch (reply.At(0).integer) {
      case 0:
        return fresh;
      case 1:
        if (outcome.repeated) return fresh;
        return Status::NotFound("there is no dead letter '" + FullId{name, id, std::string(group)}.Text() + "'");
      case 2:
        queue->Learn(reply, 2);
        break;
      default:
        return Status(Code::kFull, "queue '" + queue->keys().text + "' is full: it holds " +
                                       std::to_string(limits.max_items) + " messages");
    }
  }
  return Status(Code::kUnavailable, "the queue changed all the time");
}

Status Administration::PurgeDead(const QueueName& name, const ShortId& id, std::string_view group) {
  auto queue = queues_.Get(name);
  Command command(Script::kPurge);
  AddQueueKeys(&command, queue->keys());
  command.KeepKey(queue->keys().DeadBlob(id.view(), group)).Keep(DeadName(id, group));
  Reply reply;
  auto outcome = queues_.server().Run({&command, 1}, {&reply, 1}, {});
  if (!outcome.status.ok()) return outcome.status;
  if (reply.is_error()) return ErrorStatus(reply);
  if (reply.At(1).Number() > 0 || outcome.repeated) return Status::Ok();
  return Status::NotFound("there is no dead letter '" + FullId{name, id, std::string(group)}.Text() + "'");
}

Result<std::map<std::string, std::string>> Administration::ReadChannel(std::string_view channel) {
  const std::string key = queues_.ChannelKey(channel);
  auto reply = queues_.server().Run(Command{"HGETALL", key}, {});
  if (!reply.ok()) return reply.status();
  std::map<std::string, std::string> settings;
  for (size_t i = 0; i + 1 < reply->items.size(); i += 2) settings[reply->items[i].text] = reply->items[i + 1].text;
  return settings;
}

// DEL, HSET in one step, so that nobody sees half of it.
Status Administration::WriteChannel(std::string_view channel, const std::map<std::string, std::string>& settings) {
  const std::string key = queues_.ChannelKey(channel);
  Command change{"DEL", key};
  if (!settings.empty()) {
    Command set{"HSET", key};
    for (const auto& [name, value] : settings) set.Arg(name).Arg(value);
    change.Then(std::move(set));
  }
  return queues_.server().Run(std::move(change), {}).status();
}

Status Administration::Ping() {
  const auto make = [] {
    std::vector<Command> commands;
    commands.push_back(Command{"PING"});
    return commands;
  };
  for (const Server::Told& told : queues_.server().RunEverywhere(make, {})) {
    if (!told.status.ok()) return told.status;
    if (told.replies[0].is_error()) return ErrorStatus(told.replies[0]);
  }
  return Status::Ok();
}

Status Administration::WriteAndReadBack() {
  const std::string key = queues_.Prefix() + "health:" + RandomName();
  const std::string value = RandomName();
  std::vector<Command> commands;
  commands.push_back(Command{"SET", key, value, "PX", "60000"});
  commands.push_back(Command{"GET", key});
  commands.push_back(Command{"UNLINK", key});
  std::vector<Reply> replies(commands.size());
  if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  for (const Reply& reply : replies) {
    if (reply.is_error()) return ErrorStatus(reply);
  }
  if (replies[1].text != value) return {Code::kProtocol, "the server did not answer what was written"};
  return Status::Ok();
}

Result<std::vector<ServerReport>> Administration::Report() {
  const auto make = [] {
    std::vector<Command> commands;
    commands.push_back(Command{"INFO"});
    commands.push_back(Command{"CONFIG", "GET", "save"});
    return commands;
  };
  std::vector<ServerReport> reports;
  for (const Server::Told& told : queues_.server().RunEverywhere(make, {})) {
    if (!told.status.ok()) return told.status;
    if (told.replies[0].is_error()) return ErrorStatus(told.replies[0]);
    ServerReport report = Read(told.replies[0].text);
    if (queues_.server().nodes().is_cluster()) report.address = told.address;
    // A user who may not read the configuration is told nothing of snapshots.
    report.rdb = !told.replies[1].At(1).text.empty();
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace agentmq::redis
