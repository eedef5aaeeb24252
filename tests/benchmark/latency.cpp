#include <sys/prctl.h>

#include <algorithm>
#include <ctime>
#include <future>

#include "cases.hpp"
#include "measure.hpp"
#include "support/percentile.hpp"

namespace agentmq::bench {
namespace {

constexpr int64_t kInterval = 1'000'000;  // 1,000 messages a second

// One message each interval; a late one is not made up for in a burst.
void PublishPaced(Contender& contender, size_t count) {
  prctl(PR_SET_TIMERSLACK, 1UL);
  int64_t next = Nanoseconds();
  for (size_t i = 0; i < count; ++i) {
    contender.PublishStamped();
    next = std::max(next + kInterval, Nanoseconds());
    const timespec when{next / 1'000'000'000, next % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr);
  }
}

std::vector<int64_t> Latencies(Contender& contender, size_t count) {
  std::vector<int64_t> latencies;
  latencies.reserve(count);
  auto publisher = std::async(std::launch::async, [&] { PublishPaced(contender, count); });
  while (latencies.size() < count) contender.ReceiveStamped(&latencies);
  publisher.get();
  return latencies;
}

}  // namespace

// From the call of publish to the message in the consumer's hand, which waits for it.
void Latency(Bench& bench, size_t payload) {
  const std::string name = "latency at 1,000/s, " + Size(payload);
  const size_t count = bench.Count(5'000);
  const auto runs = bench.Alternate(name, payload, Profile::kDefaults, [&](Contender& contender) {
    Latencies(contender, 200);
    const int64_t trips = contender.RoundTrips();
    const int64_t reads = bench.server().Use().reads;
    const std::vector<int64_t> latencies = Latencies(contender, count);
    const int64_t used = trips >= 0 ? contender.RoundTrips() - trips : bench.server().Use().reads - reads;
    std::vector<double> values;
    for (const double part : {0.5, 0.99, 0.999}) {
      values.push_back(static_cast<double>(test::Percentile(latencies, part)) / 1e3);
    }
    values.push_back(static_cast<double>(used) / static_cast<double>(count));
    return values;
  });
  const std::string of = ", " + Size(payload);
  bench.Add({.name = "latency p50" + of, .unit = "us", .smaller_is_better = true}, runs.at(0));
  bench.Add({.name = "latency p99" + of, .unit = "us", .smaller_is_better = true, .gate = 2.5, .aim = 1.8}, runs.at(1));
  bench.Add({.name = "latency p99.9" + of, .unit = "us", .smaller_is_better = true}, runs.at(2));
  bench.Add({.name = "round trips at 1,000/s" + of, .unit = "/msg", .smaller_is_better = true}, runs.at(3));
}

}  // namespace agentmq::bench
