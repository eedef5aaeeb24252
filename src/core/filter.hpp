#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/backend.hpp"
#include "core/settings.hpp"
#include "core/settings_value.hpp"

namespace agentmq {

// Which messages are asked for: settings of kind filter.
class Filter {
 public:
  // config: null is all. kInvalid for settings of another kind than filter and `also`.
  static Result<Filter> From(const Config* config, SettingKind also = SettingKind::kFilter);

  bool Takes(const QueueName& queue) const;
  // The only queue that it takes, where it says so much.
  std::optional<QueueName> OnlyQueue() const;
  // Whether the dead letters are asked for by name; nothing else takes them.
  bool TakesDead() const { return states_ && !others_ && states_->Has(State::kDead); }
  bool TakesLiving() const {
    constexpr int64_t kOver = int64_t{1} << static_cast<int>(State::kDead) | int64_t{1}
                                                                                 << static_cast<int>(State::kAcked);
    return !states_ || others_ || (states_->bits() & ~kOver) != 0;
  }
  // What was acknowledged and is kept.
  bool TakesKept() const { return !states_ || states_->Has(State::kAcked); }
  bool SaysStates() const { return states_.has_value(); }
  // Whether it takes every message that lives in a queue that it takes.
  bool TakesAllLiving() const {
    return !source_ && types_.empty() && !states_ && !agent_ && !status_ && since_ == INT64_MIN && until_ == INT64_MAX;
  }
  // Of a message of a queue that it takes. `time` is the message's, or the dead letter's.
  bool Takes(const Found& found, int64_t time) const;
  bool TakesDeadLetter(const Found& found) const;

 private:
  bool TakesRecord(const Found& found, int64_t time) const;

  std::optional<std::string> channel_;
  std::optional<std::string> target_;
  std::optional<std::string> source_;
  std::vector<std::string> types_;  // empty: any
  std::optional<std::string> agent_;
  std::optional<Code> status_;
  std::optional<StateSet> states_;
  bool others_ = false;  // "!..."
  int64_t since_ = INT64_MIN;
  int64_t until_ = INT64_MAX;
};

}  // namespace agentmq
