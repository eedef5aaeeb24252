#pragma once

#include <cstdint>

namespace agentmq {

// Milliseconds of a clock that never jumps and goes on while the process or the machine sleeps (CLOCK_BOOTTIME), so
// that a consumer that was stopped notices it.
int64_t SteadyMillis();

// Milliseconds since 1970 by this machine's clock; only the memory backend takes it for the server's.
int64_t WallMillis();

// When a wait ends: never, or at a steady time.
class Deadline {
 public:
  // timeout: milliseconds, -1 without end, 0 at once.
  static Deadline After(int64_t timeout);
  static Deadline Never() { return Deadline(kNever); }

  bool never() const { return at_ == kNever; }
  bool Expired() const;
  // Milliseconds left: 0 when expired, -1 without end.
  int64_t Remaining() const;
  Deadline Earlier(Deadline other) const { return at_ <= other.at_ ? *this : other; }

 private:
  static constexpr int64_t kNever = INT64_MAX;
  explicit Deadline(int64_t at) : at_(at) {}
  int64_t at_;
};

}  // namespace agentmq
