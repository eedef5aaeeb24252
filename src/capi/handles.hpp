#pragma once

#include <atomic>
#include <memory>

#include <agentmq/agentmq.h>

#include "core/bus.hpp"
#include "core/message.hpp"
#include "core/settings.hpp"
#include "core/subscription.hpp"
#include "util/event.hpp"

// What the C handles are. An mq_message has no type of its own: it is the address of an agentmq::Message, so that a
// received message is one allocation.

struct mq_config {
  agentmq::Config config;
  mq_log_callback log = nullptr;
  void* log_context = nullptr;
};

struct mq_list {
  agentmq::Messages messages;
};

struct mq_cancel {
  agentmq::Cancel cancel;
};

// Invariant: `users` counts the owner (until it closes or frees the handle) and each call that runs; who takes it to 0
// deletes the handle. So a call that waits when another thread ends the handle still has one to return from.
struct mq_bus {
  std::shared_ptr<agentmq::Bus> object;
  std::atomic<int> users{1};
};

struct mq_subscription {
  std::unique_ptr<agentmq::Subscription> object;
  std::atomic<int> users{1};
};

namespace agentmq::capi {

template <class Handle>
void Release(Handle* handle) {
  if (handle->users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete handle;
}

// Keeps a bus or subscription for as long as a call runs.
template <class Handle>
class Held {
 public:
  explicit Held(Handle* handle) : handle_(handle) { handle_->users.fetch_add(1, std::memory_order_relaxed); }
  ~Held() { Release(handle_); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  auto* operator->() const { return handle_->object.get(); }

 private:
  Handle* const handle_;
};

inline mq_message* HandleOf(Message* message) { return reinterpret_cast<mq_message*>(message); }
inline Message* MessageOf(mq_message* message) { return reinterpret_cast<Message*>(message); }
inline const Message* MessageOf(const mq_message* message) { return reinterpret_cast<const Message*>(message); }

// A message that came from the library as const and whose reservation is to be noted on it.
inline Message* MutableMessageOf(const mq_message* message) {
  return reinterpret_cast<Message*>(const_cast<mq_message*>(message));
}

// ms as the API gives them, and what ends the wait.
inline Result<Patience> PatienceOf(int64_t timeout, const mq_cancel* cancel = nullptr) {
  if (timeout < -1) {
    return Status::Invalid("timeout must be -1 (without end) or at least 0, got " + std::to_string(timeout));
  }
  return Patience{Deadline::After(timeout), cancel == nullptr ? nullptr : &cancel->cancel};
}

inline const Config* ConfigOf(const mq_config* config) { return config == nullptr ? nullptr : &config->config; }

// NULL: any.
inline MaybeName MaybeNameOf(const char* name) { return name == nullptr ? MaybeName() : MaybeName(name); }

// Hands a list or a message to C.
Status GiveList(Result<Messages>&& messages, mq_list** out);
Status GiveMessage(Result<std::unique_ptr<Message>>&& message, mq_message** out);

}  // namespace agentmq::capi
