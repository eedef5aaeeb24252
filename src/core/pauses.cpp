// Pausing and resuming, as an operator asks for it.
#include "core/pauses.hpp"

#include <unistd.h>

#include <array>

#include "core/directory.hpp"
#include "core/shared.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr size_t kLongestReason = size_t{64} * 1024;

// The channel's log stands for all of it.
Result<QueueName> PlaceOf(std::string_view channel, std::optional<std::string_view> agent) {
  Status status = channel.empty() ? Status::Ok() : CheckName("channel", channel);
  if (status.ok() && agent) status = CheckName("agent", *agent);
  if (!status.ok()) return status;
  std::string name(channel);
  return agent ? QueueName::Inbox(std::move(name), std::string(*agent)) : QueueName::Log(std::move(name));
}

// The sender that this bus' messages have, else its process.
std::string WhoAmI(const BusSettings& settings) {
  if (!settings.source.empty()) return OneLine(settings.source);
  std::array<char, 256> host{};
  (void)gethostname(host.data(), host.size() - 1);
  return OneLine(host.data()) + ":" + std::to_string(getpid());
}

void Tell(Shared& shared, const char* action, const char* event, const QueueName& place, std::string_view reason) {
  const std::string_view agent = place.broadcast ? std::string_view() : place.target;
  if (shared.audit.on()) {
    shared.audit.Note(action, {{"channel", place.channel}, {"agent", agent}, {"reason", reason}});
  }
  if (!shared.log->Wants(kLogInfo)) return;
  Details details = {{"channel", place.channel}};
  if (!agent.empty()) details.emplace_back("agent", std::string(agent));
  if (!reason.empty()) details.emplace_back("reason", std::string(reason));
  shared.log->Write(kLogInfo, event, details);
}

}  // namespace

std::string PausedGroup(const QueueName& place, const QueueName& queue) {
  if (place.channel != queue.channel) return {};
  if (place.broadcast) return std::string(kAllGroups);
  if (queue.broadcast) return PercentEncode(place.target);
  return place.target == queue.target ? std::string(kInboxGroup) : std::string();
}

Status Directory::Pause(Backend& backend, std::string_view channel, MaybeName agent, std::string_view reason) {
  const auto place = PlaceOf(channel, agent);
  if (!place.ok()) return place.status();
  if (reason.size() > kLongestReason) return {Code::kTooLarge, "the reason is above 64 KiB"};
  if (!IsUtf8(reason)) return Status::Invalid("the reason is not UTF-8");
  Status status = backend.Pause(*place, {std::string(reason), WhoAmI(shared_.settings), 0});
  if (status.ok()) Tell(shared_, "pause", "paused", *place, reason);
  return status;
}

Status Directory::Resume(Backend& backend, std::string_view channel, MaybeName agent) {
  const auto place = PlaceOf(channel, agent);
  if (!place.ok()) return place.status();
  Status status = backend.Resume(*place);
  if (status.ok()) Tell(shared_, "resume", "resumed", *place, {});
  return status;
}

}  // namespace agentmq
