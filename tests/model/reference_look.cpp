// What looking and managing may answer.
#include <algorithm>
#include <set>

#include "model/reference.hpp"

namespace agentmq::test::model {

Verdict Reference::Deleted(const std::string& id, mq_status status, Moment moment) {
  Entry& entry = entries_.at(id);
  std::vector<mq_status> allowed;
  if (MayExist(entry)) allowed.push_back(MQ_OK);
  if (!SurelyExists(entry, moment)) allowed.push_back(MQ_NOT_FOUND);
  if (Verdict wrong = OneOf(status, allowed, "deleting " + Name(id)); !wrong.empty()) return wrong;
  if (status == MQ_UNAVAILABLE || entry.removed) return "";
  for (auto& [group, claim] : entry.claims) {
    if (claim.place != Place::kDone && MayHaveDied(claim, moment)) {
      ++claim.most_tries;
      Bury(&entry, group, &claim, false);
    }
  }
  if (status == MQ_OK) {
    Remove(&entry);
    return "";
  }
  // It had expired: gone, but for those who had it in hand before, where they are not told.
  entry.removed = true;
  for (auto& [group, claim] : entry.claims) {
    if (claim.place == Place::kHeld) {
      claim.unsure = true;
    } else {
      claim.place = Place::kDone;
    }
  }
  return "";
}

Verdict Reference::Cleared(const std::string& channel, int64_t removed, Moment moment) {
  int64_t least = 0;
  int64_t most = 0;
  for (auto& [id, entry] : entries_) {
    if (entry.queue.channel != channel) continue;
    least += SurelyExists(entry, moment) ? 1 : 0;
    most += MayExist(entry) ? 1 : 0;
    Remove(&entry);
  }
  std::erase_if(dead_, [&](const auto& dead) { return entries_.at(dead.second.id).queue.channel == channel; });
  if (removed >= least && removed <= most) return "";
  return "clearing answered " + std::to_string(removed) + " messages, not between " + std::to_string(least) + " and " +
         std::to_string(most);
}

// Where it is, as a look may find it.
Verdict Reference::CheckState(const Seen& seen, const Claim& claim, Moment moment) const {
  std::set<mq_state> allowed;
  const bool over = MayBeOver(claim.ends.from, moment);
  if (claim.place == Place::kReady || over) allowed.insert(MQ_STATE_QUEUED);
  if (claim.place == Place::kHeld) allowed.insert(MQ_STATE_RESERVED);
  // One that was given back without a delay may wait for its turn among those with one.
  const bool given_back = claim.place == Place::kReady && !claim.regular && claim.most_tries > 0;
  const bool waits = claim.place == Place::kRetrying || given_back;
  if (waits && claim.most_tries > 0) allowed.insert(MQ_STATE_RETRYING);
  if (waits && claim.least_tries == 0) allowed.insert(MQ_STATE_SCHEDULED);
  // In the hand of a consumer that has not shown it, or of one that nobody knows yet.
  if (!claim.ahead.empty() || over || claim.unsure) allowed.insert(MQ_STATE_RESERVED);
  if (allowed.contains(seen.state)) return "";
  return Name(seen.id) + " is said to be in state " + std::to_string(static_cast<int>(seen.state));
}

Verdict Reference::Got(const std::string& id, mq_status status, const Seen& seen, Moment moment) const {
  const Entry& entry = entries_.at(id);
  const auto letter = entry.queue.log ? dead_.end() : dead_.find(id + "~-");
  std::vector<mq_status> allowed;
  if (MayExist(entry) || letter != dead_.end()) allowed.push_back(MQ_OK);
  const bool surely = SurelyExists(entry, moment) || (letter != dead_.end() && letter->second.sure);
  if (!surely) allowed.push_back(MQ_NOT_FOUND);
  // In an inbox it is found among the dead letters too.
  const bool died = std::any_of(entry.claims.begin(), entry.claims.end(),
                                [&](const auto& claim) { return MayHaveDied(claim.second, moment); });
  if (!entry.queue.log && died) allowed.push_back(MQ_OK);
  if (Verdict wrong = OneOf(status, allowed, "getting " + Name(id)); !wrong.empty()) return wrong;
  if (status != MQ_OK || entry.queue.log || seen.state == MQ_STATE_DEAD) return "";
  return CheckState(seen, entry.claims.at("-"), moment);
}

Verdict Reference::Pending(const std::string& channel, const std::string& agent, const std::vector<Seen>& list,
                           Moment moment) {
  Consumer reader;
  reader.channel = channel;
  reader.agent = agent;
  const auto sources = SourcesOf(reader);
  std::set<std::string> listed;
  std::map<QueueId, Seen> last;
  int priority = 255;
  for (const Seen& seen : list) {
    const auto entry = entries_.find(seen.id);
    if (entry == entries_.end()) return "pending is '" + seen.id + "', which nobody published";
    const auto source =
        std::find_if(sources.begin(), sources.end(), [&](const auto& one) { return one.first == entry->second.queue; });
    if (source == sources.end()) return Name(seen.id) + " is pending for " + agent + ", whose it is not";
    const Claim* claim = Find(seen.id, source->second);
    if (claim == nullptr || claim->place == Place::kDone) return Name(seen.id) + " is pending though it was settled";
    if (!listed.insert(seen.id).second) return Name(seen.id) + " is pending twice";
    if (seen.priority > priority) return Name(seen.id) + " is listed behind one of lower priority";
    priority = seen.priority;
    const auto before = last.find(entry->second.queue);
    if (before != last.end() && before->second.priority == priority && before->second.id > seen.id) {
      return Name(seen.id) + " is listed behind a newer one";
    }
    last[entry->second.queue] = seen;
    if (Verdict wrong = CheckState(seen, *claim, moment); !wrong.empty()) return wrong;
  }
  for (const auto& [queue, group] : sources) {
    for (const auto& [id, entry] : entries_) {
      if (entry.queue != queue || listed.contains(id) || MayBeOver(entry.expires.from, moment)) continue;
      const Claim* claim = Find(id, group);
      if (claim == nullptr || claim->place == Place::kDone || MayHaveDied(*claim, moment)) continue;
      return Name(id) + " is not pending for " + agent;
    }
  }
  return "";
}

Verdict Reference::Counted(const std::string& channel, int64_t count, Moment moment) const {
  int64_t least = 0;
  int64_t most = 0;
  for (const auto& [id, entry] : entries_) {
    if (entry.queue.channel != channel) continue;
    least += SurelyExists(entry, moment) ? 1 : 0;
    most += MayExist(entry) ? 1 : 0;
  }
  if (count >= least && count <= most) return "";
  return "counted were " + std::to_string(count) + ", not between " + std::to_string(least) + " and " +
         std::to_string(most);
}

Verdict Reference::DeadLetters(const std::vector<Seen>& list, Moment moment) {
  std::set<std::string> listed;
  for (const Seen& seen : list) {
    listed.insert(seen.id);
    auto letter = dead_.find(seen.id);
    if (letter == dead_.end()) {
      const auto entry = entries_.find(seen.id.substr(0, seen.id.find('~')));
      if (entry == entries_.end()) return "a dead letter is '" + seen.id + "', which nobody published";
      const std::string group = entry->second.queue.log ? seen.agent : "-";
      Claim* claim = Find(entry->first, group);
      if (claim == nullptr || claim->place == Place::kDone || !MayHaveDied(*claim, moment)) {
        return Name(seen.id) + " is a dead letter, though nobody gave it up";
      }
      if (claim->place == Place::kHeld) ++claim->most_tries, ++claim->least_tries;
      Bury(&entry->second, group, claim, true);
      letter = dead_.find(seen.id);
      if (letter == dead_.end()) return "the dead letter '" + seen.id + "' has another name than expected";
    }
    letter->second.sure = true;
    if (seen.deliveries < letter->second.least_tries || seen.deliveries > letter->second.most_tries) {
      return Name(seen.id) + " is a dead letter of " + std::to_string(seen.deliveries) + " deliveries";
    }
    if (seen.state != MQ_STATE_DEAD) return Name(seen.id) + " is a dead letter in another state";
  }
  for (const auto& [id, letter] : dead_) {
    if (letter.sure && !listed.contains(id)) return Name(id) + " is not among the dead letters";
  }
  return "";
}

Verdict Reference::Replayed(const std::string& dead_id, mq_status status, const std::string& new_id, Moment moment) {
  const Dead letter = dead_.at(dead_id);
  const Entry& old = entries_.at(letter.id);
  size_t least = 0;
  size_t most = 0;
  for (const auto& [id, entry] : entries_) {
    if (entry.queue != old.queue) continue;
    least += SurelyExists(entry, moment) ? 1 : 0;
    most += MayExist(entry) ? 1 : 0;
  }
  if (Verdict wrong = Full(old.queue.channel, least, most, 1, status); !wrong.empty()) return wrong;
  if (status != MQ_OK) return "";
  if (entries_.contains(new_id)) return "the id " + new_id + " was given twice";
  Entry entry;
  entry.id = new_id;
  entry.payload = old.payload;
  entry.queue = old.queue;
  entry.priority = old.priority;
  entry.order = ++last_order_;
  entry.ttl = old.ttl;
  if (old.ttl > 0) entry.expires = {moment.began + old.ttl, moment.ended + old.ttl};  // all of it again
  Claim& claim = entry.claims[letter.group];
  claim.since = step_;
  MarkAhead(entry, letter.group, &claim, false);
  entries_.emplace(new_id, std::move(entry));
  dead_.erase(dead_id);
  return "";
}

Verdict Reference::Emptied(Moment moment) const {
  for (const auto& [id, entry] : entries_) {
    for (const auto& [group, claim] : entry.claims) {
      if (claim.place != Place::kReady || claim.unsure || !claim.ahead.empty()) continue;
      if (!MayBeOver(entry.expires.from, moment)) return Name(id) + " was never delivered to " + group;
    }
  }
  return "";
}

}  // namespace agentmq::test::model
