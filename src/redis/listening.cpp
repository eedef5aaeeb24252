#include "redis/listening.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/backoff.hpp"
#include "core/reader.hpp"
#include "core/telling.hpp"

namespace agentmq::redis {
namespace {

constexpr int64_t kPing = 1000;          // ms between signs of life that are asked for
constexpr int64_t kConnectTime = 1000;   // ms, so that a bus that closes waits no longer for it
constexpr int64_t kRetry = 50;           // ms at least between attempts to connect
constexpr int64_t kRefusedPause = 1000;  // ms until what was refused is asked for again
constexpr int64_t kSteady = 500;         // ms that a connection lasts at least
constexpr int kReads = 64;               // in a row, until the thread looks at what else there is to do
constexpr int64_t kLook = 50;            // ms between looks whether the bus was shut down

Status Silent() { return {Code::kUnavailable, "the server did not answer in time"}; }

}  // namespace

Listening::Listening(Server& server, const BackendOptions& options)
    : server_(server),
      names_(options, server.options().database),
      events_(options.events),
      turn_(static_cast<size_t>(RandomFraction() * 1000)) {}

Listening::~Listening() {
  stop_.Fire();
  wake_.Set();
  thread_.Join();
}

// ---- who listens ----------------------------------------------------------------------------------------------------

Status Listening::Add(const std::shared_ptr<Ear>& ear, const Patience& patience) {
  const auto [name, is_pattern] = names_.For(ear->pattern());
  std::unique_lock lock(mutex_);
  Topic& topic = topics_[name];
  auto ears = std::make_shared<Ears>(*topic.ears);
  ears->push_back(ear);
  topic.ears = std::move(ears);
  topic.is_pattern = is_pattern;
  topic.ask_at = 0;
  topic.failure = failure_ = Status::Ok();
  if (!thread_.joinable()) thread_ = Thread("amq-listen", [this] { Run(); });
  wake_.Set();
  Status status;
  while (!topic.heard) {
    status = topic.failure.ok() ? failure_ : topic.failure;
    if (!status.ok() && !MendsByWaiting(status.code())) break;
    if (server_.shut_down()) status = Status::Closed("the bus was shut down");
    if (patience.cancelled()) status = {Code::kInterrupted, "interrupted while waiting for the server"};
    if (status.code() == Code::kClosed || status.code() == Code::kInterrupted) break;
    if (patience.deadline.Expired()) {
      if (status.ok()) status = Silent();
      break;
    }
    const int64_t left = patience.deadline.Remaining();
    changed_.wait_for(lock, std::chrono::milliseconds(left < 0 ? kLook : std::min(left, kLook)));
    status = Status::Ok();
  }
  if (topic.heard) {
    ear->Regain();  // before the thread can lose it
    return Status::Ok();
  }
  lock.unlock();
  Remove(ear.get());
  return status;
}

void Listening::Remove(const Ear* ear) {
  {
    const std::lock_guard lock(mutex_);
    for (auto at = topics_.begin(); at != topics_.end();) {
      Drop(at->second, ear);
      if (!at->second.ears->empty()) {
        ++at;
        continue;
      }
      if (at->second.asked) unwanted_.push_back(at->second.is_pattern ? "P" + at->first : "-" + at->first);
      at = topics_.erase(at);
    }
    wake_.Set();
  }
  const std::lock_guard wait(calling_);
}

void Listening::Drop(Topic& topic, const Ear* ear) {
  const auto is_it = [ear](const auto& one) { return one.get() == ear; };
  if (std::none_of(topic.ears->begin(), topic.ears->end(), is_it)) return;
  auto ears = std::make_shared<Ears>(*topic.ears);
  std::erase_if(*ears, is_it);
  topic.ears = std::move(ears);
}

bool Listening::Idle() {
  const std::lock_guard lock(mutex_);
  return topics_.empty();
}

// ---- the connection -------------------------------------------------------------------------------------------------

void Listening::Run() {
  while (!stop_.fired()) {
    if (Idle()) {
      Lose(Status::Ok());
      (void)wake_.Wait({Deadline::Never(), &stop_});
    } else if (connection_ != nullptr) {
      Serve();
    } else if (const int64_t left = retry_at_ - SteadyMillis(); left > 0) {
      pollfd stop{stop_.fd(), POLLIN, 0};
      poll(&stop, 1, static_cast<int>(left));
    } else {
      Connect();
    }
  }
}

// To the next node each time; of one server there is but one.
void Listening::Connect() {
  const auto map = server_.nodes().map();
  Result<std::unique_ptr<Connection>> connection = Status(Code::kUnavailable, "no node of the cluster is known");
  int64_t retry_after = 0;
  for (size_t i = 0; i < map->pools.size() && !connection.ok() && !stop_.fired(); ++i) {
    pool_ = map->pools[turn_++ % map->pools.size()];
    connection = pool_->Connect({Deadline::After(kConnectTime), &stop_}, true);
    if (!connection.ok()) retry_after = std::max(retry_after, pool_->RetryAfter());
  }
  if (stop_.fired()) return;
  if (!connection.ok()) {
    server_.nodes().Doubt();
    retry_at_ = SteadyMillis() + std::max(kRetry, retry_after);
    return Lose(connection.status());
  }
  connection_ = std::move(*connection);
  sent_.clear();
  pinged_ = more_ = false;
  connected_at_ = heard_at_ = pinged_at_ = SteadyMillis();
  const std::lock_guard lock(mutex_);
  failure_ = Status::Ok();
  unwanted_.clear();
}

// There is no connection any more, and why; ok: nobody wants one.
void Listening::Lose(const Status& status) {
  // One that is lost as soon as it is made is not made anew all the time.
  if (connection_ != nullptr && !status.ok()) retry_at_ = connected_at_ + kSteady;
  connection_.reset();
  const std::lock_guard calling(calling_);
  std::vector<std::shared_ptr<const Ears>> deaf;
  {
    const std::lock_guard lock(mutex_);
    failure_ = status;
    for (auto& [name, topic] : topics_) {
      deaf.push_back(topic.ears);
      topic.asked = topic.heard = false;
      topic.ask_at = 0;
    }
  }
  changed_.notify_all();
  if (status.ok()) return;
  for (const auto& ears : deaf) {
    for (const auto& ear : *ears) ear->Lose(status);
  }
}

bool Listening::Send(Sent sent, Command command) {
  if (!connection_->Append(command, server_.digests()).ok()) return false;
  sent_.push_back(std::move(sent));
  return true;
}

// Asks for what is wanted and was not asked for, and the other way round. False where that fails.
bool Listening::Ask() {
  std::vector<std::string> unwanted;
  std::vector<std::pair<std::string, bool>> wanted;
  const int64_t now = SteadyMillis();
  {
    const std::lock_guard lock(mutex_);
    unwanted.swap(unwanted_);
    for (auto& [name, topic] : topics_) {
      if (topic.asked || topic.ask_at > now) continue;
      topic.asked = true;
      wanted.emplace_back(name, topic.is_pattern);
    }
  }
  bool well = true;
  for (const std::string& topic : unwanted) {
    // UNSUBSCRIBE channel, PUNSUBSCRIBE pattern
    const std::string_view name = std::string_view(topic).substr(1);
    well = well && Send({Sent::Kind::kUnlisten, {}}, Command{topic[0] == 'P' ? "PUNSUBSCRIBE" : "UNSUBSCRIBE", name});
  }
  for (const auto& [name, is_pattern] : wanted) {
    // SUBSCRIBE channel, PSUBSCRIBE pattern
    well = well && Send({Sent::Kind::kListen, name}, Command{is_pattern ? "PSUBSCRIBE" : "SUBSCRIBE", name});
  }
  if (!pinged_ && now - pinged_at_ >= kPing) {
    well = well && Send({Sent::Kind::kPing, {}}, Command{"PING"});
    pinged_ = true;
    pinged_at_ = now;
  }
  return well && (!connection_->unsent() || connection_->Send().ok());
}

void Listening::Serve() {
  if (!Ask()) return Lose({Code::kUnavailable, "the connection to the server is lost"});
  pollfd fds[3] = {{connection_->fd(), static_cast<short>(POLLIN | (connection_->unsent() ? POLLOUT : 0)), 0},
                   {wake_.fd(), POLLIN, 0},
                   {stop_.fd(), POLLIN, 0}};
  poll(fds, 3, static_cast<int>(more_ ? 0 : kPing));
  if (fds[1].revents != 0) (void)wake_.Wait({Deadline::After(0), nullptr});
  if ((fds[0].revents != 0 || more_) && !Read()) return;
  const int64_t now = SteadyMillis();
  if (pinged_ && now - std::max(pinged_at_, heard_at_) > server_.options().command_timeout) return Lose(Silent());
  // A node that is no master of the cluster any more may not belong to it either, and would tell nothing.
  const auto map = server_.nodes().map();
  if (std::find(map->pools.begin(), map->pools.end(), pool_) == map->pools.end()) {
    Lose({Code::kUnavailable, "the node is no master of the cluster any more"});
  }
}

// ---- what comes -----------------------------------------------------------------------------------------------------

// False where the connection is lost.
bool Listening::Read() {
  Status status;
  more_ = true;
  for (int i = 0; i < kReads && more_ && !stop_.fired(); ++i) {
    status = connection_->ReadSome(&more_);
    if (status.ok()) heard_at_ = SteadyMillis();
    while (status.ok()) {
      Reply reply;
      status = connection_->Receive(&reply);
      if (status.ok() && !Take(reply)) status = {Code::kProtocol, "the server's answer makes no sense"};
    }
    if (status.code() == Code::kTimeout) continue;  // no whole one any more
    server_.nodes().Doubt();
    Lose({Code::kUnavailable, status.text()});
    return false;
  }
  return true;
}

// False where it makes no sense.
bool Listening::Take(Reply& reply) {
  const std::string& kind = reply.is_array() ? reply.At(0).text : reply.text;
  if (reply.is_array() && kind == "message" && reply.items.size() == 3) {
    Hear(reply.items[1].text, reply.items[1].text, reply.items[2].text);
    return true;
  }
  if (reply.is_array() && kind == "pmessage" && reply.items.size() == 4) {
    Hear(reply.items[1].text, reply.items[2].text, reply.items[3].text);
    return true;
  }
  if (sent_.empty()) return false;
  const Sent sent = std::move(sent_.front());
  sent_.pop_front();
  switch (sent.kind) {
    case Sent::Kind::kPing:
      pinged_ = false;
      return true;
    case Sent::Kind::kUnlisten:
      return !reply.is_error();
    case Sent::Kind::kListen:
      if (reply.is_error()) {
        Refused(sent.topic, ErrorStatus(reply));
        return true;
      }
      if (!kind.ends_with("subscribe")) return false;
      Confirmed(sent.topic);
      return true;
  }
  return false;
}

// topic: what the server was asked for; of several that fit it says each.
void Listening::Hear(const std::string& topic, const std::string& channel, std::string_view text) {
  const auto told = ParseTelling(text);
  if (!told.ok() || names_.Of(told->id.queue.channel) != channel) {
    events_(2, "corrupt",
            {{"channel", channel}, {"reason", told.ok() ? "it is of another channel" : told.status().text()}});
    return;
  }
  const std::lock_guard calling(calling_);
  std::shared_ptr<const Ears> ears;
  {
    const std::lock_guard lock(mutex_);
    const auto at = topics_.find(topic);
    if (at == topics_.end()) return;
    ears = at->second.ears;
  }
  for (const auto& ear : *ears) {
    if (ear->pattern().Matches(told->id.queue.channel)) ear->Hear(told->id, told->record);
  }
}

void Listening::Confirmed(const std::string& name) {
  const auto asks_again = [&](const Sent& sent) { return sent.kind == Sent::Kind::kListen && sent.topic == name; };
  if (std::any_of(sent_.begin(), sent_.end(), asks_again)) return;  // it was given up in between
  const std::lock_guard calling(calling_);
  std::shared_ptr<const Ears> ears;
  {
    const std::lock_guard lock(mutex_);
    const auto at = topics_.find(name);
    // Wanted no more, or once more since.
    if (at == topics_.end() || !at->second.asked) return;
    at->second.heard = true;
    at->second.failure = Status::Ok();
    ears = at->second.ears;
  }
  changed_.notify_all();
  for (const auto& ear : *ears) ear->Regain();
}

// The user may not: that is asked again from time to time, for who listened before.
void Listening::Refused(const std::string& name, const Status& status) {
  const std::lock_guard calling(calling_);
  std::shared_ptr<const Ears> ears;
  {
    const std::lock_guard lock(mutex_);
    const auto at = topics_.find(name);
    if (at == topics_.end()) return;
    at->second.asked = false;
    at->second.failure = status;
    at->second.ask_at = SteadyMillis() + kRefusedPause;
    ears = at->second.ears;
  }
  changed_.notify_all();
  for (const auto& ear : *ears) ear->Lose(status);
}

}  // namespace agentmq::redis
