#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cases.hpp"
#include "measure.hpp"

namespace agentmq::bench {
namespace {

// On a terminal, what is being measured; "" ends it.
void Say(const std::string& text) {
  if (isatty(STDERR_FILENO) == 1) std::fprintf(stderr, "\r\033[K%s", text.c_str());
}

}  // namespace

void WarmUp(Contender& contender) {
  contender.Publish(kBatch);
  contender.Drain(kBatch);
}

std::string Size(size_t payload) {
  return payload < 1024 ? std::to_string(payload) + " B" : std::to_string(payload / 1024) + " KiB";
}

std::vector<Runs> Bench::Alternate(const std::string& name, size_t payload, Profile profile,
                                   const std::function<std::vector<double>(Contender&)>& measure) {
  std::vector<Runs> all;
  for (size_t run = 0; run < runs(); ++run) {
    for (const bool raw : {true, false}) {
      Say(name + ": run " + std::to_string(run + 1) + " of " + std::to_string(runs()) + (raw ? ", raw" : ", agentmq"));
      server_->Flush();
      const auto contender = raw ? MakeRaw(server_->address(), payload) : MakeBus(server_->url(), payload, profile);
      const std::vector<double> values = measure(*contender);
      all.resize(values.size());
      for (size_t i = 0; i < values.size(); ++i) (raw ? all[i].raw : all[i].bus).push_back(values[i]);
    }
  }
  Say("");
  return all;
}

void Bench::Add(Figure figure, const Runs& runs) {
  figure.bus = Median(runs.bus);
  if (!runs.raw.empty()) {
    figure.raw = Median(runs.raw);
    std::vector<double> ratios;
    for (size_t i = 0; i < runs.raw.size(); ++i) {
      if (runs.raw[i] > 0) ratios.push_back(runs.bus[i] / runs.raw[i]);
    }
    if (!ratios.empty()) {
      figure.ratio = Median(ratios);
      figure.ratio_low = *std::min_element(ratios.begin(), ratios.end());
      figure.ratio_high = *std::max_element(ratios.begin(), ratios.end());
    }
  }
  report_->Add(std::move(figure));
}

}  // namespace agentmq::bench
