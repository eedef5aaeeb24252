// Where a message is, and why it is not delivered.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/directory.hpp"
#include "core/rate_limits.hpp"
#include "core/shared.hpp"
#include "core/stats.hpp"

namespace agentmq {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kStates = {"queued", "scheduled", "reserved", "retrying", "acked", "dead", "expired", "deleted"};

// A message in one group, told for people and for programs.
struct Account {
  std::string state;
  std::vector<std::string> causes;
  std::string why;
  std::string next;

  void Add(std::string cause, const std::string& sentence) {
    causes.push_back(std::move(cause));
    why += (why.empty() ? "" : "; ") + sentence;
  }
};

std::string In(int64_t time, int64_t now) { return std::to_string(std::max<int64_t>(0, time - now)) + " ms"; }

std::string Count(int64_t count, bool exact) { return (exact ? "" : "at least ") + std::to_string(count); }

// What holds back a message that is ready: each thing that can do that says so here.
void ExplainQueued(const QueueStats& queue, const GroupStats& group, const Standing& place, Account* account) {
  if (const std::optional<Pause>& pause = group.paused ? group.paused : queue.paused) {
    account->Add("paused", (group.paused ? "deliveries to the agent are paused by " : "the channel is paused by ") +
                               pause->by + (pause->reason.empty() ? "" : ": " + pause->reason));
  }
  if (group.consumers == 0) account->Add("no_consumer", "nobody reads for the agent");
  if (place.higher > 0) {
    account->Add("higher_priority", Count(place.higher, place.exact) + " messages of a higher priority go first");
  }
  if (place.older > 0)
    account->Add("older", Count(place.older, place.exact) + " messages of its priority are in front of it");
  const bool stands_still = group.paused || queue.paused;
  if (account->causes.empty()) account->why = "nothing is in front of it";
  account->next = stands_still              ? "it goes on when that is resumed"
                  : group.consumers == 0    ? "it waits until somebody subscribes for the agent"
                  : account->causes.empty() ? "the next fetch of a consumer takes it"
                                            : "it is delivered when what is in front of it was fetched";
}

Account ExplainPlace(const QueueStats& queue, const GroupStats& group, const Standing& place) {
  Account account;
  account.state = kStates[static_cast<size_t>(place.state)];
  const std::string due = In(place.due, queue.now);
  switch (place.state) {
    case State::kReserved:
      account.why = "consumer " + place.consumer + " has it in hand";
      account.next = "it leaves when it is acknowledged";
      account.next += place.reserved_until != 0 ? "; its reservation ends in " + In(place.reserved_until, queue.now)
                                                : "; it comes again where its consumer dies or gives it back";
      return account;
    case State::kScheduled:
      account.Add("due_later", "it waits for its time, in " + due);
      account.next = "it goes to the head of its lane then";
      return account;
    case State::kRetrying:
      account.Add("due_later", std::to_string(place.tries.total()) +
                                   " deliveries failed, the last one: " + std::string(place.tries.reason()));
      account.next = "it is tried again in " + due;
      return account;
    default:
      ExplainQueued(queue, group, place, &account);
      return account;
  }
}

Account ExplainDead(const Found& letter) {
  Account account;
  account.state = "dead";
  account.why = "it was given up after " + std::to_string(letter.tries.total()) +
                " deliveries: " + std::string(letter.tries.reason());
  account.next = "it stays among the dead letters until it is replayed or purged";
  return account;
}

Account ExplainEnd(State end) {
  Account account;
  account.state = kStates[static_cast<size_t>(end)];
  account.why = end == State::kAcked     ? "it was acknowledged"
                : end == State::kExpired ? "its time to live ended before it was acknowledged"
                                         : "it was deleted, or had to make room";
  account.next = "nothing: it is gone";
  return account;
}

Json Told(const Account& account) {
  return Json{{"state", account.state}, {"why", account.why}, {"next", account.next}, {"causes", account.causes}};
}

Json TimeOrNull(int64_t time) { return time == 0 ? Json(nullptr) : Json(time); }

Json PlaceJson(const QueueStats& queue, const GroupStats& group, const Standing& place, const Account& account) {
  Json json{{"agent", AgentOf(queue.queue, place.group)}};
  json.update(Told(account));
  json.update({{"higher_priority", place.higher},
               {"older", place.older},
               {"exact", place.exact},
               {"due", TimeOrNull(place.due)},
               {"reserved_until", TimeOrNull(place.reserved_until)},
               {"reserved_by", place.consumer.empty() ? Json(nullptr) : Json(place.consumer)},
               {"deliveries", place.tries.total() + (place.state == State::kReserved ? 1 : 0)},
               {"reason", place.tries.reason()},
               {"consumers", group.consumers},
               {"paused", PauseJson(group.paused, queue.paused)}});
  return json;
}

// Of several groups the one that has most left to do speaks for the message.
int Rank(const Account& account) {
  constexpr std::array kByRank = {"queued", "retrying", "scheduled", "reserved", "dead"};
  for (size_t i = 0; i < kByRank.size(); ++i) {
    if (account.state == kByRank[i]) return static_cast<int>(i);
  }
  return static_cast<int>(kByRank.size());
}

}  // namespace

