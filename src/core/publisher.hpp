#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend.hpp"
#include "core/channel_settings.hpp"
#include "core/message.hpp"

namespace agentmq {

struct Shared;

inline constexpr size_t kNeedsNoPay = SIZE_MAX;

// Messages for one queue, in order, and what became of them: the first `stored` are stored (those that are less durable
// than was asked, or that listeners should have been told of and were not, have the status kPartial, and `shortfall` says
// why), the next `doubtful` share `status`, and what follows was never sent. Of QueueName::Live() nothing is stored:
// there it means that they were told.
struct Parcel {
  QueueName queue;
  ChannelLimits limits;
  std::vector<Message*> messages;
  size_t stored = 0;
  size_t doubtful = 0;
  Status status{};
  Status shortfall{};
  size_t most_at_once = 1000;
  bool until_known = false;   // PublishBatch has the meaning
  size_t paid = kNeedsNoPay;  // the messages before it may go, where a rate limit holds
  bool gathered = false;      // of many callers: where not all can be paid for some go alone

  bool done() const { return !status.ok() || stored == messages.size(); }
  Status StatusOf(size_t index) const;
};

// Stores messages in as few round trips as can be. Thread-safe.
class Publisher {
 public:
  explicit Publisher(Shared& shared);
  ~Publisher();

  // See Bus::PublishBatch() and PublishMany().
  Status Publish(std::string_view channel, std::span<Message* const> messages, const Patience& patience,
                 int32_t* results, size_t* published);
  Status PublishMany(std::string_view channel, const Message& message, std::span<const char* const> targets,
                     const Patience& patience, std::vector<std::unique_ptr<Message>>* sent);

  // Whether the message may be published on that channel, whose name was checked.
  Status Check(std::string_view channel, const Message* message) const;
  // Gives it a traceparent, where tracing is on and it has none.
  Status Trace(Message& message) const;
  static QueueName QueueOf(std::string_view channel, const Message& message);

  // Stores the parcels in steps, of all at once; several are for different queues. block: waits for room where the
  // channel's overflow says so.
  void Store(Backend& backend, std::span<Parcel> parcels, bool block, const Patience& patience);

 private:
  class Step;  // what one call of the backend takes: kept for its memory
  // A call of Store(): whether it may wait, and since when it does.
  struct Turn {
    bool block;
    int64_t began;  // steady ms
    bool MayWait(const Parcel& parcel, const Patience& patience, int64_t millis = 0) const;
  };

  // Whose id and channel a message that is told gets.
  static QueueName PlaceOf(std::string_view channel, const Message& message);
  std::unique_ptr<Step> TakeStep();
  void KeepStep(std::unique_ptr<Step> step);
  void Take(PublishBatch& batch, Parcel& parcel);
  void NotePublished(const Message& message, std::string_view mode);
  void TellAll(Backend& backend, Parcel& parcel, const Turn& turn, const Patience& patience);
  // Pays for the next messages of each that a rate limit holds for. Answers ms until the first may be tried again of those
  // that wait for it, -1 where none does.
  int64_t Pay(Backend& backend, std::span<Parcel> parcels, const Turn& turn, const Patience& patience);
  void Admit(Backend& backend, Parcel& parcel);
  void TellStored(Backend& backend, const PublishBatch& batch, Parcel& parcel, const Patience& patience);
  Status Sleep(int64_t millis, const Patience& patience);

  Shared& shared_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Step>> idle_;  // guarded by mutex_
};

// ok, kPartial, or the first failure, with its sentence.
Status Summary(size_t done, size_t count, const Status& first_failure, std::string_view verb);

}  // namespace agentmq
