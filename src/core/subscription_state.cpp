#include "core/subscription_state.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/settings_value.hpp"
#include "core/shared.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr int64_t kSoon = 5;         // ms
constexpr int64_t kLookAgain = 500;  // ms at most, while a source can't be reached: that costs no attempt of its own

// What an agent reads on a channel.
std::vector<Source> SourcesOf(const std::string& channel, const std::string& agent) {
  std::vector<Source> sources;
  sources.push_back({QueueName::Inbox(channel, agent), std::string(kInboxGroup)});
  if (const std::string_view type = AgentType(agent); !type.empty()) {
    sources.push_back({QueueName::Inbox(channel, std::string(type)), std::string(kInboxGroup)});
  }
  if (!channel.empty()) sources.push_back({QueueName::Log(channel), PercentEncode(agent)});
  return sources;
}

}  // namespace

SubscriptionSettings SubscriptionSettings::From(const Config& config) {
  SubscriptionSettings settings;
  ConsumerOptions& consumer = settings.consumer;
  consumer.name = config.Text("consumer");
  if (consumer.name.empty()) consumer.name = RandomName();
  settings.start = Position::Parse(config.Text("start")).value_or(Position{});
  consumer.from_start = settings.start.from_start;
  consumer.from = settings.start.from;
  consumer.visibility_timeout = config.Integer("visibility_timeout");
  consumer.auto_extend = config.Bool("auto_extend");
  consumer.types = SplitList(config.Text("types"));
  settings.retry = RetryPolicy::From(config);
  consumer.retry_attempts = settings.retry.attempts;
  settings.prefetch = static_cast<size_t>(std::max<int64_t>(1, config.Integer("prefetch")));
  settings.auto_extend_max = consumer.auto_extend ? config.Integer("auto_extend_max") : 0;
  settings.workers = static_cast<size_t>(std::max<int64_t>(1, config.Integer("workers")));
  settings.skip_done = config.Bool("skip_done");
  return settings;
}

SubscriptionState::SubscriptionState(std::shared_ptr<Shared> shared, std::string agent, SubscriptionSettings settings)
    : shared_(std::move(shared)), agent_(std::move(agent)), settings_(std::move(settings)), workers_(*this) {}

SubscriptionState::~SubscriptionState() = default;

Result<std::shared_ptr<Reader>> SubscriptionState::Open(const std::shared_ptr<Backend>& backend, Source source,
                                                        const ChannelLimits& limits) {
  ConsumerOptions options = settings_.consumer;
  options.group_ttl = limits.group_ttl;
  auto shared_source = std::make_shared<const Source>(std::move(source));
  auto ledger =
      std::make_shared<Ledger>(shared_source, settings_.retry, settings_.auto_extend_max, backend, settings_.skip_done);
  if (settings_.auto_extend_max > 0) {
    options.holds = [self = weak_from_this(), shared_source, ledger](const ShortId& id, int64_t delivery) {
      const auto subscription = self.lock();
      return subscription == nullptr || subscription->Buffers(*shared_source, id, delivery) ||
             ledger->Holds(id, delivery);
    };
  }
  auto consumer = backend->Subscribe(*shared_source, options, shared_->Brief());
  if (!consumer.ok()) return consumer.status();
  ledger->SetRetention(limits.retention);
  shared_->housekeeper.Watch(ledger);
  return std::make_shared<Reader>(
      backend, std::move(shared_source), std::move(*consumer), std::move(ledger),
      Backoff(shared_->settings.reconnect_base, std::min(shared_->settings.reconnect_max, kLookAgain)));
}

bool SubscriptionState::Buffers(const Source& source, const ShortId& id, int64_t delivery) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(readers_.begin(), readers_.end(),
                     [&](const auto& reader) { return *reader->source == source && reader->Buffers(id, delivery); });
}

Status SubscriptionState::Add(std::string_view channel) {
  if (!channel.empty()) {
    if (Status status = CheckName("channel", channel); !status.ok()) return status;
  }
  const std::string name(channel);
  return Read(name, SourcesOf(name, agent_));
}

