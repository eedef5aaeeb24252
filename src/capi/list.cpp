#include <span>

#include "capi/guard.hpp"
#include "capi/handles.hpp"
#include "core/encoding.hpp"

namespace agentmq::capi {

Status GiveList(Result<Messages>&& messages, mq_list** out) {
  if (!messages.ok()) return messages.status();
  *out = new mq_list{std::move(*messages)};
  return Status::Ok();
}

Status GiveMessage(Result<std::unique_ptr<Message>>&& message, mq_message** out) {
  if (!message.ok()) return message.status();
  *out = HandleOf(message->release());
  return Status::Ok();
}

}  // namespace agentmq::capi

using namespace agentmq::capi;
using agentmq::Status;

namespace {

// The caller's room; kInvalid where it is not there.
agentmq::Result<std::span<char>> RoomOf(void* buffer, size_t capacity) {
  if (buffer == nullptr && capacity > 0) return Status::Invalid("buffer is NULL");
  return std::span(static_cast<char*>(buffer), capacity);
}

}  // namespace

extern "C" {

mq_list* mq_list_new(void) {
  return GuardOr<mq_list*>(nullptr, {}, []() -> agentmq::Result<mq_list*> { return new mq_list(); });
}

mq_status mq_list_add(mq_list* list, mq_message* message) {
  std::unique_ptr<agentmq::Message> taken(MessageOf(message));  // on failure too
  return Guard({{"list", list}, {"message", message}}, [&] {
    list->messages.push_back(std::move(taken));
    return Status::Ok();
  });
}

size_t mq_list_size(const mq_list* list) { return list == nullptr ? 0 : list->messages.size(); }

mq_message* mq_list_at(const mq_list* list, size_t index) {
  if (index >= mq_list_size(list)) return nullptr;
  return HandleOf(list->messages[index].get());
}

mq_message* mq_list_take(mq_list* list, size_t index) {
  if (index >= mq_list_size(list)) return nullptr;
  return HandleOf(list->messages[index].release());
}

mq_status mq_list_encode(const mq_list* list, void* buffer, size_t capacity, size_t* size) {
  Clear(size);
  return Guard({{"list", list}, {"size", size}}, [&] {
    const auto room = RoomOf(buffer, capacity);
    return room.ok() ? agentmq::Encode(list->messages, *room, size) : room.status();
  });
}

mq_status mq_message_encode(const mq_message* message, void* buffer, size_t capacity, size_t* size) {
  Clear(size);
  return Guard({{"message", message}, {"size", size}}, [&] {
    const auto room = RoomOf(buffer, capacity);
    return room.ok() ? agentmq::Encode(*MessageOf(message), *room, size) : room.status();
  });
}

mq_status mq_list_decode(const void* buffer, size_t size, mq_list** list) {
  Clear(list);
  return Guard({{"buffer", buffer}, {"list", list}}, [&] {
    return GiveList(agentmq::DecodeMessages({static_cast<const char*>(buffer), size}), list);
  });
}

void mq_list_free(mq_list* list) {
  Quietly([&] { delete list; });
}

}  // extern "C"
