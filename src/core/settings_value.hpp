#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend.hpp"
#include "core/settings.hpp"
#include "util/status.hpp"

// The values of settings as text.
namespace agentmq {

// kInvalid with what the setting takes. Secrets are not quoted.
Status CheckValue(const Setting& setting, std::string_view text);
// kInvalid that names the nearest setting.
Status UnknownSetting(std::string_view name);

// Whether min and max of that type are limits of the value (and not of its length, or nothing).
bool HasRange(SettingType type);
// A limit as the text that a setting of that type takes: "30s", "64KiB", "32".
std::string FormatLimit(SettingType type, double limit);

// "250ms", "30s", "5m", "24h", "7d", or bare ms -> ms. Not negative.
std::optional<int64_t> ParseDuration(std::string_view text);
// "64KiB", "1MiB", "1GiB", or bare bytes -> bytes. Not negative.
std::optional<int64_t> ParseSize(std::string_view text);
// RFC 3339 or Unix ms -> Unix ms; "-1h" -> -3600000: so long before now.
std::optional<int64_t> ParseTime(std::string_view text);

// "one,two" -> one and two; "" is none. Of a value that was checked.
std::vector<std::string> SplitList(std::string_view text);

// "queued,retrying", or "!acked": all but these.
class StateSet {
 public:
  static std::optional<StateSet> Parse(std::string_view text);
  bool Has(State state) const { return (bits_ >> static_cast<int>(state) & 1) != 0; }
  int64_t bits() const { return bits_; }

 private:
  explicit StateSet(int64_t bits) : bits_(bits) {}
  int64_t bits_;
};

}  // namespace agentmq
