#include "trial.hpp"

#include <algorithm>
#include <optional>
#include <thread>
#include <unordered_set>

#include "support/eventually.hpp"
#include "support/percentile.hpp"

namespace agentmq::chaos {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kLease =
    2500000;                   // microseconds: renewed up to some 500 ms before, it lapses after liveness_timeout, 3 s
constexpr auto kGiveUp = 30s;  // on a recovery
constexpr auto kDrain = 60s;
constexpr size_t kNamed = 5;  // how many messages a failure names

double Seconds(int64_t microseconds) { return static_cast<double>(microseconds) / 1e6; }

// When the first of what a dead or frozen consumer had came back: all that `unsettled` holds must be acknowledged, and what
// was before its lease could lapse was in other hands. 0: it had nothing.
std::optional<int64_t> CameBackAt(const std::vector<const Ledger::Item*>& unsettled, int64_t begun) {
  int64_t first = 0;
  for (const Ledger::Item* item : unsettled) {
    if (!item->Settled()) return std::nullopt;
    for (size_t group = 0; group < item->groups; ++group) {
      const int64_t settled = item->copies[group].SettledAt();
      if (settled > begun + kLease && (first == 0 || settled < first)) first = settled;
    }
  }
  return first;
}

// Injects the fault once, and takes how long it was until every agent worked again.
void StrikeOnce(const Fault& fault, Stage& stage, Random& random, Outcome* outcome) {
  std::vector<const Ledger::Item*> unsettled;
  stage.ledger().Update();
  if (fault.backlog) unsettled = stage.ledger().Unsettled();
  const Strike strike = fault.strike(stage, random);
  std::optional<int64_t> recovered;
  std::string last;
  test::Eventually(kGiveUp, [&] {
    stage.ledger().Update();
    recovered = stage.AllSucceededAt(strike.healed, &last);
    if (recovered && fault.backlog) {
      const std::optional<int64_t> back = CameBackAt(unsettled, strike.begun);
      if (!back || *back > *recovered) last = "what was in hand";
      recovered = back ? std::optional(std::max(*back, *recovered)) : std::nullopt;
    }
    return recovered.has_value();
  });
  const double took = Seconds((recovered ? *recovered : Now()) - strike.healed);
  if (took >= outcome->Recovery(1)) outcome->slowest = last;
  outcome->recoveries.push_back(took);
}

class Judge {
 public:
  Judge(const Fault& fault, Outcome* outcome) : fault_(fault), outcome_(*outcome) {}

  void Look(Stage& stage) {
    stage.ledger().Update();
    const std::vector<std::string> dead = stage.DeadLetters();
    const std::vector<std::string> remaining = stage.Remaining();
    kept_.insert(dead.begin(), dead.end());
    kept_.insert(remaining.begin(), remaining.end());
    outcome_.dead = dead.size();
    for (const auto& [key, item] : stage.ledger().items()) Look(key, item);
    for (const std::string& key : dead) {
      if (!fault_.allowed.dead_poison || !key.starts_with(kPoison)) unduly_dead_.push_back(key);
    }
    for (const std::string& oddity : stage.ledger().oddities()) odd_.push_back(oddity);
  }

  void Say() {
    Say("lost", lost_);
    Say("stored twice", twice_);
    Say("denied, but stored", denied_);
    Say("received after their acknowledgement", after_ack_);
    Say("received again", again_);
    Say("given up", unduly_dead_);
    Say("odd answers", odd_);
    if (fault_.allowed.wait > 0 && outcome_.longest_wait > fault_.allowed.wait) {
      outcome_.by_chance.push_back("a message waited for " + std::to_string(outcome_.longest_wait) + " s");
    }
    if (const double longest = outcome_.Recovery(1); longest > fault_.allowed.recovery) {
      outcome_.by_chance.push_back("a recovery took " + std::to_string(longest) + " s: " + outcome_.slowest);
    }
    if (fault_.allowed.lost && outcome_.lost == 0) {
      outcome_.by_chance.emplace_back("nothing was lost, though docs/guarantees.md says so");
    }
  }

 private:
  using Keys = std::vector<std::string>;

