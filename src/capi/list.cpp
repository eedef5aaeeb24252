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
using agentmq::Message;

namespace {

agentmq::Status Encode(agentmq::MessageViews messages, void* buffer, size_t capacity, size_t* size) {
  *size = agentmq::EncodedSize(messages);
  if (capacity == 0) return agentmq::Status::Ok();
  if (buffer == nullptr) return agentmq::Status::Invalid("buffer is NULL");
  if (capacity < *size) {
    return {agentmq::Code::kTooLarge,
            "it takes " + std::to_string(*size) + " bytes, there is room for " + std::to_string(capacity)};
  }
  agentmq::EncodeMessages(messages, {static_cast<char*>(buffer), *size});
  return agentmq::Status::Ok();
}

}  // namespace

extern "C" {

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
    std::vector<const Message*> messages;
    messages.reserve(list->messages.size());
    for (const auto& message : list->messages) {
      if (message != nullptr) messages.push_back(message.get());
    }
    return Encode(messages, buffer, capacity, size);
  });
}

mq_status mq_message_encode(const mq_message* message, void* buffer, size_t capacity, size_t* size) {
  Clear(size);
  return Guard({{"message", message}, {"size", size}}, [&] {
    const Message* const one[] = {MessageOf(message)};
    return Encode(one, buffer, capacity, size);
  });
}

void mq_list_free(mq_list* list) {
  Quietly([&] { delete list; });
}

}  // extern "C"
