#include "model/reference.hpp"

#include <algorithm>
#include <set>

namespace agentmq::test::model {
namespace {

const std::string kInbox = "-";

std::string TypeOf(const std::string& agent) {
  const size_t colon = agent.find(':');
  return colon == std::string::npos ? "" : agent.substr(0, colon);
}

}  // namespace

std::vector<std::pair<QueueId, std::string>> Reference::SourcesOf(const Consumer& consumer) const {
  std::vector<std::pair<QueueId, std::string>> sources{{{consumer.channel, consumer.agent, false}, kInbox}};
  if (const std::string type = TypeOf(consumer.agent); !type.empty()) {
    sources.push_back({{consumer.channel, type, false}, kInbox});
  }
  if (!consumer.channel.empty()) sources.push_back({{consumer.channel, "", true}, consumer.agent});
  return sources;
}

bool Reference::Reads(const Consumer& consumer, const Entry& entry, const std::string& group) const {
  const auto sources = SourcesOf(consumer);
  return std::find(sources.begin(), sources.end(), std::pair(entry.queue, group)) != sources.end();
}

Claim* Reference::Find(const std::string& id, const std::string& group) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return nullptr;
  const auto claim = entry->second.claims.find(group);
  return claim == entry->second.claims.end() ? nullptr : &claim->second;
}

const Claim* Reference::Find(const std::string& id, const std::string& group) const {
  return const_cast<Reference*>(this)->Find(id, group);
}

Verdict Reference::OneOf(mq_status status, std::vector<mq_status> allowed, const std::string& what) const {
  if (disturbed_) allowed.push_back(MQ_UNAVAILABLE);
  if (std::find(allowed.begin(), allowed.end(), status) != allowed.end()) return "";
  std::string text = what + " answered " + mq_status_name(status) + ", allowed is";
  for (const mq_status one : allowed) text += std::string(" ") + mq_status_name(one);
  return text;
}

bool Reference::MayExist(const Entry& entry) const { return !entry.removed; }

bool Reference::SurelyExists(const Entry& entry, Moment moment) const {
  if (entry.removed || MayBeOver(entry.expires.from, moment)) return false;
  if (entry.claims.empty()) return true;
  return std::any_of(entry.claims.begin(), entry.claims.end(), [&](const auto& claim) {
    return claim.second.place != Place::kDone && !MayHaveDied(claim.second, moment);
  });
}

// How many reservations may have run out since the last look: that of who holds it, and of who crashed with it unseen,
// one after the other.
int Reference::MostLapses(const Claim& claim, Moment moment) const {
  if (claim.place == Place::kDone) return 0;
  const bool held = claim.place == Place::kHeld;
  if (held && !MayBeOver(claim.ends.from, moment)) return 0;
  const auto unseen = std::count_if(claim.ahead.begin(), claim.ahead.end(), [&](const auto& who) {
    const Consumer& consumer = consumers_.at(who.first);
    return consumer.crashed && MayBeOver(consumer.lapse.from, moment);
  });
  return static_cast<int>(unseen) + (held ? 1 : 0);
}

bool Reference::MayHaveDied(const Claim& claim, Moment moment) const {
  return claim.unsure || (MayHaveLapsed(claim, moment) && claim.most_tries + MostLapses(claim, moment) >= attempts_);
}

void Reference::Remove(Entry* entry) {
  entry->removed = true;
  for (auto& [group, claim] : entry->claims) claim.place = Place::kDone;
}

void Reference::Settle(Entry* entry, Claim* claim) {
  claim->place = Place::kDone;
  claim->unsure = false;
  const bool all = std::all_of(entry->claims.begin(), entry->claims.end(),
                               [](const auto& one) { return one.second.place == Place::kDone; });
  if (all) entry->removed = true;
}

void Reference::Bury(Entry* entry, const std::string& group, Claim* claim, bool sure) {
  std::string encoded = group;
  if (const size_t colon = encoded.find(':'); colon != std::string::npos) encoded.replace(colon, 1, "%3A");
  dead_[entry->id + "~" + encoded] = {entry->id, group, claim->least_tries, claim->most_tries, sure};
  Settle(entry, claim);
}

// Who is open and may have taken it from its lane unseen.
void Reference::MarkAhead(const Entry& entry, const std::string& group, Claim* claim, bool anybody) {
  for (const auto& [number, consumer] : consumers_) {
    if (!consumer.open || !(anybody || consumer.reads_ahead) || !Reads(consumer, entry, group)) continue;
    claim->ahead.try_emplace(number, anybody ? 0 : step_);
  }
}

void Reference::PutBack(Entry* entry, const std::string& group, Claim* claim) {
  claim->place = Place::kReady;
  claim->regular = false;
  claim->since = step_;
  claim->ends = {};
  MarkAhead(*entry, group, claim, false);
}

// ---- publishing and subscribing -------------------------------------------------------------------------------------