Status SubscriptionState::Read(const std::string& name, std::vector<Source> sources) {
  const auto backend = shared_->backend();
  if (backend == nullptr || shared_->gate.closed()) return ClosedStatus();
  const auto is_it = [&](const Channel& known) { return known.name == name; };
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return Status::Closed("the subscription has ended");
    if (std::any_of(channels_.begin(), channels_.end(), is_it)) return Status::Ok();
  }
  if (!settings_.start.IsOf(name)) {
    return Status::Invalid("the start is a place in channel " + Quote(*settings_.start.channel) + ", not in " +
                           Quote(name));
  }
  std::vector<std::shared_ptr<Reader>> unused;
  const ChannelLimits limits = shared_->channels.Get(*backend, sources.front().queue.channel);
  Status status;
  for (Source& source : sources) {
    auto reader = Open(backend, std::move(source), limits);
    if (!reader.ok()) {
      status = reader.status();
      break;
    }
    unused.push_back(std::move(*reader));
  }
  {
    const std::lock_guard lock(mutex_);
    if (status.ok() && stopped_) status = Status::Closed("the subscription has ended");
    // Another thread may have added it meanwhile: then this one is too many.
    if (status.ok() && std::none_of(channels_.begin(), channels_.end(), is_it)) {
      readers_.insert(readers_.end(), unused.begin(), unused.end());
      channels_.push_back({name, unused});
      unused.clear();
      InterruptWait();  // it goes on with this source too
      PassOn();
      if (fd_) shared_->timer.Poke(fd_task_);
    }
  }
  CloseReaders(unused, shared_->Brief());
  return status;
}

Status SubscriptionState::Remove(std::string_view channel) {
  std::vector<std::shared_ptr<Reader>> removed;
  {
    std::unique_lock lock(mutex_);
    if (!WaitForRefill(lock, shared_->Brief().deadline)) {
      return {Code::kUnavailable, "the server did not answer in time"};
    }
    const auto found =
        std::find_if(channels_.begin(), channels_.end(), [&](const Channel& known) { return known.name == channel; });
    if (found == channels_.end()) return Status::NotFound("channel " + Quote(channel) + " is not read");
    removed = std::move(found->readers);
    channels_.erase(found);
    std::erase_if(readers_, [&](const auto& reader) {
      return std::find(removed.begin(), removed.end(), reader) != removed.end();
    });
    last_reader_ = 0;
    UpdateFd();
  }
  CloseReaders(removed, shared_->Brief());
  return Status::Ok();
}

// False: it still runs at the deadline.
bool SubscriptionState::WaitForRefill(std::unique_lock<std::mutex>& lock, Deadline deadline) {
  InterruptWait();
  ++wanted_;  // who waited at the server does not do so again at once
  while (refilling_ && !deadline.Expired()) {
    const int64_t left = deadline.Remaining();
    refilled_.wait_for(lock, std::chrono::milliseconds(left < 0 ? 1000 : left));
  }
  --wanted_;
  return !refilling_;
}

void SubscriptionState::CloseReaders(const std::vector<std::shared_ptr<Reader>>& readers, const Patience& patience) {
  {
    const std::lock_guard arming(arm_mutex_);
    for (const auto& reader : readers) reader->consumer->Disarm();
  }
  for (const auto& reader : readers) {
    std::vector<ShortId> unseen;
    {
      const std::lock_guard lock(mutex_);
      unseen = reader->Unseen();
      reader->DropBuffer();
    }
    reader->ledger->Close();
    // Out of time: its lease lapses, and what it had goes to others then.
    if (!patience.deadline.Expired()) (void)reader->consumer->Close(unseen);
  }
}

void SubscriptionState::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (Caller* caller : line_) WakeCaller(*caller);
  UpdateFd();
}

void SubscriptionState::Close(const Patience& patience) {
  Stop();
  std::vector<std::shared_ptr<Reader>> readers;
  {
    std::unique_lock lock(mutex_);
    if (!WaitForRefill(lock, patience.deadline)) {
      close_owed_ = true;
      return;
    }
    close_owed_ = false;
    readers.swap(readers_);
    channels_.clear();
    last_reader_ = 0;
    if (fd_task_ != 0) shared_->timer.Remove(fd_task_);
    if (due_task_ != 0) shared_->timer.Remove(due_task_);
  }
  CloseReaders(readers, patience);
}

bool SubscriptionState::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

