#include "core/audit.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/names.hpp"
#include "core/reader.hpp"
#include "core/shared.hpp"
#include "util/crypto.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr int64_t kGather = 20;             // ms
constexpr size_t kMostAtOnce = 1000;        // records
constexpr size_t kMostBytes = 1024 * 1024;  // of one append
constexpr size_t kMostGathered = 50'000;    // records
constexpr int64_t kRetryBase = 50;          // ms
constexpr int64_t kRetryMax = 1000;         // ms
constexpr size_t kLongestJson = 64 * 1024;

std::string HostAndProcess() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return std::string(host.data()) + ':' + std::to_string(getpid());
}

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string HashOf(std::string_view before, int64_t number, std::string_view text) {
  return Hex(Sha256({before, "\n", std::to_string(number), "\n", text}));
}

Status CheckKind(std::string_view kind) { return CheckName("kind", kind); }

}  // namespace

Audit::Audit(Shared& shared)
    : shared_(shared),
      on_(shared.config.Text("audit") == "messages"),
      most_(shared.config.Integer("audit_max")),
      by_(shared.settings.source.empty() ? HostAndProcess() : shared.settings.source + '@' + HostAndProcess()) {}

Audit::~Audit() { (void)Close(Deadline::After(0)); }

// ---- appending ------------------------------------------------------------------------------------------------------

Status Audit::Append(Backend& backend, std::string_view kind, const std::vector<std::string>& texts, AuditHead* head,
                     const Patience& patience) const {
  std::vector<AuditRecord> records(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) records[i].text = texts[i];
  for (;;) {
    AuditHead at = *head;
    for (AuditRecord& record : records) {
      record.number = ++at.number;
      at.hash = record.hash = HashOf(at.hash, record.number, record.text);
    }
    Status status = backend.AppendAudit(kind, most_, head, records, patience);
    if (status.ok()) *head = {at.number, std::move(at.hash), false};
    if (status.code() != Code::kStale) return status;
    if (patience.cancelled()) return InterruptedStatus();
    if (patience.deadline.Expired()) return {Code::kUnavailable, "others append to the trail all the time"};
  }
}

Status Audit::Add(Backend& backend, std::string_view kind, std::string_view actor, std::string_view json) {
  Status status = CheckKind(kind);
  if (status.ok() && !actor.empty()) status = CheckName("actor", actor);
  if (!status.ok()) return status;
  if (kind == kMessageTrail) return Status::Invalid("the trail 'messages' is the library's own: choose another kind");
  if (json.size() > kLongestJson) return {Code::kTooLarge, "the record is above 64 KiB"};
  if (!nlohmann::json::accept(json)) return Status::Invalid("the record is no JSON");
  nlohmann::ordered_json front = {{"time", WallMillis()}};
  if (!actor.empty()) front["actor"] = actor;
  front["by"] = by_;
  std::string text = Dump(front);
  // As it is: it was found good, and writing it anew might not give the same.
  text.back() = ',';
  text += "\"data\":";
  text += json;
  text += '}';
  AuditHead head;
  {
    const std::lock_guard lock(heads_mutex_);
    head = heads_[std::string(kind)];
  }
  status = Append(backend, kind, {std::move(text)}, &head, shared_.Brief());
  const std::lock_guard lock(heads_mutex_);
  heads_[std::string(kind)] = status.ok() ? head : AuditHead();
  return status;
}

// ---- what becomes of messages ---------------------------------------------------------------------------------------

void Audit::Note(std::string_view action, const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
  if (!on_) return;
  nlohmann::ordered_json record = {{"time", WallMillis()}, {"action", action}};
  for (const auto& [name, value] : fields) {
    if (!value.empty()) record[std::string(name)] = value;
  }
  record["by"] = by_;
  std::string text = Dump(record);
  std::unique_lock lock(mutex_);
  const auto room = [&] { return gathered_.size() < kMostGathered || failing_ || closing_; };
  if (!room()) {
    work_.notify_one();
    done_.wait_for(lock, std::chrono::milliseconds(shared_.settings.command_timeout), room);
  }
  if (closing_ || gathered_.size() >= kMostGathered) {
    ++lost_;
    lost_some_ = true;
    return;
  }
  ++noted_;
  gathered_.push_back({std::move(text), SteadyMillis()});
  if (!thread_.joinable()) thread_ = Thread("amq-audit", [this] { Run(); });
  if (gathered_.size() == 1 || gathered_.size() == kMostAtOnce) work_.notify_one();
}

