#include "core/settler.hpp"

#include <algorithm>
#include <array>

#include "core/directory.hpp"
#include "core/shared.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr size_t kMostSettlements = 1000;              // a batch
constexpr int64_t kLongest = int64_t{365} * 86400000;  // ms: of a delay or an extension
constexpr size_t kLongestReason = 64 * 1024;

// The settlements of one consumer of one source.
struct Group {
  const AckRequest* first;
  std::vector<Settlement> settlements;
  std::vector<AckRequest*> requests;
  std::vector<std::string> done{};  // what is to be remembered of them
};

bool SameHand(const AckRequest& a, const AckRequest& b) {
  return (a.source == b.source || *a.source == *b.source) && (a.consumer == b.consumer || *a.consumer == *b.consumer);
}

std::vector<Group> GroupByHand(std::span<AckRequest> requests) {
  std::vector<Group> groups;
  for (AckRequest& request : requests) {
    if (!request.status.ok() || request.delivery == 0) continue;
    // Mostly the same as the one before.
    auto group = std::find_if(groups.rbegin(), groups.rend(), [&](const Group& g) {
      return g.settlements.size() < kMostSettlements && SameHand(*g.first, request);
    });
    if (group == groups.rend()) {
      groups.push_back({&request, {}, {}});
      group = groups.rbegin();
      const size_t most = std::min(requests.size(), kMostSettlements);
      if (groups.size() == 1) group->settlements.reserve(most);
      if (groups.size() == 1) group->requests.reserve(most);
    }
    group->settlements.push_back({request.id, request.delivery, {}});
    group->requests.push_back(&request);
  }
  return groups;
}

Status CheckNack(int64_t delay, std::string_view reason) {
  if (delay < -1 || delay > kLongest) {
    return Status::Invalid("delay must be -1 or between 0 and 365 days, got " + std::to_string(delay) + " ms");
  }
  if (reason.size() > kLongestReason) return {Code::kTooLarge, "the reason is above 64 KiB"};
  if (!IsUtf8(reason)) return Status::Invalid("the reason is not UTF-8");
  return Status::Ok();
}

Status CheckExtension(int64_t visibility_timeout) {
  if (visibility_timeout >= 1 && visibility_timeout <= kLongest) return Status::Ok();
  return Status::Invalid("visibility_timeout must be between 1 ms and 365 days, got " +
                         std::to_string(visibility_timeout) + " ms");
}

// A receipt's text apart, unread: "<front>" id "|<group>|<consumer>|" number.
struct ReceiptShape {
  std::string_view front, id, group, consumer, number;

  // Empty where it is no receipt.
  static ReceiptShape Of(std::string_view receipt) {
    const size_t first = receipt.find('|');
    const size_t last = receipt.rfind('|');
    if (first == std::string_view::npos || first < ShortId::kSize) return {};
    const size_t second = receipt.find('|', first + 1);
    if (second == std::string_view::npos || second >= last) return {};
    return {receipt.substr(0, first - ShortId::kSize), receipt.substr(first - ShortId::kSize, ShortId::kSize),
            receipt.substr(first + 1, second - first - 1), receipt.substr(second + 1, last - second - 1),
            receipt.substr(last + 1)};
  }
  bool SameHand(const ReceiptShape& other) const {
    return !consumer.empty() && consumer == other.consumer && front == other.front && group == other.group;
  }
  bool IsOf(const Ledger& ledger) const { return front == ledger.id_front() && group == ledger.source().group; }
  // False where they can't be.
  bool Read(ShortId* short_id, int64_t* delivery) const {
    const auto read_id = ShortId::Parse(id);
    const auto read_number = ParseDelivery(number);
    if (!read_id || !read_number) return false;
    *short_id = *read_id;
    *delivery = *read_number;
    return true;
  }
};

// What a settlement answers where the message is no longer held by who asked.
bool IsOver(Code code) { return code == Code::kOk || code == Code::kStale || code == Code::kNotFound; }

