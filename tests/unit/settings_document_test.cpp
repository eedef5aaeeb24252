// docs/settings.md is made from the table of settings: this test says whether it still is what it would be, and
// scripts/settings-doc has it written anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "core/settings.hpp"
#include "core/settings_value.hpp"

namespace agentmq {
namespace {

constexpr const char* kPath = AGENTMQ_SOURCE_DIR "/docs/settings.md";

constexpr const char* kHead = R"(# Settings

<!-- Made from src/core/settings_table.cpp by scripts/settings-doc: change it there. -->

Settings are given by name, as text:

- of a **bus** in the URL's query (`redis://localhost?prefix=app&prefetch=8`) or in the config of `mq_open()`. Where both
  say something the URL counts. A bus also takes the settings of channels and subscriptions: they are what its channels
  and subscriptions have where nobody says otherwise. `db` is short for `database` in the URL of a server, and its user,
  password and path (`redis://user:password@host/3`) are the settings `user`, `password` and `database`.
- of a **channel** by `mq_configure()`. They are kept on the server and hold for every process.
- of a **subscription** in the config of `mq_subscribe()`.
- A **filter** is what `mq_find()`, `mq_count()`, `mq_dead_letters()`, `mq_replay_all()` and `mq_purge_dead_letters()`
  look for: messages that fit all of its fields.
- Those of a **replay** stand beside the filter of `mq_replay_all()`.

An unknown name is refused with the nearest one that there is, a value out of its range with that range. `mq_settings()`
answers this table as JSON.

| type | how it is written |
|---|---|
| duration | `250ms`, `30s`, `5m`, `24h`, `7d`; a bare number is milliseconds |
| size | `512B`, `64KiB`, `1MiB`, `1GiB`; a bare number is bytes |
| bool | `true` or `false`, `1` or `0` |
| name | 1 to 256 bytes of UTF-8 without control characters |
| time | `2026-01-31T12:00:00Z` (RFC 3339), Unix milliseconds, or `-1h`: an hour ago |
| position | `all`, `new`, a time, or the id of a broadcast |
| states | `queued,retrying`: one of these; `!acked,dead`: none of these |
| list | names between commas: `event,command`; empty: none |
)";

constexpr const char* kTail = R"(
## Limits that no setting moves

| of a message | limit | else |
|---|---|---|
| payload | `max_payload`, at most 512 MiB | `MQ_TOO_LARGE` |
| source, target, reply_to, the name of a header | 256 bytes of UTF-8 without control characters | `MQ_TOO_LARGE`, `MQ_INVALID` |
| type, correlation_id, content_type, the value of a header | 64 KiB of UTF-8 | `MQ_TOO_LARGE`, `MQ_INVALID` |
| dedup_key | 1024 bytes of UTF-8 | `MQ_TOO_LARGE`, `MQ_INVALID` |
| headers | 1000, of 256 KiB in all | `MQ_TOO_LARGE` |
| priority | 0 to 255 | `MQ_INVALID` |
| ttl | -1, or 1 ms to 100 years | `MQ_INVALID` |
| messages, targets or receipts in one call | 1000000 | `MQ_INVALID` |
)";

std::string Choices(std::string_view choices) {
  std::string text = "`";
  for (const char byte : choices) text += byte == '|' ? std::string("`, `") : std::string(1, byte);
  return text + "`";
}

std::string Values(const Setting& row) {
  switch (row.type) {
    case SettingType::kText:
      return "text";
    case SettingType::kSecret:
      return "text, never shown";
    case SettingType::kName:
      return "name";
    case SettingType::kBool:
      return "bool";
    case SettingType::kChoice:
      return Choices(row.choices);
    case SettingType::kTime:
      return "time";
    case SettingType::kPosition:
      return "position";
    case SettingType::kStates:
      return "states: " + Choices(row.choices);
    case SettingType::kList:
      return "list";
    case SettingType::kInteger:
    case SettingType::kNumber:
    case SettingType::kDuration:
    case SettingType::kSize:
      break;
  }
  return FormatLimit(row.type, row.min) + " to " + FormatLimit(row.type, row.max);
}

std::string Section(SettingKind kind, const char* title) {
  const bool has_defaults = kind != SettingKind::kFilter;
  std::string text = std::string("\n## ") + title + "\n\n";
  text += has_defaults ? "| name | default | values | meaning |\n|---|---|---|---|\n"
                       : "| name | values | meaning |\n|---|---|---|\n";
  for (const Setting& row : SettingTable()) {
    if (row.kind != kind) continue;
    text += "| `" + std::string(row.name) + "` | ";
    if (has_defaults) text += row.default_value.empty() ? "| " : "`" + std::string(row.default_value) + "` | ";
    text += Values(row) + " | " + std::string(row.help) + " |\n";
  }
  return text;
}

std::string Document() {
  return kHead + Section(SettingKind::kBus, "Bus") + Section(SettingKind::kChannel, "Channel") +
         Section(SettingKind::kSubscription, "Subscription") + Section(SettingKind::kFilter, "Filter") +
         Section(SettingKind::kReplay, "Replay") + kTail;
}

TEST(SettingsDocument, IsWhatTheTableSays) {
  if (std::getenv("AGENTMQ_WRITE_SETTINGS_DOC") != nullptr) std::ofstream(kPath) << Document();
  std::ifstream file(kPath);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(text == Document()) << "docs/settings.md is not current: run scripts/settings-doc";
}

}  // namespace
}  // namespace agentmq
