#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/settler.hpp"
#include "core/subscription.hpp"
#include "util/event.hpp"
#include "util/thread.hpp"

namespace agentmq {

class ReplyWait;
struct Shared;
class SubscriptionState;

// Reads the reply inboxes of a bus, all of them by one subscription and one thread ("amq-reply"), and hands what comes to
// those who wait for it, by correlation id. What nobody waits for is put aside on the server, in its inbox, where it can
// be collected until its ttl ends; of each bus the newest 1,000 are kept.
//
// Thread-safe. Invariant: a reply is acknowledged only when the call that it is for has all that it waits for; until then
// it is in hand, and is found in its inbox by whoever collects it.
class ReplyReceiver {
 public:
  explicit ReplyReceiver(std::shared_ptr<Shared> shared);
  ~ReplyReceiver();

  const std::string& bus() const { return bus_; }  // of the names of its reply inboxes
  // From now on what comes into the inbox is handed out.
  Status Read(const std::string& inbox);
  // It was handed out, and is about to be acknowledged: nobody else's any more.
  bool IsSettling(const ShortId& reply);
  // After the bus' gate was closed: who waits answers kClosed.
  void Wake();
  void Join();

 private:
  friend class ReplyWait;

  Status Start(const std::string& inbox);
  void EndStart();
  void Run(SubscriptionState& replies);
  void HandOut(Messages& messages);
  bool Offer(std::unique_ptr<Message>& message, std::vector<AckRequest>* settled);
  void PutAside(const Message& late);
  void Leave(const Message& late);

  const std::shared_ptr<Shared> shared_;
  const std::string bus_;

  std::mutex mutex_;
  std::unordered_map<std::string, ReplyWait*> waits_;  // guarded by mutex_; by ReplyWait::Key()
  std::set<std::string, std::less<>> read_;            // guarded by mutex_; inboxes
  std::shared_ptr<SubscriptionState> replies_;         // guarded by mutex_; null before the first
  std::unordered_set<ShortId> settling_;               // guarded by mutex_; replies
  bool starting_ = false;                              // guarded by mutex_; somebody is in Start()
  uint64_t starts_ = 0;                                // guarded by mutex_; that have ended, and how the last one did:
  Status started_;                                     // guarded by mutex_
  std::condition_variable start_ended_;

  struct Late {
    std::shared_ptr<const Source> source;
    ShortId id;
  };
  std::deque<Late> late_;  // only used by the thread; oldest first

  Thread thread_;  // guarded by mutex_ until Join(); last: uses all of the above
};

// One call's wait for replies to a correlation id; lives on its stack. What came and was not taken can be collected.
class ReplyWait {
 public:
  // Who acknowledges the replies: the receiver, those of many waits at once, as soon as all are there; then Take() has to
  // follow, whatever Await() answers. Or who takes them.
  enum class Settles { kReceiver, kTaker };

  ReplyWait(ReplyReceiver& receiver, const std::string& inbox, std::string_view correlation_id, size_t wanted,
            const Cancel* cancel, Settles settles = Settles::kReceiver);
  ~ReplyWait();
  ReplyWait(const ReplyWait&) = delete;
  ReplyWait& operator=(const ReplyWait&) = delete;

  // kInvalid: somebody waits for that already.
  const Status& status() const { return status_; }
  // No more than so many can come.
  void Expect(size_t most);
  // ok once all are there; kTimeout, kInterrupted, kClosed.
  Status Await(Deadline deadline);
  // What came, in that order, but what others collected meanwhile. It is acknowledged then, and nothing comes any more.
  Messages Take();

 private:
  friend class ReplyReceiver;

  static std::string Key(std::string_view inbox, std::string_view correlation_id);
  bool complete() const { return replies_.size() >= wanted_; }
  void Notify();

  ReplyReceiver& receiver_;
  const std::string key_;
  const Cancel* const cancel_;
  const Settles settles_;
  Status status_;
  // Guarded by the receiver's mutex.
  size_t wanted_;
  Messages replies_;
  std::set<std::string, std::less<>> answered_;  // requests, of those replies that name theirs
  std::vector<AckRequest> unsettled_;            // of replies_
  // A wait without a token takes no file descriptor: there may be a thousand.
  std::condition_variable came_;
  std::unique_ptr<Event> event_;
};

}  // namespace agentmq
