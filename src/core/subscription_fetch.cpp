// How a subscription's callers get messages; its class comment says the rules.
#include <algorithm>
#include <utility>

#include "core/shared.hpp"
#include "core/subscription_state.hpp"

namespace agentmq {
namespace {

// Waits up to it look at every source before anything else, so that they find what is there on a busy machine too.
constexpr int64_t kShortWait = 100;  // ms

// Who has waited at the server for so long in vain waits with the others from then on: each end of a wait there costs a
// fetch of every source.
constexpr int64_t kLongWait = 4000;  // ms

Status EndedStatus() { return Status::Closed("the subscription has ended"); }

}  // namespace

// One caller of Fetch(), on its stack.
struct SubscriptionState::Caller {
  size_t max = 1;
  Patience patience;
  // The look that answers it: one that began after it came. 0: it needs none.
  uint64_t look = 0;
  Deadline look_by = Deadline::Never();
  bool in_line = false;
  int64_t at_server_since = 0;  // steady ms; 0: it did not wait there yet
  int64_t sleeps_until = 0;     // steady ms
  std::unique_ptr<Event> event;
};

Status SubscriptionState::Fetch(size_t max, const Patience& patience, Messages* messages) {
  messages->clear();
  std::vector<Taken> taken;
  while (messages->empty()) {
    taken.clear();
    if (Status status = Gather(max, patience, &taken); !status.ok()) return status;
    if (settings_.skip_done) {
      if (Status status = SkipDone(&taken, patience); !status.ok()) return status;
    }
    Unpack(taken, messages);
  }
  return Status::Ok();
}

Status SubscriptionState::Gather(size_t max, const Patience& patience, std::vector<Taken>* taken) {
  std::unique_lock lock(mutex_);
  Caller caller;
  caller.max = max;
  caller.patience = patience;
  // Who waits need not look first: what is there has left a token, which the wait finds at once.
  const int64_t remaining = patience.deadline.Remaining();
  if (remaining >= 0 && remaining < kShortWait) caller.look = looks_begun_ + 1;
  Status status;
  for (bool again = true; again;) status = Step(lock, caller, taken, &again);
  if (status.ok()) ReadAhead(lock, max);
  Leave(lock, caller);
  if (status.code() == Code::kTimeout || status.code() == Code::kInterrupted) {
    if (AnswerLateWake(lock, status.code() == Code::kTimeout ? caller.max : 0, taken)) status = Status::Ok();
  }
  const bool close = stopped_ && close_owed_;
  lock.unlock();
  if (close) Close(shared_->Brief());
  return status;
}

// A wake-up that came while the last caller left would be lost for others too: it is followed after all. With a
// room of 0 the fetch only passes it on.
bool SubscriptionState::AnswerLateWake(std::unique_lock<std::mutex>& lock, size_t max, std::vector<Taken>* taken) {
  const bool woken = std::any_of(readers_.begin(), readers_.end(), [](const auto& reader) { return reader->woken; });
  if (!woken || stopped_ || refilling_ || !line_.empty()) return false;
  (void)Refill(lock, max == 0 ? 0 : std::max(max, settings_.prefetch), false, {});
  const bool took = max > 0 && Take(max, taken);
  UpdateFd();
  PassOn();
  NoteDue();
  return took;
}

// One turn of a caller: takes, refills or waits. `again`: nothing is decided yet.
Status SubscriptionState::Step(std::unique_lock<std::mutex>& lock, Caller& caller, std::vector<Taken>* taken,
                               bool* again) {
  *again = false;
  if (stopped_) return EndedStatus();
  if (caller.patience.cancelled()) return InterruptedStatus();
  if (Take(caller.max, taken)) return Status::Ok();
  const bool looked = looks_done_ >= caller.look;
  if (!refilling_ && (!looked || EarliestLook() <= SteadyMillis())) {
    Status status = Refill(lock, std::max(caller.max, settings_.prefetch), !looked, caller.patience);
    *again = status.ok();
    return status;
  }
  if (looked && caller.patience.deadline.Expired()) return NothingCame();
  if (!looked && caller.look_by.Expired()) return {Code::kUnavailable, "the server did not answer in time"};
  if (caller.event == nullptr && !events_.empty()) {
    caller.event = std::move(events_.back());
    events_.pop_back();
  }
  if (caller.event == nullptr) caller.event = std::make_unique<Event>();
  if (!caller.event->valid()) return NoEventStatus();
  Status failure;
  if (!WaitAtServer(lock, caller, &failure)) Wait(lock, caller);
  *again = failure.ok();
  return failure;
}

// Alone, with nothing at hand and nothing due. A wait that is over soon is not worth it.
bool SubscriptionState::CanWaitAtServer(const Caller& caller) const {
  const int64_t remaining = caller.patience.deadline.Remaining();
  if (refilling_ || wanted_ > 0 || fd_ || (remaining >= 0 && remaining < kShortWait) || readers_.empty()) return false;
  if (line_.size() > 1 || (line_.size() == 1 && line_.front() != &caller)) return false;
  if (caller.at_server_since != 0 && SteadyMillis() - caller.at_server_since >= kLongWait) return false;
  return std::all_of(readers_.begin(), readers_.end(), [](const auto& reader) {
    return reader->empty() && reader->failure.ok() && !reader->renew_first && !reader->woken && !reader->crowded;
  });
}

bool SubscriptionState::WaitAtServer(std::unique_lock<std::mutex>& lock, Caller& caller, Status* failure) {
  if (!CanWaitAtServer(caller)) return false;
  if (!caller.in_line) {
    caller.in_line = true;
    line_.push_back(&caller);
  }
  const int64_t since = SteadyMillis();
  refilling_ = true;
  at_server_ = &caller;
  const std::vector<std::shared_ptr<Reader>> asked = readers_;
  std::vector<Backend::Order> orders;
  for (const auto& reader : asked) orders.push_back({reader->consumer.get(), std::max(caller.max, settings_.prefetch)});
  Patience until = caller.patience;
  const int64_t earliest = EarliestLook();
  if (earliest != INT64_MAX) {
    until.deadline = until.deadline.Earlier(Deadline::After(std::max<int64_t>(1, earliest - SteadyMillis())));
  }
  lock.unlock();
  Rearm();  // nothing is armed from here on
  const bool waited = asked[0]->backend->WaitAndFetch(orders, until, *caller.event);
  if (waited) (void)caller.event->Wait({Deadline::After(0), nullptr});  // what set it is looked at now
  lock.lock();
  at_server_ = nullptr;
  if (waited) {
    if (caller.at_server_since == 0) caller.at_server_since = since;
    *failure = Accept(asked, orders);
  }
  refilling_ = false;
  refilled_.notify_all();
  UpdateFd();
  WakeLookers();
  if (AnyBuffered()) *failure = Status::Ok();
  return waited;
}

// Who needs a source, or takes part in waiting, ends a wait at the server.
void SubscriptionState::InterruptWait() {
  if (at_server_ != nullptr) at_server_->event->Set();
}

void SubscriptionState::Wait(std::unique_lock<std::mutex>& lock, Caller& caller) {
  const bool looked = looks_done_ >= caller.look;
  InterruptWait();
  if (!caller.in_line) {
    caller.in_line = true;
    line_.push_back(&caller);
  }
  Deadline until = caller.patience.deadline;
  if (!looked) {
    // It may be served by the refill that runs, but is owed one of its own, even after its deadline.
    if (caller.look_by.never()) caller.look_by = shared_->Brief().deadline;
    until = caller.look_by;
  }
  const int64_t earliest = EarliestLook();
  caller.sleeps_until = refilling_ ? INT64_MAX : earliest;
  if (!refilling_ && earliest != INT64_MAX) {
    until = until.Earlier(Deadline::After(std::max<int64_t>(0, earliest - SteadyMillis())));
  }
  lock.unlock();
  Rearm();
  (void)caller.event->Wait({until, caller.patience.cancel});
  lock.lock();
}

void SubscriptionState::Leave(std::unique_lock<std::mutex>& lock, Caller& caller) {
  if (caller.in_line) std::erase(line_, &caller);
  if (caller.event != nullptr && caller.event->valid()) events_.push_back(std::move(caller.event));
  UpdateFd();
  PassOn();
  NoteDue();
  if (!caller.in_line) return;
  // It may have used up a wake-up: who still waits is armed again; with nobody there the sources are disarmed.
  lock.unlock();
  Rearm();
  lock.lock();
  if (fd_ && line_.empty()) shared_->timer.Poke(fd_task_);
}

void SubscriptionState::WakeCaller(Caller& caller) { caller.event->Set(); }

// After a refill: who was looked for and is out of time goes, and the first who was not looks, for all such.
void SubscriptionState::WakeLookers() {
  bool woken = false;
  for (Caller* caller : line_) {
    const bool looked = looks_done_ >= caller->look;
    if (looked ? caller->patience.deadline.Expired() : !std::exchange(woken, true)) caller->event->Set();
  }
}

// Wakes the first in line where there is something to do for it; called by whoever goes.
void SubscriptionState::PassOn() {
  if (refilling_ || line_.empty()) return;  // who refills passes on when it goes
  Caller& first = *line_.front();
  if (AnyBuffered() || EarliestLook() < first.sleeps_until) first.event->Set();
}

// What fetching from them answered; the failure that does not mend by waiting.
Status SubscriptionState::Accept(const std::vector<std::shared_ptr<Reader>>& asked, std::span<Backend::Order> orders) {
  Status failure;
  for (size_t i = 0; i < orders.size(); ++i) {
    Reader& reader = *asked[i];
    auto& fetched = orders[i].fetched;
    if (fetched.code() == Code::kInterrupted) {  // this caller's token: for the others nothing happened
      reader.look_at = 0;
      failure = fetched.status();
      continue;
    }
    const auto before = reader.incarnation();
    const bool mends = reader.Accept(std::move(fetched), SteadyMillis());
    if (reader.incarnation() != before) shared_->housekeeper.Enter(reader.incarnation(), reader.ledger);
    if (reader.woken && reader.failure.ok()) reader.look_at = 0;  // woken meanwhile: it looks again
    if (!mends && failure.ok()) failure = reader.failure;
  }
  return failure;
}

Status SubscriptionState::Refill(std::unique_lock<std::mutex>& lock, size_t room, bool all, const Patience& patience) {
  refilling_ = true;
  const uint64_t look = all ? ++looks_begun_ : 0;
  const int64_t began = SteadyMillis();
  std::vector<std::shared_ptr<Reader>> asked;
  std::vector<Backend::Order> orders;
  orders.reserve(readers_.size());
  for (const auto& reader : readers_) {
    // One that woke is no reason to leave out the others: what they have may be of a higher priority.
    if (!all && reader->look_at > began && !reader->failure.ok()) continue;
    asked.push_back(reader);
    orders.push_back({reader->consumer.get(), reader->renew_first ? 0 : room});
  }
  for (const auto& reader : asked) {
    reader->woken = false;
    reader->look_at = INT64_MAX;
  }
  lock.unlock();
  Patience brief = shared_->Brief(patience.cancel);
  brief.deadline = brief.deadline.Earlier(patience.deadline);
  if (!orders.empty()) asked[0]->backend->Fetch(orders, brief);
  lock.lock();
  // What is older than the look is no answer to it.
  const bool older = std::any_of(orders.begin(), orders.end(), [](const Backend::Order& order) {
    return order.fetched.ok() && order.fetched->older;
  });
  const Status failure = Accept(asked, orders);
  GiveBackPaused(lock, asked);
  refilling_ = false;
  if (failure.code() != Code::kInterrupted && !older) looks_done_ = std::max(looks_done_, look);
  refilled_.notify_all();
  UpdateFd();
  WakeLookers();
  if (AnyBuffered()) return Status::Ok();
  return failure;
}

// What was read ahead of a source that is paused now.
void SubscriptionState::GiveBackPaused(std::unique_lock<std::mutex>& lock,
                                       const std::vector<std::shared_ptr<Reader>>& asked) {
  for (const auto& reader : asked) {
    if (!reader->paused || reader->empty()) continue;
    const std::vector<ShortId> unseen = reader->Unseen();
    reader->DropBuffer();
    lock.unlock();
    (void)reader->consumer->GiveBack(unseen);
    lock.lock();
  }
}

// Who takes less at once than may be reserved ahead has the next ones on their way while it works.
void SubscriptionState::ReadAhead(std::unique_lock<std::mutex>& lock, size_t max) {
  if (refilling_ || stopped_ || max >= settings_.prefetch) return;
  std::vector<std::pair<std::shared_ptr<Reader>, size_t>> wanting;
  for (const auto& reader : readers_) {
    const bool more = reader->look_at == 0 && reader->failure.ok() && !reader->renew_first && !reader->woken;
    if (more && reader->size() <= settings_.prefetch / 2)
      wanting.emplace_back(reader, settings_.prefetch - reader->size());
  }
  if (wanting.empty()) return;
  // The others are asked meanwhile too, or the next refill would have to wait for them.
  for (const auto& reader : readers_) {
    const bool quiet = reader->look_at != 0 && reader->failure.ok() && !reader->renew_first && !reader->woken;
    if (quiet && reader->empty()) wanting.emplace_back(reader, settings_.prefetch);
  }
  refilling_ = true;
  lock.unlock();
  for (const auto& [reader, room] : wanting) reader->consumer->ReadAhead(room);
  lock.lock();
  refilling_ = false;
  refilled_.notify_all();
}

bool SubscriptionState::Take(size_t max, std::vector<Taken>* taken) {
  for (const auto& reader : readers_) {
    if (reader->empty() || reader->renew_first) continue;
    // A process that was stopped may have lost what it read ahead: it asks first. What is paused goes back.
    if (reader->consumer->LeaseHeld() && !reader->consumer->Paused()) continue;
    reader->renew_first = true;
    reader->look_at = 0;
  }
  const int64_t now = SteadyMillis();
  while (taken->size() < max) {
    Reader* best = BestReader();
    if (best == nullptr) break;
    const auto& reader = readers_[last_reader_];
    taken->push_back({reader, best->incarnation(), best->TakeFront(), now + best->clock_offset});
  }
  return !taken->empty();
}

// The highest priority first, then the oldest; at equals the next one in turn. Remembers it in last_reader_.
Reader* SubscriptionState::BestReader() {
  Reader* best = nullptr;
  size_t best_at = 0;
  for (size_t i = 1; i <= readers_.size(); ++i) {
    const size_t at = (last_reader_ + i) % readers_.size();
    Reader* reader = readers_[at].get();
    if (reader->empty() || reader->renew_first) continue;
    if (best != nullptr) {
      const ShortId& one = reader->front().id;
      const ShortId& other = best->front().id;
      if (one.priority() < other.priority()) continue;
      if (one.priority() == other.priority() && one.time() >= other.time()) continue;
    }
    best = reader;
    best_at = at;
  }
  last_reader_ = best_at;
  return best;
}

bool SubscriptionState::AnyBuffered() const {
  return std::any_of(readers_.begin(), readers_.end(),
                     [](const auto& reader) { return !reader->empty() && !reader->renew_first; });
}

int64_t SubscriptionState::EarliestLook() const {
  int64_t earliest = INT64_MAX;
  for (const auto& reader : readers_) earliest = std::min(earliest, reader->look_at);
  return earliest;
}

Status SubscriptionState::NothingCame() const {
  for (const auto& reader : readers_) {
    if (!reader->failure.ok()) return reader->failure;
  }
  return {Code::kTimeout, "no message came within the timeout"};
}

// Arms the sources while somebody waits, and only then: a wake-up that nobody follows is another consumer's loss.
void SubscriptionState::Rearm() {
  const std::lock_guard arming(arm_mutex_);
  struct Change {
    std::shared_ptr<Reader> reader;
    bool arm;
  };
  std::vector<Change> changes;
  {
    const std::lock_guard lock(mutex_);
    const bool wanted = !stopped_ && at_server_ == nullptr && (!line_.empty() || (fd_ && !AnyBuffered()));
    for (const auto& reader : readers_) {
      const bool arm = wanted && reader->failure.ok() && !reader->woken && !reader->crowded;
      if (arm == reader->armed) continue;
      reader->armed = arm;
      changes.push_back({reader, arm});
    }
  }
  for (const Change& change : changes) {
    if (!change.arm) {
      change.reader->consumer->Disarm();
      continue;
    }
    change.reader->consumer->Arm([self = weak_from_this(), reader = std::weak_ptr(change.reader)] {
      const auto subscription = self.lock();
      const auto woken = reader.lock();
      if (subscription != nullptr && woken != nullptr) subscription->Woken(*woken);
    });
  }
}

// Runs on any thread of the backend's.
void SubscriptionState::Woken(Reader& reader) {
  uint64_t task = 0;
  {
    const std::lock_guard lock(mutex_);
    reader.armed = false;
    reader.woken = true;
    reader.look_at = 0;
    if (!line_.empty()) {
      line_.front()->event->Set();
    } else {
      task = fd_task_;
    }
  }
  if (task != 0) shared_->timer.Poke(task);
}

void SubscriptionState::Unpack(std::vector<Taken>& taken, Messages* messages) {
  messages->reserve(taken.size());
  const int64_t now = SteadyMillis();
  std::vector<Ledger::Entry> entries;
  for (size_t i = 0; i < taken.size(); ++i) {
    Taken& one = taken[i];
    const ShortId id = one.delivery.id;
    const int64_t number = one.delivery.delivery;
    auto message = Message::FromDelivery(std::move(one.delivery), one.reader->source, one.incarnation, agent_,
                                         one.reader->ledger, shared_->seal);
    const bool expired = message.ok() && (*message)->expires() != 0 && (*message)->expires() <= one.server_now;
    if (expired) {
      // Its time ended while it was read ahead: back in its lane it is found expired, and counted.
      (void)one.reader->consumer->GiveBack({&id, 1});
    } else if (message.ok()) {
      if (shared_->audit.on()) {
        shared_->audit.Note("deliver", {{"id", (*message)->id()},
                                        {"agent", agent_},
                                        {"consumer", *one.incarnation},
                                        {"delivery", std::to_string((*message)->deliveries())}});
      }
      messages->push_back(std::move(*message));
      entries.push_back({id, number});
      if (settings_.skip_done) {
        one.reader->ledger->Note(id, number, messages->back()->Get(Property::kDedupKey), now);
      }
    } else {
      shared_->settler.SetAside(*one.reader->backend, *one.reader->source, *one.incarnation, id, number,
                                message.status());
    }
    const bool last =
        i + 1 == taken.size() || taken[i + 1].reader != one.reader || taken[i + 1].incarnation != one.incarnation;
    if (!last) continue;
    one.reader->ledger->HandOut(entries, one.incarnation, now);
    entries.clear();
  }
}

}  // namespace agentmq
