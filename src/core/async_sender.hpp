#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/backoff.hpp"
#include "core/channel_settings.hpp"
#include "core/message.hpp"
#include "core/publisher.hpp"
#include "core/settler.hpp"
#include "util/event.hpp"
#include "util/thread.hpp"

namespace agentmq {

struct Shared;

// What became of an asynchronous publish; `id` is "" where it was not stored.
using PublishCallback = std::function<void(Code code, const char* id)>;

// Publishes and acks that nobody waits for: gathers them, and sends them from one thread ("amq-send") in few round
// trips. In order for each queue. With an outbox (`outbox_max`) publishes wait here while the server is away.
//
// Thread-safe. Invariant: whatever was taken is counted in its epoch until its outcome is known (and told).
class AsyncSender {
 public:
  explicit AsyncSender(Shared& shared);
  ~AsyncSender();

  // The message was checked. kFull, kClosed.
  Status Publish(std::string_view channel, std::unique_ptr<Message> message, PublishCallback callback);
  Status Ack(AckRequest request);
  // Waits until all that was taken so far is done, failed or not.
  Status Finish(const Patience& patience);
  // The same; kPartial where one failed since the last flush that said so.
  Status Flush(const Patience& patience);
  // Nothing is waiting to be sent.
  bool Idle();
  // Takes nothing more, and ends the thread once all is sent or the deadline is over. kPartial where some was not sent
  // or failed since the last flush.
  Status Close(Deadline deadline);

 private:
  struct Post {
    std::unique_ptr<Message> message;
    PublishCallback callback;
    uint64_t epoch;
    int64_t taken_at;   // steady ms
    bool paid = false;  // where a rate limit holds
  };
  // One queue's posts.
  struct Lane {
    ChannelLimits limits;
    std::deque<Post> posts;
    int64_t not_before = 0;  // steady ms: the queue was full, or a rate limit reached
    Backoff backoff{5, 100};
  };
  struct GatheredAck {
    AckRequest request;
    uint64_t epoch;
    int64_t taken_at;
  };
  struct Round;  // what the thread has in work

  bool HasRoom(const Backend& backend, size_t bytes) const;
  Status NoRoom(const Backend& backend) const;
  Status WaitForRoom(std::unique_lock<std::mutex>& lock, const Backend& backend, const ChannelLimits& limits,
                     size_t bytes);
  void StartThread();
  void Run();
  // Waits until something is to be sent; false: ended.
  bool Gather(Round* round);
  bool TakeDue(Round* round, int64_t now, int64_t* next);
  void SendPosts(Backend& backend, Round* round);
  void SendAcks(Backend& backend, Round* round);
  // pause: ms that they wait; 0: longer each time.
  void PutBack(const QueueName& queue, const ChannelLimits& limits, std::vector<Post> posts, int64_t pause);
  void TellWhetherAway(bool away);
  void Tell(Post& post, const Status& status);
  void Count(uint64_t epoch, bool failed, const Post* post);
  Patience Brief();
  void Abandon();

  Shared& shared_;
  std::mutex mutex_;
  std::condition_variable work_;               // the thread waits on it
  std::condition_variable end_;                // Close() waits on it
  std::unordered_map<QueueName, Lane> lanes_;  // guarded by mutex_
  std::vector<GatheredAck> acks_;              // guarded by mutex_
  int64_t acks_not_before_ = 0;                // guarded by mutex_; the server could not be reached
  Backoff acks_backoff_{50, 2000};             // guarded by mutex_
  size_t posts_ = 0;                           // guarded by mutex_; taken and not finished
  size_t bytes_ = 0;                           // guarded by mutex_; of their payloads
  bool away_ = false;                          // guarded by mutex_; the server, as was logged last
  std::map<uint64_t, size_t> unfinished_;      // guarded by mutex_; epoch -> how many
  uint64_t epoch_ = 1;                         // guarded by mutex_
  uint64_t hurried_ = 0;                       // guarded by mutex_; acks up to this epoch go at once
  bool failed_ = false;                        // guarded by mutex_; one since the last flush
  bool closing_ = false;                       // guarded by mutex_
  bool ended_ = false;                         // guarded by mutex_; the thread
  Cancel give_up_;                             // fired when closing has no time left
  std::vector<Event*> waiters_;                // guarded by mutex_; for room, or for a flush
  Thread thread_;                              // started under mutex_, joined by Close()
};

}  // namespace agentmq
