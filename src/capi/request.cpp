#include <span>

#include "capi/guard.hpp"
#include "capi/handles.hpp"

using namespace agentmq::capi;
using agentmq::Code;
using agentmq::Status;

namespace {

Status Request(mq_bus* bus, const char* target, mq_message* message, int64_t timeout, const mq_cancel* cancel,
               mq_message** reply) {
  const auto patience = PatienceOf(timeout, cancel);
  if (!patience.ok()) return patience.status();
  return GiveMessage(Held(bus)->Request(target, *MessageOf(message), timeout, patience->cancel), reply);
}

Status RequestMany(mq_bus* bus, const char* const* targets, size_t count, const mq_message* message, size_t wanted,
                   int64_t timeout, const mq_cancel* cancel, mq_list** replies) {
  Status status = CheckArray("targets", targets, count);
  if (!status.ok()) return status;
  const auto patience = PatienceOf(timeout, cancel);
  if (!patience.ok()) return patience.status();
  auto list = std::make_unique<mq_list>();
  status = Held(bus)->RequestMany(std::span(targets, count), *MessageOf(message), wanted, timeout, patience->cancel,
                                  &list->messages);
  if (status.ok() || status.code() == Code::kPartial) *replies = list.release();
  return status;
}

Status Collect(mq_bus* bus, const char* agent, const char* correlation_id, int64_t timeout, const mq_cancel* cancel,
               mq_message** reply) {
  const auto patience = PatienceOf(timeout, cancel);
  if (!patience.ok()) return patience.status();
  return GiveMessage(Held(bus)->Collect(agent, correlation_id, *patience), reply);
}

}  // namespace

extern "C" {

mq_status mq_request(mq_bus* bus, const char* target, mq_message* message, int64_t timeout, mq_message** reply) {
  Clear(reply);
  return Guard({{"bus", bus}, {"target", target}, {"message", message}, {"reply", reply}},
               [&] { return Request(bus, target, message, timeout, nullptr, reply); });
}

mq_status mq_request_with(mq_bus* bus, const char* target, mq_message* message, int64_t timeout, mq_cancel* cancel,
                          mq_message** reply) {
  Clear(reply);
  return Guard({{"bus", bus}, {"target", target}, {"message", message}, {"reply", reply}},
               [&] { return Request(bus, target, message, timeout, cancel, reply); });
}

mq_status mq_request_many(mq_bus* bus, const char* const* targets, size_t count, const mq_message* message,
                          size_t wanted, int64_t timeout, mq_list** replies) {
  Clear(replies);
  return Guard({{"bus", bus}, {"targets", targets}, {"message", message}, {"replies", replies}},
               [&] { return RequestMany(bus, targets, count, message, wanted, timeout, nullptr, replies); });
}

mq_status mq_request_many_with(mq_bus* bus, const char* const* targets, size_t count, const mq_message* message,
                               size_t wanted, int64_t timeout, mq_cancel* cancel, mq_list** replies) {
  Clear(replies);
  return Guard({{"bus", bus}, {"targets", targets}, {"message", message}, {"replies", replies}},
               [&] { return RequestMany(bus, targets, count, message, wanted, timeout, cancel, replies); });
}

mq_status mq_reply(mq_bus* bus, const mq_message* request, mq_message* reply) {
  return Guard({{"bus", bus}, {"request", request}, {"reply", reply}},
               [&] { return Held(bus)->Reply(*MessageOf(request), *MessageOf(reply)); });
}

mq_status mq_collect(mq_bus* bus, const char* agent, const char* correlation_id, int64_t timeout, mq_message** reply) {
  Clear(reply);
  return Guard({{"bus", bus}, {"agent", agent}, {"correlation_id", correlation_id}, {"reply", reply}},
               [&] { return Collect(bus, agent, correlation_id, timeout, nullptr, reply); });
}

mq_status mq_collect_with(mq_bus* bus, const char* agent, const char* correlation_id, int64_t timeout,
                          mq_cancel* cancel, mq_message** reply) {
  Clear(reply);
  return Guard({{"bus", bus}, {"agent", agent}, {"correlation_id", correlation_id}, {"reply", reply}},
               [&] { return Collect(bus, agent, correlation_id, timeout, cancel, reply); });
}

}  // extern "C"
