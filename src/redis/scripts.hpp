#pragma once

#include <array>
#include <mutex>
#include <string>
#include <string_view>

#include "redis/command.hpp"

namespace agentmq::redis {

enum class Script : int {
  kAck,
  kAckKept,
  kAudit,
  kAwait,
  kClear,
  kCopy,
  kDelete,
  kExtend,
  kFetch,
  kForget,
  kGiveBack,
  kLanes,
  kLapse,
  kMaintain,
  kNack,
  kOnce,
  kPause,
  kPublish,
  kPurge,
  kRaise,
  kRate,
  kReclaim,
  kRelease,
  kRemember,
  kReplay,
  kSchedule,
  kSeek,
  kSettleId,
  kSubscribe,
  kTell,
  kTick,
  kUnref,
  kWake,
  kCount
};
inline constexpr size_t kScriptCount = static_cast<size_t>(Script::kCount);

std::string_view ScriptSource(Script script);
// "publish.lua"
std::string_view ScriptName(Script script);

// Leaves a token in a list that is waited on. seconds: that it stays, 0: for good.
Command MakeToken(const std::string& key, int64_t seconds = 0);

// The digests of the scripts, as the server told them when they were loaded. They are those of the text, so they hold
// for every server. Thread-safe.
class Digests {
 public:
  bool known() const;
  std::string Get(Script script) const;
  void Set(Script script, std::string digest);

 private:
  mutable std::mutex mutex_;
  std::array<std::string, kScriptCount> digests_;  // guarded by mutex_
};

}  // namespace agentmq::redis
