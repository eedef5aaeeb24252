#pragma once

#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace agentmq::bench {

inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// One line of the table: medians of alternating runs, of the raw loop and of agentmq. The ratio is agentmq's value in
// parts of the raw one's, the median of the pairs of runs. Goals are ratios where there is a raw value, else values.
struct Figure {
  std::string name;
  std::string unit;
  double raw = kNone;
  double bus = kNone;
  double ratio = kNone;
  double ratio_low = kNone;
  double ratio_high = kNone;
  bool smaller_is_better = false;
  double gate = kNone;
  double aim = kNone;
  bool goal_is_a_value = false;  // although there is a raw one

  bool Met(double goal) const;
};

// The figures, and those of an earlier run to compare with.
class Report {
 public:
  void Add(Figure figure) { figures_.push_back(std::move(figure)); }
  // What is said of the whole run, like the server's version.
  void Note(const std::string& name, const std::string& value) { notes_[name] = value; }
  // Figures that Write() wrote; a file that isn't there is none.
  void Compare(const std::string& file);

  void Print() const;
  void Write(const std::string& file) const;
  bool GatesMet() const;

 private:
  std::string Before(const Figure& figure) const;

  std::vector<Figure> figures_;
  std::map<std::string, std::string> notes_;
  nlohmann::json before_;
};

}  // namespace agentmq::bench