Verdict Reference::Full(const std::string& channel, size_t least, size_t most, size_t count, mq_status status) const {
  const auto limit = limits_.find(channel);
  const size_t room = limit == limits_.end() ? SIZE_MAX : limit->second;
  std::vector<mq_status> allowed;
  if (least + count <= room) allowed.push_back(MQ_OK);
  if (most + count > room) allowed.push_back(MQ_FULL);
  return OneOf(status, std::move(allowed), "storing " + std::to_string(count));
}

Verdict Reference::Published(const QueueId& queue, const std::vector<Sent>& sent, size_t count, mq_status status,
                             Moment moment) {
  size_t least = 0;
  size_t most = 0;
  for (const auto& [id, entry] : entries_) {
    if (entry.queue != queue) continue;
    least += SurelyExists(entry, moment) ? 1 : 0;
    most += MayExist(entry) ? 1 : 0;
  }
  if (Verdict wrong = Full(queue.channel, least, most, count, status); !wrong.empty()) return wrong;
  if (status != MQ_OK) return "";
  for (const Sent& one : sent) {
    if (one.id.empty()) return "a message was stored and has no id";
    if (entries_.contains(one.id)) return "the id " + one.id + " was given twice";
    Entry& entry = entries_[one.id];
    entry.id = one.id;
    entry.payload = one.payload;
    entry.queue = queue;
    entry.priority = one.priority;
    entry.order = ++last_order_;
    entry.ttl = one.ttl;
    entry.logged = queue.log;
    if (one.expires != 0) entry.expires = {one.expires, one.expires};
    if (!queue.log) entry.claims[kInbox];
    for (const auto& [group, known] : groups_[queue]) entry.claims[group];
    for (auto& [group, claim] : entry.claims) {
      claim.since = step_;
      MarkAhead(entry, group, &claim, false);
      if (one.delay == 0) continue;
      PutBack(&entry, group, &claim);
      claim.place = Place::kRetrying;
      claim.ends = {moment.began + one.delay, moment.ended + one.delay};
    }
  }
  return "";
}

int Reference::Subscribed(const Consumer& consumer, Moment moment) {
  consumers_[++last_consumer_] = consumer;
  if (consumer.channel.empty()) return last_consumer_;
  const QueueId log{consumer.channel, "", true};
  if (!groups_[log].try_emplace(consumer.agent, true).second || !consumer.from_start) return last_consumer_;
  for (auto& [id, entry] : entries_) {
    if (entry.queue != log || entry.removed || !entry.logged) continue;
    const bool sure = SurelyExists(entry, moment);
    Claim& claim = entry.claims[consumer.agent];
    claim.since = step_;
    claim.unsure = !sure;
  }
  return last_consumer_;
}

void Reference::Closed(int number, Moment moment) {
  Consumer& consumer = consumers_.at(number);
  consumer.open = false;
  for (auto& [id, entry] : entries_) {
    for (auto& [group, claim] : entry.claims) {
      if (claim.place == Place::kHeld && claim.holder == number && claim.ends.from == kNever) {
        claim.ends = {moment.began + consumer.visibility, moment.ended + consumer.visibility};
      }
      // What it had read ahead is at the head of its lane again.
      if (claim.ahead.erase(number) == 0 || claim.place == Place::kDone) continue;
      claim.regular = false;
      claim.since = step_;
    }
  }
}

// What it held, seen or not, stays its own until others find out or its reservations lapse.
void Reference::Crashed(int number, Moment moment) {
  Consumer& consumer = consumers_.at(number);
  consumer.open = false;
  consumer.crashed = true;
  const Span over{moment.began + consumer.visibility, moment.ended + consumer.visibility};
  // On a server nobody here is silent for so long that others would notice it before FoundDead().
  if (!leases_) consumer.lapse = over;
  for (auto& [id, entry] : entries_) {
    for (auto& [group, claim] : entry.claims) {
      const bool held = claim.place == Place::kHeld && claim.holder == number;
      if (held && claim.ends.from == kNever && !leases_) claim.ends = over;
      if (claim.ahead.contains(number)) claim.regular = false;
    }
  }
}

bool Reference::IsWithDead(const std::string& id, const std::string& group) const {
  const Claim* claim = Find(id, group);
  if (claim == nullptr || claim->place == Place::kDone) return false;
  if (claim->place == Place::kHeld) return consumers_.at(claim->holder).crashed;
  return std::any_of(claim->ahead.begin(), claim->ahead.end(),
                     [&](const auto& who) { return consumers_.at(who.first).crashed; });
}

