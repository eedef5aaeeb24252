// How what was sorted by queue is stored, and told: in steps, paid for and waited for.
#include <algorithm>

#include "core/backoff.hpp"
#include "core/publisher.hpp"
#include "core/rate_limits.hpp"
#include "core/reply_inbox.hpp"
#include "core/shared.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr size_t kMostBytes = 1024 * 1024;     // a batch, without blobs
constexpr size_t kTogether = 8;                // batches of a queue in one round trip
constexpr size_t kKeptBytes = 4 * kMostBytes;  // what an idle step may hold on to
constexpr size_t kKeptSteps = 16;
constexpr int64_t kFullBase = 5;  // ms
constexpr int64_t kFullMax = 100;

// It says how long a message may wait once it is due.
int64_t TtlOf(const Message& message, const ChannelLimits& limits) {
  const int64_t ttl = message.ttl().value_or(limits.ttl > 0 ? limits.ttl : -1);
  return ttl < 0 ? -1 : message.delay() + ttl;
}

// Stored, and less durable than was asked.
Status Shortfall(const Durability& wanted, const PublishBatch& batch) {
  std::string text = "stored, but ";
  if (batch.reached.replicas < wanted.replicas) {
    text += std::to_string(batch.reached.replicas) + " of " + std::to_string(wanted.replicas) + " replicas";
    text += wanted.fsync ? " and " : "";
  }
  if (wanted.fsync) text += batch.reached.fsync ? "the server's disk alone" : "no disk";
  return {Code::kPartial, text + " confirmed it in time" + (batch.shortfall.empty() ? "" : ": " + batch.shortfall)};
}

}  // namespace

// Batches of different queues, whose heads lie in one arena.
class Publisher::Step {
 public:
  void Clear() {
    arena_.clear();
    outgoing_.clear();
    spans_.clear();
    parcels_.clear();
  }
  bool empty() const { return parcels_.empty(); }
  bool WorthKeeping() const { return arena_.capacity() <= kKeptBytes; }

  // The parcel's next messages, in as many batches as go out together.
  void Add(Parcel& parcel, const BusSettings& settings, const Seal& seal) {
    size_t next = parcel.stored;
    const size_t end = std::min(parcel.messages.size(), parcel.paid);
    for (size_t i = 0; i < kTogether && next < end; ++i) {
      next += AddBatch(parcel, next, end, settings, seal);
      if (parcels_.back().keyed) break;
    }
  }

  std::span<PublishBatch> Batches() {
    for (size_t i = 0; i < outgoing_.size(); ++i) {
      outgoing_[i].head = std::string_view(arena_).substr(spans_[i].begin, spans_[i].size);
    }
    batches_.clear();
    for (const Part& part : parcels_) {
      PublishBatch& batch = batches_.emplace_back();
      batch.queue = &part.parcel->queue;
      batch.limits = part.parcel->limits.limits;
      batch.messages = std::span(outgoing_).subspan(part.first, part.count);
      batch.wanted = part.wanted;
      batch.tells = part.tells;
      batch.keyed = part.keyed;
      batch.until_known = part.parcel->until_known;
    }
    return batches_;
  }
  Parcel& ParcelOf(size_t batch) { return *parcels_[batch].parcel; }

 private:
  struct Span {
    size_t begin, size;
  };
  struct Part {
    Parcel* parcel;
    size_t first, count;
    Durability wanted;  // the most of its messages
    bool tells;         // one of them at least
    bool keyed;         // the same
  };

