#include "core/settings.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/settings_value.hpp"

namespace agentmq {
namespace {

std::string Refusal(std::string_view name, std::string_view value) {
  Config config;
  const Status status = config.Set(name, value);
  EXPECT_EQ(status.code(), Code::kInvalid) << name << "=" << value;
  EXPECT_FALSE(config.Has(name));
  return status.text();
}

bool Takes(std::string_view name, std::string_view value) { return Config().Set(name, value).ok(); }

TEST(SettingTable, EachDefaultIsAValueOfItsSetting) {
  for (const Setting& row : SettingTable()) {
    EXPECT_FALSE(row.help.empty()) << row.name;
    EXPECT_TRUE(row.kind == SettingKind::kFilter || CheckValue(row, row.default_value).ok()) << row.name;
    EXPECT_TRUE(!HasRange(row.type) || row.min < row.max) << row.name;
    EXPECT_EQ(row.default_value.data()[row.default_value.size()], '\0') << "mq_config_get hands it out";
  }
}

TEST(SettingTable, NamesAreUniqueWithinTheirKind) {
  std::set<std::pair<SettingKind, std::string_view>> seen;
  for (const Setting& row : SettingTable()) EXPECT_TRUE(seen.emplace(row.kind, row.name).second) << row.name;
}

TEST(SettingTable, LimitsAreValuesAndWhatIsBeyondIsNot) {
  for (const Setting& row : SettingTable()) {
    if (!HasRange(row.type)) continue;
    EXPECT_TRUE(CheckValue(row, FormatLimit(row.type, row.min)).ok()) << row.name;
    EXPECT_TRUE(CheckValue(row, FormatLimit(row.type, row.max)).ok()) << row.name;
    EXPECT_FALSE(CheckValue(row, std::to_string(static_cast<int64_t>(row.min) - 1)).ok()) << row.name;
    EXPECT_FALSE(CheckValue(row, std::to_string(static_cast<int64_t>(row.max) + 1)).ok()) << row.name;
  }
}

TEST(SettingTable, OneNameMayStandForTwoKinds) {
  ASSERT_NE(FindSetting("source"), nullptr);
  ASSERT_NE(FindSetting("source", SettingKind::kBus), nullptr);
  ASSERT_NE(FindSetting("source", SettingKind::kFilter), nullptr);
  EXPECT_EQ(FindSetting("source", SettingKind::kChannel), nullptr);
  EXPECT_EQ(FindSetting("sauce"), nullptr);
}

TEST(SettingTable, IsToldAsJson) {
  const auto table = nlohmann::json::parse(SettingsJson());
  ASSERT_EQ(table.size(), SettingTable().size());
  for (const auto& row : table) {
    if (row["name"] != "visibility_timeout") continue;
    EXPECT_EQ(row["kind"], "subscription");
    EXPECT_EQ(row["type"], "duration");
    EXPECT_EQ(row["default"], "30s");
    EXPECT_EQ(row["min"], "1ms");
    EXPECT_EQ(row["max"], "3650d");
  }
  EXPECT_TRUE(table[0]["min"].is_null()) << "a text has no range";
}

TEST(Settings, TheErrorNamesTheSettingTheRangeAndTheValue) {
  EXPECT_EQ(Refusal("prefetch", "-5"), "setting 'prefetch' must be between 1 and 10000, got '-5'");
  EXPECT_EQ(Refusal("visibility_timeout", "1y"),
            "setting 'visibility_timeout' must be between 1ms and 3650d, got '1y'");
  EXPECT_EQ(Refusal("max_payload", "1GiB"), "setting 'max_payload' must be between 1B and 512MiB, got '1GiB'");
  EXPECT_EQ(Refusal("overflow", "x"), "setting 'overflow' must be one of reject, drop_oldest, block, got 'x'");
  EXPECT_EQ(Refusal("keepalive", "maybe"), "setting 'keepalive' must be true or false, got 'maybe'");
  EXPECT_EQ(Refusal("perfetch", "5"), "there is no setting 'perfetch': the nearest is 'prefetch'");
}

TEST(Settings, NumbersHaveNoOtherForm) {
  for (const char* value : {"", " 1", "1 ", "+1", "0x1", "1.5", "1e3", "١", "99999999999999999999", "-1"}) {
    EXPECT_FALSE(Takes("prefetch", value)) << value;
  }
  for (const char* value : {"", "nan", "inf", "-0.1", "1.01", "1e400", "0,5", "x"}) {
    EXPECT_FALSE(Takes("backoff_jitter", value)) << value;
  }
  for (const char* value : {"0", "1", "0.25", "2.5e-1"}) EXPECT_TRUE(Takes("backoff_jitter", value)) << value;
}

TEST(Settings, DurationsAndSizesHaveUnits) {
  EXPECT_EQ(ParseDuration("250ms"), 250);
  EXPECT_EQ(ParseDuration("30s"), 30'000);
  EXPECT_EQ(ParseDuration("5m"), 300'000);
  EXPECT_EQ(ParseDuration("24h"), 86'400'000);
  EXPECT_EQ(ParseDuration("7d"), 604'800'000);
  EXPECT_EQ(ParseDuration("1500"), 1500);
  for (const char* text : {"", "s", "-1s", "1 s", "1S", "1h30m", "9223372036854775807d", "92233720368547758070"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseSize("64KiB"), 65536);
  EXPECT_EQ(ParseSize("1MiB"), 1048576);
  EXPECT_EQ(ParseSize("2GiB"), 2147483648);
  EXPECT_EQ(ParseSize("17"), 17);
  for (const char* text : {"", "KiB", "1KB", "-1", "9223372036854775807KiB"}) EXPECT_EQ(ParseSize(text), std::nullopt);
}

TEST(Settings, TimesHaveThreeForms) {
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ParseTime("2026-01-02T03:04:05Z"), 1767323045000);
  EXPECT_EQ(ParseTime("2026-01-02t05:04:05.678+02:00"), 1767323045678);
  EXPECT_EQ(ParseTime("2026-01-01 22:34:05.6784-04:30"), 1767323045678);
  EXPECT_EQ(ParseTime("2024-02-29T00:00:00Z"), 1709164800000);
  EXPECT_EQ(ParseTime("1767323045000"), 1767323045000);
  EXPECT_EQ(ParseTime("-1h"), -3'600'000);
  EXPECT_EQ(ParseTime("-250"), -250);
  for (const char* text : {"",
                           "-",
                           "yesterday",
                           "1h",
                           "2026-01-02",
                           "2026-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-01-02T24:00:00Z",
                           "2026-01-02T03:60:00Z",
                           "2026-01-02T03:04:61Z",
                           "2026-01-02T03:04:05",
                           "2026-01-02T03:04:05.Z",
                           "2026-01-02T03:04:05+2:00",
                           "2026-01-02T03:04:05Zx",
                           "1969-12-31T23:59:59Z",
                           "2026-01-02T03:04Z",
                           "2026-01-02X03:04:05Z",
                           "20260102T030405Z",
                           "253402300800000",
                           "99999999999999999999",
                           "-999999999999999",
                           "-9223372036854775807d"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST(Settings, StatesAreAListOrAllOthers) {
  const auto some = StateSet::Parse("queued,retrying");
  ASSERT_TRUE(some);
  EXPECT_TRUE(some->Has(State::kQueued));
  EXPECT_TRUE(some->Has(State::kRetrying));
  EXPECT_FALSE(some->Has(State::kReserved));
  const auto others = StateSet::Parse("!queued,retrying");
  ASSERT_TRUE(others);
  EXPECT_FALSE(others->Has(State::kQueued));
  EXPECT_FALSE(others->Has(State::kRetrying));
  EXPECT_TRUE(others->Has(State::kReserved));
  EXPECT_TRUE(others->Has(State::kDeleted));
  for (const char* text : {"", "!", "queued,", "Queued", "queued, dead", "!!queued", "queued,!dead"}) {
    EXPECT_FALSE(StateSet::Parse(text)) << text;
  }
}

TEST(Settings, NamesAndTextsAreChecked) {
  EXPECT_TRUE(Takes("namespace", std::string(256, 'n')));
  EXPECT_TRUE(Takes("namespace", "a:b/{c}*"));
  for (const std::string& value : {std::string(), std::string(257, 'n'), std::string("a\nb"), std::string("\xff")}) {
    EXPECT_FALSE(Takes("namespace", value));
  }
  EXPECT_TRUE(Takes("consumer", "")) << "as unset";
  EXPECT_FALSE(Takes("target", ""));
  EXPECT_TRUE(Takes("channel", "")) << "the direct inboxes";
  EXPECT_TRUE(Takes("user", "a\nb"));
  EXPECT_FALSE(Takes("type", "\xff"));
  EXPECT_FALSE(Takes("user", std::string(1025, 'u')));
}

TEST(Settings, ASecretIsNotQuoted) {
  EXPECT_EQ(Refusal("password", "hush\xff").find("hush"), std::string::npos);
  EXPECT_EQ(Refusal("password", std::string(65537, 'h')).find("hh"), std::string::npos);
}

TEST(Config, AnswersTheValueThatIsSetElseTheDefault) {
  Config config;
  EXPECT_EQ(config.Integer("prefetch"), 32);
  EXPECT_EQ(config.Integer("visibility_timeout"), 30'000);
  EXPECT_EQ(config.Integer("max_payload"), 64 * 1024 * 1024);
  EXPECT_EQ(config.Number("backoff_jitter"), 0.1);
  EXPECT_TRUE(config.Bool("keepalive"));
  EXPECT_EQ(config.Text("overflow"), "reject");
  EXPECT_EQ(config.Integer("overflow"), 0);
  EXPECT_EQ(config.Text("nothing"), "");
  EXPECT_EQ(config.Integer("nothing"), 0);

  ASSERT_TRUE(config.Set("prefetch", "7").ok());
  ASSERT_TRUE(config.Set("keepalive", "false").ok());
  ASSERT_TRUE(config.Set("since", "-1h").ok());
  EXPECT_EQ(config.Integer("prefetch"), 7);
  EXPECT_FALSE(config.Bool("keepalive"));
  EXPECT_EQ(config.Integer("keepalive"), 0);
  EXPECT_EQ(config.Integer("since"), -3'600'000);

  config.Unset("prefetch");
  config.Unset("prefetch");
  EXPECT_EQ(config.Integer("prefetch"), 32);
  EXPECT_FALSE(config.Has("prefetch"));
}

TEST(Config, ARefusedValueLeavesTheOldOne) {
  Config config;
  ASSERT_TRUE(config.Set("prefetch", "7").ok());
  EXPECT_FALSE(config.Set("prefetch", "70000").ok());
  EXPECT_EQ(config.Text("prefetch"), "7");
}

TEST(Config, AForeignKindIsNamed) {
  constexpr std::array kFilter = {SettingKind::kFilter};
  constexpr std::array kBoth = {SettingKind::kFilter, SettingKind::kSubscription};
  Config config;
  EXPECT_TRUE(config.CheckKinds("a filter", kFilter).ok());
  ASSERT_TRUE(config.Set("source", "s").ok());
  EXPECT_TRUE(config.CheckKinds("a filter", kFilter).ok());
  ASSERT_TRUE(config.Set("prefetch", "7").ok());
  const Status status = config.CheckKinds("a filter", kFilter);
  EXPECT_EQ(status.code(), Code::kInvalid);
  EXPECT_EQ(status.text(), "setting 'prefetch' is one of kind subscription: a filter does not take it");
  EXPECT_TRUE(config.CheckKinds("both", kBoth).ok());
}

TEST(Config, GoesOverAnother) {
  Config base;
  Config config;
  ASSERT_TRUE(base.Set("prefetch", "1").ok());
  ASSERT_TRUE(base.Set("workers", "2").ok());
  ASSERT_TRUE(config.Set("prefetch", "3").ok());
  const Config both = config.Over(base);
  EXPECT_EQ(both.Integer("prefetch"), 3);
  EXPECT_EQ(both.Integer("workers"), 2);
}

TEST(Config, MillisAreReadFromDurationsAndTimes) {
  EXPECT_EQ(ParseMillis("30s"), 30'000);
  EXPECT_EQ(ParseMillis("-1h"), -3'600'000);
  EXPECT_EQ(ParseMillis("1970-01-01T00:00:01Z"), 1000);
  EXPECT_EQ(ParseMillis(""), 0);
}

}  // namespace
}  // namespace agentmq