// Why and for how long those wait who publish what comes after it; null where they do not.
Result<nlohmann::ordered_json> Directory::Limited(Backend& backend, const QueueName& queue, const ShortId& id) {
  const ChannelLimits limits = shared_.channels.Get(backend, queue.channel);
  std::string source;
  if (limits.source_rate_limit > 0) {
    auto found = backend.Get(queue, id);
    const auto message = found.ok() ? Message::FromFound(std::move(*found), {}, shared_.seal)
                                    : Result<std::unique_ptr<Message>>(found.status());
    if (message.ok()) source = (*message)->Get(Property::kSource);
  }
  const Status status = LookAtLimits(backend, shared_.settings, queue, limits, source, shared_.Brief());
  if (status.ok()) return Json(nullptr);
  if (status.code() != Code::kRateLimited) return status;
  return Json{{"why", status.text()}, {"wait", status.retry_after()}};
}

Result<std::string> Directory::Explain(Backend& backend, std::string_view id) {
  const auto full = FullId::Parse(id);
  if (!full.ok()) return full.status();
  const QueueName& name = full->queue;
  const auto stats = backend.Stats(name);
  if (!stats.ok()) return stats.status();
  auto places = backend.Standings(name, full->id);
  if (!places.ok()) return places.status();

  const auto gave_up = [&](const Standing& place) { return place.group == full->group; };
  if (!full->group.empty() && std::ranges::none_of(*places, gave_up)) {  // a group that is no more
    places->emplace_back().group = full->group;
    places->back().needed = false;
  }

  std::optional<Account> speaks;
  const auto hear = [&](const Account& account) {
    if (!speaks || Rank(account) < Rank(*speaks)) speaks = account;
  };
  Json groups = Json::array();
  for (Standing& place : *places) {
    if (!full->group.empty() && place.group != full->group) continue;
    GroupStats group;
    for (const GroupStats& known : stats->groups) {
      if (known.group == place.group) group = known;
    }
    Account account;
    if (place.needed && full->group.empty()) {
      account = ExplainPlace(*stats, group, place);
    } else {
      const auto letter = backend.GetDead(name, full->id, place.group);
      if (!letter.ok() && letter.code() != Code::kNotFound) return letter.status();
      if (!letter.ok()) continue;  // settled, or it never got it
      account = ExplainDead(*letter);
      place.tries = letter->tries;
    }
    hear(account);
    groups.push_back(PlaceJson(*stats, group, place, account));
  }
  if (!speaks) {
    Account account;
    const auto found = backend.Get(name, full->id);
    const auto end = found.ok() || !full->group.empty() ? Result<State>(Status::NotFound("it is no end"))
                                                        : backend.Await(name, full->id, Backend::Look::kAgain);
    if (!end.ok() && end.code() != Code::kNotFound) return end.status();
    if (found.ok()) {
      account = {
          kStates[static_cast<size_t>(found->state)], {"no_consumer"}, "no agent that reads the channel needs it", ""};
      account.next = "it is kept for agents that come later";
    } else if (end.ok()) {
      account = ExplainEnd(*end);
    } else {
      account = {"unknown", {}, "it is not there, and nothing is known of its end", "nothing"};
    }
    speaks = std::move(account);
  }
  Json json{{"id", full->Text()},
            {"queue", name.Text()},
            {"channel", name.channel},
            {"target", name.broadcast ? Json(nullptr) : Json(name.target)},
            {"priority", full->id.priority()},
            {"published", full->id.time()}};
  json.update(Told(*speaks));
  json["groups"] = std::move(groups);
  auto limited = Limited(backend, name, full->id);
  if (!limited.ok()) return limited.status();
  json["rate_limited"] = std::move(*limited);
  return Dump(json);
}

}  // namespace agentmq
