#include "core/publisher.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "core/shared.hpp"
#include "core/trace.hpp"

namespace agentmq {
namespace {

constexpr std::string_view kNobody = "\n";  // no target: stands for what is told alone

bool AllDifferent(std::span<Message* const> messages) {
  const auto not_rising = [](const Message* a, const Message* b) { return !std::less<>{}(a, b); };
  if (std::adjacent_find(messages.begin(), messages.end(), not_rising) == messages.end()) return true;
  std::vector<const Message*> sorted(messages.begin(), messages.end());
  std::sort(sorted.begin(), sorted.end(), std::less<>{});
  return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
}

// One parcel for each queue, and where in the batch its messages stand.
struct Sorted {
  std::vector<Parcel> parcels;
  std::vector<std::vector<size_t>> places;
};

Sorted SortByQueue(std::string_view channel, const ChannelLimits& limits, std::span<Message* const> messages) {
  Sorted sorted;
  std::unordered_map<std::string_view, size_t> parcel_of;
  std::string_view last_target;
  size_t parcel = 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string_view target = messages[i]->mode() == Mode::kPubSub ? kNobody : messages[i]->target();
    if (i == 0 || target != last_target) {
      const auto [at, is_new] = parcel_of.emplace(target, sorted.parcels.size());
      if (is_new) {
        sorted.parcels.push_back({Publisher::QueueOf(channel, *messages[i]), limits, {}});
        sorted.places.emplace_back();
        if (i == 0) sorted.parcels[0].messages.reserve(messages.size());
        if (i == 0) sorted.places[0].reserve(messages.size());
      }
      parcel = at->second;
      last_target = target;
    }
    sorted.parcels[parcel].messages.push_back(messages[i]);
    sorted.places[parcel].push_back(i);
  }
  return sorted;
}

Status Refuse(Status status, int32_t* results, size_t count) {
  if (results != nullptr) std::fill_n(results, count, static_cast<int32_t>(status.code()));
  return status;
}

}  // namespace

Status Summary(size_t done, size_t count, const Status& first_failure, std::string_view verb) {
  if (done == count) return Status::Ok();
  if (done == 0) return first_failure;
  return Status(Code::kPartial, std::to_string(done) + " of " + std::to_string(count) + " were " + std::string(verb) +
                                    "; the first failure: " + first_failure.text())
      .RetryAfter(first_failure.retry_after());
}

Status Parcel::StatusOf(size_t index) const {
  if (index < stored) return messages[index]->status() == Code::kOk ? Status::Ok() : shortfall;
  if (index < stored + doubtful || status.code() != Code::kUnknown) return status;
  return {Code::kUnavailable, "not sent, because it is unknown what became of the messages before it"};
}

Status Publisher::Check(std::string_view channel, const Message* message) const {
  if (message == nullptr) return Status::Invalid("a message is NULL");
  if (message->read_only()) return Status::Invalid("a received message is read-only: publish a copy of it");
  if (!message->error().ok()) return message->error();
  if (channel.empty() && *message->target() == '\0') {
    return Status::Invalid("a message on the direct channel needs a target");
  }
  if (message->mode() != Mode::kQueue && channel.empty()) {
    return Status::Invalid("a direct message has no channel that listeners could hear: its mode must be queue");
  }
  if (message->mode() != Mode::kQueue && message->delay() > 0) {
    return Status::Invalid("listeners are told at once: a message with a delay must have the mode queue");
  }
  if (message->mode() == Mode::kPubSub &&
      Durability{message->min_replicas().value_or(0), message->fsync().value_or(false)}.asked()) {
    return Status::Invalid("min_replicas and fsync are for what is stored, mode pubsub stores nothing");
  }
  if (message->mode() == Mode::kPubSub && *message->Get(Property::kDedupKey) != '\0') {
    return Status::Invalid("a dedup_key is for what is stored, mode pubsub stores nothing");
  }
  const size_t size = message->payload().size();
  if (shared_.settings.max_payload != 0 && size > shared_.settings.max_payload) {
    return {Code::kTooLarge, "a payload of " + std::to_string(size) + " bytes is above max_payload, which is " +
                                 std::to_string(shared_.settings.max_payload)};
  }
  return Status::Ok();
}

