#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace agentmq::test {

// Whether `predicate` becomes true before the deadline; asks every few milliseconds.
inline bool Eventually(std::chrono::milliseconds deadline, const std::function<bool()>& predicate) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= end) return predicate();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// Whether `predicate` stays true for the whole time: for what must not happen.
inline bool Always(std::chrono::milliseconds time, const std::function<bool()>& predicate) {
  return !Eventually(time, [&] { return !predicate(); });
}

}  // namespace agentmq::test
