// A server that went back in time (it crashed before its disk had everything, or a replica took over) has forgotten
// acknowledgements: their messages are in the hand of a consumer that lives, and that dropped them. They would stay there.
// So after a connection was lost the hand is compared with what is known here, and what is nobody's goes back.
#include <algorithm>
#include <iterator>

#include "redis/consumer.hpp"

namespace agentmq::redis {
namespace {

// What is nobody's twice, so far apart, is not just on its way from one hand here to another.
constexpr int64_t kSecondLook = 1000;  // ms

}  // namespace

// Called at the end of each fetch; looks where a connection was lost since.
void RedisConsumer::Reconcile(const Patience& patience, Fetched* fetched) {
  if (!options_.holds || !options_.auto_extend) return;
  const auto pool = queues_.server().nodes().Of(keys_.wake());
  if (pool == nullptr) return;
  const int64_t now = SteadyMillis();
  if (pool != server_ || pool->losses() != losses_) {
    const bool first = server_ == nullptr;
    server_ = pool;
    losses_ = pool->losses();
    seen_once_ = false;
    if (!first) reconcile_at_ = now;
  }
  if (reconcile_at_ == 0) return;
  if (now >= reconcile_at_) {
    std::vector<ShortId> ids;
    const Status status = FindNobodys(patience, &ids);
    if (status.ok() && seen_once_) {
      std::vector<ShortId> both;
      std::set_intersection(ids.begin(), ids.end(), nobodys_.begin(), nobodys_.end(), std::back_inserter(both));
      if (!both.empty()) {
        if (!Return(Text(both), false).ok()) return;
        queues_.options().events(1, "recovered",
                                 {{"queue", queue_->keys().text},
                                  {"group", source_.group},
                                  {"messages", std::to_string(both.size())},
                                  {"cause", "the server forgot that they were settled"}});
        fetched->more = true;
      }
      ids.clear();
    }
    nobodys_ = std::move(ids);
    seen_once_ = status.ok();
    if (status.ok() && nobodys_.empty()) {
      reconcile_at_ = 0;
      return;
    }
    reconcile_at_ = now + kSecondLook;
  }
  const int64_t wait = std::max<int64_t>(1, reconcile_at_ - now);
  fetched->next_due = fetched->next_due < 0 ? wait : std::min(fetched->next_due, wait);
}

// HGETALL hand, and of what nobody has here: whether it has a deadline of its own.
Status RedisConsumer::FindNobodys(const Patience& patience, std::vector<ShortId>* ids) {
  const std::string consumer = incarnation();
  const Server::Call call{patience, Server::Again::kOnLoss, false};
  Command read{"HGETALL"};
  read.Keep(keys_.Hand(consumer));
  auto hand = queues_.server().Run(std::move(read), call);
  if (!hand.ok()) return hand.status();
  std::vector<Command> commands;
  for (size_t i = 0; i + 1 < hand->items.size(); i += 2) {
    const int64_t delivery = hand->items[i].Number();
    const std::string_view text = hand->items[i + 1].text;
    if (IsUnderWay(delivery)) continue;
    for (size_t at = 0; at + ShortId::kSize <= text.size(); at += ShortId::kSize) {
      const auto id = ShortId::Parse(text.substr(at, ShortId::kSize));
      if (!id || options_.holds(*id, delivery)) continue;
      ids->push_back(*id);
      Command score{"ZSCORE"};
      score.Keep(keys_.until()).Keep(consumer + "|" + std::string(id->view()));
      commands.push_back(std::move(score));
    }
  }
  if (ids->empty()) return Status::Ok();
  std::vector<Reply> scores(commands.size());
  const auto outcome = queues_.server().Run(commands, scores, call);
  if (!outcome.status.ok()) return outcome.status;
  std::vector<ShortId> nobodys;
  for (size_t i = 0; i < ids->size(); ++i) {
    if (scores[i].is_nil()) nobodys.push_back((*ids)[i]);
  }
  std::sort(nobodys.begin(), nobodys.end());
  *ids = std::move(nobodys);
  return Status::Ok();
}

// Whether an answer is awaited, or not used yet, that tells of it.
bool RedisConsumer::IsUnderWay(int64_t delivery) {
  if (unread_ && unread_->delivery == delivery) return true;
  if (std::find(lost_.begin(), lost_.end(), delivery) != lost_.end()) return true;
  const std::lock_guard lock(trip_mutex_);
  if (!started_) return false;
  return std::any_of(started_->asked.begin(), started_->asked.end(), [&](const Asked& asked) {
    return (asked.read ? asked.read->delivery : asked.delivery) == delivery;
  });
}

}  // namespace agentmq::redis
