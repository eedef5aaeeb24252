// Random operations on a bus, each answer judged by the reference model. A failure is shrunk to the few steps that it
// takes and printed, with the seed that repeats it.
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <random>

#include "model/options.hpp"
#include "model/shrink.hpp"
#include "model/world.hpp"
#include "support/backends.hpp"

namespace agentmq::test::model {

Options& TheOptions() {
  static Options options;
  return options;
}

namespace {

using namespace std::chrono_literals;

constexpr size_t kShortEnough = 20;  // steps

struct Outcome {
  Verdict verdict;
  std::vector<std::string> trace;
  std::vector<int64_t> times;
};

class ModelTest : public ::testing::TestWithParam<std::string> {
 protected:
  Outcome Run(const std::vector<Operation>& operations) const {
    World world(GetParam() == "memory" ? nullptr : &SharedServer(GetParam()));
    Outcome outcome;
    try {
      outcome.verdict = world.Run(operations);
    } catch (const std::exception& failure) {
      outcome.verdict = failure.what();
    }
    outcome.trace = world.trace();
    outcome.times = world.times();
    return outcome;
  }

  void Report(uint64_t seed, const std::vector<Operation>& operations, const Outcome& outcome) const {
    std::cout << "seed " << seed << " fails: " << outcome.verdict << "; shrinking" << std::endl;
    Outcome shortest = outcome;
    const auto fails = [&](const std::vector<Operation>& fewer) {
      Outcome now = Run(fewer);
      if (now.verdict.empty()) return false;
      shortest = std::move(now);
      return true;
    };
    std::vector<Operation> last(operations.begin(), operations.begin() + std::ssize(outcome.times));
    const auto until = [] { return std::chrono::steady_clock::now() + std::chrono::seconds(TheOptions().shrink); };
    last = Shrink(std::move(last), fails, until());
    if (last.size() > kShortEnough) {
      // Fewer steps take less time: where that is why they do not fail, each has to begin when it did.
      for (size_t i = 0; i < last.size(); ++i) last[i].not_before = shortest.times[i];
      last = Shrink(std::move(last), fails, until());
    }
    std::string text;
    for (const std::string& line : shortest.trace) text += "  " + line + "\n";
    ADD_FAILURE() << "seed " << seed << " (--seed=" << seed << " --operations=" << operations.size()
                  << "): " << outcome.verdict << "\n"
                  << "after " << last.size() << " of " << operations.size() << " steps:\n"
                  << text << "  => " << shortest.verdict;
  }
};
INSTANTIATE_TEST_SUITE_P(On, ModelTest, ::testing::ValuesIn(Backends()), BackendName);

TEST_P(ModelTest, EveryAnswerIsOneThatTheModelAllows) {
  const Options& options = TheOptions();
  uint64_t seed = options.seed.value_or(std::random_device{}());
  std::cout << "the first seed is " << seed << std::endl;
  size_t done = 0;
  for (; done < options.operations; ++seed) {
    const std::vector<Operation> operations = DrawOperations(seed, std::min(options.steps, options.operations - done));
    const Outcome outcome = Run(operations);
    if (!outcome.verdict.empty()) return Report(seed, operations, outcome);
    done += operations.size();
  }
  std::cout << done << " operations" << std::endl;
}

}  // namespace
}  // namespace agentmq::test::model