void Reference::FoundDead(Moment moment) {
  for (auto& [number, consumer] : consumers_) {
    if (!consumer.crashed) continue;
    consumer.crashed = false;
    for (const auto& [queue, group] : SourcesOf(consumer)) {
      std::vector<std::pair<Entry*, Claim*>> held;
      std::vector<std::pair<Entry*, Claim*>> maybe;
      for (auto& [id, entry] : entries_) {
        if (entry.queue != queue || !entry.claims.contains(group)) continue;
        Claim& claim = entry.claims[group];
        const bool was_ahead = claim.ahead.erase(number) > 0;
        if (claim.place == Place::kHeld && claim.holder == number) held.emplace_back(&entry, &claim);
        const bool unseen = claim.place == Place::kReady || claim.place == Place::kRetrying;
        if (was_ahead && unseen) maybe.emplace_back(&entry, &claim);
      }
      // A death counts for a message that was alone in the hand; others may have lapsed before, and that counts too.
      const auto stays = std::count_if(held.begin(), held.end(),
                                       [&](const auto& one) { return !MayBeOver(one.second->ends.from, moment); });
      const bool alone = held.size() == 1 && maybe.empty();
      for (const auto& [entry, claim] : held) {
        if (MayBeOver(entry->expires.from, moment)) {
          // What expired is in no list: nobody here sees when it is taken from the dead hand.
          claim->ends = {moment.began, kNever};
          continue;
        }
        const bool lapsed = MayBeOver(claim->ends.from, moment);
        if (alone) ++claim->least_tries;
        if (alone || lapsed || stays == 1) ++claim->most_tries;
        claim->suspect = true;
        if (claim->least_tries >= attempts_) {
          Bury(entry, group, claim, true);
          continue;
        }
        PutBack(entry, group, claim);
        claim->unsure = claim->most_tries >= attempts_;
      }
      for (const auto& [entry, claim] : maybe) {
        if (stays == 0) ++claim->most_tries;
        claim->suspect = true;
        claim->unsure = claim->unsure || claim->most_tries >= attempts_;
        if (claim->place == Place::kReady) PutBack(entry, group, claim);
      }
    }
  }
}

void Reference::Disturb() {
  disturbed_ = true;
  for (auto& [number, consumer] : consumers_) consumer.cut_off = consumer.open;
}

// Lapsed reservations were put back.
void Reference::Recovered(Moment moment) {
  for (auto& [number, consumer] : consumers_) {
    if (!consumer.crashed || !IsOver(consumer.lapse.to, moment)) continue;
    consumer.crashed = false;
    for (auto& [id, entry] : entries_) {
      for (auto& [group, claim] : entry.claims) {
        if (claim.ahead.erase(number) == 0 || claim.place == Place::kDone) continue;
        // That one may have read it ahead after its holder had lost it.
        const bool held = claim.place == Place::kHeld;
        if (held && !MayBeOver(claim.ends.from, moment)) continue;
        ++claim.most_tries;
        claim.unsure = claim.unsure || claim.most_tries >= attempts_;
        if (!held) claim.since = step_;
      }
    }
  }
  for (auto& [id, entry] : entries_) {
    for (auto& [group, claim] : entry.claims) {
      if (claim.place != Place::kHeld || !IsOver(claim.ends.to, moment)) continue;
      ++claim.least_tries;
      ++claim.most_tries;
      claim.suspect = false;
      if (claim.least_tries >= attempts_ && !claim.unsure) {
        Bury(&entry, group, &claim, !MayBeOver(entry.expires.from, moment));
        continue;
      }
      PutBack(&entry, group, &claim);
      // It may have come back before, and been read ahead since.
      MarkAhead(entry, group, &claim, true);
      claim.unsure = claim.unsure || claim.most_tries >= attempts_;
    }
  }
}

// ---- for who drives it ----------------------------------------------------------------------------------------------

std::vector<std::pair<std::string, std::string>> Reference::Readers() const {
  std::set<std::pair<std::string, std::string>> readers;
  for (const auto& [number, consumer] : consumers_) readers.emplace(consumer.channel, consumer.agent);
  return {readers.begin(), readers.end()};
}

std::vector<std::string> Reference::Ids() const {
  std::vector<const Entry*> all;
  for (const auto& [id, entry] : entries_) all.push_back(&entry);
  std::sort(all.begin(), all.end(), [](const Entry* a, const Entry* b) { return a->order < b->order; });
  std::vector<std::string> ids;
  for (const Entry* entry : all) ids.push_back(entry->id);
  return ids;
}

int64_t Reference::NextDeadline(int64_t after) const {
  int64_t next = kNever;
  const auto consider = [&](int64_t time) {
    if (time > after && time < next) next = time;
  };
  for (const auto& [number, consumer] : consumers_) {
    if (consumer.crashed) consider(consumer.lapse.to);
  }
  for (const auto& [id, entry] : entries_) {
    if (entry.removed) continue;
    consider(entry.expires.to);
    for (const auto& [group, claim] : entry.claims) {
      if (claim.place != Place::kDone) consider(claim.ends.to);
    }
  }
  return next;
}

std::string Reference::Name(const std::string& id) const {
  const auto entry = entries_.find(id.substr(0, id.find('~')));
  if (entry == entries_.end()) return "'" + id + "'";
  return "#" + std::to_string(entry->second.order) + (id.find('~') == std::string::npos ? "" : "~");
}

}  // namespace agentmq::test::model
