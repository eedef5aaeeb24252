// Names and values of settings, and filters: lines "name=value".
#include "core/filter.hpp"
#include "core/settings.hpp"
#include "core/settings_value.hpp"
#include "fuzz/fuzz.hpp"

using namespace agentmq;

void Fuzz(std::string_view input) {
  Config config;
  while (!input.empty()) {
    const std::string_view line = TakeLine(&input);
    const size_t equals = line.find('=');
    const std::string_view name = line.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : line.substr(equals + 1);
    const Status status = config.Set(name, value);
    Expect(status.ok() || !status.text().empty(), "no sentence");
    // A value that was taken is one when it is used.
    if (status.ok() && FindSetting(name) != nullptr) {
      const SettingType type = FindSetting(name)->type;
      if (type == SettingType::kDuration || type == SettingType::kSize || type == SettingType::kInteger) {
        Expect(config.Integer(name) >= 0, "a negative number");
      }
    }
    const auto duration = ParseDuration(value);
    Expect(!duration || *duration >= 0, "a negative duration");
    const auto size = ParseSize(value);
    Expect(!size || *size >= 0, "a negative size");
    (void)ParseTime(value);
    (void)StateSet::Parse(value);
  }
  (void)Filter::From(&config);
}
