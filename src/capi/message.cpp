#include <new>

#include "capi/guard.hpp"
#include "capi/handles.hpp"

using namespace agentmq::capi;
using agentmq::Code;
using agentmq::Message;
using agentmq::Property;
using agentmq::Result;
using agentmq::Status;

namespace {

constexpr size_t kMaxSize = size_t{512} * 1024 * 1024;  // the most that max_payload allows

Status CheckSize(size_t size) {
  if (size <= kMaxSize) return Status::Ok();
  return Status::Invalid("a payload must be at most 512 MiB, got " + std::to_string(size) + " bytes");
}

// A setter: its failure is remembered, also that for want of memory. body: (Message&) -> Status.
template <class Body>
mq_status Set(mq_message* message, Body&& body) {
  return Guard({{"message", message}}, [&]() -> Status {
    Message& object = *MessageOf(message);
    try {
      return body(object);
    } catch (const std::bad_alloc&) {
      return object.Remember(Status(Code::kNoMemory, "out of memory"));
    }
  });
}

mq_status Set(mq_message* message, Property property, const char* value) {
  return Set(message, [&](Message& object) { return object.Set(property, value); });
}

// A getter. body: (const Message&) -> T.
template <class T, class Body>
T Get(const mq_message* message, T nothing, Body&& body) {
  if (message == nullptr) return nothing;
  return Look(nothing, [&]() -> T { return body(*MessageOf(message)); });
}

const char* Get(const mq_message* message, Property property) {
  return Get(message, "", [&](const Message& object) { return object.Get(property); });
}

}  // namespace

