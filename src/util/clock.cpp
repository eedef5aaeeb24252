#include "util/clock.hpp"

#include <ctime>

namespace agentmq {
namespace {

int64_t Millis(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

int64_t SteadyMillis() { return Millis(CLOCK_BOOTTIME); }

int64_t WallMillis() { return Millis(CLOCK_REALTIME); }

Deadline Deadline::After(int64_t timeout) {
  if (timeout < 0) return Never();
  const int64_t now = SteadyMillis();
  return Deadline(timeout > kNever - now ? kNever : now + timeout);
}

bool Deadline::Expired() const { return at_ != kNever && SteadyMillis() >= at_; }

int64_t Deadline::Remaining() const {
  if (at_ == kNever) return -1;
  const int64_t now = SteadyMillis();
  return now >= at_ ? 0 : at_ - now;
}

}  // namespace agentmq
