// What there is: channels with their queues, groups with their consumers.
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/directory.hpp"
#include "core/glob.hpp"
#include "core/stats.hpp"

namespace agentmq {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kSums = {"stored", "dead", "waiting", "scheduled", "reserved", "lag"};

// ms since then; null where that never was.
Json AgeOf(int64_t time, int64_t now) { return time == 0 ? Json(nullptr) : Json(std::max<int64_t>(0, now - time)); }

struct Channel {
  std::optional<Pause> paused;
  std::vector<const QueueStats*> queues;
};

Json ChannelJson(const std::string& name, const Channel& channel) {
  Json json{{"channel", name}, {"paused", PauseJson({}, channel.paused)}};
  for (const char* sum : kSums) json[sum] = 0;
  int64_t oldest_age = 0;
  int64_t consumers = 0;
  Json queues = Json::array();
  std::set<std::string> agents;
  for (const QueueStats* queue : channel.queues) {
    const Json all = QueueJson(*queue);
    Json one{{"queue", all["queue"]}, {"target", all["target"]}, {"broadcast", all["broadcast"]}};
    for (const char* sum : kSums) {
      one[sum] = all[sum];
      json[sum] = json[sum].get<int64_t>() + all[sum].get<int64_t>();
    }
    one["oldest_age"] = all["oldest_age"];
    one["groups"] = queue->groups.size();
    oldest_age = std::max(oldest_age, all["oldest_age"].get<int64_t>());
    for (const GroupStats& group : queue->groups) {
      consumers += group.consumers;
      agents.insert(AgentOf(queue->queue, group.group));
    }
    queues.push_back(std::move(one));
  }
  json["oldest_age"] = oldest_age;
  json["consumers"] = consumers;
  json["agents"] = agents;
  json["queues"] = std::move(queues);
  return json;
}

// One who is there.
struct Agent {
  AgentRecord record;
  int64_t consumers = 0;
};

Json AgentJson(const Agent& agent, int64_t now) {
  const AgentRecord& record = agent.record;
  const bool announced = record.until > now;
  const auto time_or_null = [](bool known, int64_t time) { return known ? Json(time) : Json(nullptr); };
  return Json{{"agent", record.agent},
              {"announced", announced},
              {"description", announced ? record.description : ""},
              {"since", time_or_null(announced, record.since)},
              {"until", time_or_null(announced, record.until)},
              {"last_seen", time_or_null(record.last_seen != 0, record.last_seen)},
              {"consumers", agent.consumers}};
}

Json MembersJson(const GroupStats& group, int64_t now) {
  Json members = Json::array();
  for (const ConsumerStats& member : group.members) {
    members.push_back({{"consumer", member.name},
                       {"reserved", member.reserved},
                       {"last_fetch_age", AgeOf(member.last_fetch, now)},
                       {"last_seen_age", AgeOf(member.last_seen, now)}});
  }
  return members;
}

}  // namespace

Result<std::string> ChannelsJson(Backend& backend) {
  const auto queues = StatsOf(backend, {});
  if (!queues.ok()) return queues.status();
  const auto pauses = backend.Pauses();
  if (!pauses.ok()) return pauses.status();
  std::map<std::string, Channel> channels;
  for (const QueueStats& queue : *queues) channels[queue.queue.channel].queues.push_back(&queue);
  for (const auto& [place, pause] : *pauses) {
    if (place.broadcast) channels[place.channel].paused = pause;  // it may have no queue yet
  }
  Json list = Json::array();
  for (const auto& [name, channel] : channels) list.push_back(ChannelJson(name, channel));
  return Dump(list);
}

Result<std::string> GroupsJson(Backend& backend, std::optional<std::string_view> channel) {
  const auto queues = StatsOf(backend, channel);
  if (!queues.ok()) return queues.status();
  Json list = Json::array();
  for (const QueueStats& queue : *queues) {
    for (const GroupStats& group : queue.groups) {
      Json one{{"channel", queue.queue.channel}, {"queue", queue.queue.Text()}, {"broadcast", queue.queue.broadcast}};
      one.update(GroupJson(queue, group));
      int64_t last_fetch = 0;
      for (const ConsumerStats& member : group.members) last_fetch = std::max(last_fetch, member.last_fetch);
      one["last_fetch_age"] = AgeOf(last_fetch, queue.now);
      one["members"] = MembersJson(group, queue.now);
      list.push_back(std::move(one));
    }
  }
  return Dump(list);
}

Result<std::string> AgentsJson(Backend& backend, std::optional<std::string_view> pattern, int64_t liveness_timeout) {
  const auto glob = Glob::Parse(pattern.value_or("*"));
  if (!glob.ok()) return glob.status();
  int64_t now = 0;
  auto records = backend.Agents(&now);
  if (!records.ok()) return records.status();
  std::map<std::string, Agent> agents;
  for (AgentRecord& record : *records) {
    const std::string name = record.agent;
    if (record.until > now && glob->Matches(name)) agents[name].record = std::move(record);
  }
  const auto queues = PublicQueues(backend);
  if (!queues.ok()) return queues.status();
  for (const QueueName& queue : *queues) {
    if (!queue.broadcast && !glob->Matches(queue.target)) continue;
    const auto stats = backend.Stats(queue);
    if (!stats.ok()) return stats.status();
    for (const GroupStats& group : stats->groups) {
      const std::string name = AgentOf(queue, group.group);
      if (!glob->Matches(name)) continue;
      for (const ConsumerStats& member : group.members) {
        // A lease that nobody renewed for so long is that of a dead one.
        if (member.last_seen == 0 || stats->now - member.last_seen > 2 * liveness_timeout) continue;
        Agent& agent = agents[name];
        agent.record.agent = name;
        agent.record.last_seen = std::max(agent.record.last_seen, member.last_seen);
        ++agent.consumers;
      }
    }
  }
  Json list = Json::array();
  for (const auto& [name, agent] : agents) list.push_back(AgentJson(agent, now));
  return Dump(list);
}

}  // namespace agentmq