void Audit::NoteEvent(std::string_view event, const Details& details) {
  if (!on_) return;
  std::string_view action;
  if (event == "recovered") action = "recover";
  if (event == "dead_lettered") action = "dead";
  if (event == "group_removed") action = event;
  if (action.empty()) return;
  Note(action, std::vector<std::pair<std::string_view, std::string_view>>(details.begin(), details.end()));
}

// Called with mutex_ held.
std::vector<std::string> Audit::Take() {
  std::vector<std::string> texts;
  size_t bytes = 0;
  while (!gathered_.empty() && texts.size() < kMostAtOnce && bytes < kMostBytes) {
    bytes += gathered_.front().text.size();
    texts.push_back(std::move(gathered_.front().text));
    gathered_.pop_front();
  }
  return texts;
}

void Audit::Run() {
  AuditHead head;
  Backoff backoff(kRetryBase, kRetryMax);
  std::vector<std::string> batch;  // tried again as it is, until it is known what became of it
  size_t noted = 0;                // of it: without what the trail says of itself, and
  size_t lost = 0;                 // what that is
  std::unique_lock lock(mutex_);
  for (;;) {
    if (batch.empty()) {
      const auto due = [&] { return gathered_.empty() ? INT64_MAX : gathered_.front().at + kGather; };
      while (!closing_ && hurried_ <= finished_ && gathered_.size() < kMostAtOnce && due() > SteadyMillis()) {
        if (gathered_.empty()) {
          work_.wait(lock);
        } else {
          work_.wait_for(lock, std::chrono::milliseconds(due() - SteadyMillis()));
        }
      }
      if (gathered_.empty() && closing_) break;
      batch = Take();
      noted = batch.size();
      if (lost_ > 0) {
        batch.push_back(Dump({{"time", WallMillis()}, {"action", "lost"}, {"records", lost_}, {"by", by_}}));
      }
      lost = std::exchange(lost_, 0);
      if (batch.empty()) {  // hurried for what is written already
        hurried_ = finished_;
        continue;
      }
    }
    lock.unlock();
    const auto backend = shared_.backend();
    const Status status =
        backend == nullptr ? ClosedStatus() : Append(*backend, kMessageTrail, batch, &head, shared_.Brief(&give_up_));
    lock.lock();
    if (!status.ok() && Failed(status, noted + lost)) {
      const int64_t pause = backoff.Next();
      done_.notify_all();
      if (closing_ && give_up_.fired()) break;
      work_.wait_for(lock, std::chrono::milliseconds(pause));
      continue;
    }
    if (status.ok()) failing_ = false;
    backoff.Reset();
    finished_ += noted;
    batch.clear();
    done_.notify_all();
  }
  if (!batch.empty() || !gathered_.empty()) lost_some_ = true;
  ended_ = true;
  done_.notify_all();
}

// Called with mutex_ held.
bool Audit::Failed(const Status& status, size_t records) {
  const bool mends = MendsByWaiting(status.code());
  if (!std::exchange(failing_, true) && shared_.log->Wants(kLogError)) {
    shared_.log->Write(kLogError, "audit_failed", {{"reason", status.text()}});
  }
  if (mends) return true;
  lost_ += records;
  lost_some_ = true;
  return false;
}

Status Audit::Flush(const Patience& patience) {
  std::unique_lock lock(mutex_);
  const uint64_t wanted = noted_;
  hurried_ = std::max(hurried_, wanted);
  work_.notify_one();
  while (finished_ < wanted && !ended_) {
    if (patience.cancelled()) return InterruptedStatus();
    if (patience.deadline.Expired()) return {Code::kTimeout, "records of the audit trail are not written yet"};
    done_.wait_for(lock, std::chrono::milliseconds(kGather));
  }
  if (!std::exchange(lost_some_, false)) return Status::Ok();
  return {Code::kPartial, "records of the audit trail could not be written"};
}

Status Audit::Close(Deadline deadline) {
  {
    std::unique_lock lock(mutex_);
    closing_ = true;
    work_.notify_all();
    done_.notify_all();
    if (!thread_.joinable()) return Status::Ok();
    while (!ended_ && !deadline.Expired()) done_.wait_for(lock, std::chrono::milliseconds(kGather));
  }
  give_up_.Fire();
  work_.notify_all();
  thread_.Join();
  const std::lock_guard lock(mutex_);
  if (!std::exchange(lost_some_, false)) return Status::Ok();
  return {Code::kPartial, "records of the audit trail could not be written"};
}

}  // namespace agentmq
