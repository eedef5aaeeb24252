#include "capi/guard.hpp"
#include "capi/handles.hpp"

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

void mq_list_free(mq_list* list) {
  Quietly([&] { delete list; });
}

}  // extern "C"
