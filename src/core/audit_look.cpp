// Reading audit trails, and finding where they are broken.
#include <nlohmann/json.hpp>

#include "core/audit.hpp"
#include "core/directory.hpp"
#include "core/settings_value.hpp"
#include "util/crypto.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr size_t kStep = 1000;
constexpr size_t kMostBreaks = 100;

using Json = nlohmann::ordered_json;

// "<time>-<number>".
bool IsId(std::string_view text) {
  const auto words = Split(text, '-');
  return words.size() == 2 && ParseInteger(words[0]).value_or(-1) >= 0 && ParseInteger(words[1]).value_or(-1) >= 0;
}

// The id behind which reading begins.
Result<std::string> Position(std::string_view after) {
  if (after.empty() || IsId(after)) return std::string(after);
  const auto time = ParseTime(after);
  if (!time) {
    return Status::Invalid(
        "after must be empty, the id of a record, or a time like 2026-01-31T12:00:00Z, -1h or Unix "
        "milliseconds, got " +
        Quote(after));
  }
  const int64_t from = *time < 0 ? WallMillis() + *time : *time;
  return from <= 0 ? std::string() : std::to_string(from - 1) + "-9223372036854775807";
}

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

// Goes along a trail, and remembers where a record does not follow the one before it.
class Verifier {
 public:
  // oldest: nothing is left of what was before it.
  void Look(const AuditRecord& record, bool oldest) {
    const bool anchor = oldest && record.number > 1;  // what it was chained to was trimmed
    if (!anchor) Check(record);
    if (count_ == 0 || anchor) first_ = record.number;
    ++count_;
    number_ = record.number;
    hash_ = record.hash;
    last_id_ = record.id;
  }

  std::string Report(std::string_view kind) const {
    Json report = {
        {"kind", kind}, {"intact", breaks_.empty()}, {"records", count_}, {"trimmed", count_ == 0 ? 0 : first_ - 1}};
    report["newest"] = Json{{"id", last_id_}, {"n", number_}, {"hash", hash_}};
    report["breaks"] = breaks_;
    return Dump(report);
  }

 private:
  void Check(const AuditRecord& record) {
    std::string why;
    if (record.number != number_ + 1) {
      why = "record " + std::to_string(number_ + 1) + " should stand here";
    } else if (record.hash != Hex(Sha256({hash_, "\n", std::to_string(record.number), "\n", record.text}))) {
      why = "it was altered, or does not follow the record before it";
    }
    if (!why.empty() && breaks_.size() < kMostBreaks) {
      breaks_.push_back(Json{{"id", record.id}, {"n", record.number}, {"why", why}});
    }
  }

  int64_t count_ = 0;
  int64_t first_ = 1;   // the number of the first
  int64_t number_ = 0;  // of the last
  std::string hash_;
  std::string last_id_;
  Json breaks_ = Json::array();
};

}  // namespace

Result<std::string> ReadAudit(Backend& backend, std::string_view kind, std::string_view after, size_t limit) {
  Status status = CheckName("kind", kind);
  if (status.ok()) status = CheckLimit(limit);
  if (!status.ok()) return status;
  const auto position = Position(after);
  if (!position.ok()) return position.status();
  const auto records = backend.ReadAudit(kind, *position, limit);
  if (!records.ok()) return records.status();
  std::string json = "{\"kind\":" + Dump(Json(kind)) + ",\"records\":[";
  for (const AuditRecord& record : *records) {
    if (json.back() != '[') json += ',';
    json += "{\"id\":" + Dump(Json(record.id)) + ",\"n\":" + std::to_string(record.number) +
            ",\"hash\":" + Dump(Json(record.hash)) + ",\"record\":";
    // Somebody may have altered it.
    json += nlohmann::json::accept(record.text) ? record.text : Dump(Json(record.text));
    json += '}';
  }
  json += "],\"next\":" + Dump(Json(records->empty() ? *position : records->back().id)) + '}';
  return json;
}

Result<std::string> VerifyAudit(Backend& backend, std::string_view kind) {
  if (Status status = CheckName("kind", kind); !status.ok()) return status;
  Verifier verifier;
  std::string after;
  for (;;) {
    const auto records = backend.ReadAudit(kind, after, kStep);
    if (!records.ok()) return records.status();
    for (const AuditRecord& record : *records) {
      bool oldest = after.empty() && &record == &records->front();
      if (!oldest && &record == &records->front()) {
        // It may be the oldest by now: then what was between was trimmed meanwhile.
        const auto first = backend.ReadAudit(kind, "", 1);
        if (!first.ok()) return first.status();
        oldest = !first->empty() && first->front().id == record.id;
      }
      verifier.Look(record, oldest);
    }
    if (records->size() < kStep) break;
    after = records->back().id;
  }
  return verifier.Report(kind);
}

}  // namespace agentmq