Status Publisher::Trace(Message& message) const {
  if (!shared_.settings.trace || message.Header(kTraceParent) != nullptr) return Status::Ok();
  return message.SetHeader(kTraceParent, TraceParent::New().Text().c_str());
}

QueueName Publisher::QueueOf(std::string_view channel, const Message& message) {
  return message.mode() == Mode::kPubSub ? QueueName::Live(std::string(channel)) : PlaceOf(channel, message);
}

QueueName Publisher::PlaceOf(std::string_view channel, const Message& message) {
  const char* target = message.target();
  return *target == '\0' ? QueueName::Log(std::string(channel)) : QueueName::Inbox(std::string(channel), target);
}

Status Publisher::Publish(std::string_view channel, std::span<Message* const> messages, const Patience& patience,
                          int32_t* results, size_t* published) {
  if (published != nullptr) *published = 0;
  Status status = channel.empty() ? Status::Ok() : CheckName("channel", channel);
  for (size_t i = 0; status.ok() && i < messages.size(); ++i) status = Check(channel, messages[i]);
  if (status.ok() && !AllDifferent(messages)) status = Status::Invalid("a message stands twice in the batch");
  const auto backend = shared_.backend();
  if (status.ok() && (backend == nullptr || shared_.gate.closed())) status = ClosedStatus();
  if (status.ok() && patience.cancelled()) status = InterruptedStatus();
  for (size_t i = 0; shared_.settings.trace && status.ok() && i < messages.size(); ++i) status = Trace(*messages[i]);
  if (!status.ok()) return Refuse(std::move(status), results, messages.size());

  Sorted sorted = SortByQueue(channel, shared_.channels.Get(*backend, channel), messages);
  Store(*backend, sorted.parcels, true, patience);
  size_t stored = 0;
  Status shortfall;
  const Status* first_failure = &status;
  size_t first_place = messages.size();
  for (size_t p = 0; p < sorted.parcels.size(); ++p) {
    const Parcel& parcel = sorted.parcels[p];
    const std::vector<size_t>& places = sorted.places[p];
    stored += parcel.stored;
    if (results != nullptr) {
      for (size_t i = 0; i < parcel.stored; ++i) {
        results[places[i]] = static_cast<int32_t>(parcel.messages[i]->status());
      }
    }
    if (!parcel.shortfall.ok() && shortfall.ok()) shortfall = parcel.shortfall;
    for (size_t i = parcel.stored; i < places.size(); ++i) {
      const Code code = parcel.StatusOf(i).code();
      messages[places[i]]->Failed(code);
      if (results != nullptr) results[places[i]] = static_cast<int32_t>(code);
    }
    if (parcel.stored < places.size() && places[parcel.stored] < first_place) {
      first_place = places[parcel.stored];
      first_failure = &parcel.status;
    }
  }
  if (published != nullptr) *published = stored;
  if (stored == messages.size() && !shortfall.ok()) return shortfall;
  return Summary(stored, messages.size(), *first_failure, "stored");
}

Status Publisher::PublishMany(std::string_view channel, const Message& message, std::span<const char* const> targets,
                              const Patience& patience, std::vector<std::unique_ptr<Message>>* sent) {
  std::vector<std::unique_ptr<Message>> copies;
  std::vector<Message*> batch;
  copies.reserve(targets.size());
  batch.reserve(targets.size());
  std::unique_ptr<Message> traced;  // what its copies share
  if (shared_.settings.trace) {
    traced = message.Copy();
    if (Status status = Trace(*traced); !status.ok()) return status;
  }
  for (const char* target : targets) {
    if (target == nullptr) return Status::Invalid("a target is NULL");
    if (Status status = CheckName("target", target); !status.ok()) return status;
    copies.push_back((traced != nullptr ? *traced : message).Copy());
    (void)copies.back()->SetTarget(target);  // a failure is remembered, and found by the check
    batch.push_back(copies.back().get());
    if (Status status = Check(channel, batch.back()); !status.ok()) return status;
  }
  Status status = Publish(channel, batch, patience, nullptr, nullptr);
  if (sent != nullptr && status.code() != Code::kInvalid) *sent = std::move(copies);
  return status;
}

}  // namespace agentmq
