#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "util/status.hpp"

namespace agentmq {

// The unit that is stored together: (channel, target). The target is an agent (its inbox on that channel) or everyone
// (the channel's broadcast log). The channel of direct inboxes is "".
struct QueueName {
  std::string channel;
  std::string target;  // "" for a broadcast log
  bool broadcast = false;

  static QueueName Inbox(std::string channel, std::string agent) {
    return {std::move(channel), std::move(agent), false};
  }
  static QueueName Log(std::string channel) { return {std::move(channel), {}, true}; }

  // No queue: where messages go that are not stored, but told to whoever listens to the channel.
  static QueueName Live(std::string channel) { return {std::move(channel), {}, false}; }
  bool live() const { return target.empty() && !broadcast; }

  auto operator<=>(const QueueName&) const = default;

  // "<channel>/<target>", percent-encoded, a log's target as "*": no two queues share it, and no user's name can spell
  // the "*". What keys, ids and messages to people use.
  std::string Text() const;
  void AppendTo(std::string* text) const;
  static Result<QueueName> Parse(std::string_view text);
};

// The group of an inbox: there is only one. In a log the groups are the agents' full names, percent-encoded.
inline constexpr std::string_view kInboxGroup = "-";

// Encodes % / : { } * ? [ ] | and control characters.
std::string PercentEncode(std::string_view text);
Result<std::string> PercentDecode(std::string_view text);

// A name of a channel, agent, namespace, ...: 1..256 bytes of UTF-8 without control characters. `what` names it in errors.
Status CheckName(std::string_view what, std::string_view name);

bool IsUtf8(std::string_view text);

// The agent "type" of "type:instance"; "" where there is no instance.
std::string_view AgentType(std::string_view agent);

// The agent whose the group of a queue is, in plain text.
std::string AgentOf(const QueueName& queue, std::string_view group);

}  // namespace agentmq

template <>
struct std::hash<agentmq::QueueName> {
  size_t operator()(const agentmq::QueueName& name) const noexcept {
    const size_t a = std::hash<std::string>{}(name.channel);
    const size_t b = std::hash<std::string>{}(name.target);
    return a ^ (b * 0x9e3779b97f4a7c15ULL) ^ static_cast<size_t>(name.broadcast);
  }
};