Status NotFetched(const Message& message) {
  if (message.read_only() && message.source() == nullptr) {
    return Status::Invalid("the message was heard by a listener, which keeps nothing: there is nothing to settle");
  }
  return Status::Invalid("the message was not fetched: there is no reservation to settle");
}

}  // namespace

AckRequest AckRequest::Of(const Message& message) {
  AckRequest request;
  if (message.source() == nullptr || message.state() == State::kDead) {
    request.status = NotFetched(message);
    return request;
  }
  if (message.source()->group.empty()) {
    request.status = Status::Invalid("a broadcast that was looked up is no agent's: acknowledge it by its id");
    return request;
  }
  request.source = message.source();
  request.consumer = message.consumer();
  request.id = message.short_id();
  request.delivery = message.delivery();
  request.ledger = message.ledger();
  return request;
}

AckRequest AckRequest::Of(std::string_view receipt, const Housekeeper& housekeeper) {
  AckRequest request;
  // Mostly a subscription of this bus had it: then all but the numbers is known.
  const ReceiptShape shape = ReceiptShape::Of(receipt);
  auto [consumer, ledger] = housekeeper.Find(shape.consumer);
  if (ledger != nullptr && shape.IsOf(*ledger) && shape.Read(&request.id, &request.delivery)) {
    request.source = ledger->shared_source();
    request.consumer = std::move(consumer);
    request.ledger = std::move(ledger);
    return request;
  }
  auto parsed = Receipt::Parse(receipt);
  if (!parsed.ok()) {
    request.status = parsed.status();
    return request;
  }
  request.source = std::make_shared<const Source>(Source{std::move(parsed->queue), std::move(parsed->group)});
  request.consumer = std::make_shared<const std::string>(std::move(parsed->consumer));
  request.id = parsed->id;
  request.delivery = parsed->delivery;
  request.ledger = std::move(ledger);
  return request;
}

std::vector<AckRequest> AckRequest::Of(std::span<const char* const> receipts, const Housekeeper& housekeeper) {
  std::vector<AckRequest> requests;
  requests.reserve(receipts.size());
  ReceiptShape before;  // of the last that was well
  size_t like = 0;
  for (const char* receipt : receipts) {
    if (receipt == nullptr) {
      requests.emplace_back().status = Status::Invalid("a receipt is NULL");
      continue;
    }
    const ReceiptShape shape = ReceiptShape::Of(receipt);
    ShortId id;
    int64_t delivery = 0;
    if (shape.SameHand(before) && shape.Read(&id, &delivery)) {
      AckRequest& request = requests.emplace_back(requests[like]);
      request.id = id;
      request.delivery = delivery;
      continue;
    }
    requests.push_back(Of(receipt, housekeeper));
    if (!requests.back().status.ok()) continue;
    before = shape;
    like = requests.size() - 1;
  }
  return requests;
}

// What the group of that ledger is to remember of them, and for how long.
int64_t Settler::Remember(Backend& backend, const Ledger& ledger, std::span<const Settlement> settlements,
                          std::vector<std::string>* done) {
  const int64_t window = shared_.channels.Get(backend, ledger.source().queue.channel).limits.dedup_window;
  if (window == 0) return 0;
  for (const Settlement& settlement : settlements) done->push_back(ledger.DoneKeyOf(settlement.id));
  return window;
}

// A subscription's own acknowledgements cost no look at the settings.
Retention Settler::RetentionOf(Backend& backend, const AckRequest& request) {
  if (request.ledger != nullptr) return request.ledger->retention();
  return shared_.channels.Get(backend, request.source->queue.channel).retention;
}

