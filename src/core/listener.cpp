#include "core/listener.hpp"

#include <algorithm>
#include <utility>

#include "core/reader.hpp"
#include "core/shared.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

Status EndedStatus() { return Status::Closed("the listener has ended"); }

Status OnePattern() {
  return Status::Invalid("a listener has one pattern, as it was made: listen once more for another one");
}

}  // namespace

ListenerSettings ListenerSettings::From(const Config& config) {
  ListenerSettings settings;
  settings.most = static_cast<size_t>(config.Integer("listen_buffer"));
  settings.most_bytes = static_cast<size_t>(config.Integer("listen_buffer_bytes"));
  settings.workers = static_cast<size_t>(std::max<int64_t>(1, config.Integer("workers")));
  return settings;
}

// A caller that waits, on an event of its own.
struct Listener::Caller {
  std::unique_ptr<Event> event;
};

Listener::Listener(std::shared_ptr<Shared> shared, Glob pattern, ListenerSettings settings)
    : shared_(std::move(shared)), pattern_(std::move(pattern)), settings_(settings), workers_(*this) {}

Listener::~Listener() = default;

Status Listener::Start(const std::shared_ptr<Listener>& self) {
  const auto backend = shared_->backend();
  if (backend == nullptr || shared_->gate.closed()) return ClosedStatus();
  {
    const std::lock_guard lock(mutex_);
    backend_ = backend;
  }
  Status status = backend->Listen(self, shared_->Brief());
  if (!status.ok()) {
    const std::lock_guard lock(mutex_);
    backend_ = nullptr;
  }
  return status;
}

Status Listener::Add(std::string_view /*channel*/) { return OnePattern(); }

Status Listener::Remove(std::string_view /*channel*/) { return OnePattern(); }

// ---- hearing --------------------------------------------------------------------------------------------------------

void Listener::Hear(const FullId& id, std::string_view record) {
  bool first_drop = false;
  {
    Heard heard{id, std::string(record)};
    const std::lock_guard lock(mutex_);
    if (stopped_ || running_out_) return;
    bytes_ += heard.record.size();
    heard_.push_back(std::move(heard));
    while (heard_.size() > 1 && (heard_.size() > settings_.most || bytes_ > settings_.most_bytes)) {
      bytes_ -= heard_.front().record.size();
      heard_.pop_front();
      ++dropped_;
      first_drop = first_drop || !std::exchange(overflowing_, true);
    }
    WakeFirst();
    UpdateFd();
  }
  if (first_drop && shared_->log->Wants(kLogWarn)) {
    shared_->log->Write(kLogWarn, "listener_slow", {{"pattern", pattern_.text()}});
  }
}

void Listener::Lose(const Status& why) {
  bool gap = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || running_out_) return;
    gap = std::exchange(hears_, false);
    if (gap) {
      ++gaps_;
      failing_since_ = SteadyMillis();
    }
    failure_ = why;
    for (Caller* caller : line_) caller->event->Set();
  }
  if (gap && shared_->log->Wants(kLogWarn)) {
    shared_->log->Write(kLogWarn, "listener_gap", {{"pattern", pattern_.text()}, {"reason", why.text()}});
  }
}

void Listener::Regain() {
  int64_t lasted = 0;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(hears_, true)) return;
    failure_ = Status::Ok();
    if (failing_since_ == 0) return;  // the first time
    lasted = SteadyMillis() - failing_since_;
  }
  if (shared_->log->Wants(kLogInfo)) {
    shared_->log->Write(kLogInfo, "listener_back",
                        {{"pattern", pattern_.text()}, {"milliseconds", std::to_string(lasted)}});
  }
}

// ---- fetching -------------------------------------------------------------------------------------------------------

Status Listener::Fetch(size_t max, const Patience& patience, Messages* messages) {
  Caller caller;
  std::unique_lock lock(mutex_);
  for (;;) {
    while (heard_.empty() || stopped_) {
      if (stopped_ || running_out_) return EndedStatus();
      if (Status status = Wait(lock, caller, patience); !status.ok()) return status;
    }
    auto taken = Take(max);
    int64_t refused = 0;
    lock.unlock();
    for (Heard& heard : taken) {
      std::string id = shared_->log->Wants(kLogWarn) ? heard.id.Text() : std::string();
      auto message = Message::FromTold(std::move(heard.id), std::move(heard.record), shared_->seal);
      if (message.ok()) {
        messages->push_back(std::move(*message));
        continue;
      }
      ++refused;
      if (id.empty()) continue;
      shared_->log->Write(kLogWarn, message.code() == Code::kSignature ? "bad_signature" : "corrupt",
                          {{"id", std::move(id)}, {"reason", message.status().text()}});
    }
    if (refused == 0) return Status::Ok();
    lock.lock();
    dropped_ += refused;
    if (!messages->empty()) return Status::Ok();
  }
}

