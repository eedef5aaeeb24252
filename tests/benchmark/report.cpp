#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace agentmq::bench {
namespace {

using Json = nlohmann::ordered_json;

bool Is(double value) { return !std::isnan(value); }

std::string Text(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// Three digits that count, and thousands apart.
std::string Number(double value) {
  if (!Is(value)) return "";
  if (std::abs(value) < 10) return Text("%.2f", value);
  if (std::abs(value) < 100) return Text("%.1f", value);
  std::string text = Text("%.0f", value);
  for (size_t place = text.size(); place > 3; place -= 3) text.insert(place - 3, ",");
  return text;
}

std::string Goal(const Figure& figure, double goal) {
  if (!Is(goal)) return "";
  const bool ratio = Is(figure.ratio) && !figure.goal_is_a_value;
  const std::string text = ratio ? Text("%.1f x", goal) : Number(goal);
  return text + (figure.Met(goal) ? " met" : " MISSED");
}

Json Value(double value) { return Is(value) ? Json(value) : Json(nullptr); }

Json GoalJson(const Figure& figure, double goal) {
  if (!Is(goal)) return nullptr;
  return {{"value", goal}, {"met", figure.Met(goal)}};
}

}  // namespace

bool Figure::Met(double goal) const {
  const double value = Is(ratio) && !goal_is_a_value ? ratio : bus;
  return smaller_is_better ? value <= goal : value >= goal;
}

void Report::Compare(const std::string& file) {
  std::ifstream stream(file);
  if (stream) before_ = nlohmann::json::parse(stream);
}

// How it changed: the ratio where there is one, for both runs had their own server and hour.
std::string Report::Before(const Figure& figure) const {
  const std::string key = Is(figure.ratio) ? "ratio" : "agentmq";
  const double now = Is(figure.ratio) ? figure.ratio : figure.bus;
  if (!before_.contains("figures")) return "";
  for (const auto& other : before_["figures"]) {
    if (other.value("name", "") != figure.name || !other.contains(key) || !other[key].is_number()) continue;
    const double before = other[key].get<double>();
    if (before == 0) return "";
    return Number(before) + Text(" (%+.0f %%)", (now / before - 1) * 100);
  }
  return "new";
}

void Report::Print() const {
  std::vector<std::vector<std::string>> rows{
      {"", "unit", "raw", "agentmq", "ratio", "(of runs)", "gate", "aim", "before"}};
  for (const Figure& figure : figures_) {
    const bool spread = Is(figure.ratio_low) && figure.ratio_low != figure.ratio_high;
    rows.push_back({figure.name, figure.unit, Number(figure.raw), Number(figure.bus),
                    Is(figure.ratio) ? Text("%.2f x", figure.ratio) : "",
                    spread ? Text("%.2f", figure.ratio_low) + Text(" - %.2f", figure.ratio_high) : "",
                    Goal(figure, figure.gate), Goal(figure, figure.aim), Before(figure)});
  }
  std::vector<size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - row[i].size(), ' ');
      line += i >= 2 && i <= 4 ? space + row[i] + "  " : row[i] + space + "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    std::printf("%s\n", line.c_str());
  }
}

void Report::Write(const std::string& file) const {
  Json json;
  for (const auto& [name, value] : notes_) json["about"][name] = value;
  json["figures"] = Json::array();
  for (const Figure& figure : figures_) {
    json["figures"].push_back({{"name", figure.name},
                               {"unit", figure.unit},
                               {"raw", Value(figure.raw)},
                               {"agentmq", Value(figure.bus)},
                               {"ratio", Value(figure.ratio)},
                               {"ratio_low", Value(figure.ratio_low)},
                               {"ratio_high", Value(figure.ratio_high)},
                               {"gate", GoalJson(figure, figure.gate)},
                               {"aim", GoalJson(figure, figure.aim)}});
  }
  std::ofstream stream(file);
  stream << json.dump(2) << '\n';
  if (!stream.flush()) throw std::runtime_error("can't write " + file);
}

bool Report::GatesMet() const {
  return std::all_of(figures_.begin(), figures_.end(),
                     [](const Figure& figure) { return !Is(figure.gate) || figure.Met(figure.gate); });
}

}  // namespace agentmq::bench