void Settler::Ack(Backend& backend, std::span<AckRequest> requests, const Patience& patience) {
  std::vector<Group> groups = GroupByHand(requests);
  std::vector<SettleBatch> batches;
  batches.reserve(groups.size());
  for (Group& group : groups) {
    const Ledger* const ledger = group.first->ledger.get();
    const bool remembers = ledger != nullptr && ledger->remembers();
    const int64_t remember = remembers ? Remember(backend, *ledger, group.settlements, &group.done) : 0;
    batches.push_back({group.first->source.get(), *group.first->consumer, group.settlements, group.done, remember,
                       RetentionOf(backend, *group.first)});
  }
  if (!batches.empty()) backend.Ack(batches, patience);
  for (Group& group : groups) {
    for (size_t i = 0; i < group.requests.size(); ++i) {
      group.requests[i]->status = std::move(group.settlements[i].status);
    }
  }
  size_t acked = 0;
  for (AckRequest& request : requests) {
    if (request.delivery == 0 && request.status.ok()) {
      request.status = backend.AckId(*request.source, request.id, RetentionOf(backend, request));
    }
    acked += request.status.ok() ? 1 : 0;
    if (request.status.ok() && shared_.audit.on()) {
      NoteSettled("ack", *request.source, request.consumer ? *request.consumer : "", request.id, "");
    }
    if (request.ledger != nullptr && IsOver(request.status.code())) {
      request.ledger->Settled(request.id, request.delivery);
    }
  }
  if (acked > 0 && shared_.log->Wants(kLogDebug)) {
    shared_.log->Write(kLogDebug, "acked", {{"messages", std::to_string(acked)}});
  }
}

Status Settler::AckId(Backend& backend, std::optional<std::string_view> agent, std::string_view id) {
  auto full = FullId::Parse(id);
  if (!full.ok()) return full.status();
  if (!full->group.empty()) return Status::Invalid(Quote(id) + " is a dead letter: it is settled already");
  if (agent) {
    if (Status status = CheckName("agent", *agent); !status.ok()) return status;
  }
  Source source{std::move(full->queue), std::string(kInboxGroup)};
  if (source.queue.broadcast) {
    if (!agent) return Status::Invalid(Quote(id) + " is a broadcast: it takes an agent to settle it for");
    source.group = PercentEncode(*agent);
  } else if (agent && *agent != source.queue.target && AgentType(*agent) != source.queue.target) {
    return Status::NotFound("message " + Quote(id) + " is not for the agent " + Quote(*agent));
  }
  Status status = backend.AckId(source, full->id, shared_.channels.Get(backend, source.queue.channel).retention);
  if (status.ok() && shared_.audit.on()) NoteSettled("ack", source, "", full->id, "");
  return status;
}

void Settler::NoteSettled(std::string_view action, const Source& source, std::string_view consumer, const ShortId& id,
                          std::string_view reason) {
  shared_.audit.Note(action, {{"id", FullId{source.queue, id, {}}.Text()},
                              {"agent", AgentOf(source.queue, source.group)},
                              {"consumer", consumer},
                              {"reason", reason}});
}

Status Settler::Give(Backend& backend, const Source& source, std::string_view consumer, const Nack& nack,
                     Ledger* ledger) {
  bool dead = false;
  Status status = backend.GiveUp(source, consumer, nack, &dead);
  if (ledger != nullptr && IsOver(status.code())) ledger->Settled(nack.id, nack.delivery);
  if (status.ok() && shared_.audit.on()) NoteSettled(dead ? "dead" : "nack", source, consumer, nack.id, nack.reason);
  const int level = dead ? kLogWarn : kLogInfo;
  if (status.ok() && shared_.log->Wants(level)) {
    Details details = {{"id", FullId{source.queue, nack.id, {}}.Text()},
                       {"agent", source.queue.broadcast ? source.group : source.queue.target},
                       {"reason", nack.reason}};
    if (!dead) details.emplace_back("delay", std::to_string(nack.delay));
    shared_.log->Write(level, dead ? "dead_lettered" : "nacked", details);
  }
  return status;
}

