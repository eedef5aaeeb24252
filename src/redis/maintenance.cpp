#include "redis/maintenance.hpp"

#include <map>

namespace agentmq::redis {
namespace {

constexpr int64_t kStepEvery = 2000;    // ms between queues of the walk
constexpr int64_t kRoundEvery = 10000;  // ms between two readings of the registry
constexpr int64_t kForbiddenEvery = 3600000;
constexpr std::string_view kGone = "gone:";  // an ordinal, which no group has
constexpr int kSteps = 100;                  // of expiry in one go

// What can wait is not waited for.
Server::Call Briefly() {
  const Deadline soon = Deadline::After(1000);
  return {{soon, nullptr}, Server::Again::kOnLoss, false, soon};
}

}  // namespace

void Maintenance::Maintain(Queue& queue) {
  bool remove = false;
  for (int step = 0; step < kSteps; ++step) {
    const auto view = queue.view();
    Command command(Script::kMaintain);
    AddQueueKeys(&command, queue.keys());
    for (const auto& group : view->groups) {
      command.Key(group->keys.lease()).Key(group->keys.due()).Key(group->keys.wake()).Key(group->keys.skip());
      AddLaneKeys(&command, group->keys);
    }
    AddKeptKeys(&command, queue.keys());
    command.KeepKey(queue.keys().Later());
    command.Arg(view->generation).Arg(static_cast<int64_t>(view->lanes.size())).Arg(remove ? "1" : "0");
    for (const auto& group : view->groups) command.Arg(group->name);
    auto reply = queues_.server().Run(std::move(command), Briefly());
    if (!reply.ok()) return;
    const int64_t state = reply->At(1).integer;
    if (state == 2) {
      queue.Learn(*reply, 3);
      continue;
    }
    if (state == 1) continue;
    if (state == 0) {
      for (size_t i = 3; i < reply->items.size(); ++i) {
        const std::string& text = reply->At(i).text;
        if (text.starts_with(kGone)) {
          (void)recovery_.Unref(queue, ToNumber(std::string_view(text).substr(kGone.size())), Briefly());
        } else {
          Forget(queue, text);
        }
      }
    }
    if (state == 3 && remove) return;
    if (state == 3 || state == 4) {
      // The registry's entry goes before the queue: whoever uses it from here on writes it again. Who began to use it just
      // before has written it already: hence another look, also where there was no queue.
      if (!queues_.Unregister(queue, {}).ok()) return;
      remove = true;
      continue;
    }
    if (remove) (void)queues_.Register(queue, {});  // it was used again meanwhile
    // What expired may have left payloads behind.
    if (reply->At(2).integer > 0) recovery_.SweepTrash(queue);
    return;
  }
}

void Maintenance::Forget(Queue& queue, const std::string& group) {
  const auto view = queue.view();
  const auto* known = view->Find(group);
  if (known == nullptr) return;
  auto consumers = inspection_.Consumers(known->keys);
  if (!consumers.ok()) return;
  for (;;) {
    Command command(Script::kForget);
    AddGroupKeys(&command, queue.keys(), known->keys);
    AddLaneKeys(&command, known->keys);
    for (const std::string& consumer : *consumers) command.KeepKey(known->keys.Hand(consumer));
    command.Arg(group).Arg(known->ordinal).Keep(RandomName());
    auto reply = queues_.server().Run(std::move(command), {});
    if (!reply.ok() || reply->At(1).integer == 2) return;
    if (reply->At(1).integer == 1) continue;
    recovery_.SweepTrash(queue);
    queues_.options().events(2, "group_removed",
                             {{"queue", queue.keys().text}, {"group", group}, {"cause", "no consumer for group_ttl"}});
    return;
  }
}

void Maintenance::Walk() {
  const int64_t now = SteadyMillis();
  if (now < next_step_) return;
  next_step_ = now + kStepEvery;
  if (round_.empty()) {
    if (now < next_round_) return;
    next_round_ = now + kRoundEvery;
    // On one server all parts of the registry are read by one command.
    std::map<int, Command> reads;  // by slot
    for (size_t part = 0; part < Queues::kRegistryParts; ++part) {
      std::string key = queues_.RegistryKey(part);
      const int slot = queues_.server().nodes().Slot(key);
      reads.try_emplace(slot, Command{"SUNION"}).first->second.Keep(std::move(key));
    }
    std::vector<Command> commands;
    for (auto& [slot, read] : reads) commands.push_back(std::move(read));
    std::vector<Reply> replies(commands.size());
    (void)queues_.server().Run(commands, replies, Briefly());
    for (Reply& reply : replies) {
      // Who may not is left in peace, and leaves it to others.
      if (reply.is_error() && ErrorStatus(reply).code() == Code::kAuth) next_round_ = now + kForbiddenEvery;
      for (Reply& item : reply.items) round_.push_back(std::move(item.text));
    }
    if (round_.empty()) return;
  }
  const std::string text = std::move(round_.back());
  round_.pop_back();
  if (auto name = QueueName::Parse(text); name.ok()) Maintain(*queues_.Get(*name));
}

}  // namespace agentmq::redis
