#include "model/operation.hpp"

#include <random>
#include <utility>

namespace agentmq::test::model {
namespace {

// How often each comes, of 10,000.
constexpr std::pair<Kind, uint32_t> kShares[] = {
    {Kind::kPublish, 2330},  {Kind::kFetch, 2700},        {Kind::kAck, 1600},          {Kind::kAckAll, 400},
    {Kind::kAckId, 200},     {Kind::kNack, 800},          {Kind::kExtend, 200},        {Kind::kSettleAgain, 250},
    {Kind::kDelete, 150},    {Kind::kLookAtPending, 300}, {Kind::kGet, 150},           {Kind::kCount, 100},
    {Kind::kLookAtDead, 50}, {Kind::kReplay, 100},        {Kind::kSubscribe, 300},     {Kind::kUnsubscribe, 120},
    {Kind::kPassTime, 60},   {Kind::kRecover, 70},        {Kind::kCloseBus, 30},       {Kind::kCrashBus, 25},
    {Kind::kCrashAll, 4},    {Kind::kClear, 11},          {Kind::kCutConnections, 25}, {Kind::kForgetScripts, 25},
};

constexpr uint32_t Sum() {
  uint32_t sum = 0;
  for (const auto& [kind, share] : kShares) sum += share;
  return sum;
}
static_assert(Sum() == 10000);

}  // namespace

std::vector<Operation> DrawOperations(uint64_t seed, size_t count) {
  std::mt19937_64 chance(seed);
  std::vector<Operation> operations(count);
  for (Operation& operation : operations) {
    auto left = static_cast<uint32_t>(chance() % Sum());
    for (const auto& [kind, share] : kShares) {
      operation.kind = kind;
      if (left < share) break;
      left -= share;
    }
    for (uint32_t& draw : operation.draws) draw = static_cast<uint32_t>(chance() >> 32);
  }
  return operations;
}

}  // namespace agentmq::test::model
