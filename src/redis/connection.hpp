#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "redis/command.hpp"
#include "redis/open.hpp"
#include "redis/reply.hpp"
#include "redis/scripts.hpp"
#include "redis/sockets.hpp"
#include "redis/tls.hpp"
#include "util/event.hpp"
#include "util/status.hpp"

struct redisContext;

namespace agentmq::redis {

// What an error reply means for the caller.
Status ErrorStatus(const Reply& reply);
// Whether a reply that is no error is a list of so many items, as its command has it; else kProtocol.
Status ListStatus(const Reply& reply, size_t items);

// One connection to a server. Never pointed anywhere else and never used again after a failure: a new one is made.
// Belongs to one thread at a time.
class Connection {
 public:
  // Connects and authenticates, selects the database and checks the role: kUnavailable, kAuth, kTls, kInvalid,
  // kUnsupported. All of it takes connect_timeout at most.
  static Result<std::unique_ptr<Connection>> Open(const Options& options, const Patience& patience);
  ~Connection();

  // From now on it is one of `sockets`, and broken when they are cut.
  void Join(std::shared_ptr<Sockets> sockets);

  // Of its pool's connections: those of one may all have died together (pool.hpp).
  uint64_t generation() const { return generation_; }
  void SetGeneration(uint64_t generation) { generation_ = generation; }

  // Queues a command, or a whole transaction; nothing is sent yet. For a script its digest goes in place.
  Status Append(Command& command, const Digests& digests);

  struct Outcome {
    Status status;        // kUnavailable: nothing was sent; kUnknown: sent, not all answered; kInterrupted, kClosed
    size_t answered = 0;  // replies that came before it failed
  };
  // Sends what is queued and reads replies.size() replies, as many as Command::replies() says for each command. After anything but ok the connection is broken.
  // stop: a descriptor that ends the wait with kClosed, -1 for none.
  // side: work that the caller does meanwhile.
  struct Side {
    int fd;                          // where there is something to do
    std::function<bool()> readable;  // does it, without waiting; false: there will be no more
  };
  // until: asked at once and then now and again while nothing comes, how long that is worth waiting for.
  using Until = std::function<Deadline()>;
  Outcome Exchange(std::span<Reply> replies, const Patience& patience, int stop, const Side* side = nullptr,
                   Until until = nullptr);

  // For connections that one thread polls: sends without waiting for the reply, and takes replies that came.
  Status Send();
  // Reads what has come, without waiting. full: there may be more.
  Status ReadSome(bool* full = nullptr);
  // kTimeout where none is complete; ok with a reply; kUnavailable when the connection is gone.
  Status Receive(Reply* reply);
  // As many as have come, from replies[*count] on.
  Status ReceiveSome(std::span<Reply> replies, size_t* count);

  // Whether part of an answer is here that Receive() did not take, or the connection's end. To be asked when the
  // descriptor is readable: over TLS that alone may be a record of the protocol's own.
  bool Arrived();

  bool unsent() const;  // commands, or part of them
  bool broken() const { return broken_ || (sockets_ != nullptr && sockets_->cut()); }
  int fd() const;
  int64_t server_offset() const { return server_offset_; }  // server's wall clock - our steady one, ms

 private:
  explicit Connection(redisContext* context) : context_(context) {}
  Status AppendOne(Command& command, const Digests& digests);
  Status StartTls(const Options& options, const Patience& patience);
  Status Greet(const Options& options, const Patience& patience);
  Status Lost();
  Status Flush(bool* done);
  bool unread() const;  // bytes that were read and belong to no reply yet

  redisContext* context_;
  std::shared_ptr<Sockets> sockets_;
  std::unique_ptr<TlsSession> tls_;  // null: in the clear
  bool greeted_ = false;             // the server has answered
  bool broken_ = false;
  uint64_t generation_ = 0;
  int64_t server_offset_ = 0;
};

}  // namespace agentmq::redis