  // As many of the parcel's messages from `from` on as go into a batch; answers how many.
  size_t AddBatch(Parcel& parcel, size_t from, size_t end, const BusSettings& settings, const Seal& seal) {
    const size_t first = outgoing_.size();
    Durability wanted;
    bool tells = false;
    bool keyed = false;
    size_t bytes = 0;
    for (size_t i = from; i < end && i - from < parcel.most_at_once; ++i) {
      Message& message = *parcel.messages[i];
      const int64_t ttl = TtlOf(message, parcel.limits);
      if (seal.Compresses(message.payload().size())) message.Pack(seal);
      head_.clear();
      message.EncodeHead(settings.source, ttl, &head_);
      const std::string_view payload = message.stored_payload();
      seal.Sign(parcel.queue, message.priority(), payload, &head_);
      bytes += head_.size() + (payload.size() > kBlobThreshold ? 0 : payload.size());
      if (bytes > kMostBytes && i > from) break;
      wanted.Raise(message.wanted(settings.durability));
      outgoing_.push_back({message.priority(), ttl, {}, payload, {}, message.delay(), message.mode() == Mode::kBoth});
      tells = tells || outgoing_.back().tell;
      if (parcel.limits.limits.dedup_window > 0) outgoing_.back().dedup_key = message.Get(Property::kDedupKey);
      keyed = keyed || !outgoing_.back().dedup_key.empty();
      spans_.push_back({arena_.size(), head_.size()});
      arena_ += head_;
    }
    parcels_.push_back({&parcel, first, outgoing_.size() - first, wanted, tells, keyed});
    return outgoing_.size() - first;
  }

  std::string head_;
  std::string arena_;
  std::vector<Outgoing> outgoing_;
  std::vector<Span> spans_;
  std::vector<Part> parcels_;
  std::vector<PublishBatch> batches_;
};

Publisher::Publisher(Shared& shared) : shared_(shared) {}
Publisher::~Publisher() = default;

std::unique_ptr<Publisher::Step> Publisher::TakeStep() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Step>();
  auto step = std::move(idle_.back());
  idle_.pop_back();
  return step;
}

void Publisher::KeepStep(std::unique_ptr<Step> step) {
  step->Clear();
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kKeptSteps && step->WorthKeeping()) idle_.push_back(std::move(step));
}

void Publisher::Take(PublishBatch& batch, Parcel& parcel) {
  if (batch.status.ok()) {
    for (const Outgoing& outgoing : batch.messages) {
      Message& message = *parcel.messages[parcel.stored++];
      message.Published(*batch.queue, outgoing.id, outgoing.ttl, batch.reached);
      const Durability wanted = message.wanted(shared_.settings.durability);
      if (batch.reached.Covers(wanted)) continue;
      message.Failed(Code::kPartial);
      if (parcel.shortfall.ok()) parcel.shortfall = Shortfall(wanted, batch);
    }
  } else {
    parcel.status = std::move(batch.status);
    parcel.doubtful = batch.messages.size();
  }
  if (shared_.audit.on() && parcel.status.ok()) {
    const size_t before = parcel.stored - batch.messages.size();
    for (size_t i = before; i < parcel.stored; ++i) NotePublished(*parcel.messages[i], "");
    if (batch.dropped > 0) {
      shared_.audit.Note("drop", {{"queue", parcel.queue.Text()}, {"messages", std::to_string(batch.dropped)}});
    }
  }
  EventLog& log = *shared_.log;
  if (parcel.status.ok() && log.Wants(kLogDebug)) {
    log.Write(kLogDebug, "published",
              {{"queue", parcel.queue.Text()}, {"messages", std::to_string(batch.messages.size())}});
  }
  if (batch.dropped > 0 && log.Wants(kLogInfo)) {
    log.Write(kLogInfo, "dropped", {{"queue", parcel.queue.Text()}, {"messages", std::to_string(batch.dropped)}});
  }
}

void Publisher::NotePublished(const Message& message, std::string_view mode) {
  const std::string_view source = message.Get(Property::kSource);
  shared_.audit.Note("publish", {{"id", message.id()},
                                 {"source", source.empty() ? shared_.settings.source : source},
                                 {"type", message.Get(Property::kType)},
                                 {"mode", mode}});
}

