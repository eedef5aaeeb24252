// Waiting for what becomes of a message.
#include <algorithm>

#include "core/backoff.hpp"
#include "core/directory.hpp"
#include "core/reader.hpp"
#include "core/shared.hpp"

namespace agentmq {
namespace {

constexpr int64_t kBase = 5;  // ms between two looks, at first
constexpr int64_t kMax = 100;

bool IsEnd(State state) {
  return state == State::kAcked || state == State::kDead || state == State::kExpired || state == State::kDeleted;
}

// What an end alone does not tell: who waits for it has the message looked at closer.
bool IsOnTheWay(State state) {
  return state == State::kScheduled || state == State::kReserved || state == State::kRetrying;
}

bool Reaches(State wanted, const Found& found) {
  if (wanted == State::kQueued) return true;  // stored, whatever came after it
  if (wanted != State::kReserved) return found.state == wanted;
  return found.state == State::kReserved || found.tries.total() > 0 || found.state == State::kAcked ||
         found.state == State::kDead;
}

const char* NameOf(State state) {
  switch (state) {
    case State::kAcked:
      return "acknowledged";
    case State::kDead:
      return "given up as a dead letter";
    case State::kExpired:
      return "expired";
    default:
      return "deleted";
  }
}

// Somebody who waits, as the backend knows him.
class Waiter {
 public:
  Waiter(Backend& backend, const FullId& id) : backend_(backend), id_(id) {}
  ~Waiter() {
    if (entered_) (void)backend_.Await(id_.queue, id_.id, Backend::Look::kLast);
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  Result<Found> Look(bool closer) {
    const auto look = entered_ ? Backend::Look::kAgain : Backend::Look::kFirst;
    const auto state = backend_.Await(id_.queue, id_.id, look);
    if (!state.ok()) return state.status();
    entered_ = entered_ || *state == State::kQueued;
    Found found;
    found.state = *state;
    if (!closer || *state != State::kQueued) return found;
    auto looked = backend_.Get(id_.queue, id_.id);
    return looked.code() == Code::kNotFound ? found : std::move(looked);  // it ended meanwhile: the next look tells
  }

 private:
  Backend& backend_;
  const FullId& id_;
  bool entered_ = false;
};

}  // namespace

Status Directory::Await(Backend& backend, std::string_view id, int state, const Patience& patience, State* reached) {
  const auto full = FullId::Parse(id);
  if (!full.ok()) return full.status();
  if (!full->group.empty()) return Status::Invalid("the id of a dead letter: nothing more becomes of it by itself");
  if (state < 0 || state > static_cast<int>(State::kDeleted)) {
    return Status::Invalid("state must be one of mq_state, got " + std::to_string(state));
  }
  const State wanted = static_cast<State>(state);
  Waiter waiter(backend, *full);
  Backoff backoff(kBase, kMax);
  Event nothing;
  for (;;) {
    auto found = waiter.Look(IsOnTheWay(wanted));
    Status status = found.status();
    if (found.ok()) {
      *reached = found->state;
      if (Reaches(wanted, *found)) return Status::Ok();
      if (IsEnd(found->state)) return Status::NotFound("the message was " + std::string(NameOf(found->state)));
      status = {Code::kTimeout, "the message did not come to that state within the timeout"};
    } else if (!MendsByWaiting(found.code())) {
      return status;
    }
    if (patience.deadline.Expired()) return status;
    const Deadline next = patience.deadline.Earlier(Deadline::After(std::min(backoff.Next(), kMax)));
    const Status waited = shared_.gate.Wait(nothing, {next, patience.cancel});
    if (waited.code() != Code::kTimeout) return waited;
  }
}

}  // namespace agentmq
