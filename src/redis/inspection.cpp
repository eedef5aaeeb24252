#include "redis/inspection.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace agentmq::redis {
namespace {

constexpr size_t kStep = 500;  // records read in one call

// The ids of a text that holds several.
template <typename Use>
void EachId(std::string_view text, const Use& use) {
  for (; text.size() >= ShortId::kSize; text.remove_prefix(ShortId::kSize)) {
    if (const auto id = ShortId::Parse(text.substr(0, ShortId::kSize))) use(*id);
  }
}

}  // namespace

Tries ParseTries(const std::string& text) {
  Tries tries;
  int suspect = 0;
  const char* at = text.data();
  const char* end = at + text.size();
  for (int* number : {&tries.failures, &tries.lapses, &tries.crashes, &suspect}) {
    const auto parsed = std::from_chars(at, end, *number);
    if (parsed.ec != std::errc() || parsed.ptr == end) return tries;
    at = parsed.ptr + 1;
  }
  tries.account.assign(at, end);
  return tries;
}

Result<std::vector<std::string>> Inspection::Consumers(const GroupKeys& keys) {
  std::vector<Command> commands;
  commands.push_back(Command{"HKEYS", keys.lease()});
  commands.push_back(Command{"ZRANGE", keys.until(), "0", "-1"});
  std::vector<Reply> replies(2);
  if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  std::vector<std::string> consumers;
  for (const Reply& name : replies[0].items) consumers.push_back(name.text);
  for (const Reply& entry : replies[1].items) consumers.push_back(entry.text.substr(0, entry.text.rfind('|')));
  std::sort(consumers.begin(), consumers.end());
  consumers.erase(std::unique(consumers.begin(), consumers.end()), consumers.end());
  return consumers;
}

Result<Inspection::Whereabouts> Inspection::Locate(const Queue&, const QueueView::Group& group) {
  auto consumers = Consumers(group.keys);
  if (!consumers.ok()) return consumers.status();
  std::vector<std::string> hands;
  for (const std::string& consumer : *consumers) hands.push_back(group.keys.Hand(consumer));
  std::vector<Command> commands;
  commands.push_back(Command{"ZRANGE", group.keys.due(), "0", "-1", "WITHSCORES"});
  commands.push_back(Command{"ZRANGE", group.keys.until(), "0", "-1", "WITHSCORES"});
  commands.push_back(Command{"HGETALL", group.keys.tries()});
  for (const std::string& hand : hands) commands.push_back(Command{"HVALS", hand});
  std::vector<Reply> replies(commands.size());
  if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  Whereabouts result;
  const auto each_pair = [](const Reply& reply, const auto& use) {
    for (size_t i = 0; i + 1 < reply.items.size(); i += 2) {
      const std::string& text = reply.items[i].text;
      const auto bar = text.rfind('|');
      const auto id = ShortId::Parse(bar == std::string::npos ? text : std::string_view(text).substr(bar + 1));
      if (id) use(*id, reply.items[i + 1]);
    }
  };
  for (size_t i = 0; i < hands.size(); ++i) {
    for (const Reply& delivery : replies[3 + i].items) {
      EachId(delivery.text, [&](const ShortId& id) { result.held[id] = {(*consumers)[i], 0}; });
    }
  }
  each_pair(replies[0], [&](const ShortId& id, const Reply& at) { result.due[id] = at.Number(); });
  each_pair(replies[1], [&](const ShortId& id, const Reply& at) {
    if (const auto held = result.held.find(id); held != result.held.end()) held->second.until = at.Number();
  });
  each_pair(replies[2], [&](const ShortId& id, const Reply& text) { result.tries[id] = ParseTries(text.text); });
  return result;
}

void Inspection::Describe(Found* found, const Whereabouts& whereabouts, std::string_view group) {
  found->group = std::string(group);
  if (const auto tries = whereabouts.tries.find(found->id); tries != whereabouts.tries.end()) {
    found->tries = tries->second;
  }
  if (const auto held = whereabouts.held.find(found->id); held != whereabouts.held.end()) {
    found->state = State::kReserved;
    found->consumer = held->second.consumer;
    found->reserved_until = held->second.until;
  } else if (const auto due = whereabouts.due.find(found->id); due != whereabouts.due.end()) {
    found->due = due->second;
    found->state = found->tries.total() > 0 ? State::kRetrying : State::kScheduled;
  } else {
    found->state = State::kQueued;
  }
}

