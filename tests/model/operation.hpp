#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace agentmq::test::model {

enum class Kind : uint8_t {
  kPublish,
  kFetch,
  kAck,
  kAckAll,
  kAckId,
  kNack,
  kExtend,
  kSettleAgain,  // with what was settled, or taken away, before
  kDelete,
  kLookAtPending,
  kGet,
  kCount,
  kLookAtDead,
  kReplay,
  kSubscribe,
  kUnsubscribe,
  kPassTime,  // until the next deadline is over
  kRecover,
  kCloseBus,
  kCrashBus,  // its consumers settle nothing, give nothing back and say no goodbye
  kCrashAll,  // and somebody new finds what they had
  kClear,
  kCutConnections,  // the server drops every client
  kForgetScripts,   // the server loses its scripts
};

// One step of a run. What it applies to is drawn from what is there when it is its turn, so that a run stays one when
// steps are left out of it.
struct Operation {
  Kind kind = Kind::kPublish;
  std::array<uint32_t, 4> draws{};
  int64_t not_before = 0;  // ms since the run began
};

// The same for the same seed.
std::vector<Operation> DrawOperations(uint64_t seed, size_t count);

}  // namespace agentmq::test::model
