#include "core/settings_value.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <vector>

#include "core/names.hpp"
#include "core/position.hpp"
#include "util/nearest.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

struct Unit {
  std::string_view name;
  int64_t size;
};

constexpr auto kDurations = std::to_array<Unit>(
    {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", int64_t{24} * 3600 * 1000}});
constexpr auto kSizes =
    std::to_array<Unit>({{"B", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}});
constexpr auto kStates = std::to_array<std::string_view>(
    {"queued", "scheduled", "reserved", "retrying", "acked", "dead", "expired", "deleted"});
constexpr int64_t kLastTime = 253402300799999;  // 9999-12-31T23:59:59.999Z

std::optional<int64_t> ParseWithUnit(std::string_view text, std::span<const Unit> units) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<int64_t> number = ParseInteger(text.substr(0, digits));
  if (!number) return std::nullopt;
  if (digits == text.size()) return number;
  for (const Unit& unit : units) {
    if (text.substr(digits) != unit.name) continue;
    if (*number > INT64_MAX / unit.size) return std::nullopt;
    return *number * unit.size;
  }
  return std::nullopt;
}

std::string FormatWithUnit(int64_t number, std::span<const Unit> units) {
  if (number == 0) return "0";
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (number % unit.size == 0) best = &unit;
  }
  return std::to_string(number / best->size) + std::string(best->name);
}

// Takes `count` digits from the front.
std::optional<int> TakeDigits(std::string_view* text, size_t count) {
  if (text->size() < count || text->substr(0, count).find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  const std::optional<int64_t> number = ParseInteger(text->substr(0, count));
  text->remove_prefix(count);
  return static_cast<int>(*number);
}

bool Take(std::string_view* text, std::string_view one_of) {
  if (text->empty() || one_of.find(text->front()) == std::string_view::npos) return false;
  text->remove_prefix(1);
  return true;
}

// "2026-01-02" -> ms at its midnight, UTC.
std::optional<int64_t> TakeDate(std::string_view* text) {
  const auto year = TakeDigits(text, 4);
  if (!year || !Take(text, "-")) return std::nullopt;
  const auto month = TakeDigits(text, 2);
  if (!month || !Take(text, "-")) return std::nullopt;
  const auto day = TakeDigits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return int64_t{std::chrono::sys_days(date).time_since_epoch().count()} * 24 * 3600 * 1000;
}

// "03:04" -> minutes
std::optional<int64_t> TakeMinutes(std::string_view* text) {
  const auto hour = TakeDigits(text, 2);
  if (!hour || *hour > 23 || !Take(text, ":")) return std::nullopt;
  const auto minute = TakeDigits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  return *hour * 60 + *minute;
}

// ":05", ":05.678" -> ms
std::optional<int64_t> TakeSeconds(std::string_view* text) {
  if (!Take(text, ":")) return std::nullopt;
  const auto second = TakeDigits(text, 2);
  if (!second || *second > 60) return std::nullopt;  // 60: a leap second
  int64_t millis = *second * 1000;
  if (!Take(text, ".")) return millis;
  size_t places = 0;
  for (int64_t worth = 100; const auto digit = TakeDigits(text, 1); worth /= 10, ++places) millis += *digit * worth;
  if (places == 0) return std::nullopt;
  return millis;
}

// "Z", "+02:00" -> how many ms it is ahead of UTC
std::optional<int64_t> TakeZone(std::string_view* text) {
  if (Take(text, "Zz")) return 0;
  const bool behind = !text->empty() && text->front() == '-';
  if (!Take(text, "+-")) return std::nullopt;
  const auto minutes = TakeMinutes(text);
  if (!minutes) return std::nullopt;
  return *minutes * (behind ? -60000 : 60000);
}

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  const auto date = TakeDate(&text);
  if (!date || !Take(&text, "Tt ")) return std::nullopt;
  const auto minutes = TakeMinutes(&text);
  if (!minutes) return std::nullopt;
  const auto millis = TakeSeconds(&text);
  if (!millis) return std::nullopt;
  const auto zone = TakeZone(&text);
  if (!zone || !text.empty()) return std::nullopt;
  const int64_t time = *date + *minutes * 60000 + *millis - *zone;
  if (time < 0) return std::nullopt;
  return time;
}

std::string Choices(std::string_view choices) {
  std::string list;
  for (const std::string_view choice : Split(choices, '|')) {
    if (!list.empty()) list += ", ";
    list += choice;
  }
  return list;
}

bool InRange(const Setting& setting, std::optional<double> value) {
  return value && *value >= setting.min && *value <= setting.max;
}

