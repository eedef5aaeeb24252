#include "cases.hpp"
#include "measure.hpp"

namespace agentmq::bench {
namespace {

// Memory requests of the client, a message; counted apart, for counting costs time.
double AllocationsOf(Contender& contender, size_t count) {
  const int64_t before = Allocations();
  CountAllocations(true);
  contender.Publish(count);
  contender.Drain(count);
  CountAllocations(false);
  return static_cast<double>(Allocations() - before) / static_cast<double>(count);
}

}  // namespace

void Cost(Bench& bench, size_t payload) {
  const std::string name = "cost of a message, " + Size(payload);
  const size_t count = bench.Count(payload > 500 ? 50'000 : 100'000);
  const auto runs = bench.Alternate(name, payload, Profile::kBatches, [&](Contender& contender) {
    WarmUp(contender);
    const ServerUse server = bench.server().Use();
    const int64_t trips = contender.RoundTrips();
    const double client = ClientCpuSeconds();
    contender.Publish(count);
    contender.Drain(count);
    const double client_used = ClientCpuSeconds() - client;
    const ServerUse after = bench.server().Use();
    const auto each = static_cast<double>(count);
    const int64_t trips_used = trips >= 0 ? contender.RoundTrips() - trips : after.calls - server.calls;
    const double allocations = AllocationsOf(contender, count / 10);
    return std::vector{client_used * 1e6 / each, (after.cpu_seconds - server.cpu_seconds) * 1e6 / each, allocations,
                       static_cast<double>(after.commands - server.commands) / each,
                       static_cast<double>(trips_used) * 1000 / each};
  });
  const std::string of = ", " + Size(payload);
  bench.Add({.name = "client CPU" + of, .unit = "us/msg", .smaller_is_better = true, .aim = 2, .goal_is_a_value = true},
            runs.at(0));
  bench.Add({.name = "server CPU" + of, .unit = "us/msg", .smaller_is_better = true}, runs.at(1));
  bench.Add({.name = "client allocations" + of, .unit = "/msg", .smaller_is_better = true}, runs.at(2));
  bench.Add({.name = "commands run" + of, .unit = "/msg", .smaller_is_better = true}, runs.at(3));
  bench.Add({.name = "round trips" + of, .unit = "/1,000 msg", .smaller_is_better = true}, runs.at(4));
}

void Memory(Bench& bench, size_t payload) {
  const std::string name = "server memory, " + Size(payload);
  const size_t count = bench.Count(50'000);
  const auto runs = bench.Alternate(name, payload, Profile::kBatches, [&](Contender& contender) {
    contender.Publish(kBatch);
    const int64_t before = bench.server().Use().memory;
    contender.Publish(count);
    return std::vector{static_cast<double>(bench.server().Use().memory - before) / static_cast<double>(count)};
  });
  bench.Add({.name = name, .unit = "bytes/msg", .smaller_is_better = true, .aim = payload > 500 ? kNone : 2.0},
            runs.at(0));
}

}  // namespace agentmq::bench
