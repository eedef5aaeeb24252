#include "core/event_log.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/gate.hpp"
#include "util/clock.hpp"

namespace agentmq {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};

// The log whose callback this thread is inside of.
thread_local const EventLog* telling = nullptr;

std::string TimeText(int64_t millis) {
  const std::time_t seconds = millis / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(millis % 1000));
  return std::string(text.data(), size) + fraction.data();
}

std::string Line(int level, std::string_view event, const Details& details) {
  nlohmann::ordered_json line;
  line["time"] = TimeText(WallMillis());
  line["level"] = kLevels[static_cast<size_t>(std::clamp(level, 0, 3))];
  line["event"] = event;
  for (const auto& [name, value] : details) line[name] = value;
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

int LogLevelOf(std::string_view name) {
  const auto* found = std::find(kLevels.begin(), kLevels.end(), name);
  return found == kLevels.end() ? kLogWarn : static_cast<int>(found - kLevels.begin());
}

EventLog::EventLog(int level, Callback callback) : level_(level), callback_(std::move(callback)) {
  if (callback_) listeners_.fetch_or(kToCallback);
}

EventLog::~EventLog() = default;

void EventLog::Write(int level, std::string_view event, const Details& details) {
  if (!Wants(level) || telling == this) return;
  const std::string line = Line(level, event, details);
  if (listeners_.load() & kToRing) Keep(line);
  const std::lock_guard lock(callback_mutex_);
  if (!callback_) return;
  telling = this;
  callback_(level, line.c_str());
  telling = nullptr;
}

EventSink EventLog::Sink(std::shared_ptr<EventLog> log) {
  return [log = std::move(log)](int level, std::string_view event, const Details& details) {
    log->Write(level, event, details);
    log->TellTap(event, details);
  };
}

void EventLog::SetTap(Tap tap) {
  const std::lock_guard lock(mutex_);
  tap_ = tap ? std::make_shared<const Tap>(std::move(tap)) : nullptr;
}

void EventLog::TellTap(std::string_view event, const Details& details) {
  std::shared_ptr<const Tap> tap;
  {
    const std::lock_guard lock(mutex_);
    tap = tap_;
  }
  if (tap != nullptr) (*tap)(event, details);
}

void EventLog::Keep(std::string line) {
  const std::lock_guard lock(mutex_);
  ring_.push_back(std::move(line));
  if (ring_.size() > kKept) ring_.pop_front();
  // One event, one reader; a reader passes on what it leaves behind.
  if (!waiters_.empty()) waiters_.front()->Set();
}

Result<std::string> EventLog::Next(const Patience& patience) {
  listeners_.fetch_or(kToRing);
  Event event;
  if (!event.valid()) return NoEventStatus();
  std::unique_lock lock(mutex_);
  Status failure;
  for (;;) {
    if (!ring_.empty()) break;
    if (shut_down_) {
      failure = ClosedStatus();
      break;
    }
    waiters_.push_back(&event);
    lock.unlock();
    const Event::Woken woken = event.Wait(patience);
    lock.lock();
    waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &event));
    if (!ring_.empty() || woken == Event::Woken::kSet) continue;
    failure = woken == Event::Woken::kCancelled ? InterruptedStatus()
                                                : Status(Code::kTimeout, "no log event came within the timeout");
    break;
  }
  std::string line;
  if (failure.ok()) {
    line = std::move(ring_.front());
    ring_.pop_front();
  }
  if (!ring_.empty() && !waiters_.empty()) waiters_.front()->Set();
  if (!failure.ok()) return failure;
  return line;
}

void EventLog::Shutdown() {
  const std::lock_guard lock(mutex_);
  shut_down_ = true;
  for (Event* waiter : waiters_) waiter->Set();
}

void EventLog::Detach() {
  listeners_.fetch_and(~kToCallback);
  if (telling == this) return;
  const std::lock_guard lock(callback_mutex_);
  callback_ = nullptr;
}

}  // namespace agentmq