Status Settler::NackMessage(Backend& backend, const Message& message, bool permanent, int64_t delay,
                            std::string_view reason) {
  if (message.source() == nullptr || message.delivery() == 0) return NotFetched(message);
  if (Status status = CheckNack(delay, reason); !status.ok()) return status;
  const RetryPolicy retry = message.ledger() ? message.ledger()->retry() : RetryPolicy::From(shared_.config);
  Nack nack;
  nack.id = message.short_id();
  nack.delivery = message.delivery();
  nack.permanent = permanent;
  nack.delay = delay >= 0 ? delay : retry.Delay(message.deliveries());
  nack.retry_attempts = retry.attempts;
  nack.reason = reason;
  return Give(backend, *message.source(), *message.consumer(), nack, message.ledger().get());
}

Status Settler::NackReceipt(Backend& backend, std::string_view receipt, bool permanent, int64_t delay,
                            std::string_view reason) {
  auto parsed = Receipt::Parse(receipt);
  if (!parsed.ok()) return parsed.status();
  if (Status status = CheckNack(delay, reason); !status.ok()) return status;
  const auto ledger = shared_.housekeeper.Find(parsed->consumer).ledger;
  const RetryPolicy retry = ledger != nullptr ? ledger->retry() : RetryPolicy::From(shared_.config);
  Nack nack;
  nack.id = parsed->id;
  nack.delivery = parsed->delivery;
  nack.permanent = permanent;
  nack.delay = delay;
  nack.retry_attempts = retry.attempts;
  nack.reason = reason;
  if (delay < 0) {
    // A receipt does not say which attempt it is; the queue does.
    const auto found = parsed->queue.broadcast ? Result<Found>(Found{}) : backend.Get(parsed->queue, parsed->id);
    nack.delay = retry.Delay(found.ok() ? found->tries.total() + 1 : 1);
  }
  return Give(backend, Source{parsed->queue, parsed->group}, parsed->consumer, nack, ledger.get());
}

Status Settler::ExtendMessage(Backend& backend, Message& message, int64_t visibility_timeout) {
  if (message.source() == nullptr || message.delivery() == 0) return NotFetched(message);
  if (Status status = CheckExtension(visibility_timeout); !status.ok()) return status;
  int64_t until = 0;
  Status status = backend.Extend(*message.source(), *message.consumer(), {message.short_id(), message.delivery(), {}},
                                 visibility_timeout, &until);
  if (!status.ok()) return status;
  message.set_reserved_until(until);
  // From now on its own deadline ends it.
  if (message.ledger() != nullptr) message.ledger()->Settled(message.short_id(), message.delivery());
  return status;
}

Status Settler::ExtendReceipt(Backend& backend, std::string_view receipt, int64_t visibility_timeout) {
  auto parsed = Receipt::Parse(receipt);
  if (!parsed.ok()) return parsed.status();
  if (Status status = CheckExtension(visibility_timeout); !status.ok()) return status;
  int64_t until = 0;
  Status status = backend.Extend(Source{parsed->queue, parsed->group}, parsed->consumer,
                                 {parsed->id, parsed->delivery, {}}, visibility_timeout, &until);
  const auto ledger = status.ok() ? shared_.housekeeper.Find(parsed->consumer).ledger : nullptr;
  if (ledger != nullptr) ledger->Settled(parsed->id, parsed->delivery);
  return status;
}

void Settler::SetAside(Backend& backend, const Source& source, const std::string& consumer, const ShortId& id,
                       int64_t delivery, const Status& why) {
  Nack nack;
  nack.id = id;
  nack.delivery = delivery;
  nack.permanent = true;
  nack.status = why.code();
  nack.reason = why.text();
  bool dead = false;
  // Where this fails its reservation lapses, and the next reader sets it aside.
  const Status status = backend.GiveUp(source, consumer, nack, &dead);
  if (status.ok() && shared_.audit.on()) NoteSettled("dead", source, consumer, id, nack.reason);
  shared_.log->Write(kLogWarn, why.code() == Code::kSignature ? "bad_signature" : "corrupt",
                     {{"id", FullId{source.queue, id, {}}.Text()}, {"reason", why.text()}});
}

}  // namespace agentmq