  void Look(const std::string& key, const Ledger::Item& item) {
    const bool received = std::any_of(item.copies.begin(), item.copies.end(),
                                      [](const Ledger::Copy& copy) { return !copy.deliveries.empty(); });
    const bool kept = kept_.count(key) != 0;
    const bool answered = item.stored || item.weak;
    if (item.stored) ++outcome_.messages;
    if (item.weak) ++outcome_.weak;
    if (!answered && received) ++outcome_.uncertain;
    if (!answered && !item.open && !item.uncertain && (received || kept)) {
      ++outcome_.denied;
      denied_.push_back(key);
    }
    if (item.ids.size() > 1) {
      ++outcome_.stored_twice;
      twice_.push_back(key);
    }
    bool lost = false;
    for (size_t group = 0; group < item.groups; ++group) {
      const Ledger::Copy& copy = item.copies[group];
      lost |= answered && !kept && !MayBeSettled(copy);
      LookAtDeliveries(key, copy);
      if (copy.deliveries.size() == 1 && copy.SettledAt() != 0 && item.published != 0) {
        outcome_.longest_wait = std::max(outcome_.longest_wait, Seconds(copy.SettledAt() - item.published));
      }
    }
    if (!lost) return;
    ++(item.stored ? outcome_.lost : outcome_.weak_lost);
    // Without a replica that has it, a message may be lost with its master: the answer said so.
    if (item.stored && !fault_.allowed.lost) lost_.push_back(key);
  }

  // Gone from the queue it is settled where an acknowledgement was done, or may have been.
  static bool MayBeSettled(const Ledger::Copy& copy) {
    return std::any_of(copy.deliveries.begin(), copy.deliveries.end(), [](const Ledger::Delivery& delivery) {
      return delivery.acked != 0 || delivery.acking != 0 || delivery.uncertain;
    });
  }

  void LookAtDeliveries(const std::string& key, const Ledger::Copy& copy) {
    std::vector<Ledger::Delivery> deliveries = copy.deliveries;
    std::sort(deliveries.begin(), deliveries.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
    for (size_t i = 1; i < deliveries.size(); ++i) {
      const auto before = [&](const auto& was) {
        return std::any_of(deliveries.begin(), deliveries.begin() + static_cast<ptrdiff_t>(i), was);
      };
      const int64_t time = deliveries[i].time;
      if (before([&](const auto& one) { return one.acked != 0 && one.acked < time; })) {
        ++outcome_.after_ack;
        if (!fault_.allowed.after_ack) after_ack_.push_back(key);
      } else if (before([](const auto& one) { return one.acked != 0; })) {
        ++outcome_.again_overlap;
      } else if (before([](const auto& one) { return one.acking != 0 || one.uncertain || one.refused; })) {
        ++outcome_.again_unacked;
      } else {
        ++outcome_.again_taken;
      }
      if (!fault_.allowed.again) again_.push_back(key);
    }
  }

  void Say(const std::string& what, const Keys& keys) {
    if (keys.empty()) return;
    std::string text = std::to_string(keys.size()) + " " + what + ":";
    for (size_t i = 0; i < std::min(kNamed, keys.size()); ++i) text += " " + keys[i];
    outcome_.failures.push_back(text);
  }

  const Fault& fault_;
  Outcome& outcome_;
  std::unordered_set<std::string> kept_;  // in a queue, or among the dead letters
  Keys lost_, twice_, denied_, after_ack_, again_, unduly_dead_, odd_;
};

void Run(const Fault& fault, const Form& form, const std::string& folder, Random& random, Outcome* outcome) {
  Stage stage(fault.setup, form.program, outcome->seed, form.rate, folder);
  outcome->server = stage.topology().Version();
  const auto end = std::chrono::steady_clock::now() + form.duration;
  do {
    std::this_thread::sleep_for(random.Between(500ms, 1500ms));
    if (fault.strike) StrikeOnce(fault, stage, random, outcome);
    stage.ledger().Update();
  } while (std::chrono::steady_clock::now() < end);

  if (!stage.StopPublishers()) outcome->failures.emplace_back("a publisher did not end in order");
  if (!stage.Drained(kDrain)) outcome->failures.push_back("the queues were not drained: " + stage.bus().Stats());
  if (!stage.StopConsumers()) outcome->failures.emplace_back("a consumer did not end in order");
  Judge judge(fault, outcome);
  judge.Look(stage);
  judge.Say();
}

}  // namespace

double Outcome::Recovery(double part) const { return recoveries.empty() ? 0 : test::Percentile(recoveries, part); }

Outcome Try(const Fault& fault, const Form& form, uint64_t seed, const std::string& folder) {
  Outcome outcome;
  outcome.fault = fault.name;
  outcome.about = fault.about;
  outcome.seed = seed;
  const int64_t begun = Now();
  Random random(seed);
  try {
    Run(fault, form, folder, random, &outcome);
  } catch (const std::exception& error) {
    outcome.failures.emplace_back(error.what());
  }
  outcome.seconds = Seconds(Now() - begun);
  return outcome;
}

}  // namespace agentmq::chaos