// ZRANGE later (now inf BYSCORE WITHSCORES
Result<std::map<ShortId, int64_t>> Inspection::Later(const Queue& queue) {
  std::map<ShortId, int64_t> later;
  if (!queue.name().broadcast) return later;
  Command read{"ZRANGE"};
  read.Keep(queue.keys().Later()).Keep("(" + std::to_string(queues_.server().Now(queue.keys().meta())));
  read.Arg("inf").Arg("BYSCORE").Arg("WITHSCORES");
  auto reply = queues_.server().Run(std::move(read), {});
  if (!reply.ok()) return reply.status();
  for (size_t i = 0; i + 1 < reply->items.size(); i += 2) {
    if (const auto id = ShortId::Parse(reply->items[i].text)) later[*id] = reply->items[i + 1].Number();
  }
  return later;
}

// A broadcast that no group has yet waits for its time all the same.
void Inspection::Schedule(Found* found, const std::map<ShortId, int64_t>& later) {
  const auto due = found->state == State::kQueued ? later.find(found->id) : later.end();
  if (due == later.end()) return;
  found->state = State::kScheduled;
  found->due = due->second;
}

// HMGET records id...; GET blob
Status Inspection::Fill(const Queue& queue, const std::string& records, std::span<Found> found) {
  for (size_t from = 0; from < found.size(); from += kStep) {
    const auto step = found.subspan(from, std::min(kStep, found.size() - from));
    std::vector<Command> commands;
    commands.push_back(Command{"HMGET", records});
    for (const Found& one : step) commands[0].Arg(one.id.view());
    for (const Found& one : step) {
      if (!one.id.blob()) continue;
      Command get{"GET"};
      get.Keep(queue.keys().Blob(one.id.view()));
      commands.push_back(std::move(get));
    }
    std::vector<Reply> replies(commands.size());
    if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
    for (const Reply& reply : replies) {
      if (reply.is_error()) return ErrorStatus(reply);
    }
    if (Status status = ListStatus(replies[0], step.size()); !status.ok()) return status;
    size_t blob = 0;
    for (size_t i = 0; i < step.size(); ++i) {
      step[i].record = std::move(replies[0].items[i].text);
      if (!step[i].id.blob()) continue;
      const std::string& payload = replies[++blob].text;
      // The payload of a message that is gone may wait in the trash.
      if (!step[i].record.empty()) step[i].record += payload;
    }
  }
  return Status::Ok();
}

Result<std::vector<Found>> Inspection::Pending(const Source& source, size_t limit) {
  auto queue = queues_.Get(source.queue);
  const auto view = queues_.Refresh(*queue);
  std::vector<Found> found;
  const auto* group = view->Find(source.group);
  if (group == nullptr) return found;
  auto whereabouts = Locate(*queue, *group);
  if (!whereabouts.ok()) return whereabouts.status();
  std::vector<Command> commands;
  const std::string last = std::to_string(limit - 1);
  commands.push_back(Command{"SMEMBERS", group->keys.skip()});
  for (const std::string& lane : group->keys.lanes) commands.push_back(Command{"LRANGE", lane, "0", last});
  std::vector<Reply> replies(commands.size());
  if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  const auto add = [&](const ShortId& id) {
    Found& one = found.emplace_back();
    one.queue = source.queue;
    one.id = id;
    Describe(&one, *whereabouts, source.group);
  };
  std::set<std::string_view> skipped;  // acked before they were delivered: only their places in the lanes are left
  for (const Reply& item : replies[0].items) skipped.insert(item.text);
  for (size_t i = 1; i < replies.size(); ++i) {
    for (const Reply& entry : replies[i].items) {
      EachId(entry.text, [&](const ShortId& id) {
        if (!skipped.contains(id.view())) add(id);
      });
    }
  }
  for (const auto& [id, held] : whereabouts->held) add(id);
  for (const auto& [id, due] : whereabouts->due) add(id);
  std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    if (a.id.priority() != b.id.priority()) return a.id.priority() > b.id.priority();
    return a.id < b.id;
  });
  // Entries of lanes may be tombstones: some more are read than are asked for.
  if (found.size() > 2 * limit + 100) found.resize(2 * limit + 100);
  if (Status status = Fill(*queue, queue->keys().messages(), found); !status.ok()) return status;
  std::erase_if(found, [](const Found& one) { return one.record.empty(); });
  if (found.size() > limit) found.resize(limit);
  return found;
}

Result<Found> Inspection::GetKept(const Queue& queue, Found found) {
  if (Status status = Fill(queue, queue.keys().Kept(), {&found, 1}); !status.ok()) return status;
  if (found.record.empty()) {
    return Status::NotFound("there is no message '" + FullId{queue.name(), found.id, {}}.Text() + "'");
  }
  found.state = State::kAcked;
  return found;
}

