#include "core/message.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/ids.hpp"
#include "core/ledger.hpp"
#include "core/names.hpp"

namespace agentmq {
namespace {

constexpr size_t kMaxName = 256;
constexpr size_t kMaxText = size_t{64} * 1024;
constexpr size_t kMaxDedupKey = 1024;
// What keeps a record's head below what goes into a queue in one step.
constexpr size_t kMaxHeaders = 1000;
constexpr size_t kMaxHeaderBytes = size_t{256} * 1024;  // names and values of all
constexpr int kMaxPriority = 255;
constexpr int kMaxReplicas = 100;
constexpr int64_t kMaxTime = int64_t{36500} * 24 * 3600 * 1000;  // 100 years: of a ttl, of a delay
constexpr int64_t kAskDeletedEvery = 1000;                       // ms

constexpr std::array<std::string_view, kPropertyCount> kPropertyNames = {"source",   "type",         "correlation_id",
                                                                         "reply_to", "content_type", "dedup_key"};

Status CheckText(std::string_view what, std::string_view text) {
  if (text.size() > kMaxText) return {Code::kTooLarge, std::string(what) + " is above 64 KiB"};
  if (!IsUtf8(text)) return Status::Invalid(std::string(what) + " must be UTF-8");
  return Status::Ok();
}

// As CheckName(), but a name that is too long is that of a property.
Status CheckPropertyName(std::string_view what, std::string_view name) {
  if (name.size() > kMaxName) return {Code::kTooLarge, std::string(what) + " is above 256 bytes"};
  return CheckName(what, name);
}

// Reads no further than the limit.
std::string_view Bounded(const char* text) { return {text, strnlen(text, kMaxText + 1)}; }

Status ReadOnly() { return Status::Invalid("a received message is read-only: change a copy of it"); }

bool IsName(Property property) { return property == Property::kSource || property == Property::kReplyTo; }

int64_t ExpiresAt(int64_t time, int64_t ttl) {
  if (ttl < 0 || ttl > std::numeric_limits<int64_t>::max() - time) return 0;
  return time + ttl;
}

// Above that malloc() searches for longer: its small bins end there.
static_assert(sizeof(Message) <= 1008);

}  // namespace

// ---- where messages come from ---------------------------------------------------------------------------------------

Result<std::unique_ptr<Message>> Message::FromDelivery(Delivery&& delivery, std::shared_ptr<const Source> source,
                                                       std::shared_ptr<const std::string> consumer,
                                                       const std::string& agent, std::shared_ptr<Ledger> ledger,
                                                       const Seal& seal) {
  std::unique_ptr<Message> message(new Message());
  message->record_ = std::move(delivery.record);  // where it stays: the view points into it
  Result<RecordView> view = RecordView::Parse(message->record_);
  if (!view.ok()) return view.status();
  if (Status status = message->Open(seal, source->queue, delivery.id, &*view); !status.ok()) return status;
  message->source_ = std::move(source);
  message->ledger_ = std::move(ledger);
  message->id_ = delivery.id;
  message->consumer_ = std::move(consumer);
  message->agent_ = agent;
  message->delivery_ = delivery.delivery;
  message->reserved_until_ = delivery.reserved_until;
  message->state_ = State::kReserved;
  message->tries_ = std::move(delivery.tries);
  message->deliveries_ = message->tries_.total() + 1;
  message->Attach(std::move(*view));
  return message;
}

Result<std::unique_ptr<Message>> Message::FromFound(Found&& found, const std::string& agent, const Seal& seal) {
  std::unique_ptr<Message> message(new Message());
  message->record_ = std::move(found.record);
  Result<RecordView> view = RecordView::Parse(message->record_);
  if (!view.ok()) {
    // What was set aside because it can't be read can still be looked at: its bytes are the payload.
    if (found.state != State::kDead) return view.status();
    RecordView raw{};
    raw.properties.fill("");
    raw.payload = message->record_;
    view = std::move(raw);
  }
  if (Status status = message->Open(seal, found.queue, found.id, &*view); !status.ok() && found.state != State::kDead)
    return status;
  if (found.state == State::kDead) message->dead_group_ = found.group;
  message->source_ = std::make_shared<const Source>(Source{std::move(found.queue), std::move(found.group)});
  message->id_ = found.id;
  message->consumer_ = std::make_shared<const std::string>(std::move(found.consumer));
  message->agent_ = agent;
  message->reserved_until_ = found.reserved_until;
  message->due_ = found.due;
  message->state_ = found.state;
  message->status_ = found.status;
  message->tries_ = std::move(found.tries);
  message->deliveries_ = message->tries_.total() + (found.state == State::kReserved ? 1 : 0);
  message->Attach(std::move(*view));
  return message;
}

Result<std::unique_ptr<Message>> Message::FromTold(FullId&& id, std::string&& record, const Seal& seal) {
  std::unique_ptr<Message> message(new Message());
  message->record_ = std::move(record);
  Result<RecordView> view = RecordView::Parse(message->record_);
  if (!view.ok()) return view.status();
  if (Status status = message->Open(seal, id.queue, id.id, &*view); !status.ok()) return status;
  message->queue_ = std::move(id.queue);
  message->id_ = id.id;
  message->deliveries_ = 1;
  message->mode_ = Mode::kPubSub;
  message->Attach(std::move(*view));
  return message;
}

Status Message::OpenClosed(const Seal& seal, const QueueName& queue, const ShortId& id, RecordView* view) {
  opened_ = std::make_unique<Seal::Opened>();
  return seal.Open(queue, id, view, opened_.get());
}

void Message::Attach(RecordView&& view) {
  view_ = std::move(view);
  has_id_ = true;
  priority_ = id_.priority();
  timestamp_ = id_.time();
  expires_ = ExpiresAt(timestamp_, view_.ttl);
}

std::unique_ptr<Message> Message::Copy() const {
  auto copy = std::make_unique<Message>(std::string(payload()));
  for (size_t i = 0; i < kPropertyCount; ++i) copy->draft_->properties[i] = TextOf(static_cast<Property>(i));
  copy->draft_->headers.reserve(header_count());
  for (size_t i = 0; i < header_count(); ++i) copy->draft_->headers.emplace_back(HeaderAt(i));
  copy->draft_->target = target();
  copy->priority_ = priority_;
  copy->ttl_ = ttl_;
  copy->delay_ = delay_;
  if (!draft_ && view_.ttl >= 0) copy->ttl_ = std::max<int64_t>(1, view_.ttl - view_.delay);
  copy->min_replicas_ = min_replicas_;
  copy->fsync_ = fsync_;
  if (draft_) copy->mode_ = mode_;
  copy->error_ = error_;
  return copy;
}

// ---- setters --------------------------------------------------------------------------------------------------------

Status Message::Remember(Status status) {
  if (!status.ok() && draft_ && error_.ok()) error_ = status;
  return status;
}

Status Message::Set(Property property, const char* value) {
  if (!draft_) return ReadOnly();
  if (value == nullptr) {
    draft_->properties[static_cast<size_t>(property)].clear();
    return Status::Ok();
  }
  return Set(property, Bounded(value));
}

Status Message::Set(Property property, std::string_view text) {
  if (!draft_) return ReadOnly();
  const auto index = static_cast<size_t>(property);
  Status status =
      IsName(property) ? CheckPropertyName(kPropertyNames[index], text) : CheckText(kPropertyNames[index], text);
  if (property == Property::kDedupKey && text.size() > kMaxDedupKey) {
    status = {Code::kTooLarge, "dedup_key is above 1024 bytes"};
  }
  if (status.ok()) draft_->properties[index] = text;
  return Remember(std::move(status));
}

Status Message::SetTarget(const char* value) {
  if (!draft_) return ReadOnly();
  if (value == nullptr) {
    draft_->target.clear();
    return Status::Ok();
  }
  return SetTarget(Bounded(value));
}

Status Message::SetTarget(std::string_view text) {
  if (!draft_) return ReadOnly();
  Status status = CheckPropertyName("target", text);
  if (status.ok()) draft_->target = text;
  return Remember(std::move(status));
}

Status Message::SetHeader(const char* name, const char* value) {
  if (!draft_) return ReadOnly();
  const std::string_view key = Bounded(name);
  Status status = CheckPropertyName("the name of a header", key);
  if (!status.ok()) return Remember(std::move(status));
  auto& headers = draft_->headers;
  size_t bytes = 0;
  auto place = headers.end();
  for (auto header = headers.begin(); header != headers.end(); ++header) {
    if (header->first == key) {
      place = header;
    } else {
      bytes += header->first.size() + header->second.size();
    }
  }
  if (value == nullptr) {
    if (place != headers.end()) headers.erase(place);
    return Status::Ok();
  }
  const std::string_view text = Bounded(value);
  status = CheckText("a header's value", text);
  if (status.ok() && place == headers.end() && headers.size() >= kMaxHeaders) {
    status = {Code::kTooLarge, "a message has at most 1000 headers"};
  }
  if (status.ok() && bytes + key.size() + text.size() > kMaxHeaderBytes) {
    status = {Code::kTooLarge, "a message's headers are at most 256 KiB in all"};
  }
  if (!status.ok()) return Remember(std::move(status));
  if (place != headers.end()) {
    place->second = text;
  } else {
    headers.emplace_back(key, text);
  }
  return status;
}

Status Message::SetPriority(int priority) {
  if (!draft_) return ReadOnly();
  if (priority < 0 || priority > kMaxPriority) {
    return Remember(Status::Invalid("priority must be between 0 and 255, got " + std::to_string(priority)));
  }
  priority_ = priority;
  return Status::Ok();
}

Status Message::SetTtl(int64_t ttl) {
  if (!draft_) return ReadOnly();
  if (ttl != -1 && (ttl < 1 || ttl > kMaxTime)) {
    return Remember(
        Status::Invalid("ttl must be -1 (for ever) or between 1 ms and 100 years, got " + std::to_string(ttl)));
  }
  ttl_ = ttl;
  return Status::Ok();
}

Status Message::SetDelay(int64_t delay) {
  if (!draft_) return ReadOnly();
  if (delay < 0 || delay > kMaxTime) {
    return Remember(Status::Invalid("delay must be between 0 and 100 years, got " + std::to_string(delay) + " ms"));
  }
  delay_ = delay;
  return Status::Ok();
}

Status Message::SetMinReplicas(int replicas) {
  if (!draft_) return ReadOnly();
  if (replicas < 0 || replicas > kMaxReplicas) {
    return Remember(Status::Invalid("min_replicas must be between 0 and 100, got " + std::to_string(replicas)));
  }
  min_replicas_ = replicas;
  return Status::Ok();
}

Status Message::SetFsync(bool fsync) {
  if (!draft_) return ReadOnly();
  fsync_ = fsync;
  return Status::Ok();
}

Status Message::SetMode(int mode) {
  if (!draft_) return ReadOnly();
  if (mode < static_cast<int>(Mode::kQueue) || mode > static_cast<int>(Mode::kBoth)) {
    return Remember(Status::Invalid("mode must be 0 (queue), 1 (pubsub) or 2 (both), got " + std::to_string(mode)));
  }
  mode_ = static_cast<Mode>(mode);
  return Status::Ok();
}

// ---- getters --------------------------------------------------------------------------------------------------------

const char* Message::Get(Property property) const {
  const auto index = static_cast<size_t>(property);
  return draft_ ? draft_->properties[index].c_str() : view_.properties[index];
}

std::string_view Message::TextOf(Property property) const {
  const auto index = static_cast<size_t>(property);
  return draft_ ? std::string_view(draft_->properties[index]) : view_.properties[index];
}

const char* Message::target() const {
  if (source_) return source_->queue.target.c_str();
  return draft_ ? draft_->target.c_str() : queue_.target.c_str();
}

const char* Message::channel() const { return source_ ? source_->queue.channel.c_str() : queue_.channel.c_str(); }

const char* Message::Header(std::string_view name) const {
  for (size_t i = 0; i < header_count(); ++i) {
    const auto& [key, value] = HeaderAt(i);
    if (name == key) return value;
  }
  return nullptr;
}

size_t Message::header_count() const { return draft_ ? draft_->headers.size() : view_.headers.size(); }

std::pair<const char*, const char*> Message::HeaderAt(size_t index) const {
  if (index >= header_count()) return {nullptr, nullptr};
  if (!draft_) return view_.headers[index];
  const auto& [name, value] = draft_->headers[index];
  return {name.c_str(), value.c_str()};
}

std::string_view Message::payload() const { return draft_ ? std::string_view(draft_->payload) : view_.payload; }

const char* Message::id() const {
  if (has_id_ && id_text_.empty()) id_text_ = FullId{*queue(), id_, dead_group_}.Text();
  return id_text_.c_str();
}

const char* Message::receipt() const {
  if (delivery_ != 0 && receipt_text_.empty()) {
    receipt_text_ = Receipt{source_->queue, id_, source_->group, *consumer_, delivery_}.Text();
  }
  return receipt_text_.c_str();
}

bool Message::IsDeleted() const {
  if (deleted_ || ledger_ == nullptr) return deleted_;
  const int64_t now = SteadyMillis();
  if (now < ask_deleted_at_) return false;
  deleted_ = ledger_->IsDeleted(id_);
  ask_deleted_at_ = now + kAskDeletedEvery;
  return deleted_;
}

const char* Message::agent() const { return agent_.c_str(); }

// ---- publishing -----------------------------------------------------------------------------------------------------

void Message::EncodeHead(std::string_view default_source, int64_t ttl, std::string* head) const {
  RecordFields fields;
  for (size_t i = 0; i < kPropertyCount; ++i) fields.properties[i] = TextOf(static_cast<Property>(i));
  auto& source = fields.properties[static_cast<size_t>(Property::kSource)];
  if (source.empty()) source = default_source;
  fields.headers.reserve(header_count());
  for (size_t i = 0; i < header_count(); ++i) fields.headers.emplace_back(HeaderAt(i));
  fields.ttl = ttl;
  fields.delay = delay_;
  fields.packed = packed_ != nullptr;
  agentmq::EncodeHead(fields, stored_payload().size() > kBlobThreshold, head);
}

void Message::Pack(const Seal& seal) {
  if (std::exchange(tried_to_pack_, true)) return;
  auto packed = std::make_unique<std::string>();
  if (seal.Compress(payload(), packed.get())) packed_ = std::move(packed);
}

void Message::Unpack() {
  tried_to_pack_ = false;
  packed_.reset();
}

Durability Message::wanted(const Durability& usual) const {
  return {min_replicas_.value_or(usual.replicas), fsync_.value_or(usual.fsync)};
}

void Message::ToldTo(int64_t receivers) {
  receivers_ = static_cast<int>(std::min<int64_t>(receivers, std::numeric_limits<int>::max()));
}

void Message::Published(const QueueName& queue, const ShortId& id, int64_t ttl, const Durability& reached) {
  queue_ = queue;
  id_ = id;
  has_id_ = true;
  id_text_.clear();
  timestamp_ = id.time();
  expires_ = ExpiresAt(timestamp_, ttl);
  due_ = delay_ > 0 ? timestamp_ + delay_ : 0;
  status_ = Code::kOk;
  reached_ = reached;
  receivers_ = 0;
}

}  // namespace agentmq
