#include "redis/connection.hpp"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>

#include <algorithm>
#include <climits>

#include "util/sigpipe.hpp"

namespace agentmq::redis {
namespace {

constexpr size_t kManyArguments = 30;
constexpr size_t kReadSize = 16 * 1024;  // hiredis' own, of one read
constexpr int64_t kPlainAnswer = 500;    // ms for one without TLS
constexpr int64_t kLook = 200;           // ms between looks whether an answer is still worth waiting for

timeval ToTimeval(int64_t millis) {
  millis = std::max<int64_t>(millis, 1);
  return {millis / 1000, (millis % 1000) * 1000};
}

// Null without memory, else with its err set where it failed.
redisContext* Connect(const Address& address, Deadline deadline) {
  const timeval timeout = ToTimeval(deadline.Remaining());
  if (!address.unix_path.empty()) return redisConnectUnixWithTimeout(address.unix_path.c_str(), timeout);
  return redisConnectWithTimeout(address.host.c_str(), address.port, timeout);
}

// Whether what listens there answers a command without TLS.
bool AnswersInTheClear(const Address& address, Deadline deadline) {
  const Deadline soon = deadline.Earlier(Deadline::After(kPlainAnswer));
  redisContext* context = Connect(address, soon);
  if (context == nullptr) return false;
  void* reply = nullptr;
  if (context->err == 0) {
    NoSigpipe guard;
    redisSetTimeout(context, ToTimeval(soon.Remaining()));
    reply = redisCommand(context, "PING");
    guard.Discard();
  }
  redisFree(context);
  freeReplyObject(reply);
  return reply != nullptr;
}

// A value of HELLO's map.
std::string HelloField(const Reply& hello, std::string_view name) {
  for (size_t i = 0; i + 1 < hello.items.size(); i += 2) {
    if (hello.items[i].text == name) return hello.items[i + 1].text;
  }
  return {};
}

Status CheckServer(const Reply& hello, bool any_role) {
  if (hello.is_error()) {
    // The reply may quote what we sent: its words are not repeated where it is about the password.
    const Status status = ErrorStatus(hello);
    if (status.code() == Code::kAuth) {
      return {Code::kAuth,
              hello.StartsWith("NOAUTH") ? "the server wants a password" : "the server refused user or password"};
    }
    if (status.code() == Code::kProtocol)
      return {Code::kUnsupported, "the server is older than Redis 7.0: " + hello.text};
    return status;
  }
  const std::string version = HelloField(hello, "version");
  if (ToNumber(version) < 7) {
    return {Code::kUnsupported, "the server is version " + version + ", needed is Redis 7.0 or later"};
  }
  const std::string role = HelloField(hello, "role");
  if (role != "master" && !any_role)
    return {Code::kUnavailable, "the server is a read-only " + role + ", not a master"};
  return Status::Ok();
}

}  // namespace

Status ErrorStatus(const Reply& reply) {
  struct Row {
    std::string_view prefix;
    Code code;
    std::string_view text;
  };
  static constexpr Row kRows[] = {
      {"NOAUTH", Code::kAuth, "the server wants a password"},
      {"WRONGPASS", Code::kAuth, "the server refused user or password"},
      {"NOPERM", Code::kAuth, "the user may not do this"},
      {"ERR The user executing the script", Code::kAuth, "the user may not do this"},
      {"ERR ACL failure in script", Code::kAuth, "the user may not do this"},  // since Redis 7.2
      {"ERR AUTH", Code::kAuth, "the server refused the password"},
      {"ERR invalid password", Code::kAuth, "the server refused the password"},
      {"READONLY", Code::kUnavailable, "the server is a read-only replica"},
      {"MASTERDOWN", Code::kUnavailable, "the server is a replica without its master"},
      {"UNBLOCKED", Code::kUnavailable, "the server has become a replica"},
      {"LOADING", Code::kUnavailable, "the server is loading its data"},
      {"MISCONF", Code::kUnavailable, "the server refuses writes, it can't persist them"},
      {"NOREPLICAS", Code::kUnavailable, "the server has too few replicas to accept writes"},
      {"CLUSTERDOWN", Code::kUnavailable, "the cluster is down"},
      {"TRYAGAIN", Code::kUnavailable, "the slot is on its way to another node"},
      {"ASK", Code::kUnavailable, "the slot is on its way to another node"},
      {"BUSY", Code::kUnavailable, "the server is busy with a script"},
      {"OOM", Code::kFull, "the server is out of memory"},
      {"ERR DB index is out of range", Code::kInvalid, "the server has no such database"},
      {"WRONGTYPE", Code::kCorrupt, "a key of the queue has the wrong type"},
      {"MOVED", Code::kUnsupported, "the server is part of a cluster"},
  };
  // An error inside a script may stand behind the script's own words.
  for (const Row& row : kRows) {
    if (reply.StartsWith(row.prefix) || (row.prefix.size() > 5 && reply.text.find(row.prefix) != std::string::npos)) {
      return {row.code, std::string(row.text) + ": " + reply.text};
    }
  }
  return {Code::kProtocol, "the server answered: " + reply.text};
}

Status ListStatus(const Reply& reply, size_t items) {
  if (reply.is_array() && reply.items.size() == items) return Status::Ok();
  return {Code::kProtocol, "the server's answer makes no sense: it is no list of " + std::to_string(items)};
}

Result<std::unique_ptr<Connection>> Connection::Open(const Options& options, const Patience& patience) {
  const Address& address = options.address;
  const Patience bounded{patience.deadline.Earlier(Deadline::After(options.connect_timeout)), patience.cancel};
  redisContext* context = Connect(address, bounded.deadline);
  if (context == nullptr) return Status(Code::kNoMemory, "no memory for a connection");
  std::unique_ptr<Connection> connection(new Connection(context));
  if (context->err != 0) {
    return Status(Code::kUnavailable, "no connection to " + address.Text() + ": " + context->errstr);
  }
  // From here on we poll, so that a deadline, a cancel token and a shutdown end every wait.
  fcntl(context->fd, F_SETFL, fcntl(context->fd, F_GETFL) | O_NONBLOCK);
  fcntl(context->fd, F_SETFD, FD_CLOEXEC);
  context->flags &= ~REDIS_BLOCK;
  context->reader->fn = const_cast<redisReplyObjectFunctions*>(ReplyFunctions());
  if (options.keepalive && address.unix_path.empty()) redisEnableKeepAlive(context);
  Status status = connection->StartTls(options, bounded);
  if (status.ok()) status = connection->Greet(options, bounded);
  if (status.ok()) return connection;
  return Status(status.code() == Code::kUnknown ? Code::kUnavailable : status.code(),
                address.Text() + ": " + status.text());
}

Connection::~Connection() {
  if (sockets_) sockets_->Remove(context_->fd);
  redisFree(context_);
}

void Connection::Join(std::shared_ptr<Sockets> sockets) {
  sockets_ = std::move(sockets);
  if (!sockets_->Add(context_->fd)) broken_ = true;
}

int Connection::fd() const { return context_->fd; }

bool Connection::unsent() const { return *context_->obuf != '\0'; }

bool Connection::unread() const { return context_->reader->len > context_->reader->pos; }

bool Connection::Arrived() { return tls_ == nullptr || unread() || !ReadSome().ok() || unread(); }

Status Connection::StartTls(const Options& options, const Patience& patience) {
  if (options.tls == nullptr) return Status::Ok();
  tls_ = std::make_unique<TlsSession>(*options.tls);
  return tls_->Handshake(context_, options.address.host, patience,
                         [&] { return AnswersInTheClear(options.address, patience.deadline); });
}

// HELLO 2 [AUTH user password], [SELECT database], TIME: one round trip. After a reconnect the address may be somebody
// else's: role and version are asked each time.
Status Connection::Greet(const Options& options, const Patience& patience) {
  std::vector<Command> commands;
  Command hello{"HELLO", "2"};
  if (!options.password.empty()) {
    hello.Arg("AUTH").Arg(options.user.empty() ? std::string_view("default") : std::string_view(options.user));
    hello.Arg(options.password);
  }
  commands.push_back(std::move(hello));
  commands.push_back(Command{"TIME"});
  if (options.database != 0) {
    Command select{"SELECT"};
    select.Arg(int64_t{options.database});
    commands.push_back(std::move(select));
  }
  for (Command& command : commands) {
    if (Status status = Append(command, Digests{}); !status.ok()) return status;
  }
  std::vector<Reply> replies(commands.size());
  if (Outcome outcome = Exchange(replies, patience, -1); !outcome.status.ok()) return outcome.status;
  greeted_ = true;
  if (Status status = CheckServer(replies[0], options.any_role); !status.ok()) return status;
  if (options.database != 0 && replies[2].is_error()) {
    Status status = ErrorStatus(replies[2]);
    if (status.code() != Code::kInvalid) return status;
    return Status::Invalid("the server has no database " + std::to_string(options.database));
  }
  // Who may not ask for the time learns it from the scripts' answers.
  const bool told = replies[1].is_array();
  const int64_t now = replies[1].At(0).Number() * 1000 + replies[1].At(1).Number() / 1000;
  server_offset_ = (told ? now : WallMillis()) - SteadyMillis();
  return Status::Ok();
}

Status Connection::Append(Command& command, const Digests& digests) {
  if (command.behind().empty()) return AppendOne(command, digests);
  Command multi{"MULTI"};
  Command exec{"EXEC"};
  std::vector<Command*> all = {&multi, &command};
  for (Command& behind : command.behind()) all.push_back(&behind);
  all.push_back(&exec);
  for (Command* one : all) {
    if (Status status = AppendOne(*one, digests); !status.ok()) return status;
    // The server reads a large one while the next is written; where this fails Exchange() finds out.
    if (one->sizes().size() > kManyArguments) (void)Send();
  }
  return Status::Ok();
}

Status Connection::AppendOne(Command& command, const Digests& digests) {
  std::string digest;
  std::string keys;
  if (command.script() != kNoScript) {
    digest = digests.Get(command.script());
    keys = std::to_string(command.keys());
    command.words()[1] = digest.data();
    command.sizes()[1] = digest.size();
    command.words()[2] = keys.data();
    command.sizes()[2] = keys.size();
  }
  const int done = redisAppendCommandArgv(context_, static_cast<int>(command.words().size()), command.words().data(),
                                          command.sizes().data());
  return done == REDIS_OK ? Status::Ok() : Status(Code::kNoMemory, "no memory for a command");
}

// After a read or write that failed.
Status Connection::Lost() {
  broken_ = true;
  Status told;
  if (tls_) told = greeted_ ? tls_->Failure() : tls_->Refusal();
  if (!told.ok() && !greeted_) return told;
  std::string text = "the connection to the server is lost: ";
  text += told.ok() ? context_->errstr : told.text();
  if (!greeted_ && !tls_ && context_->connection_type == REDIS_CONN_TCP) {
    text += " (it may want TLS, a URL that begins with rediss://)";
  }
  return {Code::kUnknown, text};
}

Status Connection::Flush(bool* done) {
  if (tls_) TlsSession::ForgetFailures();
  NoSigpipe guard;
  int finished = 0;
  if (redisBufferWrite(context_, &finished) != REDIS_OK) {
    guard.Discard();
    return Lost();
  }
  *done = finished != 0;
  return Status::Ok();
}

Connection::Outcome Connection::Exchange(std::span<Reply> replies, const Patience& patience, int stop, const Side* side,
                                         Until until) {
  size_t answered = 0;
  bool written = false;
  Deadline deadline = patience.deadline;
  for (;;) {
    if (Status status = ReceiveSome(replies, &answered); !status.ok()) return {status, answered};
    if (answered == replies.size()) return {Status::Ok(), answered};
    if (!written) {
      if (Status status = Flush(&written); !status.ok()) return {status, answered};
    }
    if (until) {
      const Deadline sooner = until();
      if (!sooner.never()) until = nullptr;
      deadline = deadline.Earlier(sooner);
    }
    int64_t remaining = deadline.Remaining();
    if (until) remaining = remaining < 0 ? kLook : std::min(remaining, kLook);
    pollfd fds[4] = {{context_->fd, static_cast<short>(POLLIN | (written ? 0 : POLLOUT)), 0},
                     {patience.cancel != nullptr ? patience.cancel->fd() : -1, POLLIN, 0},
                     {stop, POLLIN, 0},
                     {side != nullptr ? side->fd : -1, POLLIN, 0}};
    poll(fds, 4, remaining < 0 ? -1 : static_cast<int>(std::min<int64_t>(remaining, INT_MAX)));
    if ((fds[0].revents & (POLLIN | POLLERR | POLLHUP)) != 0) {
      bool more = true;  // a read that was full has more behind it: not worth a poll
      while (more && answered < replies.size()) {
        if (Status status = ReadSome(&more); !status.ok()) return {status, answered};
        if (Status status = ReceiveSome(replies, &answered); !status.ok()) return {status, answered};
      }
      until = nullptr;  // it lives
      deadline = patience.deadline;
      continue;
    }
    if (fds[3].revents != 0 && !side->readable()) side = nullptr;
    if (fds[1].revents != 0) {
      broken_ = true;
      return {{Code::kInterrupted, "interrupted while waiting for the server"}, answered};
    }
    if (fds[2].revents != 0) {
      broken_ = true;
      return {Status::Closed("the bus was shut down"), answered};
    }
    if (deadline.Expired()) {
      broken_ = true;
      return {{Code::kUnknown, "the server did not answer in time"}, answered};
    }
  }
}

Status Connection::Send() {
  bool done = false;
  // What is sent this way is small; what does not fit goes with the next call.
  return Flush(&done);
}

Status Connection::ReadSome(bool* full) {
  const size_t before = context_->reader->len;
  int result = REDIS_OK;
  if (tls_) {
    TlsSession::ForgetFailures();
    NoSigpipe guard;  // to read may be to answer
    result = redisBufferRead(context_);
    if (result != REDIS_OK) guard.Discard();
  } else {
    result = redisBufferRead(context_);
  }
  if (result != REDIS_OK) return Lost();
  if (full != nullptr) *full = context_->reader->len - before >= kReadSize || (tls_ && tls_->Pending());
  return Status::Ok();
}

Status Connection::Receive(Reply* reply) {
  void* got = nullptr;
  if (redisGetReplyFromReader(context_, &got) != REDIS_OK) {
    broken_ = true;
    return {Code::kProtocol, std::string("the server's answer makes no sense: ") + context_->errstr};
  }
  if (got == nullptr) return {Code::kTimeout, "no reply yet"};
  std::unique_ptr<Reply> owned(static_cast<Reply*>(got));
  *reply = std::move(*owned);
  return Status::Ok();
}

Status Connection::ReceiveSome(std::span<Reply> replies, size_t* count) {
  while (*count < replies.size()) {
    Status status = Receive(&replies[*count]);
    if (status.code() == Code::kTimeout) break;
    if (!status.ok()) return status;
    ++*count;
  }
  return Status::Ok();
}

}  // namespace agentmq::redis