Result<Found> Inspection::Get(const QueueName& name, const ShortId& id) {
  auto queue = queues_.Get(name);
  Found found;
  found.queue = name;
  found.id = id;
  if (Status status = Fill(*queue, queue->keys().messages(), {&found, 1}); !status.ok()) return status;
  if (found.record.empty()) return GetKept(*queue, found);
  const auto view = queues_.Refresh(*queue);
  for (const auto& group : view->groups) {
    auto whereabouts = Locate(*queue, *group);
    if (!whereabouts.ok()) return whereabouts.status();
    Describe(&found, *whereabouts, group->name);
    if (found.state != State::kQueued) break;
  }
  auto later = Later(*queue);
  if (!later.ok()) return later.status();
  Schedule(&found, *later);
  return found;
}

// HLEN messages; ZCOUNT expiry: what has expired and is still there. The idea of the server's clock may be up to a
// millisecond ahead, hence below it: what is not counted is never delivered.
Result<int64_t> Inspection::Count(const QueueName& name) {
  const auto queue = queues_.Get(name);
  const QueueKeys& keys = queue->keys();
  Command expired{"ZCOUNT", keys.expiry(), "-inf"};
  expired.Keep("(" + std::to_string(queues_.server().Now(keys.messages())));
  Command commands[] = {Command{"HLEN", keys.messages()}, std::move(expired)};
  Reply replies[2];
  if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  for (const Reply& reply : replies) {
    if (reply.is_error()) return ErrorStatus(reply);
  }
  return std::max<int64_t>(0, replies[0].integer - replies[1].integer);
}

// HSCAN records: ids, in steps.
Result<std::vector<ShortId>> Inspection::Ids(const std::string& records) {
  std::vector<ShortId> ids;
  std::string cursor = "0";
  do {
    auto reply = queues_.server().Run(Command{"HSCAN", records, cursor, "COUNT", "1000"}, {});
    if (!reply.ok()) return reply.status();
    if (Status status = ListStatus(*reply, 2); !status.ok()) return status;
    cursor = reply->At(0).text;
    const Reply& pairs = reply->At(1);
    for (size_t i = 0; i + 1 < pairs.items.size(); i += 2) {
      if (const auto id = ShortId::Parse(pairs.items[i].text)) ids.push_back(*id);
    }
  } while (cursor != "0");
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Status Inspection::Walk(const QueueName& name, const std::function<bool(Found&&)>& visit) {
  auto queue = queues_.Get(name);
  const auto view = queues_.Refresh(*queue);
  auto ids = Ids(queue->keys().messages());
  if (!ids.ok()) return ids.status();
  if (ids->empty()) return Status::Ok();
  std::vector<std::pair<std::string, Whereabouts>> groups;
  for (const auto& group : view->groups) {
    auto whereabouts = Locate(*queue, *group);
    if (!whereabouts.ok()) return whereabouts.status();
    groups.emplace_back(group->name, std::move(*whereabouts));
  }
  auto later = Later(*queue);
  if (!later.ok()) return later.status();
  for (size_t from = 0; from < ids->size(); from += kStep) {
    std::vector<Found> step(std::min(kStep, ids->size() - from));
    for (size_t i = 0; i < step.size(); ++i) {
      step[i].queue = name;
      step[i].id = (*ids)[from + i];
      for (const auto& [group, whereabouts] : groups) {
        Describe(&step[i], whereabouts, group);
        if (step[i].state != State::kQueued) break;
      }
      Schedule(&step[i], *later);
    }
    if (Status status = Fill(*queue, queue->keys().messages(), step); !status.ok()) return status;
    for (Found& found : step) {
      if (!found.record.empty() && !visit(std::move(found))) return Status::Ok();
    }
  }
  return Status::Ok();
}

Status Inspection::WalkKept(const QueueName& name, const std::function<bool(Found&&)>& visit) {
  auto queue = queues_.Get(name);
  auto ids = Ids(queue->keys().Kept());
  if (!ids.ok()) return ids.status();
  for (size_t from = 0; from < ids->size(); from += kStep) {
    std::vector<Found> step(std::min(kStep, ids->size() - from));
    for (size_t i = 0; i < step.size(); ++i) {
      step[i].queue = name;
      step[i].id = (*ids)[from + i];
      step[i].state = State::kAcked;
    }
    // What is read again is found among the others.
    Command ask{"HMGET"};
    ask.Keep(queue->keys().messages());
    for (const Found& found : step) ask.Arg(found.id.view());
    auto again = queues_.server().Run(std::move(ask), {});
    if (!again.ok()) return again.status();
    if (Status status = Fill(*queue, queue->keys().Kept(), step); !status.ok()) return status;
    for (size_t i = 0; i < step.size(); ++i) {
      if (step[i].record.empty() || !again->At(i).is_nil()) continue;
      if (!visit(std::move(step[i]))) return Status::Ok();
    }
  }
  return Status::Ok();
}

}  // namespace agentmq::redis
