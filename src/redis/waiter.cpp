#include "redis/waiter.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace agentmq::redis {
namespace {

constexpr int64_t kReissueDelay = 1;       // ms: most consumers are back by then, and one BLPOP serves them all
constexpr int64_t kRetry = 50;             // ms between attempts while there is no connection
constexpr int64_t kRefusedPause = 100;     // ms until a server that refused to wait is asked again
constexpr int64_t kForbiddenPause = 1000;  // ms, where it will refuse again
constexpr int64_t kLinger = 30000;         // ms that a line without keys keeps its connection
constexpr int64_t kCallTime = 1000;        // ms for a server to answer this thread
constexpr int64_t kControlSeconds = 60;    // that a control token stays

Server::Call Briefly() {
  const Deadline soon = Deadline::After(kCallTime);
  return {{soon, nullptr}, Server::Again::kOnLoss, false, soon};
}

}  // namespace

Waiter::Waiter(Server& server, std::string name) : server_(server), name_(std::move(name)) {
  poll_ = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{EPOLLIN, {.u64 = 0}};
  if (poll_ < 0 || epoll_ctl(poll_, EPOLL_CTL_ADD, changed_.fd(), &event) != 0) {
    if (poll_ >= 0) close(poll_);
    throw std::runtime_error("no file descriptor to wait with");
  }
  server_.nodes().OnChange([this] {
    servers_changed_.store(true);
    changed_.Signal();
  });
  thread_ = Thread("amq-wait", [this] { Run(); });
}

Waiter::~Waiter() {
  server_.nodes().OnChange(nullptr);
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.Signal();
  thread_.Join();
  close(poll_);
}

// Keys stay with their line, so that a consumer that comes back finds its connection.
Waiter::Line& Waiter::LineFor(const std::string& key) {
  const auto known = line_of_.find(key);
  if (known != line_of_.end()) return *lines_[known->second];
  const int slot = server_.nodes().Slot(key);
  auto& some = by_slot_[slot];
  const auto free = std::find_if(some.begin(), some.end(),
                                 [&](uint64_t number) { return lines_[number]->keys.size() < kKeysPerConnection; });
  if (free != some.end()) {
    line_of_[key] = *free;
    return *lines_[*free];
  }
  auto line = std::make_unique<Line>();
  line->number = ++last_line_;
  line->slot = slot;
  line->control = ControlKey(key, name_ + ":" + std::to_string(line->number));
  some.push_back(line->number);
  line_of_[key] = line->number;
  return *(lines_[last_line_] = std::move(line));
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
      // One that could not connect or was refused keeps its pause.
      if (line.reissue_at <= SteadyMillis() + kReissueDelay) line.reissue_at = 0;
      Schedule(line, SteadyMillis());
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
        Line& line = *lines_[line_of_[key]];
        std::erase(line.keys, key);
        line_of_.erase(key);
        Schedule(line, SteadyMillis());
      }
      return;
    }
  }
  std::lock_guard wait(calling_);
}

bool Waiter::Wake(const std::string& key) {
  std::lock_guard calling(calling_);
  for (;;) {
    std::function<bool()> wake;
    {
      std::lock_guard lock(mutex_);
      const auto at = waits_.find(key);
      if (at == waits_.end()) return false;
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
    if (wake()) return true;
  }
}

void Waiter::Drop(Line& line) {
  line.connection.reset();
  line.blocked.clear();
  line.nudged = false;
  line.changed = true;
  line.reissue_at = SteadyMillis() + kRetry;
}

// The connection is of no use any more. A token may be lost with it: who waited looks for itself.
void Waiter::Lose(Line& line) {
  std::vector<std::string> blocked;
  {
    std::lock_guard lock(mutex_);
    blocked = line.blocked;
    Drop(line);
  }
  for (const std::string& key : blocked) (void)Wake(key);
}

void Waiter::UseDialed() {
  for (Dialer::Dialed& dialed : dialer_.Take()) {
    Line* line = Find(dialed.number);
    if (line == nullptr) continue;
    {
      std::lock_guard lock(mutex_);
      line->dialing = false;
    }
    // Where the slot has gone elsewhere meanwhile it is asked for there.
    if (dialed.pool == line->pool && !Connected(*line, std::move(dialed))) continue;
    Service(*line, false);
  }
}

bool Waiter::Connected(Line& line, Dialer::Dialed dialed) {
  if (!dialed.connection.ok()) {
    server_.nodes().Doubt();
    Postpone(line, std::max(line.pool->RetryAfter(), kRetry));
  } else {
    line.connection = std::move(*dialed.connection);
    line.writing = false;
    epoll_event event{EPOLLIN, {.u64 = line.number}};
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, line.connection->fd(), &event) == 0) return true;
  }
  std::lock_guard lock(mutex_);
  if (line.connection) Drop(line);
  Schedule(line, SteadyMillis());
  return false;
}

