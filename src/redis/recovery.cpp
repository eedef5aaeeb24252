#include "redis/recovery.hpp"

#include <algorithm>

namespace agentmq::redis {
namespace {

constexpr int64_t kLapsesAStep = 100;
constexpr int64_t kCopyStep = 1000;
// In the trash: "blob:<id>", "<id> dedup:<key>".
constexpr std::string_view kBlob = "blob:";
constexpr std::string_view kDedup = " dedup:";

// Tells what came back, and what is dead now.
void Tell(const EventSink& events, const Queue& queue, std::string_view group, int64_t count, int64_t dead,
          std::string_view cause) {
  const Details where = {{"queue", queue.keys().text}, {"group", std::string(group)}, {"cause", std::string(cause)}};
  if (count > dead) {
    Details details = where;
    details.emplace_back("messages", std::to_string(count - dead));
    events(1, "recovered", details);
  }
  if (dead > 0) {
    Details details = where;
    details.emplace_back("messages", std::to_string(dead));
    events(2, "dead_lettered", details);
  }
}

void AddBlobKeys(Command* command, const Queue& queue, std::string_view id, std::string_view group) {
  command->KeepKey(queue.keys().Blob(id)).KeepKey(queue.keys().DeadBlob(id, group));
}

// A deduplication key may be another message's by now, a payload that of one that is kept: the script looks.
Command MakeRelease(const QueueKeys& keys, const std::string& entry) {
  const std::string_view text = entry;
  const bool is_key = text.substr(0, kDedup.size() + ShortId::kSize).ends_with(kDedup);
  const std::string_view id = is_key ? text : text.substr(std::min(text.size(), kBlob.size()));
  Command release(Script::kRelease);
  release.KeepKey(keys.trash());
  release.KeepKey(is_key ? keys.Dedup(text.substr(ShortId::kSize + kDedup.size())) : keys.tag + entry);
  release.KeepKey(keys.messages()).KeepKey(keys.Kept());
  release.Keep(entry).Keep(std::string(is_key ? id.substr(0, ShortId::kSize) : id)).Arg(is_key ? "key" : "blob");
  return release;
}

}  // namespace

int64_t LeaseTime(std::string_view lease) {
  const auto space = lease.rfind(' ');
  return space == std::string_view::npos ? 0 : ToNumber(lease.substr(space + 1));
}

int64_t LastFetch(std::string_view lease) {
  const auto colon = lease.find(':');
  return colon == std::string_view::npos ? LeaseTime(lease) : ToNumber(lease.substr(colon + 1));
}

Result<int64_t> Recovery::Reclaim(Queue& queue, std::string_view group, const std::string& consumer,
                                  const std::string& lease) {
  const auto view = queues_.Refresh(queue);
  const auto* known = view->Find(group);
  if (known == nullptr) return int64_t{0};
  std::vector<std::string> blobs;
  for (int round = 0; round < 3; ++round) {
    Command command(Script::kReclaim);
    AddGroupKeys(&command, queue.keys(), known->keys);
    command.KeepKey(known->keys.Hand(consumer));
    AddLaneKeys(&command, known->keys);
    for (const std::string& id : blobs) AddBlobKeys(&command, queue, id, group);
    command.Arg(consumer).Arg(lease).Arg(group).Arg(known->ordinal);
    command.Arg(static_cast<int64_t>(view->lanes.size()));
    AddLanes(&command, *view);
    for (const std::string& id : blobs) command.Arg(id);
    auto reply = queues_.server().Run(std::move(command), {});
    if (!reply.ok()) return reply.status();
    const int64_t state = reply->At(1).integer;
    if (state == 1) return int64_t{0};
    if (state == 2) {
      for (size_t i = 2; i < reply->items.size(); ++i) blobs.push_back(reply->At(i).text);
      continue;
    }
    const int64_t count = reply->At(2).integer + reply->At(3).integer;
    Tell(queues_.options().events, queue, group, count, reply->At(3).integer, "its consumer died");
    if (reply->At(3).integer > 0) SweepTrash(queue);
    return count;
  }
  return int64_t{0};
}

Result<int64_t> Recovery::Lapse(Queue& queue, std::string_view group) {
  int64_t total = 0;
  const auto view = queues_.Refresh(queue);  // with every lane
  const auto* known = view->Find(group);
  if (known == nullptr) return total;
  for (;;) {
    // The server's time decides again inside the script; this only finds candidates.
    Command ask{"ZRANGE", known->keys.until(), "-inf"};
    ask.Arg(queues_.server().Now(known->keys.until()) + 1000).Arg("BYSCORE").Arg("LIMIT").Arg("0").Arg(kLapsesAStep);
    auto entries = queues_.server().Run(std::move(ask), {});
    if (!entries.ok()) return entries.status();
    if (entries->items.empty()) return total;
    Command command(Script::kLapse);
    AddGroupKeys(&command, queue.keys(), known->keys);
    AddLaneKeys(&command, known->keys);
    for (const Reply& entry : entries->items) {
      command.KeepKey(known->keys.Hand(std::string_view(entry.text).substr(0, entry.text.rfind('|'))));
    }
    for (const Reply& entry : entries->items) {
      AddBlobKeys(&command, queue, std::string_view(entry.text).substr(entry.text.rfind('|') + 1), group);
    }
    command.Arg(group).Arg(known->ordinal).Arg(static_cast<int64_t>(view->lanes.size()));
    command.Arg(static_cast<int64_t>(entries->items.size()));
    AddLanes(&command, *view);
    for (const Reply& entry : entries->items) command.Arg(entry.text);
    auto reply = queues_.server().Run(std::move(command), {});
    if (!reply.ok()) return reply.status();
    const int64_t count = reply->At(1).integer + reply->At(2).integer;
    total += count;
    Tell(queues_.options().events, queue, group, count, reply->At(2).integer, "reservations lapsed");
    if (reply->At(2).integer > 0) SweepTrash(queue);
    if (count < kLapsesAStep) return total;
  }
}

Result<int64_t> Recovery::Recover(Queue& queue, std::string_view group, int64_t max_age) {
  const auto view = queues_.Refresh(queue);
  const auto* known = view->Find(group);
  if (known == nullptr) return int64_t{0};
  auto lapsed = Lapse(queue, group);
  if (!lapsed.ok()) return lapsed;
  int64_t total = *lapsed;
  Command leases{"HGETALL", known->keys.lease()};
  Command time{"TIME"};
  time.At(known->keys.lease());
  std::vector<Command> commands;
  commands.push_back(std::move(leases));
  commands.push_back(std::move(time));
  std::vector<Reply> replies(2);
  if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  const int64_t now = replies[1].At(0).Number() * 1000 + replies[1].At(1).Number() / 1000;
  for (size_t i = 0; i + 1 < replies[0].items.size(); i += 2) {
    const std::string& lease = replies[0].At(i + 1).text;
    if (now - LeaseTime(lease) < max_age) continue;
    auto count = Reclaim(queue, group, replies[0].At(i).text, lease);
    if (!count.ok()) return count;
    total += *count;
  }
  return total;
}

Status Recovery::Copy(Queue& queue, std::string_view name, const Server::Call& call) {
  for (;;) {
    const auto view = queue.view();
    const auto* group = view->Find(name);
    if (group == nullptr) return Status::NotFound("the group is gone");
    Command command(Script::kCopy);
    AddGroupKeys(&command, queue.keys(), group->keys);
    AddLaneKeys(&command, group->keys);
    command.KeepKey(queue.keys().Kept()).KeepKey(queue.keys().KeptLog()).KeepKey(queue.keys().Later());
    command.Arg(view->generation).Arg(name).Arg(group->ordinal).Arg(kCopyStep);
    AddLanes(&command, *view);
    auto reply = queues_.server().Run(std::move(command), call);
    if (!reply.ok()) return reply.status();
    if (reply->At(0).integer == 2) queue.Learn(*reply, 2);
    if (reply->At(0).integer == 0) return Status::Ok();
  }
}

Status Recovery::Unref(const Queue& queue, int64_t ordinal, const Server::Call& call) {
  for (;;) {
    Command command(Script::kUnref);
    const GroupKeys none = queue.keys().Group("-", {});
    for (const std::string& key : queue.keys().base) command.KeepKey(key);
    for (const std::string& key : none.base) command.KeepKey(key);
    command.Arg(ordinal);
    auto reply = queues_.server().Run(std::move(command), call);
    if (!reply.ok()) return reply.status();
    if (reply->At(1).integer == 0) break;
  }
  SweepTrash(queue);
  return Status::Ok();
}

void Recovery::SweepTrash(const Queue& queue) {
  const std::string& trash = queue.keys().trash();
  auto names = queues_.server().Run(Command{"LRANGE", trash, "0", "99"}, {});
  if (!names.ok() || names->items.empty()) return;
  std::vector<Command> commands;
  for (const Reply& name : names->items) commands.push_back(MakeRelease(queue.keys(), name.text));
  std::vector<Reply> replies(commands.size());
  (void)queues_.server().Run(commands, replies, {});
}

}  // namespace agentmq::redis
