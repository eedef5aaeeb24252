#include "redis/scripts.hpp"

#include "redis_scripts.hpp"

namespace agentmq::redis {

std::string_view ScriptSource(Script script) {
  switch (script) {
    case Script::kAck:
      return scripts::kAck;
    case Script::kAudit:
      return scripts::kAudit;
    case Script::kAckKept:
      return scripts::kAckKept;
    case Script::kAwait:
      return scripts::kAwait;
    case Script::kClear:
      return scripts::kClear;
    case Script::kCopy:
      return scripts::kCopy;
    case Script::kDelete:
      return scripts::kDelete;
    case Script::kExtend:
      return scripts::kExtend;
    case Script::kFetch:
      return scripts::kFetch;
    case Script::kForget:
      return scripts::kForget;
    case Script::kGiveBack:
      return scripts::kGiveBack;
    case Script::kLanes:
      return scripts::kLanes;
    case Script::kLapse:
      return scripts::kLapse;
    case Script::kMaintain:
      return scripts::kMaintain;
    case Script::kNack:
      return scripts::kNack;
    case Script::kOnce:
      return scripts::kOnce;
    case Script::kPause:
      return scripts::kPause;
    case Script::kPublish:
      return scripts::kPublish;
    case Script::kPurge:
      return scripts::kPurge;
    case Script::kRaise:
      return scripts::kRaise;
    case Script::kRate:
      return scripts::kRate;
    case Script::kReclaim:
      return scripts::kReclaim;
    case Script::kRelease:
      return scripts::kRelease;
    case Script::kRemember:
      return scripts::kRemember;
    case Script::kReplay:
      return scripts::kReplay;
    case Script::kSchedule:
      return scripts::kSchedule;
    case Script::kSeek:
      return scripts::kSeek;
    case Script::kSettleId:
      return scripts::kSettleId;
    case Script::kSubscribe:
      return scripts::kSubscribe;
    case Script::kTell:
      return scripts::kTell;
    case Script::kTick:
      return scripts::kTick;
    case Script::kUnref:
      return scripts::kUnref;
    case Script::kWake:
      return scripts::kWake;
    case Script::kCount:
      break;
  }
  return {};
}

std::string_view ScriptName(Script script) {
  static constexpr std::array<std::string_view, kScriptCount> kNames = {
      "ack.lua",       "ack_kept.lua", "audit.lua",    "await.lua",     "clear.lua",    "copy.lua",  "delete.lua",
      "extend.lua",    "fetch.lua",    "forget.lua",   "give_back.lua", "lanes.lua",    "lapse.lua", "maintain.lua",
      "nack.lua",      "once.lua",     "pause.lua",    "publish.lua",   "purge.lua",    "raise.lua", "rate.lua",
      "reclaim.lua",   "release.lua",  "remember.lua", "replay.lua",    "schedule.lua", "seek.lua",  "settle_id.lua",
      "subscribe.lua", "tell.lua",     "tick.lua",     "unref.lua",     "wake.lua"};
  return kNames[static_cast<size_t>(script)];
}

Command MakeToken(const std::string& key, int64_t seconds) {
  Command command(Script::kWake);
  command.Key(key).Arg(seconds);
  return command;
}

bool Digests::known() const {
  std::lock_guard lock(mutex_);
  return !digests_.back().empty();
}

std::string Digests::Get(Script script) const {
  std::lock_guard lock(mutex_);
  return digests_[static_cast<size_t>(script)];
}

void Digests::Set(Script script, std::string digest) {
  std::lock_guard lock(mutex_);
  digests_[static_cast<size_t>(script)] = std::move(digest);
}

}  // namespace agentmq::redis
