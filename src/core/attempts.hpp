#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/names.hpp"

namespace agentmq {

// How an attempt ended; what stands in the history (docs/wire-format.md, "Tries").
enum class AttemptEnd : char {
  kFailure = 'f',    // a nack
  kPermanent = 'p',  // a nack that asked for no other attempt
  kLapse = 'l',      // its reservation ran out
  kCrash = 'c',      // its consumer died with it
  kSuspect = 's',    // its consumer died with others in hand too: not counted
  kRefused = 'r',    // the library did not hand it out: the dead letter's status says why
};

// What is known of a message's failed attempts.
struct Tries {
  int failures = 0;     // nacks
  int lapses = 0;       // reservations that ran out
  int crashes = 0;      // consumers that died with it
  std::string account;  // why the last one failed; then the history: each behind a NUL, as it is stored
  int total() const { return failures + lapses + crashes; }
  std::string_view reason() const { return account.c_str(); }
};

// Notes an attempt that ended now: its reason is the last one, and the history ends with it. Counts nothing.
void NoteAttempt(Tries* tries, AttemptEnd end, int64_t now, std::string_view group, std::string_view consumer,
                 std::string_view reason);

// The history as JSON, the oldest first. queue: whose message it is.
std::string HistoryJson(const Tries& tries, const QueueName& queue);

}  // namespace agentmq
