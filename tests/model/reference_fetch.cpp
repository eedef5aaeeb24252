// What may be handed out, and what may be said of it afterwards.
#include <algorithm>

#include "model/reference.hpp"

namespace agentmq::test::model {

// Whether it waited in its lane before that step, for this consumer to take or in its own buffer.
bool Reference::Surely(const Entry& entry, const Claim& claim, int consumer, uint64_t before, Moment moment) const {
  if (claim.place != Place::kReady || claim.unsure || claim.since >= before) return false;
  if (MayBeOver(entry.expires.from, moment)) return false;
  return std::all_of(claim.ahead.begin(), claim.ahead.end(),
                     [&](const auto& who) { return who.first == consumer && !consumers_.at(consumer).cut_off; });
}

// A message whose consumer died is fetched alone, into an empty hand.
bool Reference::HandMayHoldBack(int consumer, const QueueId& queue, const std::string& group) const {
  bool suspects = false;
  bool holds = false;
  for (const auto& [id, entry] : entries_) {
    const auto found = entry.claims.find(group);
    if (entry.queue != queue || found == entry.claims.end()) continue;
    const Claim& claim = found->second;
    if (claim.place == Place::kDone) {
      holds = holds || claim.ahead.contains(consumer);
      continue;
    }
    suspects = suspects || claim.suspect;
    holds = holds || (claim.place == Place::kHeld && claim.holder == consumer) || claim.ahead.contains(consumer);
  }
  return suspects && holds;
}

bool Reference::SurelyHas(int number, Moment moment) const {
  const Consumer& consumer = consumers_.at(number);
  for (const auto& [queue, group] : SourcesOf(consumer)) {
    if (HandMayHoldBack(number, queue, group)) continue;
    for (const auto& [id, entry] : entries_) {
      const auto claim = entry.claims.find(group);
      if (entry.queue != queue || claim == entry.claims.end()) continue;
      if (Surely(entry, claim->second, number, step_, moment)) return true;
    }
  }
  return false;
}

// The greater priority goes first, and within one who was stored first; what came back goes ahead of what is newer.
Verdict Reference::Overtaken(int consumer, const Entry& entry, const std::string& group, uint64_t since,
                             Moment moment) const {
  const Claim& claim = entry.claims.at(group);
  for (const auto& [id, other] : entries_) {
    const auto found = other.claims.find(group);
    if (other.queue != entry.queue || &other == &entry || found == other.claims.end()) continue;
    if (other.priority < entry.priority) continue;
    if (other.priority == entry.priority && (!claim.regular || other.order > entry.order || other.id > entry.id)) {
      continue;
    }
    if (Surely(other, found->second, consumer, since, moment)) {
      return Name(entry.id) + " was delivered before " + Name(id) + ", which goes first";
    }
  }
  return "";
}

Verdict Reference::Take(int number, const Delivered& message, Moment moment) {
  const Consumer& consumer = consumers_.at(number);
  const auto at = entries_.find(message.id);
  if (at == entries_.end()) return "delivered was '" + message.id + "', which nobody published";
  Entry& entry = at->second;
  if (entry.payload != message.payload || entry.priority != message.priority) {
    return Name(entry.id) + " was delivered with another payload or priority";
  }
  const auto sources = SourcesOf(consumer);
  const auto source =
      std::find_if(sources.begin(), sources.end(), [&](const auto& one) { return one.first == entry.queue; });
  if (source == sources.end()) return Name(entry.id) + " was delivered to " + consumer.agent + ", whose it is not";
  const std::string& group = source->second;
  const auto found = entry.claims.find(group);
  if (found == entry.claims.end()) return Name(entry.id) + " was delivered to a group that came after it";
  Claim& claim = found->second;

  const auto ahead = claim.ahead.find(number);
  const bool may_be_buffered = ahead != claim.ahead.end();
  const uint64_t since = may_be_buffered ? ahead->second : step_;
  if (claim.place == Place::kDone) {
    // What was read ahead before it was settled by id, deleted or cleared; it can't be settled any more.
    return may_be_buffered ? "" : Name(entry.id) + " was delivered after it was settled or removed";
  }
  if (IsOver(entry.expires.to, moment) && !may_be_buffered) return Name(entry.id) + " was delivered after it expired";
  const int most_lapses = MostLapses(claim, moment);
  const int least_lapses = claim.place == Place::kHeld ? std::min(most_lapses, 1) : 0;
  if (claim.place == Place::kHeld && most_lapses == 0) {
    return Name(entry.id) + " was delivered while another one holds it";
  }
  if (claim.place == Place::kRetrying && !MayBeOver(claim.ends.from, moment)) {
    return Name(entry.id) + " was delivered before it was due";
  }
  const int tries = message.deliveries - 1;
  if (tries < claim.least_tries + least_lapses || tries > claim.most_tries + most_lapses) {
    return Name(entry.id) + " says that it is delivery " + std::to_string(message.deliveries);
  }
  if (tries >= attempts_) return Name(entry.id) + " was delivered though it is out of attempts";
  if (claim.place == Place::kReady) {
    if (Verdict wrong = Overtaken(number, entry, group, since, moment); !wrong.empty()) return wrong;
  }
  if (most_lapses > 0) claim.suspect = false;
  claim.place = Place::kHeld;
  claim.holder = number;
  claim.handle = message.handle;
  claim.least_tries = claim.most_tries = tries;
  claim.unsure = false;
  claim.ahead.clear();
  claim.ends = {};
  if (!consumer.auto_extend) claim.ends = {moment.began + consumer.visibility, moment.ended + consumer.visibility};
  return "";
}

Verdict Reference::Fetched(int number, size_t max, mq_status status, const std::vector<Delivered>& messages,
                           Moment moment) {
  Consumer& consumer = consumers_.at(number);
  if (Verdict wrong = OneOf(status, {MQ_OK, MQ_TIMEOUT}, "fetching"); !wrong.empty()) return wrong;
  if (messages.size() > max) return "more was fetched than was asked for";
  if (status == MQ_TIMEOUT && SurelyHas(number, moment)) return "nothing was fetched, though there is something";
  for (const Delivered& message : messages) {
    if (Verdict wrong = Take(number, message, moment); !wrong.empty()) return wrong;
  }
  if (status != MQ_OK && status != MQ_TIMEOUT) return "";
  consumer.reads_ahead = status == MQ_OK && (consumer.reads_ahead || max < consumer.prefetch);
  // Nothing is read ahead where it took all that there was.
  const bool one_source = SourcesOf(consumer).size() == 1;
  // What expired in its buffer, or on its way here, counts among what it took.
  const auto expired_at_hand = [&](const Entry& entry) {
    if (!MayBeOver(entry.expires.from, moment)) return false;
    const bool on_its_way = !IsOver(entry.expires.to, moment);
    return std::any_of(entry.claims.begin(), entry.claims.end(), [&](const auto& one) {
      const auto& [group, claim] = one;
      return claim.ahead.contains(number) ||
             (on_its_way && claim.place != Place::kDone && Reads(consumer, entry, group));
    });
  };
  const bool fewer = messages.size() < max && std::none_of(entries_.begin(), entries_.end(), [&](const auto& one) {
                       return expired_at_hand(one.second);
                     });
  const bool empty = status == MQ_TIMEOUT || (!consumer.reads_ahead && (fewer || one_source));
  consumer.cut_off = consumer.cut_off && !empty;
  for (auto& [id, entry] : entries_) {
    for (auto& [group, claim] : entry.claims) {
      if (empty) {
        claim.ahead.erase(number);
        continue;
      }
      const bool may_be_there = claim.place == Place::kReady || MayBeOver(claim.ends.from, moment);
      if (claim.place != Place::kDone && may_be_there && Reads(consumer, entry, group)) {
        claim.ahead.try_emplace(number, step_);
      }
    }
  }
  return "";
}

std::vector<mq_status> Reference::Allowed(const Handle& handle, Moment moment) const {
  const Claim* claim = Find(handle.id, handle.group);
  if (claim == nullptr || claim->place == Place::kDone) return {MQ_NOT_FOUND};
  const Entry& entry = entries_.at(handle.id);
  const bool mine = claim->place == Place::kHeld && claim->handle == handle.number;
  const bool lapsed = mine && MayBeOver(claim->ends.from, moment);
  std::vector<mq_status> allowed;
  if (mine) allowed.push_back(MQ_OK);
  if (!mine || lapsed) allowed.push_back(MQ_STALE);
  const bool gone = MayBeOver(entry.expires.from, moment) && (!mine || lapsed);
  if (gone || MayHaveDied(*claim, moment)) allowed.push_back(MQ_NOT_FOUND);
  return allowed;
}

// What all three ways to settle have in common. done: it was still in that hand.
Verdict Reference::SettleBy(const Handle& handle, mq_status status, Moment moment, bool extends, bool* done) {
  *done = false;
  Claim* claim = Find(handle.id, handle.group);
  std::vector<mq_status> allowed = Allowed(handle, moment);
  const bool held = claim != nullptr && claim->place == Place::kHeld && claim->handle == handle.number;
  // A call that was sent again after a loss takes what it finds done for its own first copy's work.
  if (disturbed_ && !extends) allowed.push_back(MQ_OK);
  if (Verdict wrong = OneOf(status, allowed, "settling " + Name(handle.id)); !wrong.empty()) return wrong;
  if (!held || status == MQ_UNAVAILABLE) return "";
  Entry& entry = entries_.at(handle.id);
  if (status == MQ_OK && disturbed_ && !extends && MayHaveLapsed(*claim, moment)) {
    // Where it was sent again nobody can tell whether it found its own work done or the message lapsed.
    ++claim->most_tries;
    PutBack(&entry, handle.group, claim);
    MarkAhead(entry, handle.group, claim, true);
    claim->unsure = true;
    return "";
  }
  if (status == MQ_OK) {
    *done = true;
    return "";
  }
  // Its reservation had lapsed: back in its lane, dead or expired.
  ++claim->least_tries;
  ++claim->most_tries;
  claim->suspect = false;
  if (status == MQ_NOT_FOUND) {
    if (claim->most_tries >= attempts_) {
      Bury(&entry, handle.group, claim, !MayBeOver(entry.expires.from, moment));
    } else {
      Settle(&entry, claim);
    }
    return "";
  }
  PutBack(&entry, handle.group, claim);
  MarkAhead(entry, handle.group, claim, true);
  return "";
}

Verdict Reference::Acked(const Handle& handle, mq_status status, Moment moment) {
  bool done = false;
  if (Verdict wrong = SettleBy(handle, status, moment, false, &done); !wrong.empty()) return wrong;
  if (done) Settle(&entries_.at(handle.id), Find(handle.id, handle.group));
  return "";
}

Verdict Reference::Nacked(const Handle& handle, bool permanent, Span delay, mq_status status, Moment moment) {
  Claim* claim = Find(handle.id, handle.group);
  const auto at = entries_.find(handle.id);
  const bool expired = at != entries_.end() && MayBeOver(at->second.expires.from, moment);
  if (status == MQ_NOT_FOUND && claim != nullptr && expired) {
    if (claim->place != Place::kDone) Settle(&at->second, claim);
    return "";
  }
  bool done = false;
  if (Verdict wrong = SettleBy(handle, status, moment, false, &done); !wrong.empty()) return wrong;
  if (!done) return "";
  ++claim->least_tries;
  ++claim->most_tries;
  claim->suspect = false;
  if (permanent || claim->least_tries >= attempts_) {
    Bury(&at->second, handle.group, claim, true);
    return "";
  }
  PutBack(&at->second, handle.group, claim);
  if (delay.to == 0) return "";
  claim->place = Place::kRetrying;
  claim->ends = {moment.began + delay.from, moment.ended + delay.to};
  return "";
}

Verdict Reference::Extended(const Handle& handle, int64_t visibility, mq_status status, Moment moment) {
  bool done = false;
  if (Verdict wrong = SettleBy(handle, status, moment, true, &done); !wrong.empty()) return wrong;
  if (done) Find(handle.id, handle.group)->ends = {moment.began + visibility, moment.ended + visibility};
  return "";
}

Verdict Reference::AckedId(const std::string& agent, const std::string& id, mq_status status, Moment moment) {
  Entry& entry = entries_.at(id);
  const std::string group = entry.queue.log ? agent : "-";
  Claim* claim = Find(id, group);
  std::vector<mq_status> allowed;
  const bool needed = claim != nullptr && claim->place != Place::kDone;
  if (needed) allowed.push_back(MQ_OK);
  if (!needed || MayBeOver(entry.expires.from, moment) || MayHaveDied(*claim, moment)) allowed.push_back(MQ_NOT_FOUND);
  if (Verdict wrong = OneOf(status, allowed, "acknowledging " + Name(id) + " by id"); !wrong.empty()) return wrong;
  if (!needed || status == MQ_UNAVAILABLE) return "";
  // What expires in a hand is its holder's to settle: for others it is gone, for that one it is not.
  if (status == MQ_NOT_FOUND && claim->place == Place::kHeld && MayBeOver(entry.expires.from, moment)) return "";
  if (status == MQ_NOT_FOUND && MayHaveDied(*claim, moment)) {
    ++claim->most_tries;
    Bury(&entry, group, claim, false);
  } else {
    Settle(&entry, claim);
  }
  return "";
}

}  // namespace agentmq::test::model