int SubscriptionState::Fd(Status* status) {
  const std::lock_guard lock(mutex_);
  InterruptWait();
  if (!fd_) {
    fd_.emplace();
    if (!fd_->valid()) {
      fd_.reset();
      *status = NoEventStatus();
      return -1;
    }
    fd_task_ = shared_->timer.Add(0, [self = weak_from_this()] {
      const auto subscription = self.lock();
      return subscription == nullptr ? int64_t{-1} : subscription->LookForFd();
    });
    UpdateFd();
  }
  return fd_->fd();
}

// On the timer's thread: reads ahead what makes the descriptor readable. Answers when to look again, in ms.
int64_t SubscriptionState::LookForFd() {
  int64_t again = -1;
  {
    std::unique_lock lock(mutex_);
    if (stopped_) return -1;
    if (refilling_) return kSoon;
    if (!AnyBuffered() && line_.empty() && EarliestLook() <= SteadyMillis()) {
      (void)Refill(lock, settings_.prefetch, false, {});
    }
    PassOn();
    // Once there is something the next look is when it was taken.
    if (!AnyBuffered() && EarliestLook() != INT64_MAX) {
      again = std::max<int64_t>(1, EarliestLook() - SteadyMillis());
    }
  }
  Rearm();
  return again;
}

// The last caller goes, and what it knew of a time when something becomes due must not go with it: others that wait may
// never have heard of it. Called with mutex_ held.
void SubscriptionState::NoteDue() {
  if (!line_.empty() || stopped_) return;
  int64_t due = INT64_MAX;
  for (const auto& reader : readers_) due = std::min(due, reader->due_at);
  if (due >= due_task_at_) return;
  due_task_at_ = due;
  if (due_task_ != 0) return shared_->timer.Poke(due_task_);
  due_task_ = shared_->timer.Add(std::max<int64_t>(0, due - SteadyMillis()), [self = weak_from_this()] {
    const auto subscription = self.lock();
    return subscription == nullptr ? int64_t{-1} : subscription->WakeOthers();
  });
}

// On the timer's thread: something is due. Who waits here looks by itself; else another one is woken. Answers when to
// come again, in ms.
int64_t SubscriptionState::WakeOthers() {
  std::vector<std::shared_ptr<Reader>> due;
  int64_t again = -1;
  {
    const std::lock_guard lock(mutex_);
    const int64_t now = SteadyMillis();
    const bool waits = !line_.empty() || refilling_ || (fd_ && !AnyBuffered());
    due_task_at_ = INT64_MAX;
    for (const auto& reader : readers_) {
      if (reader->due_at > now) {
        due_task_at_ = std::min(due_task_at_, reader->due_at);
      } else {
        reader->due_at = INT64_MAX;
        if (!waits) due.push_back(reader);
      }
    }
    if (stopped_) return -1;
    if (due_task_at_ != INT64_MAX) again = due_task_at_ - now;
  }
  for (const auto& reader : due) reader->consumer->WakeAnother();
  return again;
}

// Readable: a fetch would find something, be it that the subscription ended. Called with mutex_ held.
void SubscriptionState::UpdateFd() {
  if (!fd_) return;
  const bool readable = stopped_ || AnyBuffered();
  if (readable == fd_readable_) return;
  fd_readable_ = readable;
  if (readable) {
    fd_->Signal();
  } else {
    fd_->Drain();
    shared_->timer.Poke(fd_task_);
  }
}

Status SubscriptionState::Lost(int64_t* /*dropped*/, int64_t* /*gaps*/) const {
  return Status::Invalid("only a listener loses messages: what a subscription reads is kept until it is acknowledged");
}

SubscriptionHealth SubscriptionState::Health() const {
  SubscriptionHealth health;
  health.agent = agent_;
  health.consuming = workers_.started();
  const std::lock_guard lock(mutex_);
  const int64_t now = SteadyMillis();
  for (const Channel& channel : channels_) health.channels.push_back(channel.name);
  health.waiting = !line_.empty() || fd_;
  for (const auto& reader : readers_) {
    health.unseen += reader->size();
    if (reader->completed_at != 0) health.last_fetch_age = std::max(health.last_fetch_age, now - reader->completed_at);
    if (reader->failure.ok()) continue;
    health.failing_for = std::max(health.failing_for, now - reader->failing_since);
    health.failure = reader->failure.text();
  }
  return health;
}

}  // namespace agentmq
