#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/names.hpp"
#include "util/status.hpp"

namespace agentmq {

// Where the replies go that one bus waits for in the name of one agent: the direct inbox of an agent of its own,
//   <agent, percent-encoded>+replies+<16 random characters of the bus>
// Nobody else reads it, neither the agent's subscriptions nor another process that asks under the same name; and all that
// an agent is owed is found by the start of the name. It stands in a request's reply_to, as any agent might.
struct ReplyInbox {
  std::string agent;  // who asks; "" where nobody is named
  std::string bus;

  std::string Name() const;
  QueueName Queue() const { return QueueName::Inbox({}, Name()); }
  // What the names of all reply inboxes of that agent begin with.
  static std::string Front(std::string_view agent);
  static std::optional<ReplyInbox> Parse(std::string_view name);
  // kInvalid where its name would be none.
  Status Check() const;
};

// The header in which a reply names the request that it answers, by id.
inline constexpr const char* kInReplyTo = "agentmq-in-reply-to";

}  // namespace agentmq
