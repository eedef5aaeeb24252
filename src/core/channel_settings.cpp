#include "core/channel_settings.hpp"

#include <array>

#include "util/clock.hpp"

namespace agentmq {

ChannelLimits ChannelLimits::From(const Config& config) {
  ChannelLimits limits;
  limits.ttl = config.Integer("ttl");
  limits.limits.max_items = config.Integer("max_items");
  const std::string overflow = config.Text("overflow");
  limits.limits.overflow = overflow == "drop_oldest" ? Overflow::kDropOldest
                           : overflow == "block"     ? Overflow::kBlock
                                                     : Overflow::kReject;
  limits.limits.dedup_window = config.Integer("dedup_window");
  limits.retention = {config.Integer("retain"), config.Integer("retain_count")};
  limits.publish_timeout = config.Integer("publish_timeout");
  limits.group_ttl = config.Integer("group_ttl");
  limits.rate_limit = config.Number("rate_limit");
  limits.source_rate_limit = config.Number("source_rate_limit");
  limits.require_agent = config.Bool("require_agent");
  return limits;
}

ChannelSettings::ChannelSettings(const Config& defaults)
    : defaults_(defaults), default_limits_(ChannelLimits::From(defaults)) {}

ChannelLimits ChannelSettings::Parse(const std::map<std::string, std::string>& values) const {
  if (values.empty()) return default_limits_;
  Config config;
  for (const auto& [name, value] : values) {
    (void)config.Set(name, value);  // one that this version does not know is left aside
  }
  return ChannelLimits::From(config.Over(defaults_));
}

void ChannelSettings::Keep(std::string_view channel, const ChannelLimits& limits, int64_t fresh) {
  const int64_t read_again = SteadyMillis() + fresh;
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMostCached) entries_.clear();
  entries_.insert_or_assign(std::string(channel), Entry{limits, read_again});
}

ChannelLimits ChannelSettings::Get(Backend& backend, std::string_view channel) {
  ChannelLimits known = default_limits_;
  {
    const int64_t now = SteadyMillis();
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(channel);
    if (found != entries_.end()) {
      if (now < found->second.read_again) return found->second.limits;
      known = found->second.limits;
      found->second.read_again = now + kAgainAfter;  // one caller reads, the others go on meanwhile
    }
  }
  const auto values = backend.ReadChannel(channel);
  if (!values.ok()) {
    Keep(channel, known, kAgainAfter);
    return known;
  }
  const ChannelLimits read = Parse(*values);
  Keep(channel, read, kFresh);
  return read;
}

Status ChannelSettings::Configure(Backend& backend, std::string_view channel, const Config& config) {
  constexpr std::array kKinds = {SettingKind::kChannel};
  Status status = config.CheckKinds("a channel", kKinds);
  if (!status.ok()) return status;
  const std::map<std::string, std::string> values(config.values().begin(), config.values().end());
  status = backend.WriteChannel(channel, values);
  if (status.ok()) Keep(channel, Parse(values), kFresh);
  return status;
}

}  // namespace agentmq