std::optional<double> ParseRanged(SettingType type, std::string_view text) {
  if (type == SettingType::kNumber) return ParseNumber(text);
  std::optional<int64_t> value;
  if (type == SettingType::kInteger) value = ParseInteger(text);
  if (type == SettingType::kDuration) value = ParseDuration(text);
  if (type == SettingType::kSize) value = ParseSize(text);
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

// What the setting takes, for its error; "" where the value is one.
std::string Wanted(const Setting& setting, std::string_view text) {
  switch (setting.type) {
    case SettingType::kText:
    case SettingType::kSecret:
    case SettingType::kName:
      return "";
    case SettingType::kBool:
      return text == "true" || text == "false" || text == "1" || text == "0" ? "" : "true or false";
    case SettingType::kInteger:
    case SettingType::kNumber:
    case SettingType::kDuration:
    case SettingType::kSize:
      if (InRange(setting, ParseRanged(setting.type, text))) return "";
      return "between " + FormatLimit(setting.type, setting.min) + " and " + FormatLimit(setting.type, setting.max);
    case SettingType::kChoice: {
      for (const std::string_view choice : Split(setting.choices, '|')) {
        if (choice == text) return "";
      }
      return "one of " + Choices(setting.choices);
    }
    case SettingType::kTime:
      return ParseTime(text) ? "" : "a time like 2026-01-31T12:00:00Z, Unix milliseconds, or -1h";
    case SettingType::kPosition:
      return Position::Parse(text) ? "" : "all, new, a time like 2026-01-31T12:00:00Z or -1h, or the id of a broadcast";
    case SettingType::kStates:
      return StateSet::Parse(text) ? "" : "a list, or '!' and a list, of " + Choices(setting.choices);
    case SettingType::kList: {
      const auto names = SplitList(text);
      const bool all =
          std::all_of(names.begin(), names.end(), [](const auto& name) { return CheckName("", name).ok(); });
      return all ? "" : "a list like 'one,two' of names without control characters, of at most 256 bytes each";
    }
  }
  return "";
}

Status CheckText(const Setting& setting, const std::string& what, std::string_view text) {
  if (static_cast<double>(text.size()) > setting.max) {
    return Status::Invalid(what + " must be at most " + FormatLimit(SettingType::kInteger, setting.max) +
                           " bytes, got " + std::to_string(text.size()));
  }
  if (setting.type != SettingType::kName) return IsUtf8(text) ? Status::Ok() : Status::Invalid(what + " must be UTF-8");
  if (text.empty() && setting.min == 0) return Status::Ok();
  return CheckName(what, text);
}

}  // namespace

Status CheckValue(const Setting& setting, std::string_view text) {
  const std::string what = "setting '" + std::string(setting.name) + "'";
  if (setting.type == SettingType::kText || setting.type == SettingType::kSecret ||
      setting.type == SettingType::kName) {
    return CheckText(setting, what, text);
  }
  const std::string wanted = Wanted(setting, text);
  if (wanted.empty()) return Status::Ok();
  return Status::Invalid(what + " must be " + wanted + ", got " + Quote(text));
}

Status UnknownSetting(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Setting& row : SettingTable()) names.push_back(row.name);
  return Status::Invalid("there is no setting " + Quote(name) + ": the nearest is '" +
                         std::string(Nearest(name, names)) + "'");
}

bool HasRange(SettingType type) {
  return type == SettingType::kInteger || type == SettingType::kNumber || type == SettingType::kDuration ||
         type == SettingType::kSize;
}

std::string FormatLimit(SettingType type, double limit) {
  const auto whole = static_cast<int64_t>(limit);
  if (type == SettingType::kDuration) return FormatWithUnit(whole, kDurations);
  if (type == SettingType::kSize) return FormatWithUnit(whole, kSizes);
  return std::to_string(whole);
}

std::optional<int64_t> ParseDuration(std::string_view text) { return ParseWithUnit(text, kDurations); }

std::optional<int64_t> ParseSize(std::string_view text) { return ParseWithUnit(text, kSizes); }

std::optional<int64_t> ParseTime(std::string_view text) {
  const bool relative = !text.empty() && text.front() == '-';
  std::optional<int64_t> time = ParseDuration(relative ? text.substr(1) : text);
  if (relative && time) return *time <= kLastTime ? std::optional<int64_t>(-*time) : std::nullopt;
  // A bare number is a time, a duration with a unit is none.
  if (time && text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  if (!time) time = ParseRfc3339(text);
  return time && *time <= kLastTime ? time : std::nullopt;
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> list;
  if (text.empty()) return list;
  for (const std::string_view one : Split(text, ',')) list.emplace_back(one);
  return list;
}

std::optional<StateSet> StateSet::Parse(std::string_view text) {
  const bool others = !text.empty() && text.front() == '!';
  if (others) text.remove_prefix(1);
  int64_t bits = 0;
  for (const std::string_view name : Split(text, ',')) {
    const auto* const found = std::find(kStates.begin(), kStates.end(), name);
    if (found == kStates.end()) return std::nullopt;
    bits |= int64_t{1} << (found - kStates.begin());
  }
  const int64_t all = (int64_t{1} << kStates.size()) - 1;
  return StateSet(others ? all & ~bits : bits);
}

}  // namespace agentmq