// What is told alone, in steps as what is stored.
void Publisher::TellAll(Backend& backend, Parcel& parcel, const Turn& turn, const Patience& patience) {
  while (!parcel.done()) {
    if (parcel.paid <= parcel.stored) {
      const int64_t wait = Pay(backend, {&parcel, 1}, turn, patience);
      if (wait >= 0) parcel.status = Sleep(wait, patience);
      continue;
    }
    const size_t end = std::min(parcel.messages.size(), parcel.paid);
    const std::span<Message*> left = std::span(parcel.messages).subspan(parcel.stored, end - parcel.stored);
    std::vector<std::string> heads;
    std::vector<QueueName> places;
    size_t bytes = 0;
    for (size_t i = 0; i < left.size() && i < parcel.most_at_once && bytes < kMostBytes; ++i) {
      if (shared_.seal.Compresses(left[i]->payload().size())) left[i]->Pack(shared_.seal);
      left[i]->EncodeHead(shared_.settings.source, TtlOf(*left[i], parcel.limits), &heads.emplace_back());
      places.push_back(PlaceOf(parcel.queue.channel, *left[i]));
      shared_.seal.Sign(places.back(), left[i]->priority(), left[i]->stored_payload(), &heads.back());
      bytes += heads.back().size() + left[i]->stored_payload().size();
    }
    std::vector<Telling> tellings(heads.size());
    for (size_t i = 0; i < tellings.size(); ++i) {
      tellings[i].queue = &places[i];
      tellings[i].priority = left[i]->priority();
      tellings[i].head = heads[i];
      tellings[i].payload = left[i]->stored_payload();
    }
    Patience brief = shared_.Brief(patience.cancel);
    brief.deadline = brief.deadline.Earlier(patience.deadline);
    backend.Tell(tellings, brief);
    for (size_t i = 0; i < tellings.size() && parcel.status.ok(); ++i) {
      if (!tellings[i].status.ok()) {
        parcel.status = std::move(tellings[i].status);
        parcel.doubtful = tellings.size() - i;
        break;
      }
      left[i]->Published(places[i], tellings[i].id, TtlOf(*left[i], parcel.limits), {});
      left[i]->ToldTo(tellings[i].receivers);
      if (shared_.audit.on()) NotePublished(*left[i], "pubsub");
      ++parcel.stored;
    }
  }
}

// What was just stored, and is to be told too: where the backend did not do so in the same step.
void Publisher::TellStored(Backend& backend, const PublishBatch& batch, Parcel& parcel, const Patience& patience) {
  const std::span<Message*> stored = std::span(parcel.messages).subspan(parcel.stored - batch.messages.size());
  std::vector<Telling> tellings;
  std::vector<Message*> untold;
  const auto fall_short = [&](Message& message, const std::string& why) {
    message.Failed(Code::kPartial);
    if (parcel.shortfall.ok())
      parcel.shortfall = {Code::kPartial, "stored, but listeners may not have heard it: " + why};
  };
  for (size_t i = 0; i < batch.messages.size(); ++i) {
    const Outgoing& outgoing = batch.messages[i];
    if (!outgoing.tell || outgoing.repeats) continue;  // what it repeats was told
    if (outgoing.told == Outgoing::Told::kYes) stored[i]->ToldTo(outgoing.receivers);
    if (outgoing.told == Outgoing::Told::kMaybe) fall_short(*stored[i], "no answer came");
    if (outgoing.told != Outgoing::Told::kNo) continue;
    untold.push_back(stored[i]);
    tellings.push_back({batch.queue, true, outgoing.id, outgoing.priority, outgoing.head, outgoing.payload, {}, 0});
  }
  if (tellings.empty()) return;
  backend.Tell(tellings, patience);
  for (size_t i = 0; i < tellings.size(); ++i) {
    untold[i]->ToldTo(tellings[i].receivers);
    if (!tellings[i].status.ok()) fall_short(*untold[i], tellings[i].status.text());
  }
}

// With require_agent: nothing is stored for who has never been. Who asked is there, or comes back for the reply.
void Publisher::Admit(Backend& backend, Parcel& parcel) {
  if (parcel.queue.broadcast || parcel.queue.live() || parcel.done()) return;
  if (ReplyInbox::Parse(parcel.queue.target)) return;
  const auto knows = shared_.presence.Knows(backend, parcel.queue.target);
  if (!knows.ok()) {
    parcel.status = knows.status();
  } else if (!*knows) {
    parcel.status =
        Status::NotFound("agent " + Quote(parcel.queue.target) + " has never been, and the channel has require_agent");
  }
}

