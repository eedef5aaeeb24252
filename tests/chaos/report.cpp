#include "report.hpp"

#include <agentmq/agentmq.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace agentmq::chaos {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::vector<std::string>;

std::string Duration(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", seconds);
  return text;
}

Row ToRow(const Outcome& outcome) {
  const bool struck = !outcome.recoveries.empty();
  return {outcome.fault,
          std::to_string(outcome.recoveries.size()),
          std::to_string(outcome.messages),
          std::to_string(outcome.lost),
          std::to_string(outcome.stored_twice),
          std::to_string(outcome.again()),
          std::to_string(outcome.after_ack),
          std::to_string(outcome.dead),
          struck ? Duration(outcome.Recovery(0.5)) : "",
          struck ? Duration(outcome.Recovery(1)) : "",
          outcome.passed() ? "passed" : "FAILED"};
}

Json ToJson(const Outcome& outcome) {
  return {{"fault", outcome.fault},
          {"about", outcome.about},
          {"seed", outcome.seed},
          {"server", outcome.server},
          {"seconds", outcome.seconds},
          {"strikes", outcome.recoveries.size()},
          {"messages", outcome.messages},
          {"stored_without_an_answer", outcome.uncertain},
          {"lost", outcome.lost},
          {"stored_weakly", outcome.weak},
          {"lost_of_these", outcome.weak_lost},
          {"stored_twice", outcome.stored_twice},
          {"denied", outcome.denied},
          {"dead_letters", outcome.dead},
          {"received_again",
           {{"taken", outcome.again_taken},
            {"unacked", outcome.again_unacked},
            {"overlap", outcome.again_overlap},
            {"after_ack", outcome.after_ack}}},
          {"longest_wait", outcome.longest_wait},
          {"recoveries", outcome.recoveries},
          {"slowest_recovery", outcome.slowest},
          {"failures", outcome.failures},
          {"by_chance", outcome.by_chance}};
}

}  // namespace

void Print(const std::vector<Outcome>& outcomes) {
  std::vector<Row> rows{{"fault", "strikes", "messages", "lost", "stored twice", "again", "after ack", "dead",
                         "recovery p50", "max", "verdict"}};
  for (const Outcome& outcome : outcomes) rows.push_back(ToRow(outcome));
  std::vector<size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (size_t line = 0; line < rows.size(); ++line) {
    for (size_t i = 0; i < widths.size(); ++i) {
      std::printf(i == 0 ? "| %-*s |" : " %*s |", static_cast<int>(widths[i]), rows[line][i].c_str());
    }
    std::printf("\n");
    for (size_t i = 0; line == 0 && i < widths.size(); ++i) {
      std::printf(i == 0 ? "|%s|" : "%s:|", std::string(widths[i] + (i == 0 ? 2 : 1), '-').c_str());
    }
    if (line == 0) std::printf("\n");
  }
  for (const Outcome& outcome : outcomes) {
    std::vector<std::string> all = outcome.failures;
    all.insert(all.end(), outcome.by_chance.begin(), outcome.by_chance.end());
    for (const std::string& failure : all) {
      std::printf("%s (seed %llu): %s\n", outcome.fault.c_str(), static_cast<unsigned long long>(outcome.seed),
                  failure.c_str());
    }
  }
}

void Write(const std::vector<Outcome>& outcomes, const std::string& form, const std::string& file) {
  Json json{{"agentmq", mq_version()}, {"form", form}, {"trials", Json::array()}};
  for (const Outcome& outcome : outcomes) json["trials"].push_back(ToJson(outcome));
  std::ofstream stream(file);
  stream << json.dump(2) << '\n';
  if (!stream.flush()) throw std::runtime_error("can't write " + file);
}

}  // namespace agentmq::chaos
