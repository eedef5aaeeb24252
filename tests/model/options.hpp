#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace agentmq::test::model {

// From the command line: --operations=<on each store> --seed=<of the first run> --steps=<of a run>
// --shrink=<seconds that shrinking a failure may take, twice>
struct Options {
  size_t operations = 50'000;
  size_t steps = 1000;
  size_t shrink = 60;
  std::optional<uint64_t> seed;  // else drawn by chance
};

Options& TheOptions();

}  // namespace agentmq::test::model
