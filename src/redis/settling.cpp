#include "redis/settling.hpp"

#include <algorithm>

namespace agentmq::redis {
namespace {

constexpr size_t kStep = 1000;         // settlements of one call
constexpr size_t kStepKept = 100;      // where they are kept: Lua copies their records
constexpr size_t kBesideAtLeast = 16;  // fewer are removed by the script: a transaction has a price too

Status FromLetter(char letter) {
  switch (letter) {
    case 'o':
    case 'd':
      return Status::Ok();
    case 's':
      return {Code::kStale, "the message was given to another consumer meanwhile"};
    case 'n':
      return Status::NotFound("the message was settled or deleted before");
    default:
      return {Code::kProtocol, "a script gave an answer that makes no sense"};
  }
}

Status FromLetter(const Reply& reply) { return FromLetter(reply.text.empty() ? '?' : reply.text[0]); }

bool HasBlobs(std::span<const Settlement> settlements) {
  return std::any_of(settlements.begin(), settlements.end(),
                     [](const Settlement& settlement) { return settlement.id.blob(); });
}

}  // namespace

Settling::Place Settling::Find(const Source& source) {
  Place place{queues_.Get(source.queue), nullptr, {}, -1};
  place.view = place.queue->view();
  const auto* group = place.view->Find(source.group);
  if (group == nullptr && source.queue.broadcast) {
    place.view = queues_.Refresh(*place.queue);
    group = place.view->Find(source.group);
  }
  if (group != nullptr) {
    place.keys = group->keys;
    place.ordinal = group->ordinal;
  } else {
    place.keys = place.queue->keys().Group(source.group, {});
    // A group of a log that is not there has no bit: an ordinal that nobody has.
    place.ordinal = source.queue.broadcast ? 1 << 20 : -1;
  }
  return place;
}

Command Settling::MakeAck(const Part& part, bool beside) {
  const Place& place = part.place;
  const Retention& retention = part.batch->retention;
  Command command(retention.any() ? Script::kAckKept : Script::kAck);
  command.Reserve(24);
  AddGroupKeys(&command, place.queue->keys(), place.keys);
  command.KeepKey(place.keys.Hand(part.batch->consumer));
  if (retention.any()) AddKeptKeys(&command, place.queue->keys());
  if (beside) command.KeepKey(place.queue->keys().Open());
  command.Arg(part.batch->consumer).Arg(part.batch->source->group).Arg(place.ordinal);
  if (retention.any()) {
    command.Arg(retention.time).Arg(retention.count);
  } else {
    command.Arg(HasBlobs(part.settlements) ? "1" : "0").Arg(beside ? "1" : "0");
  }
  // What follows each other in a delivery goes as one text.
  for (size_t from = 0, to = 0; from < part.settlements.size(); from = to) {
    const int64_t number = part.settlements[from].delivery;
    std::string ids;
    while (to < part.settlements.size() && part.settlements[to].delivery == number) {
      ids += part.settlements[to++].id.view();
    }
    command.Arg(number).Keep(std::move(ids));
  }
  if (!beside) return command;
  Command remove{"HDEL"};
  remove.Reserve(1 + part.settlements.size()).Keep(place.queue->keys().Open());
  for (const Settlement& settlement : part.settlements) remove.Arg(settlement.id.view());
  command.Then(std::move(remove)).Then(MakeClose(Script::kAck, place.queue->keys()));
  return command;
}

Command Settling::MakeRemember(const Part& part) {
  Command command(Script::kRemember);
  command.KeepKey(part.place.keys.Done()).Arg(part.batch->remember);
  for (const std::string& key : part.done) command.Arg(key);
  return command;
}

// ZMSCORE done key...
Result<std::vector<bool>> Settling::Done(const Source& source, std::span<const std::string> keys,
                                         const Patience& patience) {
  const auto queue = queues_.Get(source.queue);
  Command ask{"ZMSCORE"};
  ask.Keep(queue->keys().Group(source.group, {}).Done());
  for (const std::string& key : keys) ask.Arg(key);
  auto reply = queues_.server().Run(std::move(ask), {patience, Server::Again::kOnLoss, true});
  if (!reply.ok()) return reply.status();
  const int64_t now = queues_.server().Now(queue->keys().meta());
  std::vector<bool> done;
  for (size_t i = 0; i < keys.size(); ++i) done.push_back(!reply->At(i).is_nil() && reply->At(i).Number() > now);
  return done;
}

void Settling::Ack(std::span<SettleBatch> batches, const Patience& patience, const Connection::Side* side) {
  std::vector<Part> parts;
  for (SettleBatch& batch : batches) {
    const size_t step = batch.retention.any() ? kStepKept : kStep;
    for (size_t from = 0; from < batch.settlements.size(); from += step) {
      const size_t count = std::min(step, batch.settlements.size() - from);
      parts.push_back({&batch, batch.settlements.subspan(from, count), Find(*batch.source)});
      if (!batch.done.empty()) parts.back().done = batch.done.subspan(from, count);
    }
  }
  std::vector<Command> commands;
  commands.reserve(parts.size());
  for (Part& part : parts) {
    if (!part.done.empty()) commands.push_back(MakeRemember(part));  // first: what is done may not be forgotten
    part.at = commands.size();
    const bool many = part.settlements.size() >= kBesideAtLeast && !part.batch->retention.any();
    commands.push_back(MakeAck(part, many && part.place.ordinal < 0 && !HasBlobs(part.settlements)));
  }
  std::vector<Reply> replies(commands.size());
  const Server::Call call{patience, Server::Again::kOnLoss, true, Deadline::Never(), side};
  const auto outcome = queues_.server().Run(commands, replies, call);
  std::vector<Server::Fate> fates;
  for (const Part& part : parts) fates.push_back({outcome.StatusOf(part.at), outcome.Repeated(part.at)});
  std::vector<size_t> again;
  std::vector<Command> plain;
  for (size_t i = 0; i < parts.size(); ++i) {
    // A server that is out of memory takes no transactions, but lets single scripts make room.
    if (commands[parts[i].at].behind().empty() || !replies[parts[i].at].StartsWith("OOM")) continue;
    again.push_back(i);
    plain.push_back(MakeAck(parts[i], false));
  }
  if (!again.empty()) {
    std::vector<Reply> answers(again.size());
    const auto second = queues_.server().Run(plain, answers, call);
    for (size_t i = 0; i < again.size(); ++i) {
      replies[parts[again[i]].at] = std::move(answers[i]);
      fates[again[i]] = {second.StatusOf(i), fates[again[i]].repeated || second.Repeated(i)};
    }
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    const Reply& reply = replies[parts[i].at];
    const std::string& letters = reply.At(1).text;
    for (size_t k = 0; k < parts[i].settlements.size(); ++k) {
      Status& status = parts[i].settlements[k].status;
      if (reply.is_error()) {
        status = ErrorStatus(reply);
      } else if (!reply.is_array()) {
        status = fates[i].status;
      } else {
        status = letters.empty() ? Status::Ok() : FromLetter(k < letters.size() ? letters[k] : '?');
        // Of an ack that was sent twice: the first copy did it.
        if (fates[i].repeated && status.code() == Code::kNotFound) status = Status::Ok();
      }
    }
  }
  for (const Part& part : parts) {
    if (HasBlobs(part.settlements)) recovery_.SweepTrash(*part.place.queue);
  }
}

Status Settling::AckId(const Source& source, const ShortId& id, const Retention& retention) {
  const Place place = Find(source);
  auto held_by = inspection_.Consumers(place.keys);
  if (!held_by.ok()) return held_by.status();
  const std::vector<std::string>& consumers = *held_by;
  Command command(Script::kSettleId);
  AddGroupKeys(&command, place.queue->keys(), place.keys);
  for (const std::string& consumer : consumers) command.KeepKey(place.keys.Hand(consumer));
  AddLaneKeys(&command, place.keys);
  AddKeptKeys(&command, place.queue->keys());
  command.Arg(source.group).Arg(place.ordinal).Arg(id.view()).Arg(static_cast<int64_t>(consumers.size()));
  for (const std::string& consumer : consumers) command.Arg(consumer);
  command.Arg(retention.time).Arg(retention.count);
  Reply reply;
  auto outcome = queues_.server().Run({&command, 1}, {&reply, 1}, {{}, Server::Again::kOnLoss, true});
  if (!outcome.status.ok()) return outcome.status;
  if (reply.is_error()) return ErrorStatus(reply);
  if (id.blob()) recovery_.SweepTrash(*place.queue);
  Status status = FromLetter(reply.At(1));
  return outcome.repeated && status.code() == Code::kNotFound ? Status::Ok() : status;
}

Status Settling::GiveUp(const Source& source, std::string_view consumer, const Nack& nack, bool* dead) {
  const Place place = Find(source);
  Command command(Script::kNack);
  AddGroupKeys(&command, place.queue->keys(), place.keys);
  command.KeepKey(place.keys.Hand(consumer)).KeepKey(place.keys.Lane(nack.id.priority()));
  command.KeepKey(place.queue->keys().Blob(nack.id.view()));
  command.KeepKey(place.queue->keys().DeadBlob(nack.id.view(), source.group));
  command.Arg(consumer).Arg(source.group).Arg(place.ordinal).Arg(nack.id.view()).Arg(nack.delivery);
  command.Arg(nack.permanent ? "1" : "0").Arg(nack.delay).Arg(int64_t{nack.retry_attempts});
  command.Arg(static_cast<int64_t>(nack.status)).Arg(kDeadLettersKept).Arg(nack.reason);
  Reply reply;
  auto outcome = queues_.server().Run({&command, 1}, {&reply, 1}, {{}, Server::Again::kOnLoss, true});
  if (dead != nullptr) *dead = false;
  if (!outcome.status.ok()) return outcome.status;
  if (reply.is_error()) return ErrorStatus(reply);
  const bool died = reply.At(1).text == "d";
  if (dead != nullptr) *dead = died;
  if (died) recovery_.SweepTrash(*place.queue);  // its deduplication key, if it has one
  Status status = FromLetter(reply.At(1));
  // Of a nack that was sent twice the first copy moved it: it is in nobody's hand any more.
  const bool moved = status.code() == Code::kNotFound || status.code() == Code::kStale;
  return outcome.repeated && moved ? Status::Ok() : status;
}

Status Settling::Extend(const Source& source, std::string_view consumer, const Settlement& settlement,
                        int64_t visibility_timeout, int64_t* reserved_until) {
  const Place place = Find(source);
  Command command(Script::kExtend);
  AddGroupKeys(&command, place.queue->keys(), place.keys);
  command.KeepKey(place.keys.Hand(consumer));
  command.Arg(consumer).Arg(place.ordinal).Arg(settlement.id.view()).Arg(settlement.delivery).Arg(visibility_timeout);
  auto reply = queues_.server().Run(std::move(command), {{}, Server::Again::kOnLoss, true});
  if (!reply.ok()) return reply.status();
  if (reserved_until != nullptr) *reserved_until = reply->At(0).Number() + visibility_timeout;
  return FromLetter(reply->At(1));
}

}  // namespace agentmq::redis