// BLPOP key... control seconds
void Waiter::Block(Line& line, int64_t now) {
  auto pool = server_.nodes().map()->Of(line.slot);
  if (pool != line.pool) line.connection.reset();
  line.pool = std::move(pool);
  if (line.pool == nullptr) return Postpone(line, kRefusedPause);
  if (!line.connection) {
    {
      std::lock_guard lock(mutex_);
      line.dialing = true;
    }
    return dialer_.Ask(line.number, line.pool);
  }
  std::vector<std::string> keys;
  {
    std::lock_guard lock(mutex_);
    keys = line.keys;
    line.blocked = keys;
    line.changed = false;
    line.answer_by = now + server_.options().block() + kSilence;
  }
  // Disarmed meanwhile: a line without keys is not blocked, and must not seem so to the server.
  if (keys.empty()) return;
  Command command{"BLPOP"};
  for (const std::string& key : keys) command.Arg(key);
  command.Arg(line.control).Timeout(server_.options().block());
  if (line.connection->Append(command, server_.digests()).ok()) return Write(line);
  std::lock_guard lock(mutex_);
  Drop(line);
}

void Waiter::Write(Line& line) {
  bool well = line.connection->Send().ok();
  if (well && line.connection->unsent() != line.writing) {
    line.writing = !line.writing;
    epoll_event event{line.writing ? uint32_t{EPOLLIN | EPOLLOUT} : uint32_t{EPOLLIN}, {.u64 = line.number}};
    well = epoll_ctl(poll_, EPOLL_CTL_MOD, line.connection->fd(), &event) == 0;
  }
  if (well) return;
  std::lock_guard lock(mutex_);
  Drop(line);
}

// Ends the wait of the line, which is to wait for other keys from now on.
void Waiter::Nudge(Line& line) {
  auto& control = controls_[line.pool];
  if (control && line.pool->MayBeLost(*control)) control.reset();
  if (!control) {
    auto connection = line.pool->Connect({Deadline::After(kCallTime), nullptr}, true);
    if (!connection.ok()) return Postpone(line, kRetry);
    control = std::move(*connection);
  }
  Command token = MakeToken(line.control, kControlSeconds);
  Status status = control->Append(token, server_.digests());
  Reply reply;
  if (status.ok()) status = control->Exchange({&reply, 1}, {Deadline::After(kCallTime), nullptr}, -1).status;
  if (!status.ok()) {
    control.reset();
    return Postpone(line, kRetry);
  }
  // Refused (the scripts are gone, say): a connection that is closed waits no longer either.
  if (reply.is_error()) return Lose(line);
  std::lock_guard lock(mutex_);
  line.nudged = true;
}

void Waiter::Served(Line& line, const Reply& reply) {
  {
    std::lock_guard lock(mutex_);
    line.blocked.clear();
    line.changed = true;
    line.nudged = false;
    line.reissue_at = 0;
  }
  if (reply.is_error()) return Refused(line, reply);
  if (!reply.is_array() || reply.items.size() != 2) return;
  const std::string& key = reply.At(0).text;
  if (key == line.control) return;
  {
    std::lock_guard lock(mutex_);
    line.reissue_at = SteadyMillis() + kReissueDelay;
  }
  // Where nobody waits any more the token goes back for others.
  if (!Wake(key)) (void)server_.Run(MakeToken(key), Briefly());
}

// Nothing was taken. One that moved is asked for where it is now.
void Waiter::Refused(Line& line, const Reply& reply) {
  if (reply.StartsWith("MOVED ") && server_.nodes().Redirected(reply, *line.pool) != nullptr) return;
  server_.nodes().Doubt();
  {
    std::lock_guard lock(mutex_);
    Drop(line);
  }
  // Who may not, or what is wrong for good, is answered the same each time.
  const bool mends = ErrorStatus(reply).code() == Code::kUnavailable;
  Postpone(line, mends ? kRefusedPause : kForbiddenPause);
}

void Waiter::Postpone(Line& line, int64_t millis) {
  std::lock_guard lock(mutex_);
  line.reissue_at = SteadyMillis() + millis;
}

void Waiter::Read(Line& line) {
  Reply reply;
  Status status;
  for (bool more = true; status.ok() && more;) status = line.connection->ReadSome(&more);
  if (status.ok()) status = line.connection->Receive(&reply);
  if (status.code() == Code::kTimeout) return;
  if (status.ok() && !line.blocked.empty()) return Served(line, reply);
  // Lost, also while it was not blocked.
  if (!status.ok()) server_.nodes().Lost(*line.pool, *line.connection, status);
  Lose(line);
}