extern "C" {

mq_message* mq_message_new(const void* payload, size_t size) {
  return GuardOr<mq_message*>(nullptr, {}, [&]() -> Result<mq_message*> {
    if (payload == nullptr && size > 0) return Status::Invalid("payload must not be NULL where it has a size");
    if (Status status = CheckSize(size); !status.ok()) return status;
    const auto* bytes = static_cast<const char*>(payload);
    return HandleOf(new Message(size == 0 ? std::string() : std::string(bytes, size)));
  });
}

mq_status mq_message_allocate(size_t size, void** payload, mq_message** message) {
  Clear(payload);
  Clear(message);
  return Guard({{"payload", payload}, {"message", message}}, [&] {
    Status status = CheckSize(size);
    if (!status.ok()) return status;
    auto object = std::make_unique<Message>(std::string(size, '\0'));
    *payload = object->mutable_payload()->data();
    *message = HandleOf(object.release());
    return status;
  });
}

mq_message* mq_message_copy(const mq_message* message) {
  return GuardOr<mq_message*>(nullptr, {{"message", message}},
                              [&]() -> Result<mq_message*> { return HandleOf(MessageOf(message)->Copy().release()); });
}

void mq_message_free(mq_message* message) {
  Quietly([&] { delete MessageOf(message); });
}

mq_status mq_message_set_source(mq_message* message, const char* value) {
  return Set(message, Property::kSource, value);
}

mq_status mq_message_set_target(mq_message* message, const char* value) {
  return Set(message, [&](Message& object) { return object.SetTarget(value); });
}

mq_status mq_message_set_type(mq_message* message, const char* value) { return Set(message, Property::kType, value); }

mq_status mq_message_set_correlation_id(mq_message* message, const char* value) {
  return Set(message, Property::kCorrelationId, value);
}

mq_status mq_message_set_reply_to(mq_message* message, const char* value) {
  return Set(message, Property::kReplyTo, value);
}

mq_status mq_message_set_content_type(mq_message* message, const char* value) {
  return Set(message, Property::kContentType, value);
}

mq_status mq_message_set_dedup_key(mq_message* message, const char* value) {
  return Set(message, Property::kDedupKey, value);
}

mq_status mq_message_set_header(mq_message* message, const char* name, const char* value) {
  return Set(message, [&](Message& object) {
    if (name == nullptr) return object.Remember(Status::Invalid("name must not be NULL"));
    return object.SetHeader(name, value);
  });
}

mq_status mq_message_set_priority(mq_message* message, int priority) {
  return Set(message, [&](Message& object) { return object.SetPriority(priority); });
}

mq_status mq_message_set_ttl(mq_message* message, int64_t ttl) {
  return Set(message, [&](Message& object) { return object.SetTtl(ttl); });
}

mq_status mq_message_set_delay(mq_message* message, int64_t delay) {
  return Set(message, [&](Message& object) { return object.SetDelay(delay); });
}

mq_status mq_message_set_min_replicas(mq_message* message, int replicas) {
  return Set(message, [&](Message& object) { return object.SetMinReplicas(replicas); });
}

mq_status mq_message_set_fsync(mq_message* message, int on) {
  return Set(message, [&](Message& object) { return object.SetFsync(on != 0); });
}

mq_status mq_message_set_mode(mq_message* message, mq_mode mode) {
  return Set(message, [&](Message& object) { return object.SetMode(static_cast<int>(mode)); });
}

const void* mq_message_payload(const mq_message* message, size_t* size) {
  Clear(size);
  if (message == nullptr) return nullptr;
  const std::string_view payload = MessageOf(message)->payload();
  if (size != nullptr) *size = payload.size();
  return payload.data();
}

const char* mq_message_id(const mq_message* message) {
  return Get(message, "", [](const Message& object) { return object.id(); });
}

const char* mq_message_channel(const mq_message* message) {
  return Get(message, "", [](const Message& object) { return object.channel(); });
}

const char* mq_message_source(const mq_message* message) { return Get(message, Property::kSource); }

const char* mq_message_target(const mq_message* message) {
  return Get(message, "", [](const Message& object) { return object.target(); });
}

const char* mq_message_type(const mq_message* message) { return Get(message, Property::kType); }

const char* mq_message_correlation_id(const mq_message* message) { return Get(message, Property::kCorrelationId); }

const char* mq_message_reply_to(const mq_message* message) { return Get(message, Property::kReplyTo); }

const char* mq_message_content_type(const mq_message* message) { return Get(message, Property::kContentType); }

const char* mq_message_dedup_key(const mq_message* message) { return Get(message, Property::kDedupKey); }

const char* mq_message_receipt(const mq_message* message) {
  return Get(message, "", [](const Message& object) { return object.receipt(); });
}

const char* mq_message_agent(const mq_message* message) {
  return Get(message, "", [](const Message& object) { return object.agent(); });
}

const char* mq_message_header(const mq_message* message, const char* name) {
  if (name == nullptr) return nullptr;
  return Get<const char*>(message, nullptr, [&](const Message& object) { return object.Header(name); });
}

size_t mq_message_header_count(const mq_message* message) {
  return Get(message, size_t{0}, [](const Message& object) { return object.header_count(); });
}

const char* mq_message_header_name(const mq_message* message, size_t index) {
  return Get<const char*>(message, nullptr, [&](const Message& object) { return object.HeaderAt(index).first; });
}

const char* mq_message_header_value(const mq_message* message, size_t index) {
  return Get<const char*>(message, nullptr, [&](const Message& object) { return object.HeaderAt(index).second; });
}

int mq_message_priority(const mq_message* message) {
  return Get(message, 0, [](const Message& object) { return object.priority(); });
}

int64_t mq_message_timestamp(const mq_message* message) {
  return Get(message, int64_t{0}, [](const Message& object) { return object.timestamp(); });
}

int64_t mq_message_expires(const mq_message* message) {
  return Get(message, int64_t{0}, [](const Message& object) { return object.expires(); });
}

int64_t mq_message_due(const mq_message* message) {
  return Get(message, int64_t{0}, [](const Message& object) { return object.due(); });
}

const char* mq_message_signed_by(const mq_message* message) {
  return Get(message, "", [](const Message& object) { return object.signed_by(); });
}

int64_t mq_message_signed_at(const mq_message* message) {
  return Get(message, int64_t{0}, [](const Message& object) { return object.signed_at(); });
}

int mq_message_is_deleted(const mq_message* message) {
  return Get(message, 0, [](const Message& object) { return object.IsDeleted() ? 1 : 0; });
}

int mq_message_deliveries(const mq_message* message) {
  return Get(message, 0, [](const Message& object) { return object.deliveries(); });
}

int64_t mq_message_reserved_until(const mq_message* message) {
  return Get(message, int64_t{0}, [](const Message& object) { return object.reserved_until(); });
}

mq_state mq_message_state(const mq_message* message) {
  return Get(message, MQ_STATE_QUEUED, [](const Message& object) { return static_cast<mq_state>(object.state()); });
}

int mq_message_replicas(const mq_message* message) {
  return Get(message, 0, [](const Message& object) { return object.reached().replicas; });
}

int mq_message_is_fsynced(const mq_message* message) {
  return Get(message, 0, [](const Message& object) { return object.reached().fsync ? 1 : 0; });
}

int mq_message_receivers(const mq_message* message) {
  return Get(message, 0, [](const Message& object) { return object.receivers(); });
}

mq_status mq_message_status(const mq_message* message) {
  return Get(message, MQ_OK, [](const Message& object) { return static_cast<mq_status>(object.status()); });
}

const char* mq_message_reason(const mq_message* message) {
  return Get(message, "", [](const Message& object) { return object.reason(); });
}

mq_status mq_message_history(const mq_message* message, char** json) {
  Clear(json);
  return Guard({{"message", message}, {"json", json}}, [&] { return GiveText(MessageOf(message)->History(), json); });
}

}  // extern "C"
