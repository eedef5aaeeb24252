#include "capi/guard.hpp"
#include "capi/handles.hpp"

using namespace agentmq::capi;
using agentmq::Code;
using agentmq::Handler;
using agentmq::Message;
using agentmq::Result;
using agentmq::Status;
using agentmq::Verdict;

namespace {

// A verdict that there is not is a retry: nothing is lost by it.
Verdict VerdictOf(int verdict) {
  const bool known = verdict >= MQ_VERDICT_ACK && verdict <= MQ_VERDICT_SETTLED;
  return known ? static_cast<Verdict>(verdict) : Verdict::kRetry;
}

Handler HandlerOf(mq_handler handler, void* context) {
  return [handler, context](Message& message) {
    try {
      return VerdictOf(static_cast<int>(handler(HandleOf(&message), context)));
    } catch (...) {  // a C++ handler's
      return Verdict::kRetry;
    }
  };
}

Status Fetch(mq_subscription* subscription, int64_t timeout, const mq_cancel* cancel, mq_message** message) {
  const auto patience = PatienceOf(timeout, cancel);
  if (!patience.ok()) return patience.status();
  return GiveMessage(Held(subscription)->FetchOne(*patience), message);
}

Status FetchBatch(mq_subscription* subscription, size_t max, int64_t timeout, const mq_cancel* cancel, mq_list** list) {
  const auto patience = PatienceOf(timeout, cancel);
  if (!patience.ok()) return patience.status();
  auto handle = std::make_unique<mq_list>();
  Status status = Held(subscription)->Fetch(max, *patience, &handle->messages);
  if (status.ok()) *list = handle.release();
  return status;
}

}  // namespace

extern "C" {

mq_status mq_subscribe(mq_bus* bus, const char* channel, const char* agent, const mq_config* config,
                       mq_subscription** subscription) {
  Clear(subscription);
  return Guard({{"bus", bus}, {"channel", channel}, {"agent", agent}, {"subscription", subscription}}, [&] {
    auto handle = std::make_unique<mq_subscription>();
    Status status = MoveTo(Held(bus)->Subscribe(channel, agent, ConfigOf(config)), &handle->object);
    if (status.ok()) *subscription = handle.release();
    return status;
  });
}

mq_status mq_listen(mq_bus* bus, const char* pattern, const mq_config* config, mq_subscription** subscription) {
  Clear(subscription);
  return Guard({{"bus", bus}, {"pattern", pattern}, {"subscription", subscription}}, [&] {
    auto handle = std::make_unique<mq_subscription>();
    Status status = MoveTo(Held(bus)->Listen(pattern, ConfigOf(config)), &handle->object);
    if (status.ok()) *subscription = handle.release();
    return status;
  });
}

mq_status mq_subscription_lost(const mq_subscription* subscription, int64_t* dropped, int64_t* gaps) {
  Clear(dropped);
  Clear(gaps);
  return Guard({{"subscription", subscription}}, [&] {
    int64_t counts[2] = {0, 0};
    Status status = Held(const_cast<mq_subscription*>(subscription))->Lost(&counts[0], &counts[1]);
    if (dropped != nullptr) *dropped = counts[0];
    if (gaps != nullptr) *gaps = counts[1];
    return status;
  });
}

mq_status mq_seek(mq_subscription* subscription, const char* position) {
  return Guard({{"subscription", subscription}, {"position", position}},
               [&] { return Held(subscription)->Seek(position); });
}

mq_status mq_subscription_add(mq_subscription* subscription, const char* channel) {
  return Guard({{"subscription", subscription}, {"channel", channel}},
               [&] { return Held(subscription)->Add(channel); });
}

mq_status mq_subscription_remove(mq_subscription* subscription, const char* channel) {
  return Guard({{"subscription", subscription}, {"channel", channel}},
               [&] { return Held(subscription)->Remove(channel); });
}

mq_status mq_fetch(mq_subscription* subscription, int64_t timeout, mq_message** message) {
  Clear(message);
  return Guard({{"subscription", subscription}, {"message", message}},
               [&] { return Fetch(subscription, timeout, nullptr, message); });
}

mq_status mq_fetch_with(mq_subscription* subscription, int64_t timeout, mq_cancel* cancel, mq_message** message) {
  Clear(message);
  return Guard({{"subscription", subscription}, {"message", message}},
               [&] { return Fetch(subscription, timeout, cancel, message); });
}

mq_status mq_fetch_batch(mq_subscription* subscription, size_t max, int64_t timeout, mq_list** list) {
  Clear(list);
  return Guard({{"subscription", subscription}, {"list", list}},
               [&] { return FetchBatch(subscription, max, timeout, nullptr, list); });
}

mq_status mq_fetch_batch_with(mq_subscription* subscription, size_t max, int64_t timeout, mq_cancel* cancel,
                              mq_list** list) {
  Clear(list);
  return Guard({{"subscription", subscription}, {"list", list}},
               [&] { return FetchBatch(subscription, max, timeout, cancel, list); });
}

int mq_subscription_fd(mq_subscription* subscription) {
  return GuardOr(-1, {{"subscription", subscription}}, [&]() -> Result<int> {
    Status status;
    const int fd = Held(subscription)->Fd(&status);
    if (!status.ok()) return status;
    return fd;
  });
}

mq_status mq_consume(mq_subscription* subscription, mq_handler handler, void* context) {
  return Guard({{"subscription", subscription}, {"handler", handler}},
               [&] { return Held(subscription)->Consume(HandlerOf(handler, context)); });
}

mq_status mq_drain(mq_subscription* subscription, int64_t timeout) {
  return Guard({{"subscription", subscription}}, [&] {
    const auto patience = PatienceOf(timeout);
    return patience.ok() ? Held(subscription)->Drain(*patience) : patience.status();
  });
}

mq_status mq_unsubscribe(mq_subscription* subscription) {
  return Guard({{"subscription", subscription}}, [&] { return Held(subscription)->Unsubscribe(); });
}

void mq_subscription_free(mq_subscription* subscription) {
  if (subscription == nullptr) return;
  const Code code = Look(Code::kInternal, [&] { return subscription->object->End().code(); });
  if (code != Code::kInvalid) Quietly([&] { Release(subscription); });  // kInvalid: from inside a handler
}

mq_cancel* mq_cancel_new(void) {
  return GuardOr<mq_cancel*>(nullptr, {}, []() -> Result<mq_cancel*> {
    auto handle = std::make_unique<mq_cancel>();
    if (!handle->cancel.valid()) return Status(Code::kNoMemory, "there is no file descriptor left for a cancel token");
    return handle.release();
  });
}

// Nothing but what a signal handler may do.
void mq_cancel_fire(mq_cancel* cancel) {
  if (cancel != nullptr) cancel->cancel.Fire();
}

void mq_cancel_free(mq_cancel* cancel) {
  Quietly([&] { delete cancel; });
}

}  // extern "C"