void Waiter::Service(Line& line, bool ready) {
  if (line.connection && line.writing) Write(line);
  const int64_t now = SteadyMillis();
  const auto overdue = [&] { return line.connection && !line.blocked.empty() && now > line.answer_by; };
  const auto may_be_lost = [&] { return line.connection && line.pool->MayBeLost(*line.connection); };
  // What has come meanwhile is not silence, and a token among it is somebody's.
  if (line.connection && (ready || overdue() || may_be_lost())) Read(line);
  if (overdue()) {
    server_.nodes().Lost(*line.pool, *line.connection, {Code::kUnknown, "the server did not answer in time"});
  }
  if (may_be_lost()) Lose(line);
  bool changed = false;
  bool wanted = false;
  int64_t reissue_at = 0;
  {
    std::lock_guard lock(mutex_);
    changed = line.changed;
    wanted = !line.keys.empty();
    reissue_at = line.reissue_at;
  }
  if (changed && line.blocked.empty()) {
    if (wanted && !line.dialing && now >= reissue_at) Block(line, now);
  } else if (changed && !line.nudged && now >= reissue_at) {
    Nudge(line);
  }
  std::lock_guard lock(mutex_);
  Schedule(line, SteadyMillis());
  if (!line.keys.empty() || !line.blocked.empty() || line.idle_until > now) return;
  due_.erase({line.due, line.number});
  auto& some = by_slot_[line.slot];
  std::erase(some, line.number);
  if (some.empty()) by_slot_.erase(line.slot);
  lines_.erase(line.number);
}

// When the thread looks at a line without having been told anything of it.
void Waiter::Schedule(Line& line, int64_t now) {
  due_.erase({line.due, line.number});
  const bool idle = line.keys.empty() && line.blocked.empty();
  if (!idle) {
    line.idle_until = 0;
  } else if (line.idle_until == 0) {
    line.idle_until = now + kLinger;
  }
  if (idle) {
    line.due = line.idle_until;
  } else if (!line.blocked.empty()) {
    line.due = line.changed && !line.nudged ? std::max(line.reissue_at, now) : line.answer_by + 1;
  } else {
    line.due = std::max(line.reissue_at, line.dialing ? now + kLinger : now);  // the dialer tells
  }
  due_.insert({line.due, line.number});
}

int Waiter::NextTimeout() {
  if (due_.empty()) return -1;
  return static_cast<int>(std::clamp<int64_t>(due_.begin()->first - SteadyMillis(), 0, kLinger));
}

std::vector<uint64_t> Waiter::TakeDue(int64_t now) {
  std::vector<uint64_t> taken;
  for (const auto& [due, number] : due_) {
    if (due > now) break;
    taken.push_back(number);
  }
  return taken;
}

Waiter::Line* Waiter::Find(uint64_t number) {
  std::lock_guard lock(mutex_);
  const auto at = lines_.find(number);
  return at == lines_.end() ? nullptr : at->second.get();
}

// Whoever waits at a node that serves its slot no more, or on a connection that is dead too, would hear nothing.
void Waiter::FollowServers() {
  const auto map = server_.nodes().map();
  std::vector<Line*> lines;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, line] : lines_) lines.push_back(line.get());
  }
  for (Line* line : lines) {
    const auto pool = map->Of(line->slot);
    if (!line->connection || pool == nullptr) continue;
    if (pool == line->pool) {
      if (pool->MayBeLost(*line->connection)) Service(*line, false);
      continue;
    }
    Lose(*line);
    std::lock_guard lock(mutex_);
    line->reissue_at = 0;
    Schedule(*line, SteadyMillis());
  }
  std::erase_if(controls_, [&](const auto& control) {
    return std::find(map->pools.begin(), map->pools.end(), control.first) == map->pools.end();
  });
}

void Waiter::Run() {
  std::array<epoll_event, 256> events{};
  for (;;) {
    int timeout = 0;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      timeout = NextTimeout();
    }
    const int count = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < count; ++i) {
      const uint64_t number = events[static_cast<size_t>(i)].data.u64;
      if (number == 0) {
        changed_.Drain();
      } else if (Line* line = Find(number)) {
        Service(*line, true);
      }
    }
    UseDialed();
    if (servers_changed_.exchange(false)) FollowServers();
    std::vector<uint64_t> due;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      due = TakeDue(SteadyMillis());
    }
    for (const uint64_t number : due) {
      if (Line* line = Find(number)) Service(*line, false);
    }
  }
}

}  // namespace agentmq::redis
