#include "redis/pool.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace agentmq::redis {
namespace {

// Full waits would bring all clients back at once: half is fixed, half is drawn.
int64_t BackOff(int64_t base, int64_t max, int failures) {
  int64_t wait = base;
  for (int i = 1; i < failures && wait < max; ++i) wait *= 2;
  wait = std::min(wait, max);
  thread_local std::minstd_rand random{std::random_device{}()};
  return wait / 2 + std::uniform_int_distribution<int64_t>(0, std::max<int64_t>(wait / 2, 0))(random);
}

// How long a server is left alone after an attempt that took so long. Attempts that fail at once make nobody wait and
// cost the server nothing, as where its process died and comes again: they are made more often.
int64_t Rest(int64_t breaker_reset, int64_t took) {
  constexpr int64_t kAtOnce = 250;  // ms
  constexpr int64_t kShort = 500;   // ms
  return took < kAtOnce ? std::min(breaker_reset, std::max(kShort, breaker_reset / 10)) : breaker_reset;
}

constexpr int64_t kSlice = 20;    // ms between looks at the cancel token while all connections are in use
constexpr int64_t kDoubt = 1000;  // ms after a loss for answers on other connections, which may be dead too
constexpr int64_t kMoment = 20;   // ms, for what is asked about later: what came is read

}  // namespace

Pool::Pool(const Options& options, EventSink events) : options_(options), events_(std::move(events)) {
  if (options_.sentinels.empty()) return;
  sentinels_.emplace(options_);
  watch_.emplace(*sentinels_, [this](const Address& master) { (void)Follow(master, nullptr); });
}

Result<std::unique_ptr<Connection>> Pool::Take(const Patience& patience, bool probes) {
  {
    std::unique_lock lock(mutex_);
    while (idle_.empty() && in_use_ >= options_.pool_size) {
      if (patience.cancelled()) return Status(Code::kInterrupted, "interrupted while waiting for a connection");
      if (patience.deadline.Expired()) {
        return Status(Code::kUnavailable, "all " + std::to_string(options_.pool_size) + " connections are in use");
      }
      returned_.wait_for(lock, std::chrono::milliseconds(kSlice));
    }
    ++in_use_;
    if (auto connection = Idle()) return connection;
  }
  auto connection = Connect(patience, probes);
  if (!connection.ok()) {
    std::lock_guard lock(mutex_);
    --in_use_;
    returned_.notify_one();
  }
  return connection;
}

std::unique_ptr<Connection> Pool::TakeReady() { return TakeIdle(options_.pool_size); }

std::unique_ptr<Connection> Pool::TakeIdle() { return TakeIdle(options_.pool_size / 2); }

std::unique_ptr<Connection> Pool::TakeIdle(int most) {
  std::lock_guard lock(mutex_);
  if (in_use_ >= most) return nullptr;
  auto connection = Idle();
  if (connection) ++in_use_;
  return connection;
}

// One may have been cut while it came back.
std::unique_ptr<Connection> Pool::Idle() {
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (!connection->broken()) return connection;
  }
  return nullptr;
}

