#include <span>

#include "capi/guard.hpp"
#include "capi/handles.hpp"

using namespace agentmq::capi;
using agentmq::Failure;
using agentmq::Result;
using agentmq::Status;

namespace {

Result<Failure> FailureOf(mq_failure failure) {
  const int number = static_cast<int>(failure);
  if (number == MQ_FAILURE_TRANSIENT) return Failure::kTransient;
  if (number == MQ_FAILURE_PERMANENT) return Failure::kPermanent;
  return Status::Invalid("failure must be MQ_FAILURE_TRANSIENT or MQ_FAILURE_PERMANENT, got " + std::to_string(number));
}

std::string_view TextOf(const char* reason) { return reason == nullptr ? "" : reason; }

}  // namespace

extern "C" {

mq_status mq_ack(mq_bus* bus, const mq_message* message) {
  return Guard({{"bus", bus}, {"message", message}}, [&] { return Held(bus)->Ack(*MessageOf(message)); });
}

mq_status mq_ack_batch(mq_bus* bus, const mq_list* list, int32_t* results, size_t* acked) {
  Clear(acked);
  return Guard({{"bus", bus}, {"list", list}}, [&] { return Held(bus)->AckBatch(list->messages, results, acked); });
}

mq_status mq_ack_receipts(mq_bus* bus, const char* const* receipts, size_t count, int32_t* results, size_t* acked) {
  Clear(acked);
  return Guard({{"bus", bus}}, [&] {
    Status status = CheckArray("receipts", receipts, count);
    if (!status.ok()) return status;
    return Held(bus)->AckReceipts(std::span(receipts, count), results, acked);
  });
}

mq_status mq_ack_id(mq_bus* bus, const char* agent, const char* id) {
  return Guard({{"bus", bus}, {"id", id}}, [&] { return Held(bus)->AckId(MaybeNameOf(agent), id); });
}

mq_status mq_ack_async(mq_bus* bus, const mq_message* message) {
  return Guard({{"bus", bus}, {"message", message}}, [&] { return Held(bus)->AckAsync(*MessageOf(message)); });
}

mq_status mq_nack(mq_bus* bus, const mq_message* message, mq_failure failure, int64_t delay, const char* reason) {
  return Guard({{"bus", bus}, {"message", message}}, [&] {
    const Result<Failure> kind = FailureOf(failure);
    if (!kind.ok()) return kind.status();
    return Held(bus)->Nack(*MessageOf(message), *kind, delay, TextOf(reason));
  });
}

mq_status mq_nack_receipt(mq_bus* bus, const char* receipt, mq_failure failure, int64_t delay, const char* reason) {
  return Guard({{"bus", bus}, {"receipt", receipt}}, [&] {
    const Result<Failure> kind = FailureOf(failure);
    if (!kind.ok()) return kind.status();
    return Held(bus)->NackReceipt(receipt, *kind, delay, TextOf(reason));
  });
}

mq_status mq_extend(mq_bus* bus, const mq_message* message, int64_t visibility_timeout) {
  return Guard({{"bus", bus}, {"message", message}},
               [&] { return Held(bus)->Extend(*MutableMessageOf(message), visibility_timeout); });
}

mq_status mq_extend_receipt(mq_bus* bus, const char* receipt, int64_t visibility_timeout) {
  return Guard({{"bus", bus}, {"receipt", receipt}},
               [&] { return Held(bus)->ExtendReceipt(receipt, visibility_timeout); });
}

}  // extern "C"
