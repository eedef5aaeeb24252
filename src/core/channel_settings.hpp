#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "core/backend.hpp"
#include "core/settings.hpp"

namespace agentmq {

// A channel's settings as numbers.
struct ChannelLimits {
  int64_t ttl = 0;  // ms, 0: none
  Limits limits;
  Retention retention;
  int64_t publish_timeout = 0;   // ms
  int64_t group_ttl = 0;         // ms, 0: never
  double rate_limit = 0;         // messages a second, 0: none; and
  double source_rate_limit = 0;  // of each source
  bool require_agent = false;    // nothing is stored for an agent that has never been

  static ChannelLimits From(const Config& config);
};

// What channels are configured to, read from the backend again every 10 s. Thread-safe.
class ChannelSettings {
 public:
  // defaults: the bus' own settings, of channels that nobody configured.
  explicit ChannelSettings(const Config& defaults);

  // Where the backend can't be asked now: what was known, else the defaults.
  ChannelLimits Get(Backend& backend, std::string_view channel);
  Status Configure(Backend& backend, std::string_view channel, const Config& config);

 private:
  static constexpr int64_t kFresh = 10000;      // ms
  static constexpr int64_t kAgainAfter = 1000;  // ms, after a failure
  static constexpr size_t kMostCached = 10000;

  struct Entry {
    ChannelLimits limits;
    int64_t read_again = 0;  // steady ms
  };

  ChannelLimits Parse(const std::map<std::string, std::string>& values) const;
  void Keep(std::string_view channel, const ChannelLimits& limits, int64_t fresh);

  const Config defaults_;
  const ChannelLimits default_limits_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // guarded by mutex_
};

}  // namespace agentmq
