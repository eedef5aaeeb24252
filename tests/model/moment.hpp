#pragma once

#include <cstdint>
#include <ctime>

namespace agentmq::test::model {

inline constexpr int64_t kNever = INT64_MAX;

// When a call was under way, in Unix ms: servers and embedded store have the clock of this machine.
struct Moment {
  int64_t began = 0;
  int64_t ended = 0;
};

// Something happens at a time between these.
struct Span {
  int64_t from = kNever;
  int64_t to = kNever;
};

// Whether a time is over, or may be, when a call ran; clocks are read in whole ms.
inline constexpr int64_t kSlack = 3;
inline bool IsOver(int64_t time, Moment moment) { return time != kNever && moment.began > time + kSlack; }
inline bool MayBeOver(int64_t time, Moment moment) { return time != kNever && moment.ended + kSlack >= time; }

inline int64_t Now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

template <typename Call>
Moment During(const Call& call) {
  Moment moment;
  moment.began = Now();
  call();
  moment.ended = Now();
  return moment;
}

}  // namespace agentmq::test::model
