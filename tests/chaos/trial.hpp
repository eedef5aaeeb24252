#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "fault.hpp"

namespace agentmq::chaos {

// How long a trial injects its fault again and again, what each publisher sends in a second, and on which servers.
struct Form {
  std::chrono::seconds duration;
  int rate = 0;
  std::string program = "redis-server";  // or "valkey-server"
};

// What a trial showed.
struct Outcome {
  std::string fault;
  std::string about;
  std::string server;
  uint64_t seed = 0;
  double seconds = 0;
  size_t messages = 0;      // that were stored: MQ_OK
  size_t weak = 0;          // MQ_PARTIAL: stored, on fewer replicas than asked for
  size_t uncertain = 0;     // that came of a publish without an answer
  size_t lost = 0;          // stored, and neither acknowledged nor dead nor pending
  size_t weak_lost = 0;     // of the weak
  size_t stored_twice = 0;  // one message under two ids
  size_t denied = 0;        // received, though its publishing was answered as certainly not done
  size_t dead = 0;
  // Received again, by what became of it before: whoever had it had not begun to acknowledge it; its acknowledgement was
  // refused or had no answer; it was acknowledged just then; it had been acknowledged.
  size_t again_taken = 0, again_unacked = 0, again_overlap = 0, after_ack = 0;
  double longest_wait = 0;  // seconds from publishing to its acknowledgement, of those never received again
  std::vector<double> recoveries;
  std::string slowest;                 // who was last to work again in the longest of them
  std::vector<std::string> failures;   // what should not have been
  std::vector<std::string> by_chance;  // the same, but the machine may have been busy with other things
  bool passed() const { return failures.empty() && by_chance.empty(); }

  size_t again() const { return again_taken + again_unacked + again_overlap + after_ack; }
  // Seconds; 0 where there was none. `part`: 0.5 for the median, 1 for the longest.
  double Recovery(double part) const;
};

// `folder`: for the journals.
Outcome Try(const Fault& fault, const Form& form, uint64_t seed, const std::string& folder);

}  // namespace agentmq::chaos
