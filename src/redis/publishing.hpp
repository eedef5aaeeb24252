#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "redis/live_names.hpp"
#include "redis/queues.hpp"

namespace agentmq::redis {

// A process' place among the publishers of one queue. Concurrent callers' messages are gathered, one of them sends the
// next batch for all (as leveldb's writers do), and one unanswered batch at a time is under way. The server remembers
// the first id of the last stored batch, so that a batch whose answer was lost is stored once; a late copy of it is
// refused because a new connection number is raised before it is sent again.
struct PublishingSlot {
  explicit PublishingSlot(std::shared_ptr<Queue> q) : queue(std::move(q)) {}

  const std::shared_ptr<Queue> queue;

  struct Waiter {
    PublishBatch* batch;
    bool taken = false;
    bool done = false;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Waiter*> waiting;  // guarded by mutex
  bool busy = false;            // guarded by mutex; what follows belongs to who set it

  IdMaker ids;
  int64_t connection = 1;
  bool fresh = true;        // not known to the server yet
  bool unanswered = false;  // a batch before may still be on its way: raise the number first
};

// What a message adds to a call: a blob goes apart.
size_t InlineSize(const Outgoing& message);

// Stores batches. Thread-safe.
class Publishing {
 public:
  explicit Publishing(Queues& queues) : queues_(queues), live_(queues.options(), queues.server().options().database) {}

  void Publish(std::span<PublishBatch> batches, const Patience& patience);

 private:
  // Batches of one queue that go in one call. Several steps of one slot go in their order: one that is not stored stops
  // those behind it.
  struct Step {
    PublishingSlot* slot = nullptr;
    std::vector<PublishBatch*> batches;
    std::vector<Outgoing*> messages;  // of all batches, by lane, greatest first
    std::string ids;                  // of all messages, as one text
    std::string records;              // heads and payloads
    bool done = false;
    bool made = false;    // ids are drawn
    bool lost = false;    // sent, and no answer came
    int64_t lost_at = 0;  // steady ms, when that was first so
    Status failure{};     // of the last try
    bool until_known() const { return batches[0]->until_known; }
    Durability reached{};
    std::string shortfall{};
    const Step* previous = nullptr;                                                                     // of its slot
    const Step* before() const { return previous != nullptr && !previous->done ? previous : nullptr; }  // under way
    size_t blobs = 0;
    bool keyed = false;                     // some messages have deduplication keys
    bool tells = false;                     // of what it stores listeners are told in the same call
    std::shared_ptr<const QueueView> view;  // keys that a command on its way borrows
  };

  std::shared_ptr<PublishingSlot> Slot(const QueueName& queue);
  void PublishOne(PublishBatch& batch, const Patience& patience);
  void Lead(PublishingSlot& slot, std::unique_lock<std::mutex>& lock, const Patience& patience);
  void PublishRound(std::span<PublishBatch> batches, const Patience& patience);
  void Send(std::vector<Step>& steps, const Patience& patience);
  static bool AsksOn(std::span<Step* const> steps, const Patience& patience);
  static void GiveUp(Step& step);
  void Prepare(std::vector<Step>& steps, const Server::Call& call);
  void Raise(std::vector<Step>& steps, const Server::Call& call);
  void SendOnce(std::vector<Step>& steps, const Server::Call& call);
  static void FailAll(std::vector<Step>& steps, const PublishingSlot& slot, const Status& status);
  static std::string SlotName(const Step& step);
  void MakeIds(Step& step);
  static void AddBlobs(Step& step, std::vector<Command>* commands);
  static std::optional<Command> MakeCommand(Step& step, const QueueView& view);
  template <typename Use>
  static void EachKeyed(const Step& step, const Use& use);
  static void AddDedupKeys(const Step& step, Command* command);
  static void AddKeyedIds(const Step& step, Command* command);
  static void TakeRepeats(Step& step, std::string_view repeats);
  Command MakeTelling(const Step& step) const;
  static void Heard(Step& step, const Reply& reply);
  static void SetTold(Step& step, Outgoing::Told told);
  void Judge(std::vector<Step>& steps, Step& step, const Reply& reply);
  static void Confirmed(std::vector<Step>& steps, const Server::Outcome& outcome);
  static void Learn(std::vector<Step>& steps, const PublishingSlot& slot, std::string_view last);
  void Refuse(Step& step, const Status& status);
  static void Finish(Step& step, const Status& status, int64_t dropped = 0);

  Queues& queues_;
  const LiveNames live_;
  std::mutex mutex_;
  std::unordered_map<QueueName, std::shared_ptr<PublishingSlot>> slots_;  // guarded by mutex_
};

}  // namespace agentmq::redis