void Pool::Return(std::unique_ptr<Connection> connection) {
  const bool broken = connection == nullptr || connection->broken();
  {
    std::lock_guard lock(mutex_);
    --in_use_;
    if (!broken && !MayBeLost(*connection)) idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

bool Pool::Lost(const Connection& connection, const Status& status) {
  std::unique_lock lock(mutex_);
  if (MayBeLost(connection)) return false;
  EndGeneration(std::move(lock), status.text(), nullptr);
  return true;
}

Deadline Pool::WorthWaitingUntil(const Connection& connection, int64_t asked_at) const {
  if (!MayBeLost(connection)) return Deadline::Never();
  const int64_t until = std::max(asked_at, lost_at_.load(std::memory_order_acquire)) + kDoubt;
  return Deadline::After(std::max(kMoment, until - SteadyMillis()));
}

void Pool::Demoted(const Connection& connection, const Status& status) {
  std::unique_lock lock(mutex_);
  if (!MayBeLost(connection)) Leave(std::move(lock), status.text());
}

// A sentinel says where the master is, to the watch, or to who connects: then `before` is of when that began, and it says
// nothing any more where connections were left since. Answers whose sockets the connection's is one of.
std::shared_ptr<Sockets> Pool::Follow(const Address& master, std::shared_ptr<Sockets> before) {
  std::unique_lock lock(mutex_);
  if (before != nullptr && before != sockets_) return before;
  if (address_ == master) return sockets_;
  const bool known = address_.has_value();
  address_ = master;
  // What failed was another server.
  const bool closes = Open();
  failures_ = 0;
  if (!known) return sockets_;
  auto sockets = Leave(std::move(lock), "the master is another server now, " + master.Text());
  if (closes) events_(1, "breaker_closed", {});
  events_(2, "master_switched", {{"address", master.Text()}});
  return sockets;
}

// The idle connections go, and those in use end. Answers the sockets of those that follow.
std::shared_ptr<Sockets> Pool::Leave(std::unique_lock<std::mutex> lock, const std::string& reason) {
  auto next = std::make_shared<Sockets>();
  const auto left = std::exchange(sockets_, next);
  EndGeneration(std::move(lock), reason, left.get());
  return next;
}

// cut: sockets to be cut, before anybody is told: who hears it may wait for a call that the cut ends.
void Pool::EndGeneration(std::unique_lock<std::mutex> lock, const std::string& reason, Sockets* cut) {
  lost_at_.store(SteadyMillis(), std::memory_order_release);
  losses_.fetch_add(1, std::memory_order_acq_rel);
  const std::vector<std::unique_ptr<Connection>> dropped = std::exchange(idle_, {});
  const bool tell = link_ == Link::kUp;
  if (tell) link_ = Link::kDown;
  lock.unlock();
  if (cut != nullptr) cut->Cut();
  if (tell) events_(2, "disconnected", {{"reason", reason}});
}

Result<std::unique_ptr<Connection>> Pool::Connect(const Patience& patience, bool probes) {
  const int64_t began = SteadyMillis();
  bool decides = false;
  std::shared_ptr<Sockets> sockets;
  {
    std::lock_guard lock(mutex_);
    const bool left_alone = Open() && (probing_ || (began < reset_at_ && !probes));
    if (failures_ > 0 && (began < retry_at_ || left_alone)) return Refusal(began);
    decides = probing_ = Open();
    sockets = sockets_;
  }
  Options target = options_;
  Status found;
  if (sentinels_) {
    auto master = sentinels_->FindMaster(patience);
    found = master.status();
    if (master.ok()) target.address = std::move(*master);
  }
  Result<std::unique_ptr<Connection>> connection =
      found.ok() ? Connection::Open(target, patience) : Result<std::unique_ptr<Connection>>(found);
  if (connection.ok()) {
    if (sentinels_) sockets = Follow(target.address, std::move(sockets));
    (*connection)->Join(std::move(sockets));
  }
  if (connection.ok() && (*connection)->broken()) {
    connection = Status(Code::kUnavailable, "the master has become another server");
  } else if (connection.ok()) {
    Connected(**connection);
  } else if (connection.code() != Code::kInterrupted) {  // a caller's token says nothing of the server
    Failed(connection.status(), began);
  }
  if (decides) {
    std::lock_guard lock(mutex_);
    probing_ = false;
  }
  return connection;
}

Status Pool::Refusal(int64_t now) const {
  if (!Open()) return last_failure_;
  const int64_t wait = std::max<int64_t>(1, reset_at_ - now);
  return Status(last_failure_.code(), "the circuit breaker is open after " + std::to_string(failures_) +
                                          " failures, the next attempt is in " + std::to_string(wait) +
                                          " ms: " + last_failure_.text())
      .RetryAfter(wait);
}

void Pool::Connected(Connection& connection) {
  Link before;
  bool closes = false;
  {
    std::lock_guard lock(mutex_);
    before = link_;
    closes = Open();
    link_ = Link::kUp;
    ever_up_ = true;
    failures_ = 0;
    connection.SetGeneration(losses_);
    server_offset_ = connection.server_offset();
  }
  if (closes) events_(1, "breaker_closed", {});
  if (before == Link::kUp) return;
  events_(1, before == Link::kNever ? "connected" : "reconnected", {});
}

// Attempts that ran at the same time are one failure.
void Pool::Failed(const Status& status, int64_t began) {
  Link before;
  bool opens = false;
  int64_t rest = 0;
  {
    std::lock_guard lock(mutex_);
    before = link_;
    if (link_ == Link::kUp) link_ = Link::kDown;
    last_failure_ = status;
    if (failures_ == 0 || began >= failed_at_) {
      const bool was_open = Open();
      ++failures_;
      failed_at_ = SteadyMillis();
      opens = Open() && !was_open;
      retry_at_ = failed_at_ + BackOff(options_.reconnect_base, options_.reconnect_max, failures_);
      rest = Rest(options_.breaker_reset, failed_at_ - began);
      reset_at_ = failed_at_ + rest;
    }
  }
  if (before == Link::kUp) events_(2, "disconnected", {{"reason", status.text()}});
  if (opens) {
    events_(2, "breaker_opened", {{"retry_after", std::to_string(rest)}, {"reason", status.text()}});
  }
}

bool Pool::BreakerOpen() const {
  std::lock_guard lock(mutex_);
  return Open();
}

int64_t Pool::RetryAfter() const {
  std::lock_guard lock(mutex_);
  return failures_ == 0 ? 0 : std::max<int64_t>(0, retry_at_ - SteadyMillis());
}

bool Pool::connected() const {
  std::lock_guard lock(mutex_);
  return link_ == Link::kUp;
}

int64_t Pool::ServerNow() const {
  std::lock_guard lock(mutex_);
  return SteadyMillis() + server_offset_;
}

void Pool::SetServerTime(int64_t now) {
  std::lock_guard lock(mutex_);
  server_offset_ = now - SteadyMillis();
}

}  // namespace agentmq::redis