Status Publisher::Sleep(int64_t millis, const Patience& patience) {
  Event nothing;
  Status status = shared_.gate.Wait(nothing, {patience.deadline.Earlier(Deadline::After(millis)), patience.cancel});
  return status.code() == Code::kTimeout ? Status::Ok() : status;
}

bool Publisher::Turn::MayWait(const Parcel& parcel, const Patience& patience, int64_t millis) const {
  return block && parcel.limits.limits.overflow == Overflow::kBlock &&
         SteadyMillis() - began + millis < parcel.limits.publish_timeout && !patience.deadline.Expired();
}

int64_t Publisher::Pay(Backend& backend, std::span<Parcel> parcels, const Turn& turn, const Patience& patience) {
  Patience brief = shared_.Brief(patience.cancel);
  brief.deadline = brief.deadline.Earlier(patience.deadline);
  agentmq::Pay(backend, shared_.settings, parcels, brief);
  int64_t first = -1;
  for (Parcel& parcel : parcels) {
    const int64_t wait = parcel.status.retry_after();
    if (parcel.status.code() != Code::kRateLimited || !turn.MayWait(parcel, patience, wait)) continue;
    parcel.status = Status::Ok();
    parcel.doubtful = 0;
    first = first < 0 ? wait : std::min(first, wait);
  }
  return first;
}

void Publisher::Store(Backend& backend, std::span<Parcel> parcels, bool block, const Patience& patience) {
  const Turn turn{block, SteadyMillis()};
  Backoff backoff(kFullBase, kFullMax);
  const bool limited = MarkLimited(shared_.settings, parcels);
  for (Parcel& parcel : parcels) {
    if (parcel.limits.require_agent) Admit(backend, parcel);
    if (parcel.queue.live()) TellAll(backend, parcel, turn, patience);
  }
  const auto sleep = [&](int64_t millis) {
    const Status slept = Sleep(millis, patience);
    for (Parcel& parcel : parcels) {
      if (!slept.ok() && !parcel.done()) parcel.status = slept;
    }
  };
  auto step = TakeStep();
  for (;;) {
    const int64_t pay_again = limited ? Pay(backend, parcels, turn, patience) : -1;
    step->Clear();
    for (Parcel& parcel : parcels) {
      if (!parcel.done()) step->Add(parcel, shared_.settings, shared_.seal);
    }
    if (step->empty() && pay_again >= 0) {
      sleep(pay_again);
      continue;
    }
    if (step->empty()) break;
    const auto batches = step->Batches();
    Patience brief = shared_.Brief(patience.cancel);
    brief.deadline = brief.deadline.Earlier(patience.deadline);
    backend.Publish(batches, brief);
    bool went_on = false;
    bool waits = false;
    const Parcel* stopped = nullptr;  // its batches follow each other
    for (size_t i = 0; i < batches.size(); ++i) {
      Parcel& parcel = step->ParcelOf(i);
      if (&parcel == stopped) {
        // Sent behind one of which nothing is known.
        if (batches[i].status.code() == Code::kUnknown) parcel.doubtful += batches[i].messages.size();
        continue;
      }
      if (!batches[i].status.ok()) stopped = &parcel;
      if (batches[i].status.code() == Code::kFull && turn.MayWait(parcel, patience)) {
        waits = true;
        continue;
      }
      Take(batches[i], parcel);
      if (batches[i].tells && batches[i].status.ok()) TellStored(backend, batches[i], parcel, brief);
      went_on = true;
    }
    if (went_on) backoff.Reset();
    if (waits && !went_on) sleep(backoff.Next());
  }
  KeepStep(std::move(step));
  if (!shared_.seal.compresses()) return;
  for (Parcel& parcel : parcels) {
    for (Message* message : parcel.messages) message->Unpack();
  }
}

}  // namespace agentmq
