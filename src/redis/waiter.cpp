#include "redis/waiter.hpp"

#include <poll.h>

#include <algorithm>
#include <climits>

namespace agentmq::redis {
namespace {

constexpr int64_t kBlockSeconds = 20;  // of a BLPOP
constexpr int64_t kGrace = 2000;       // ms beyond it until a silent connection is dropped
constexpr int64_t kReissueDelay = 1;   // ms: most consumers are back by then, and one BLPOP serves them all
constexpr int64_t kRefused = 1000;     // ms between attempts that the server answers by an error
constexpr int64_t kRetry = 50;         // ms between attempts while there is no connection

}  // namespace

Waiter::Waiter(Server& server, std::string control_prefix)
    : server_(server), control_prefix_(std::move(control_prefix)), thread_("amq-wait", [this] { Run(); }) {}

Waiter::~Waiter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.Signal();
  thread_.Join();
}

std::string Waiter::ControlKey(const Line& line) const { return control_prefix_ + std::to_string(line.number); }

// Keys stay with their line, so that a consumer that comes back finds its connection.
Waiter::Line& Waiter::LineFor(const std::string& key) {
  const auto known = line_of_.find(key);
  if (known != line_of_.end()) return *lines_[known->second];
  for (const auto& line : lines_) {
    if (line->keys.size() < kKeysPerConnection) {
      line_of_[key] = line->number;
      return *line;
    }
  }
  auto& line = lines_.emplace_back(std::make_unique<Line>());
  line->number = lines_.size() - 1;
  line_of_[key] = line->number;
  return *line;
}

Waiter::Ticket Waiter::Arm(const std::string& key, std::function<bool()> wake) {
  Ticket ticket = 0;
  bool tell = false;
  {
    std::lock_guard lock(mutex_);
    ticket = next_ticket_++;
    tickets_[ticket] = key;
    auto& waits = waits_[key];
    waits.push_back({ticket, std::move(wake)});
    Line& line = LineFor(key);
    if (std::find(line.keys.begin(), line.keys.end(), key) == line.keys.end()) line.keys.push_back(key);
    if (std::find(line.blocked.begin(), line.blocked.end(), key) == line.blocked.end()) {
      line.changed = tell = true;
      line.reissue_at = 0;
    }
  }
  if (tell) changed_.Signal();
  return ticket;
}

void Waiter::Disarm(Ticket ticket) {
  {
    std::lock_guard lock(mutex_);
    const auto at = tickets_.find(ticket);
    if (at == tickets_.end()) {
      // Called, or being called.
    } else {
      const std::string key = at->second;
      tickets_.erase(at);
      auto& waits = waits_[key];
      std::erase_if(waits, [&](const Wait& wait) { return wait.ticket == ticket; });
      if (waits.empty()) {
        waits_.erase(key);
        // A blocked line is left alone: a token that it takes for nobody is put back then.
        std::erase(lines_[line_of_[key]]->keys, key);
        line_of_.erase(key);
      }
      return;
    }
  }
  std::lock_guard wait(calling_);
}

void Waiter::Wake(const std::string& key) {
  std::lock_guard calling(calling_);
  std::function<bool()> wake;
  {
    std::lock_guard lock(mutex_);
    const auto at = waits_.find(key);
    if (at == waits_.end()) {
      wake = nullptr;
    } else {
      wake = std::move(at->second.front().wake);
      tickets_.erase(at->second.front().ticket);
      at->second.erase(at->second.begin());
      Line& line = *lines_[line_of_[key]];
      std::erase(line.keys, key);
      if (at->second.empty()) {
        waits_.erase(at);
        line_of_.erase(key);
      } else {
        line.keys.push_back(key);
      }
    }
  }
  if (wake && wake()) return;
  // Nobody waits here any more: the token goes back for others.
  (void)server_.Run(Command{"RPUSH", key, "1"}, {});
}

bool Waiter::Waits(const std::string& key) {
  std::lock_guard lock(mutex_);
  return waits_.contains(key);
}

void Waiter::Drop(Line& line) {
  line.connection.reset();
  line.blocked.clear();
  line.nudged = false;
  line.changed = true;
  line.reissue_at = SteadyMillis() + kRetry;
}

// A token may be lost with the connection: who waited looks for itself.
void Waiter::GiveUp(Line& line) {
  std::vector<std::string> blocked;
  {
    std::lock_guard lock(mutex_);
    blocked = line.blocked;
    Drop(line);
  }
  for (const std::string& key : blocked) {
    if (Waits(key)) Wake(key);
  }
}

