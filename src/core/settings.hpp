#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "util/status.hpp"

namespace agentmq {

enum class SettingKind { kBus, kChannel, kSubscription, kFilter, kReplay };
enum class SettingType {
  kText,
  kSecret,
  kName,
  kBool,
  kInteger,
  kNumber,
  kDuration,
  kSize,
  kChoice,
  kTime,
  kStates,
  kPosition,
  kList
};

// One row of the table that validation, documentation, mq_settings() and the URL's query are made from.
struct Setting {
  std::string_view name;
  SettingKind kind;
  SettingType type;
  std::string_view default_value;
  double min = 0;
  double max = 0;
  std::string_view choices;  // "reject|drop_oldest|block"
  std::string_view help;
};

std::span<const Setting> SettingTable();
// "source" is a row of two kinds.
const Setting* FindSetting(std::string_view name);
const Setting* FindSetting(std::string_view name, SettingKind kind);
std::string SettingsJson();
std::string_view KindName(SettingKind kind);

// Values as text -> numbers. The value was validated, so these answer the default only for the default's own text.
int64_t ParseMillis(std::string_view text);

// Settings by name, each valid for one of its kinds.
class Config {
 public:
  // kInvalid names the nearest setting, or the range.
  Status Set(std::string_view name, std::string_view value);
  void Unset(std::string_view name);
  bool Has(std::string_view name) const;
  // The value that is set, else the default.
  std::string Text(std::string_view name) const;
  int64_t Integer(std::string_view name) const;  // also durations (ms) and sizes (bytes)
  double Number(std::string_view name) const;
  bool Bool(std::string_view name) const;

  // kInvalid where something is set that is of none of these kinds.
  Status CheckKinds(std::string_view what, std::span<const SettingKind> kinds) const;
  // This one's values, and where it has none those of `base`.
  Config Over(const Config& base) const;
  const std::map<std::string, std::string, std::less<>>& values() const { return values_; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace agentmq
