#include "core/settings.hpp"

#include <algorithm>

#include "core/settings_value.hpp"
#include "util/text.hpp"

namespace agentmq {

int64_t ParseMillis(std::string_view text) {
  const std::optional<int64_t> duration = ParseDuration(text);
  return duration ? *duration : ParseTime(text).value_or(0);
}

Status Config::Set(std::string_view name, std::string_view value) {
  Status status = UnknownSetting(name);
  for (const Setting& row : SettingTable()) {
    if (row.name != name) continue;
    status = CheckValue(row, value);
    if (status.ok()) break;  // valid for one of its kinds
  }
  if (status.ok()) values_.insert_or_assign(std::string(name), std::string(value));
  return status;
}

void Config::Unset(std::string_view name) {
  const auto found = values_.find(name);
  if (found != values_.end()) values_.erase(found);
}

bool Config::Has(std::string_view name) const { return values_.contains(name); }

std::string Config::Text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found != values_.end()) return found->second;
  const Setting* setting = FindSetting(name);
  return setting == nullptr ? std::string() : std::string(setting->default_value);
}

int64_t Config::Integer(std::string_view name) const {
  const Setting* setting = FindSetting(name);
  if (setting == nullptr) return 0;
  const std::string text = Text(name);
  switch (setting->type) {
    case SettingType::kInteger:
      return ParseInteger(text).value_or(0);
    case SettingType::kDuration:
      return ParseDuration(text).value_or(0);
    case SettingType::kSize:
      return ParseSize(text).value_or(0);
    case SettingType::kTime:
      return ParseTime(text).value_or(0);
    case SettingType::kBool:
      return Bool(name) ? 1 : 0;
    default:
      return 0;
  }
}

double Config::Number(std::string_view name) const { return ParseNumber(Text(name)).value_or(0); }

bool Config::Bool(std::string_view name) const {
  const std::string text = Text(name);
  return text == "true" || text == "1";
}

Status Config::CheckKinds(std::string_view what, std::span<const SettingKind> kinds) const {
  for (const auto& entry : values_) {
    const std::string& name = entry.first;
    const auto fits = [&](SettingKind kind) { return FindSetting(name, kind) != nullptr; };
    if (std::any_of(kinds.begin(), kinds.end(), fits)) continue;
    const Setting* setting = FindSetting(name);
    const std::string kind(setting == nullptr ? "" : KindName(setting->kind));
    return Status::Invalid("setting '" + name + "' is one of kind " + kind + ": " + std::string(what) +
                           " does not take it");
  }
  return Status::Ok();
}

Config Config::Over(const Config& base) const {
  Config both = base;
  for (const auto& [name, value] : values_) both.values_.insert_or_assign(name, value);
  return both;
}

}  // namespace agentmq