// BLPOP key... control seconds
void Waiter::Block(Line& line, int64_t now) {
  if (!line.connection) {
    auto connection = server_.pool().Connect({Deadline::After(1000), nullptr}, true);
    if (!connection.ok()) {
      line.reissue_at = now + std::max(server_.pool().RetryAfter(), kRetry);
      return;
    }
    line.connection = std::move(*connection);
  }
  std::vector<std::string> keys;
  {
    std::lock_guard lock(mutex_);
    keys = line.keys;
    line.blocked = keys;
    line.changed = false;
  }
  if (keys.empty())
    return;  // disarmed meanwhile: a line without keys is not blocked, and must not seem so to the server
  const std::string control = ControlKey(line);
  Command command{"BLPOP"};
  for (const std::string& key : keys) command.Arg(key);
  command.Arg(control).Arg(kBlockSeconds);
  line.answer_by = now + kBlockSeconds * 1000 + kGrace;
  line.losses = server_.pool().losses();
  if (!line.connection->Append(command, server_.digests()).ok() || !line.connection->Send().ok()) {
    std::lock_guard lock(mutex_);
    Drop(line);
  }
}

void Waiter::Nudge(Line& line) {
  if (!control_) {
    auto connection = server_.pool().Connect({Deadline::After(1000), nullptr}, true);
    if (!connection.ok()) return;
    control_ = std::move(*connection);
  }
  const std::string key = ControlKey(line);
  Command push{"RPUSH", key, "1"};
  Command expire{"EXPIRE", key, "60"};
  Status status = control_->Append(push, server_.digests());
  if (status.ok()) status = control_->Append(expire, server_.digests());
  Reply replies[2];
  if (status.ok()) status = control_->Exchange(replies, {Deadline::After(1000), nullptr}, -1).status;
  if (!status.ok()) {
    control_.reset();
    return;
  }
  line.nudged = true;
}

void Waiter::Served(Line& line, const Reply& reply) {
  {
    std::lock_guard lock(mutex_);
    line.blocked.clear();
    line.changed = true;
    line.reissue_at = 0;
  }
  line.nudged = false;
  if (reply.is_error()) {
    std::lock_guard lock(mutex_);
    Drop(line);
    // Who may not, or what is wrong for good, is answered the same each time.
    if (ErrorStatus(reply).code() != Code::kUnavailable) line.reissue_at = SteadyMillis() + kRefused;
    return;
  }
  if (!reply.is_array() || reply.items.size() != 2) return;
  const std::string& key = reply.At(0).text;
  if (key == ControlKey(line)) return;
  {
    std::lock_guard lock(mutex_);
    line.reissue_at = SteadyMillis() + kReissueDelay;
  }
  Wake(key);
}

void Waiter::Service(Line& line, int64_t now) {
  if (line.connection && !line.blocked.empty()) {
    if (line.connection->unsent()) (void)line.connection->Send();  // where this fails the read below finds out
    pollfd fd{line.connection->fd(), POLLIN, 0};
    if (poll(&fd, 1, 0) > 0) {
      Reply reply;
      Status status = line.connection->ReadSome();
      if (status.ok()) status = line.connection->Receive(&reply);
      if (status.ok()) {
        Served(line, reply);
      } else if (status.code() != Code::kTimeout) {
        server_.pool().Lost(status);
        GiveUp(line);
      }
    } else if (now > line.answer_by || line.losses != server_.pool().losses()) {
      GiveUp(line);  // a connection that went silent, or may have
    }
  }
  bool changed = false;
  bool wanted = false;
  int64_t reissue_at = 0;
  {
    std::lock_guard lock(mutex_);
    changed = line.changed;
    wanted = !line.keys.empty();
    reissue_at = line.reissue_at;
  }
  if (!changed) return;
  if (line.blocked.empty()) {
    if (wanted && now >= reissue_at) Block(line, now);
  } else if (!line.nudged) {
    Nudge(line);
  }
}

int Waiter::NextTimeout() {
  const int64_t now = SteadyMillis();
  int64_t timeout = 1000;
  for (const auto& line : lines_) {
    if (line->changed && line->blocked.empty() && !line->keys.empty()) {
      timeout = std::min(timeout, std::max<int64_t>(line->reissue_at - now, 0));
    }
  }
  return static_cast<int>(timeout);
}

void Waiter::Run() {
  std::vector<pollfd> fds;
  for (;;) {
    fds.assign(1, {changed_.fd(), POLLIN, 0});
    int timeout = 0;
    size_t count = 0;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      timeout = NextTimeout();
      count = lines_.size();
      for (const auto& line : lines_) {
        if (!line->connection) continue;
        const short events = line->connection->unsent() ? POLLIN | POLLOUT : POLLIN;
        fds.push_back({line->connection->fd(), events, 0});
      }
    }
    poll(fds.data(), fds.size(), timeout);
    if (fds[0].revents != 0) changed_.Drain();
    const int64_t now = SteadyMillis();
    for (size_t i = 0; i < count; ++i) {
      Line* line = nullptr;
      {
        std::lock_guard lock(mutex_);
        if (stopping_) return;
        count = lines_.size();
        line = lines_[i].get();
      }
      Service(*line, now);
    }
  }
}

}  // namespace agentmq::redis
