#include <future>

#include "cases.hpp"
#include "measure.hpp"

namespace agentmq::bench {
namespace {

// Messages a second.
template <typename Work>
double Rate(size_t count, Work work) {
  const int64_t begin = Nanoseconds();
  work();
  return static_cast<double>(count) * 1e9 / static_cast<double>(Nanoseconds() - begin);
}

}  // namespace

void Publish(Bench& bench, size_t payload) {
  const std::string name = "publish in batches, " + Size(payload);
  const size_t count = bench.Count(payload > 500 ? 100'000 : 200'000);
  const auto runs = bench.Alternate(name, payload, Profile::kBatches, [&](Contender& contender) {
    contender.Publish(kBatch);
    return std::vector{Rate(count, [&] { contender.Publish(count); })};
  });
  bench.Add({.name = name, .unit = "msg/s", .gate = 0.9, .aim = 1.0}, runs.at(0));
}

void Drain(Bench& bench, size_t payload) {
  const std::string name = "drain with acks, " + Size(payload);
  const size_t count = bench.Count(payload > 500 ? 100'000 : 200'000);
  const auto runs = bench.Alternate(name, payload, Profile::kBatches, [&](Contender& contender) {
    WarmUp(contender);
    contender.Publish(count);
    return std::vector{Rate(count, [&] { contender.Drain(count); })};
  });
  bench.Add({.name = name, .unit = "msg/s", .gate = 1.8, .aim = 2.2}, runs.at(0));
}

void Both(Bench& bench, size_t payload) {
  const std::string name = "both at once, " + Size(payload);
  const size_t count = bench.Count(payload > 500 ? 100'000 : 200'000);
  const auto runs = bench.Alternate(name, payload, Profile::kBatches, [&](Contender& contender) {
    WarmUp(contender);
    return std::vector{Rate(count, [&] {
      auto consumer = std::async(std::launch::async, [&] { contender.Drain(count); });
      contender.Publish(count);
      consumer.get();
    })};
  });
  bench.Add({.name = name, .unit = "msg/s", .gate = 1.5, .aim = 1.9}, runs.at(0));
}

void Single(Bench& bench, size_t payload) {
  const std::string name = "publish one at a time, " + Size(payload);
  const size_t count = bench.Count(20'000);
  const auto runs = bench.Alternate(name, payload, Profile::kDefaults, [&](Contender& contender) {
    contender.PublishSingly(100);
    return std::vector{Rate(count, [&] { contender.PublishSingly(count); })};
  });
  bench.Add({.name = name, .unit = "msg/s"}, runs.at(0));
}

void Embedded(Bench& bench, size_t payload) {
  const size_t count = bench.Count(500'000);
  const size_t step = 50 * kBatch;
  Runs rates;
  for (size_t run = 0; run < bench.runs(); ++run) {
    const auto bus = MakeBus("memory://bench", payload, Profile::kBatches);
    WarmUp(*bus);
    rates.bus.push_back(Rate(count, [&] {
      for (size_t done = 0; done < count; done += step) {
        bus->Publish(step);
        bus->Drain(step);
      }
    }));
  }
  bench.Add({.name = "embedded, one thread, " + Size(payload), .unit = "msg/s", .aim = payload > 500 ? kNone : 1e6},
            rates);
}

}  // namespace agentmq::bench
