// agentmq_bench: agentmq against a hand-written hiredis loop, on a server of its own. scripts/benchmark runs it.
#include <agentmq/agentmq.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>

#include "cases.hpp"

namespace agentmq::bench {
namespace {

constexpr const char* kFigures = AGENTMQ_SOURCE_DIR "/tests/benchmark/figures.json";

constexpr const char* kUsage =
    "usage: agentmq_bench [--quick] [--unix] [--only CASE] [--json FILE] [--keep]\n"
    "  --quick      a tenth of the messages, 2 runs; missed gates count for nothing\n"
    "  --unix       over a unix socket; else over TCP on the loopback interface\n"
    "  --only CASE  one of: publish drain both single latency cost memory embedded\n"
    "  --json FILE  where to write the figures (default: benchmark.json)\n"
    "  --keep       keep them in tests/benchmark/figures.json, which the next runs compare themselves with\n"
    "It exits with 1 where a gate is missed, with 2 where something failed.\n";

struct Case {
  const char* name;
  void (*run)(Bench& bench, size_t payload);
};

constexpr Case kCases[] = {{"publish", Publish}, {"drain", Drain}, {"both", Both},     {"single", Single},
                           {"latency", Latency}, {"cost", Cost},   {"memory", Memory}, {"embedded", Embedded}};

struct Arguments {
  bool quick = false;
  bool keep = false;
  bool unix_socket = false;
  std::string only;
  std::string json = "benchmark.json";
};

// False: they are wrong.
bool Parse(int argc, char** argv, Arguments* arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--quick") {
      arguments->quick = true;
    } else if (argument == "--keep") {
      arguments->keep = true;
    } else if (argument == "--unix") {
      arguments->unix_socket = true;
    } else if (argument == "--only" && i + 1 < argc) {
      arguments->only = argv[++i];
    } else if (argument == "--json" && i + 1 < argc) {
      arguments->json = argv[++i];
    } else {
      return false;
    }
  }
  const bool whole = !arguments->quick && !arguments->unix_socket && arguments->only.empty();
  if (arguments->keep && !whole) return false;
  for (const Case& one : kCases) {
    if (arguments->only.empty() || arguments->only == one.name) return true;
  }
  return false;
}

// Others' work makes tails long and ratios random.
void WarnWhereBusy() {
  double load = 0;
  if (getloadavg(&load, 1) == 1 && load > 0.5) {
    std::printf("note: the machine is busy (load %.1f); these figures will not be steady\n", load);
  }
}

int Run(const Arguments& arguments) {
  WarnWhereBusy();
  Server server(!arguments.unix_socket);
  Report report;
  report.Compare(kFigures);
  report.Note("agentmq", mq_version());
  report.Note("server",
              "Redis " + server.Version() + (arguments.unix_socket ? ", unix socket" : ", TCP") + ", no persistence");
  report.Note("processors", std::to_string(std::thread::hardware_concurrency()));
  report.Note("runs", arguments.quick ? "quick" : "medians of 5 alternating runs, batches of 500");

  Bench bench(&server, &report, arguments.quick);
  for (const Case& one : kCases) {
    if (!arguments.only.empty() && arguments.only != one.name) continue;
    for (const size_t payload : {size_t{100}, size_t{1024}}) one.run(bench, payload);
  }

  report.Print();
  report.Write(arguments.json);
  std::printf("written to %s\n", arguments.json.c_str());
  if (arguments.keep) report.Write(kFigures);
  if (report.GatesMet()) return 0;
  std::printf("A GATE IS MISSED\n");
  return arguments.quick ? 0 : 1;
}

}  // namespace
}  // namespace agentmq::bench

int main(int argc, char** argv) {
  agentmq::bench::Arguments arguments;
  if (!agentmq::bench::Parse(argc, argv, &arguments)) {
    std::fputs(agentmq::bench::kUsage, stderr);
    return 2;
  }
  try {
    return agentmq::bench::Run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "agentmq_bench: %s\n", error.what());
    return 2;
  }
}
