#include "core/reply_inbox.hpp"

#include "core/ids.hpp"

namespace agentmq {
namespace {

constexpr std::string_view kMark = "+replies+";
constexpr size_t kBusSize = ShortId::kSize;  // of RandomName()
constexpr size_t kMaxName = 256;

}  // namespace

std::string ReplyInbox::Front(std::string_view agent) { return PercentEncode(agent).append(kMark); }

std::string ReplyInbox::Name() const { return Front(agent) + bus; }

std::optional<ReplyInbox> ReplyInbox::Parse(std::string_view name) {
  const size_t mark = name.rfind(kMark);
  if (mark == std::string_view::npos || name.size() - mark != kMark.size() + kBusSize) return std::nullopt;
  const std::string_view bus = name.substr(mark + kMark.size());
  auto agent = PercentDecode(name.substr(0, mark));
  if (!agent.ok() || !ShortId::Parse(bus)) return std::nullopt;
  return ReplyInbox{std::move(*agent), std::string(bus)};
}

Status ReplyInbox::Check() const {
  if (Name().size() <= kMaxName) return Status::Ok();
  return Status::Invalid("the name of an agent that asks must leave room for '" + std::string(kMark) +
                         "' and 16 characters more within 256 bytes");
}

}  // namespace agentmq
