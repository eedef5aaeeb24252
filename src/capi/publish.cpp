#include <span>
#include <vector>

#include "capi/guard.hpp"
#include "capi/handles.hpp"
#include "core/encoding.hpp"
#include "core/names.hpp"

using namespace agentmq::capi;
using agentmq::Code;
using agentmq::Message;
using agentmq::Messages;
using agentmq::Patience;
using agentmq::PublishCallback;
using agentmq::Status;

namespace {

// The wait of calls that take no timeout.
Patience Endless(const mq_cancel* cancel = nullptr) {
  return {agentmq::Deadline::Never(), cancel == nullptr ? nullptr : &cancel->cancel};
}

Status PublishBatch(mq_bus* bus, const char* channel, mq_message* const* messages, size_t count,
                    const Patience& patience, int32_t* results, size_t* published) {
  Status status = CheckArray("messages", messages, count);
  if (!status.ok()) return status;
  std::vector<Message*> objects;
  objects.reserve(count);
  for (size_t i = 0; i < count; ++i) objects.push_back(MessageOf(messages[i]));
  return Held(bus)->PublishBatch(channel, objects, patience, results, published);
}

Status PublishEncoded(mq_bus* bus, const char* channel, const void* buffer, size_t size, const Patience& patience,
                      mq_list** sent) {
  auto messages = agentmq::DecodeMessages({static_cast<const char*>(buffer), size});
  if (!messages.ok()) return messages.status();
  auto list = std::make_unique<mq_list>();
  list->messages = std::move(*messages);
  std::vector<Message*> objects;
  objects.reserve(list->messages.size());
  for (const auto& message : list->messages) objects.push_back(message.get());
  Status status = Held(bus)->PublishBatch(channel, objects, patience, nullptr, nullptr);
  if (sent == nullptr || (!status.ok() && status.code() != Code::kPartial)) return status;
  for (const auto& message : list->messages) *message->mutable_payload() = {};  // the caller has it
  *sent = list.release();
  return status;
}

Status Flush(mq_bus* bus, int64_t timeout, const mq_cancel* cancel) {
  const auto patience = PatienceOf(timeout, cancel);
  return patience.ok() ? Held(bus)->Flush(*patience) : patience.status();
}

PublishCallback CallbackOf(mq_publish_callback callback, void* context) {
  if (callback == nullptr) return {};
  return [callback, context](Code code, const char* id) {
    Quietly([&] { callback(static_cast<mq_status>(code), id, context); });  // a C++ callback may throw
  };
}

}  // namespace

extern "C" {

mq_status mq_publish(mq_bus* bus, const char* channel, mq_message* message) {
  return Guard({{"bus", bus}, {"channel", channel}, {"message", message}},
               [&] { return Held(bus)->Publish(channel, *MessageOf(message), Endless()); });
}

mq_status mq_publish_with(mq_bus* bus, const char* channel, mq_message* message, mq_cancel* cancel) {
  return Guard({{"bus", bus}, {"channel", channel}, {"message", message}},
               [&] { return Held(bus)->Publish(channel, *MessageOf(message), Endless(cancel)); });
}

mq_status mq_publish_batch(mq_bus* bus, const char* channel, mq_message* const* messages, size_t count,
                           int32_t* results, size_t* published) {
  Clear(published);
  return Guard({{"bus", bus}, {"channel", channel}},
               [&] { return PublishBatch(bus, channel, messages, count, Endless(), results, published); });
}

mq_status mq_publish_batch_with(mq_bus* bus, const char* channel, mq_message* const* messages, size_t count,
                                int32_t* results, mq_cancel* cancel, size_t* published) {
  Clear(published);
  return Guard({{"bus", bus}, {"channel", channel}},
               [&] { return PublishBatch(bus, channel, messages, count, Endless(cancel), results, published); });
}

mq_status mq_publish_many(mq_bus* bus, const char* channel, const mq_message* message, const char* const* targets,
                          size_t count, mq_list** sent) {
  Clear(sent);
  return Guard({{"bus", bus}, {"channel", channel}, {"message", message}}, [&] {
    Status status = CheckArray("targets", targets, count);
    if (!status.ok()) return status;
    auto list = std::make_unique<mq_list>();
    status = Held(bus)->PublishMany(channel, *MessageOf(message), std::span(targets, count), Endless(),
                                    sent == nullptr ? nullptr : &list->messages);
    if (sent != nullptr && (status.ok() || status.code() == Code::kPartial)) *sent = list.release();
    return status;
  });
}

mq_status mq_publish_encoded(mq_bus* bus, const char* channel, const void* buffer, size_t size, mq_list** sent) {
  Clear(sent);
  return Guard({{"bus", bus}, {"channel", channel}, {"buffer", buffer}},
               [&] { return PublishEncoded(bus, channel, buffer, size, Endless(), sent); });
}

mq_status mq_publish_encoded_with(mq_bus* bus, const char* channel, const void* buffer, size_t size, mq_cancel* cancel,
                                  mq_list** sent) {
  Clear(sent);
  return Guard({{"bus", bus}, {"channel", channel}, {"buffer", buffer}},
               [&] { return PublishEncoded(bus, channel, buffer, size, Endless(cancel), sent); });
}

mq_status mq_publish_async(mq_bus* bus, const char* channel, mq_message* message, mq_publish_callback callback,
                           void* context) {
  std::unique_ptr<Message> taken(MessageOf(message));  // on failure too
  return Guard({{"bus", bus}, {"channel", channel}, {"message", message}},
               [&] { return Held(bus)->PublishAsync(channel, std::move(taken), CallbackOf(callback, context)); });
}

mq_status mq_flush(mq_bus* bus, int64_t timeout) {
  return Guard({{"bus", bus}}, [&] { return Flush(bus, timeout, nullptr); });
}

mq_status mq_flush_with(mq_bus* bus, int64_t timeout, mq_cancel* cancel) {
  return Guard({{"bus", bus}}, [&] { return Flush(bus, timeout, cancel); });
}

mq_status mq_send_to(mq_bus* bus, const char* target, mq_message* message) {
  return Guard({{"bus", bus}, {"target", target}, {"message", message}}, [&] {
    Status status = agentmq::CheckName("target", target);  // first: a setter would remember its failure
    if (status.ok()) status = MessageOf(message)->SetTarget(target);
    if (!status.ok()) return status;
    return Held(bus)->Publish(MQ_DIRECT, *MessageOf(message), Endless());
  });
}

}  // extern "C"