// ok: something may be here.
Status Listener::Wait(std::unique_lock<std::mutex>& lock, Caller& caller, const Patience& patience) {
  if (patience.cancelled()) return InterruptedStatus();
  if (!failure_.ok() && (patience.deadline.Expired() || !MendsByWaiting(failure_.code()))) return failure_;
  if (patience.deadline.Expired()) return {Code::kTimeout, "no message came within the timeout"};
  if (!events_.empty()) {
    caller.event = std::move(events_.back());
    events_.pop_back();
  } else {
    caller.event = std::make_unique<Event>();
  }
  if (!caller.event->valid()) return NoEventStatus();
  line_.push_back(&caller);
  lock.unlock();
  (void)caller.event->Wait(patience);
  lock.lock();
  std::erase(line_, &caller);
  (void)caller.event->Wait({Deadline::After(0), nullptr});  // for the next one that takes it
  events_.push_back(std::move(caller.event));
  // It may have been woken for something that it does not stay for.
  WakeFirst();
  return Status::Ok();
}

// Called with mutex_ held.
std::vector<Listener::Heard> Listener::Take(size_t max) {
  std::vector<Heard> taken;
  taken.reserve(std::min(max, heard_.size()));
  while (!heard_.empty() && taken.size() < max) {
    bytes_ -= heard_.front().record.size();
    taken.push_back(std::move(heard_.front()));
    heard_.pop_front();
  }
  if (heard_.empty()) overflowing_ = false;
  if (heard_.empty() && running_out_) {
    for (Caller* caller : line_) caller->event->Set();
  }
  WakeFirst();
  UpdateFd();
  return taken;
}

// Called with mutex_ held.
void Listener::WakeFirst() {
  if (!heard_.empty() && !line_.empty()) line_.front()->event->Set();
}

// Called with mutex_ held.
void Listener::UpdateFd() {
  const bool readable = !heard_.empty() || stopped_;
  if (!fd_ || readable == fd_readable_) return;
  fd_readable_ = readable;
  if (readable) {
    fd_->Signal();
  } else {
    fd_->Drain();
  }
}

int Listener::Fd(Status* status) {
  const std::lock_guard lock(mutex_);
  if (!fd_) {
    fd_.emplace();
    if (!fd_->valid()) {
      fd_.reset();
      *status = NoEventStatus();
      return -1;
    }
    UpdateFd();
  }
  return fd_->fd();
}

Status Listener::Lost(int64_t* dropped, int64_t* gaps) const {
  const std::lock_guard lock(mutex_);
  *dropped = dropped_;
  *gaps = gaps_;
  return Status::Ok();
}

Status Listener::Seek(std::string_view /*position*/) {
  return Status::Invalid("a listener has no position: nothing is kept for it");
}

SubscriptionHealth Listener::Health() const {
  SubscriptionHealth health;
  health.channels = {pattern_.text()};
  health.listens = true;
  health.consuming = workers_.started();
  const std::lock_guard lock(mutex_);
  health.waiting = !line_.empty();
  health.unseen = heard_.size();
  health.dropped = dropped_;
  health.gaps = gaps_;
  if (failure_.ok()) return health;
  health.failing_for = std::max<int64_t>(1, SteadyMillis() - failing_since_);
  health.failure = failure_.text();
  return health;
}

// ---- ending ---------------------------------------------------------------------------------------------------------

void Listener::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (Caller* caller : line_) caller->event->Set();
  UpdateFd();
}

void Listener::Close(const Patience& /*patience*/) {
  Stop();
  Unlisten();
}

void Listener::RunOut(const Patience& patience) {
  if (!workers_.started()) return Close(patience);
  {
    const std::lock_guard lock(mutex_);
    running_out_ = true;
    for (Caller* caller : line_) caller->event->Set();
  }
  Unlisten();
}

void Listener::Unlisten() {
  std::shared_ptr<Backend> backend;
  {
    const std::lock_guard lock(mutex_);
    backend = std::exchange(backend_, nullptr);
  }
  if (backend != nullptr) backend->Unlisten(this);
}

bool Listener::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

}  // namespace agentmq
