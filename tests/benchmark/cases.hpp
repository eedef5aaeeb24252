#pragma once

#include <functional>
#include <string>
#include <vector>

#include "contender.hpp"
#include "report.hpp"
#include "server.hpp"

namespace agentmq::bench {

// One figure's values, a pair for each run.
struct Runs {
  std::vector<double> raw;
  std::vector<double> bus;
};

// What all cases share: the server, the report, and how long to measure.
class Bench {
 public:
  Bench(Server* server, Report* report, bool quick) : server_(server), report_(report), quick_(quick) {}

  // Measures both contenders in turn on an empty server, each one warm; `measure` answers one value for each figure.
  std::vector<Runs> Alternate(const std::string& name, size_t payload, Profile profile,
                              const std::function<std::vector<double>(Contender&)>& measure);
  // Fills in what the runs say, and reports it.
  void Add(Figure figure, const Runs& runs);

  // How many messages to use where a long run uses `full`.
  size_t Count(size_t full) const { return quick_ ? full / 10 : full; }
  size_t runs() const { return quick_ ? 2 : 5; }
  Server& server() { return *server_; }

 private:
  Server* server_;
  Report* report_;
  bool quick_;
};

// Connections, scripts and a first batch are there before anything is measured.
void WarmUp(Contender& contender);
// "100 B", "1 KiB".
std::string Size(size_t payload);

void Publish(Bench& bench, size_t payload);
void Drain(Bench& bench, size_t payload);
void Both(Bench& bench, size_t payload);
void Single(Bench& bench, size_t payload);
void Latency(Bench& bench, size_t payload);
void Cost(Bench& bench, size_t payload);
void Memory(Bench& bench, size_t payload);
void Embedded(Bench& bench, size_t payload);

}  // namespace agentmq::bench
