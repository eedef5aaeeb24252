#include "core/stats.hpp"

#include <nlohmann/json.hpp>

#include "core/directory.hpp"

namespace agentmq {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kTotals = {"stored",    "dead",          "waiting",  "scheduled", "reserved",      "lag",
                                "published", "delivered",     "acked",    "retried",   "expired",       "corrupt",
                                "dropped",   "dead_lettered", "repeated", "kept",      "groups_removed"};

}  // namespace

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json PauseJson(const std::optional<Pause>& own, const std::optional<Pause>& channel) {
  const std::optional<Pause>& pause = own ? own : channel;
  if (!pause) return nullptr;
  return Json{
      {"scope", own ? "agent" : "channel"}, {"reason", pause->reason}, {"by", pause->by}, {"since", pause->since}};
}

Json GroupJson(const QueueStats& queue, const GroupStats& group) {
  return Json{{"agent", AgentOf(queue.queue, group.group)},
              {"waiting", group.waiting},
              {"scheduled", group.scheduled},
              {"reserved", group.reserved},
              {"lag", group.waiting + group.scheduled + group.reserved},
              {"oldest_age", group.oldest_age},
              {"consumers", group.consumers},
              {"delivered", group.delivered},
              {"acked", group.acked},
              {"retried", group.retried},
              {"paused", PauseJson(group.paused, queue.paused)}};
}

// What the groups have is summed up for the queue too; its age is that of the oldest.
Json QueueJson(const QueueStats& stats) {
  GroupStats sum;
  Json groups = Json::array();
  for (const GroupStats& group : stats.groups) {
    groups.push_back(GroupJson(stats, group));
    sum.waiting += group.waiting;
    sum.scheduled += group.scheduled;
    sum.reserved += group.reserved;
    sum.oldest_age = std::max(sum.oldest_age, group.oldest_age);
    sum.delivered += group.delivered;
    sum.acked += group.acked;
    sum.retried += group.retried;
  }
  return Json{{"queue", stats.queue.Text()},
              {"channel", stats.queue.channel},
              {"target", stats.queue.broadcast ? Json(nullptr) : Json(stats.queue.target)},
              {"broadcast", stats.queue.broadcast},
              {"stored", stats.stored},
              {"dead", stats.dead},
              {"waiting", sum.waiting},
              {"scheduled", sum.scheduled},
              {"reserved", sum.reserved},
              {"lag", sum.waiting + sum.scheduled + sum.reserved},
              {"oldest_age", sum.oldest_age},
              {"published", stats.published},
              {"delivered", sum.delivered},
              {"acked", sum.acked},
              {"retried", sum.retried},
              {"expired", stats.expired},
              {"corrupt", stats.corrupt},
              {"dropped", stats.dropped},
              {"dead_lettered", stats.dead_lettered},
              {"repeated", stats.repeated},
              {"groups_removed", stats.groups_removed},
              {"paused", PauseJson({}, stats.paused)},
              {"kept", stats.kept},
              {"groups", std::move(groups)}};
}

Result<std::vector<QueueStats>> StatsOf(Backend& backend, std::optional<std::string_view> channel) {
  if (channel && !channel->empty()) {
    if (Status status = CheckName("channel", *channel); !status.ok()) return status;
  }
  const auto queues = channel ? backend.Queues() : PublicQueues(backend);
  if (!queues.ok()) return queues.status();
  std::vector<QueueStats> all;
  for (const QueueName& queue : *queues) {
    if (channel && queue.channel != *channel) continue;
    auto stats = backend.Stats(queue);
    if (!stats.ok()) return stats.status();
    all.push_back(std::move(*stats));
  }
  return all;
}

Result<std::string> StatsJson(Backend& backend, std::optional<std::string_view> channel) {
  const auto all = StatsOf(backend, channel);
  if (!all.ok()) return all.status();
  Json totals;
  for (const char* name : kTotals) totals[name] = 0;
  totals["oldest_age"] = 0;
  Json list = Json::array();
  for (const QueueStats& stats : *all) {
    Json one = QueueJson(stats);
    for (const char* name : kTotals) totals[name] = totals[name].get<int64_t>() + one[name].get<int64_t>();
    totals["oldest_age"] = std::max(totals["oldest_age"].get<int64_t>(), one["oldest_age"].get<int64_t>());
    list.push_back(std::move(one));
  }
  return Dump({{"totals", std::move(totals)}, {"queues", std::move(list)}});
}

}  // namespace agentmq
