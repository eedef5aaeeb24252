// agentmq_chaos: publishers and consumers at work on real servers, while one fault after another is injected, and an
// account of every message. scripts/chaos runs it.
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "report.hpp"
#include "roles.hpp"
#include "support/temp_dir.hpp"
#include "trial.hpp"

namespace agentmq::chaos {
namespace {

using namespace std::chrono_literals;

constexpr const char* kUsage =
    "usage: agentmq_chaos [--short | --long] [--valkey] [--seed N] [--only FAULT] [--json FILE] [--journals FOLDER]\n"
    "  --short       every fault, some 5 minutes in all (the default)\n"
    "  --long        an hour\n"
    "  --valkey      on Valkey; else on Redis\n"
    "  --seed N      as an earlier run that printed it: the same messages, the same faults at the same times\n"
    "  --only FAULT  this one alone\n"
    "  --json FILE   where to write what was found\n"
    "  --journals FOLDER\n"
    "                where the agents' journals stay, in a folder for each fault\n"
    "It exits with 1 where a target is missed, with 2 where something failed.\n";

Form FormOf(bool long_form, bool valkey) {
  const char* const program = valkey ? "valkey-server" : "redis-server";
  return long_form ? Form{155s, 1500, program} : Form{8s, 200, program};
}

struct Arguments {
  bool long_form = false;
  bool valkey = false;
  uint64_t seed = std::random_device()();
  std::string only;
  std::string json;
  std::string journals;
};

// False: they are wrong.
bool Parse(const std::vector<std::string>& words, Arguments* arguments) {
  for (size_t i = 0; i < words.size(); ++i) {
    const bool more = i + 1 < words.size();
    if (words[i] == "--short" || words[i] == "--long") {
      arguments->long_form = words[i] == "--long";
    } else if (words[i] == "--valkey") {
      arguments->valkey = true;
    } else if (words[i] == "--seed" && more) {
      arguments->seed = std::stoull(words[++i]);
    } else if (words[i] == "--only" && more) {
      arguments->only = words[++i];
    } else if (words[i] == "--json" && more) {
      arguments->json = words[++i];
    } else if (words[i] == "--journals" && more) {
      arguments->journals = words[++i];
    } else {
      return false;
    }
  }
  return true;
}

int Run(const Arguments& arguments) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(arguments.seed));
  const Form form = FormOf(arguments.long_form, arguments.valkey);
  std::vector<Outcome> outcomes;
  Random seeds(arguments.seed);
  for (const Fault& fault : Faults()) {
    const uint64_t seed = seeds.Next();  // the same for each fault, whether others are run or not
    if (!arguments.only.empty() && arguments.only != fault.name) continue;
    std::printf("%-16s %s ...", fault.name.c_str(), fault.about.c_str());
    std::fflush(stdout);
    const test::TempDir own;
    const std::string folder = arguments.journals.empty() ? own.path() : arguments.journals + "/" + fault.name;
    std::filesystem::create_directories(folder);
    Outcome outcome = Try(fault, form, seed, folder);
    if (outcome.failures.empty() && !outcome.by_chance.empty()) {
      std::printf(" once more, %s ...", outcome.by_chance.front().c_str());
      std::fflush(stdout);
      std::filesystem::create_directories(folder + "/again");
      outcome = Try(fault, form, seed, folder + "/again");
    }
    outcomes.push_back(std::move(outcome));
    std::printf(" %.0f s, %s\n", outcomes.back().seconds, outcomes.back().passed() ? "passed" : "FAILED");
  }
  if (outcomes.empty()) throw std::runtime_error("no such fault: " + arguments.only);
  std::printf("\n");
  Print(outcomes);
  if (!arguments.json.empty()) Write(outcomes, arguments.long_form ? "long" : "short", arguments.json);
  const auto failed =
      std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& outcome) { return !outcome.passed(); });
  std::printf("%zu passed, %zu failed\n", outcomes.size() - static_cast<size_t>(failed), static_cast<size_t>(failed));
  return failed == 0 ? 0 : 1;
}

}  // namespace

int Main(const std::vector<std::string>& words) {
  if (!words.empty() && (words[0] == "--publisher" || words[0] == "--consumer")) {
    const Role role = Role::FromArguments({words.begin() + 1, words.end()});
    return words[0] == "--publisher" ? RunPublisher(role) : RunConsumer(role);
  }
  Arguments arguments;
  if (Parse(words, &arguments)) return Run(arguments);
  std::fputs(kUsage, stderr);
  return 2;
}

}  // namespace agentmq::chaos

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  try {
    return agentmq::chaos::Main({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "agentmq_chaos: %s\n", error.what());
    return 2;
  }
}
