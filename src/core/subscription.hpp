#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/message.hpp"
#include "core/settings.hpp"
#include "util/event.hpp"
#include "util/status.hpp"

namespace agentmq {

struct Shared;
class Intake;

using Messages = std::vector<std::unique_ptr<Message>>;

// The numbers of mq_verdict.
enum class Verdict : int { kAck = 0, kRetry = 1, kReject = 2, kSettled = 3 };

// Works on a message that is lent for the call. Must not throw.
using Handler = std::function<Verdict(Message& message)>;

// One agent's reader of one or several channels, or a listener: what a C handle owns. Made by Bus::Subscribe() and
// Bus::Listen().
//
// Invariant: every message of a queue that is handed out is reserved in its group until it is settled or its lease lapses.
// Thread-safe, and outlives its bus. To end the handle: End(), and destroy it where that answered ok.
class Subscription {
 public:
  explicit Subscription(std::shared_ptr<Intake> state);
  ~Subscription();  // as End() where that was not done
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // "" is MQ_DIRECT. Adding twice is ok. Remove: kNotFound where the channel is not read.
  Status Add(std::string_view channel);
  Status Remove(std::string_view channel);

  // 1..max messages into `messages` (emptied first), as soon as there is one. max 1..1000, else kInvalid.
  // kTimeout, kClosed, kInterrupted, kUnavailable, kAuth, kInvalid while Consume() runs.
  Status Fetch(size_t max, const Patience& patience, Messages* messages);
  Result<std::unique_ptr<Message>> FetchOne(const Patience& patience);

  // Of a listener: how many messages made room for newer ones, and how often nothing was heard for a while. Else kInvalid.
  Status Lost(int64_t* dropped, int64_t* gaps) const;
  Status Seek(std::string_view position);  // its broadcasts begin anew, there

  // Readable while a fetch would find something; -1 and why.
  int Fd(Status* status);

  // kInvalid where it runs already or a handler is empty.
  Status Consume(Handler handler);
  // kInvalid from inside a handler of this subscription or a publish callback of its bus. kTimeout, kPartial.
  Status Drain(const Patience& patience);
  // Allowed from inside a handler: does not wait.
  Status Unsubscribe();
  // Unsubscribes and waits for running handlers. From inside a handler of this subscription: kInvalid, and nothing was
  // done: the handle must not be freed then.
  Status End();

 private:
  std::shared_ptr<Intake> state_;
};

}  // namespace agentmq
