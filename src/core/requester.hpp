#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/message.hpp"
#include "core/reply_inbox.hpp"
#include "core/reply_receiver.hpp"
#include "core/subscription.hpp"
#include "util/event.hpp"

namespace agentmq {

struct Shared;

// Asks agents and answers them. A request is a direct message whose reply_to is a reply inbox of the bus, a reply one with
// the request's correlation id to its reply_to; both are as durable as any other message. Thread-safe.
class Requester {
 public:
  explicit Requester(std::shared_ptr<Shared> shared);

  // See Bus.
  Result<std::unique_ptr<Message>> Request(std::string_view target, Message& message, int64_t timeout,
                                           const Cancel* cancel);
  Status RequestMany(std::span<const char* const> targets, const Message& message, size_t wanted, int64_t timeout,
                     const Cancel* cancel, Messages* replies);
  Status Reply(const Message& request, Message& reply);
  Result<std::unique_ptr<Message>> Collect(std::string_view agent, std::string_view correlation_id,
                                           const Patience& patience);

  // After the bus' gate was closed.
  void Shutdown() { receiver_.Wake(); }
  void Close() { receiver_.Join(); }

 private:
  Result<std::string> Prepare(Message& message);
  Result<std::unique_ptr<Message>> Look(Backend& backend, std::string_view agent, std::string_view correlation_id);

  const std::shared_ptr<Shared> shared_;
  ReplyReceiver receiver_;
};

}  // namespace agentmq
