#include <algorithm>
#include <utility>

#include "core/record.hpp"
#include "core/telling.hpp"
#include "redis/publishing.hpp"

// How a batch gets to the server: prepared (lanes, ids, blobs), sent, judged; sent again where that is certain to be
// right, until command_timeout is over.
namespace agentmq::redis {
namespace {

// Fewer records travel inside the script: a transaction has a price too.
constexpr size_t kBesideAtLeast = 16;
// An HSET takes about so much, so that the server reads one while the next is written.
constexpr size_t kStoreBytes = 16 << 10;
// A lost answer can be asked for while the server knows the slot: it forgets those that were idle for 10 minutes.
constexpr int64_t kAskFor = int64_t{5} * 60 * 1000;  // ms
constexpr int64_t kAskAgain = 50;                    // ms

bool IsBlob(const Outgoing& message) { return message.payload.size() > kBlobThreshold; }
bool IsDelayed(const Outgoing* message) { return message->delay > 0; }

}  // namespace

void Publishing::Finish(Step& step, const Status& status, int64_t dropped) {
  step.done = true;
  for (PublishBatch* batch : step.batches) {
    batch->status = status;
    batch->reached = step.reached;
    batch->shortfall = step.shortfall;
    batch->dropped = dropped;
    dropped = 0;  // counted once
  }
}

// A step that is not going to be stored: what was put aside for it goes.
void Publishing::Refuse(Step& step, const Status& status) {
  if (step.blobs > 0 && status.code() == Code::kFull) {
    Command unlink{"UNLINK"};
    for (const Outgoing* message : step.messages) {
      if (IsBlob(*message)) unlink.Keep(step.slot->queue->keys().Blob(message->id.view()));
    }
    // Where this fails they expire by themselves.
    (void)queues_.server().Run(std::move(unlink), {});
  }
  Finish(step, status);
}

// The publisher's part of its ids: what the server keeps the slot under.
std::string Publishing::SlotName(const Step& step) {
  return std::string(ShortId(0, 0, false, step.slot->ids.publisher(), 0).view().substr(9, 4));
}

void Publishing::MakeIds(Step& step) {
  const int64_t now = queues_.server().Now(step.slot->queue->keys().meta());
  step.messages.clear();
  step.blobs = 0;
  step.tells = step.keyed = false;
  for (PublishBatch* batch : step.batches) {
    step.tells = step.tells || batch->tells;
    step.keyed = step.keyed || batch->keyed;
    for (Outgoing& message : batch->messages) {
      message.id = step.slot->ids.Next(now, message.priority, IsBlob(message));
      step.messages.push_back(&message);
      step.blobs += IsBlob(message) ? 1 : 0;
    }
  }
  // What repeats another is not told: that is known with the answer only, so the core tells the others behind it.
  step.tells = step.tells && !step.keyed;
  // By lane, in order within each.
  std::stable_sort(step.messages.begin(), step.messages.end(),
                   [](const Outgoing* a, const Outgoing* b) { return a->priority > b->priority; });
  step.made = true;
}

void Publishing::AddBlobs(Step& step, std::vector<Command>* commands) {
  for (const Outgoing* message : step.messages) {
    if (!IsBlob(*message)) continue;
    // SET blob payload PX 120000: the publish script makes it stay.
    Command set{"SET"};
    set.Keep(step.slot->queue->keys().Blob(message->id.view())).Arg(message->payload).Arg("PX").Arg("120000");
    commands->push_back(std::move(set));
  }
}

// Nothing where the view lacks a lane: another call has learnt since that the server does not have what was prepared (it
// was emptied, or a replica took over).
std::optional<Command> Publishing::MakeCommand(Step& step, const QueueView& view) {
  const Queue& queue = *step.slot->queue;
  const auto& messages = step.messages;
  const Limits& limits = step.batches[0]->limits;
  const bool beside = messages.size() >= kBesideAtLeast && !step.keyed;  // the script decides what is stored
  const bool later = step.keyed || std::any_of(messages.begin(), messages.end(), IsDelayed);
  const Script script = step.keyed ? Script::kOnce : later ? Script::kSchedule : Script::kPublish;
  Command command(script);
  command.Reserve((beside ? 0 : messages.size()) + view.lanes.size() * (3 + view.groups.size()) + 32);
  AddQueueKeys(&command, queue.keys());
  for (const Outgoing* message : messages) {
    if (IsBlob(*message)) command.KeepKey(queue.keys().Blob(message->id.view()));
  }
  for (const auto& group : view.groups) {
    command.Key(group->keys.wake());
    AddLaneKeys(&command, group->keys);
  }
  for (const auto& group : view.groups) {
    if (later) command.Key(group->keys.due());
  }
  if (later) command.KeepKey(queue.keys().Later());
  if (step.keyed) AddDedupKeys(step, &command);
  if (beside) command.KeepKey(queue.keys().Open());
  size_t bytes = 0;
  int64_t expiring = 0;
  for (const Outgoing* message : messages) {
    bytes += InlineSize(*message);
    expiring += message->ttl >= 0 ? 1 : 0;
  }
  const std::string_view any = step.slot->fresh ? "1" : "0";
  command.Arg(view.generation).Keep(SlotName(step)).Arg(step.slot->connection);
  command.Arg(step.before() != nullptr ? step.before()->messages[0]->id.view() : any);
  command.Arg(messages[0]->id.view()).Arg(limits.max_items).Arg(limits.overflow == Overflow::kDropOldest ? "1" : "0");
  command.Arg(queue.name().broadcast ? "1" : "0").Arg(static_cast<int64_t>(step.blobs));
  command.Arg(static_cast<int64_t>(view.groups.size())).Arg(static_cast<int64_t>(view.lanes.size())).Arg(expiring);
  command.Arg(beside ? "1" : "0");
  // Never grow from here on: commands borrow from them.
  step.ids.clear();
  step.ids.reserve(messages.size() * ShortId::kSize);
  step.records.clear();
  step.records.reserve(bytes);
  auto at = messages.begin();
  for (const int lane : view.lanes) {
    const size_t from = step.ids.size();
    for (; at != messages.end() && (*at)->priority == lane; ++at) step.ids.append((*at)->id.view());
    command.Arg(int64_t{lane}).Arg(std::string_view(step.ids).substr(from));
  }
  if (at != messages.end()) return std::nullopt;
  std::vector<Command> stores;
  size_t stored = kStoreBytes;  // by the last of them
  for (const Outgoing* message : messages) {
    const size_t from = step.records.size();
    step.records.append(message->head);
    if (!IsBlob(*message)) step.records.append(message->payload);
    const auto record = std::string_view(step.records).substr(from);
    if (!beside) {
      command.Arg(record);
      continue;
    }
    if (stored >= kStoreBytes) {
      stores.push_back(Command{"HSET"});
      stores.back().Keep(queue.keys().Open());
      stored = 0;
    }
    stores.back().Arg(message->id.view()).Arg(record);
    stored += record.size();
  }
  for (const Outgoing* message : messages) {
    if (message->ttl >= 0) command.Arg(message->id.time() + message->ttl).Arg(message->id.view());
  }
  if (step.keyed) command.Arg(int64_t{std::count_if(messages.begin(), messages.end(), IsDelayed)});
  for (const Outgoing* message : messages) {
    if (IsDelayed(message)) command.Arg(message->delay).Arg(message->id.view());
  }
  if (step.keyed) AddKeyedIds(step, &command);
  if (queue.name().broadcast && !view.groups.empty()) command.Arg(view.reference_map);
  if (!beside) return command;
  for (Command& store : stores) command.Then(std::move(store));
  command.Then(MakeClose(script, queue.keys()));
  return command;
}

// In the order in which they were published: of equal keys the first one counts.
template <typename Use>
void Publishing::EachKeyed(const Step& step, const Use& use) {
  for (const PublishBatch* batch : step.batches) {
    for (const Outgoing& message : batch->messages) {
      if (!message.dedup_key.empty()) use(message);
    }
  }
}

void Publishing::AddDedupKeys(const Step& step, Command* command) {
  const QueueKeys& keys = step.slot->queue->keys();
  EachKeyed(step, [&](const Outgoing& message) { command->KeepKey(keys.Dedup(message.dedup_key)); });
  command->KeepKey(keys.Once(SlotName(step)));
}

void Publishing::AddKeyedIds(const Step& step, Command* command) {
  int64_t count = 0;
  int64_t window = 0;
  for (const PublishBatch* batch : step.batches) window = std::max(window, batch->limits.dedup_window);
  EachKeyed(step, [&](const Outgoing&) { ++count; });
  command->Arg(count).Arg(window);
  EachKeyed(step, [&](const Outgoing& message) { command->Arg(message.id.view()); });
}

// Of what is stored: what repeats another message is that one.
void Publishing::TakeRepeats(Step& step, std::string_view repeats) {
  constexpr size_t kSize = ShortId::kSize;
  std::unordered_map<std::string_view, std::string_view> others;
  for (; repeats.size() >= 2 * kSize; repeats.remove_prefix(2 * kSize)) {
    others.emplace(repeats.substr(0, kSize), repeats.substr(kSize, kSize));
  }
  if (others.empty()) return;
  for (Outgoing* message : step.messages) {
    const auto other = others.find(message->id.view());
    const auto id = other == others.end() ? std::nullopt : ShortId::Parse(other->second);
    if (!id) continue;
    message->repeats = true;
    message->id = *id;
  }
}

// Behind the call that stores it; does nothing where that did not.
Command Publishing::MakeTelling(const Step& step) const {
  const Queue& queue = *step.slot->queue;
  Command command(Script::kTell);
  AddQueueKeys(&command, queue.keys());
  command.Keep(SlotName(step)).Arg(step.messages[0]->id.view()).Keep(live_.Of(queue.name().channel));
  for (const PublishBatch* batch : step.batches) {
    for (const Outgoing& message : batch->messages) {
      if (message.tell) command.Keep(TellingText({queue.name(), message.id, {}}, message.head, message.payload));
    }
  }
  return command;
}

void Publishing::SetTold(Step& step, Outgoing::Told told) {
  for (PublishBatch* batch : step.batches) {
    for (Outgoing& message : batch->messages) {
      if (message.tell) message.told = told;
    }
  }
}

// The answer to the telling of a step that is stored.
void Publishing::Heard(Step& step, const Reply& reply) {
  if (reply.is_nil()) return SetTold(step, Outgoing::Told::kMaybe);
  if (!reply.is_array() || reply.At(0).integer != 0) return;  // not told
  SetTold(step, Outgoing::Told::kYes);
  size_t at = 2;
  for (PublishBatch* batch : step.batches) {
    for (Outgoing& message : batch->messages) {
      if (message.tell) message.receivers = reply.At(at++).Number();
    }
  }
}

// Lanes that the server does not know yet are made first.
void Publishing::Prepare(std::vector<Step>& steps, const Server::Call& call) {
  std::vector<Queues::Need> needs;
  std::vector<const PublishingSlot*> wanting;
  for (Step& step : steps) {
    if (step.done) continue;
    const auto view = step.slot->queue->view();
    std::vector<int> lanes;
    for (const PublishBatch* batch : step.batches) {
      for (const Outgoing& message : batch->messages) {
        if (!view->HasLane(message.priority)) lanes.push_back(message.priority);
      }
    }
    if (!view->generation.empty() && lanes.empty()) continue;
    std::sort(lanes.begin(), lanes.end());
    lanes.erase(std::unique(lanes.begin(), lanes.end()), lanes.end());
    needs.push_back({step.slot->queue.get(), std::move(lanes), {}});
    wanting.push_back(step.slot);
  }
  if (needs.empty()) return;
  queues_.Prepare(needs, call);
  for (size_t i = 0; i < needs.size(); ++i) {
    if (!needs[i].status.ok()) FailAll(steps, *wanting[i], needs[i].status);
  }
}

// What is to come first did not: nothing of the slot is sent this time.
void Publishing::FailAll(std::vector<Step>& steps, const PublishingSlot& slot, const Status& status) {
  for (Step& step : steps) {
    if (!step.done && step.slot == &slot) step.failure = status;
  }
}

// After a call whose answer did not come: raise the connection number, and learn whether the batch was stored.
void Publishing::Raise(std::vector<Step>& steps, const Server::Call& call) {
  std::vector<Command> commands;
  std::vector<Step*> raised;
  for (Step& step : steps) {
    if (step.done || !step.failure.ok() || !step.slot->unanswered || step.before() != nullptr) continue;  // once a slot
    ++step.slot->connection;
    Command command(Script::kRaise);
    AddQueueKeys(&command, step.slot->queue->keys());
    command.Keep(SlotName(step)).Arg(step.slot->connection);
    commands.push_back(std::move(command));
    raised.push_back(&step);
  }
  if (raised.empty()) return;
  std::vector<Reply> replies(commands.size());
  const auto outcome = queues_.server().Run(commands, replies, call);
  Confirmed(steps, outcome);
  for (size_t i = 0; i < raised.size(); ++i) {
    Step& step = *raised[i];
    if (!outcome.StatusOf(i).ok()) {
      FailAll(steps, *step.slot, outcome.StatusOf(i));
      continue;
    }
    if (replies[i].is_error()) {
      // Nothing was learnt: what is lost stays unknown, and the number is raised before anything else goes this way.
      const Status status = ErrorStatus(replies[i]);
      for (Step& other : steps) {
        if (other.done || other.slot != step.slot) continue;
        if (other.lost) {
          Finish(other, {Code::kUnknown, status.text() + "; the message may have been stored"});
        } else {
          Refuse(other, status);
        }
      }
      continue;
    }
    step.slot->unanswered = false;
    step.slot->fresh = false;
    Learn(steps, *step.slot, replies[i].At(2).text);
  }
}

// Of what was stored before it the confirmation tells too.
void Publishing::Confirmed(std::vector<Step>& steps, const Server::Outcome& outcome) {
  for (Step& step : steps) {
    if (step.done) continue;
    step.reached = outcome.reached;
    step.shortfall = outcome.shortfall;
  }
}

// The last batch that is stored in a slot: of those without an answer it is, and those in front of it. One with
// deduplication keys (the last of its round) is sent once more, to be told what it repeated.
void Publishing::Learn(std::vector<Step>& steps, const PublishingSlot& slot, std::string_view last) {
  const auto is_last = [&](const Step& step) {
    return step.slot == &slot && step.lost && step.messages[0]->id.view() == last;
  };
  bool stored = std::any_of(steps.begin(), steps.end(), is_last);
  for (Step& step : steps) {
    if (step.done || step.slot != &slot) continue;
    const bool ends = is_last(step);
    if (step.keyed && ends) return;
    if (step.lost && stored) Finish(step, Status::Ok());
    step.lost = false;
    stored = stored && !ends;
  }
}

void Publishing::Judge(std::vector<Step>& steps, Step& step, const Reply& reply) {
  if (reply.is_error()) return Refuse(step, ErrorStatus(reply));
  queues_.server().SetNow(step.slot->queue->keys().meta(), reply.At(1).Number());
  switch (reply.At(0).integer) {
    case 0:
      step.slot->fresh = false;
      TakeRepeats(step, reply.At(3).text);
      return Finish(step, Status::Ok(), reply.At(2).Number());
    case 1:
      TakeRepeats(step, reply.At(3).text);
      return Finish(step, Status::Ok());
    case 2:
      step.slot->queue->Learn(reply, 2);
      return;
    case 3:
      return Refuse(step, {Code::kFull, "queue '" + step.slot->queue->keys().text + "' is full: it holds " +
                                            std::to_string(step.batches[0]->limits.max_items) + " messages"});
    case 4:  // somebody raised our number: so do we
      step.slot->unanswered = true;
      return;
    case 5:
      step.slot->ids = IdMaker();
      for (Step& other : steps) other.made = other.made && (other.slot != step.slot || other.done);
      return;
    case 6:  // the payload that was put aside is gone: it is set again with the next call
    case 7:  // the step before it comes first
      return;
    default:
      return Refuse(step, {Code::kProtocol, "the publish script gave an answer that makes no sense"});
  }
}

// One try for all steps that are not done; `failure` says what became of each that is not done then.
void Publishing::SendOnce(std::vector<Step>& steps, const Server::Call& call) {
  for (Step& step : steps) step.failure = Status::Ok();
  Server::Call plain = call;
  plain.wanted = {};
  Prepare(steps, plain);
  Raise(steps, call);
  std::vector<Command> commands;
  std::vector<std::pair<Step*, size_t>> sent;  // and where its command is
  for (Step& step : steps) {
    const bool stopped = step.previous != nullptr && step.previous->done && !step.previous->batches[0]->status.ok();
    if (!step.done && stopped) Finish(step, BehindAFailure());
    if (step.done || !step.failure.ok()) continue;
    if (!step.made) MakeIds(step);
    step.view = step.slot->queue->view();
    auto command = MakeCommand(step, *step.view);
    if (!command) continue;
    AddBlobs(step, &commands);
    sent.emplace_back(&step, commands.size());
    commands.push_back(std::move(*command));
    if (step.tells) commands.push_back(MakeTelling(step));
  }
  if (sent.empty()) return;
  std::vector<Reply> replies(commands.size());
  Server::Call once = call;
  once.again = Server::Again::kNever;
  const auto outcome = queues_.server().Run(commands, replies, once);
  Confirmed(steps, outcome);
  const auto is_certain = [](const Status& status) { return status.ok() || status.code() == Code::kUnavailable; };
  for (const auto& [step, at] : sent) {
    if (replies[at].is_nil()) {
      step->failure = outcome.StatusOf(at);
      if (is_certain(step->failure)) continue;
      if (!step->lost) step->lost_at = SteadyMillis();
      step->slot->unanswered = step->lost = true;
      // Where it is stored it may be told already, and nobody is told twice.
      if (std::exchange(step->tells, false)) SetTold(*step, Outgoing::Told::kMaybe);
      continue;
    }
    // Payloads that could not be put aside in front of it would be missed again and again.
    const auto asides = std::span(replies).subspan(at - step->blobs, step->blobs);
    const auto refused =
        std::find_if(asides.begin(), asides.end(), [](const Reply& aside) { return aside.is_error(); });
    if (refused != asides.end()) {
      Judge(steps, *step, *refused);
    } else if (is_certain(outcome.status) || !replies[at].is_error()) {
      Judge(steps, *step, replies[at]);
    }
    if (step->tells && step->done && step->batches[0]->status.ok()) Heard(*step, replies[at + 1]);
  }
}

void Publishing::Send(std::vector<Step>& steps, const Patience& patience) {
  const int64_t timeout = queues_.server().options().command_timeout;
  Server::Call call{patience, Server::Again::kOnLoss, false};
  call.patience.deadline = patience.deadline.Earlier(Deadline::After(timeout));
  for (const Step& step : steps) {
    for (const PublishBatch* batch : step.batches) call.wanted.Raise(batch->wanted);
  }
  // What goes to other nodes than one that is away is not held up: for that one this loop waits.
  call.abreast = steps.size() > 1 && queues_.server().nodes().is_cluster();
  for (;;) {
    SendOnce(steps, call);
    bool again = false;
    bool waits = false;
    std::vector<Step*> ending;
    for (Step& step : steps) {
      if (step.done) continue;
      const Code code = step.failure.code();
      const bool away = call.abreast && code == Code::kUnavailable && step.failure.retry_after() == 0;
      if ((step.failure.ok() || code == Code::kUnknown || away) && !call.patience.deadline.Expired()) {
        again = true;
        waits = waits || away;
      } else {
        ending.push_back(&step);
      }
    }
    if (AsksOn(ending, patience)) {
      call.patience.deadline = Deadline::After(timeout);
      continue;
    }
    for (Step* step : ending) GiveUp(*step);
    if (!again) return;
    if (waits) queues_.server().Pause(call);
  }
}

// Whether some step waits for an answer until it is known.
bool Publishing::AsksOn(std::span<Step* const> steps, const Patience& patience) {
  const int64_t now = SteadyMillis();
  const auto asks = [&](const Step* step) {
    const Code code = step->failure.code();
    const bool mends = step->failure.ok() || code == Code::kUnknown || code == Code::kUnavailable;
    return mends && step->lost && step->until_known() && now - step->lost_at < kAskFor;
  };
  if (patience.cancelled() || std::none_of(steps.begin(), steps.end(), asks)) return false;
  Event nothing;
  (void)nothing.Wait({Deadline::After(kAskAgain), patience.cancel});
  return true;
}

void Publishing::GiveUp(Step& step) {
  Status why = step.failure.ok() ? Status(Code::kUnavailable, "the queue changed all the time") : step.failure;
  if (step.lost) {
    const bool ended = why.code() == Code::kInterrupted || why.code() == Code::kClosed;
    why = {ended ? why.code() : Code::kUnknown, why.text() + "; the message may have been stored"};
  } else if (why.code() == Code::kUnknown) {
    why = {Code::kUnavailable, why.text()};
  }
  Finish(step, why);
}

}  // namespace agentmq::redis
