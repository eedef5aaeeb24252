#pragma once

#include <string>
#include <vector>

#include "random.hpp"
#include "stage.hpp"

namespace agentmq::chaos {

// When it was there, by Now().
struct Strike {
  int64_t begun = 0;
  int64_t healed = 0;
};

// What may happen under a fault. None of them may store a message twice, or deny one that it stored.
struct Allowed {
  bool again = false;  // messages that were received come again
  // A process that was frozen in the middle of receiving goes on with that, hours later if need be.
  bool after_ack = false;  // and after they were acknowledged
  double recovery = 7;     // seconds, at most: command_timeout and 2 s
  double wait = 0;         // seconds that a message may wait for its acknowledgement; 0: as long as it takes
  bool dead_poison = false;
  bool lost = false;  // messages that answered MQ_OK; and some are to be, as docs/guarantees.md predicts
};

struct Fault {
  std::string name;
  std::string about;
  Setup setup;
  Allowed allowed;
  // Injects it, and heals it: `random` says when, whom, and for how long. Empty: it is there all the time.
  std::function<Strike(Stage& stage, Random& random)> strike;
  // It has not healed until all that was there when it began is acknowledged: what a dead consumer had in hand.
  bool backlog = false;
};

const std::vector<Fault>& Faults();

}  // namespace agentmq::chaos
