#include "core/async_sender.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/inside.hpp"
#include "core/shared.hpp"

namespace agentmq {
namespace {

constexpr size_t kMostAtOnce = 1000;     // posts of a queue, or acks, in a round
constexpr int64_t kAcksGoOnFor = 60000;  // ms: how long acks are tried again while the server is away
constexpr int64_t kNever = INT64_MAX;

bool MendsItself(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kUnknown;
}

// What was gathered must not fail for being more than there is room for, since each was published alone. True: some is to
// be tried again in smaller steps.
bool HalveFull(std::vector<Parcel>& parcels) {
  bool halved = false;
  for (Parcel& parcel : parcels) {
    if (parcel.status.code() != Code::kFull || parcel.doubtful <= 1) continue;
    parcel.most_at_once = parcel.doubtful / 2;
    parcel.doubtful = 0;
    parcel.status = Status::Ok();
    halved = true;
  }
  return halved;
}

}  // namespace

struct AsyncSender::Round {
  struct Load {
    QueueName queue;
    ChannelLimits limits;
    std::vector<Post> posts;
  };
  std::vector<Load> loads;
  std::vector<GatheredAck> acks;
};

AsyncSender::AsyncSender(Shared& shared) : shared_(shared) {}

AsyncSender::~AsyncSender() { (void)Close(Deadline::After(0)); }

// Called with mutex_ held.
void AsyncSender::StartThread() {
  if (!thread_.joinable()) thread_ = Thread("amq-send", [this] { Run(); });
}

// What waits is bounded by async_max while the server is there, by the outbox while it is away.
bool AsyncSender::HasRoom(const Backend& backend, size_t bytes) const {
  const BusSettings& settings = shared_.settings;
  if (settings.outbox_max == 0) return posts_ < settings.async_max;
  if (posts_ > 0 && bytes_ + bytes > settings.outbox_bytes) return false;
  return posts_ < (backend.Reachable() ? settings.async_max : settings.outbox_max);
}

Status AsyncSender::NoRoom(const Backend& backend) const {
  const BusSettings& settings = shared_.settings;
  const std::string waiting = std::to_string(posts_) + " asynchronous publishes are waiting, ";
  if (settings.outbox_max == 0 || (backend.Reachable() && posts_ >= settings.async_max)) {
    return {Code::kFull, waiting + "which is async_max"};
  }
  if (posts_ >= settings.outbox_max)
    return {Code::kFull, waiting + "outbox_max is " + std::to_string(settings.outbox_max)};
  return {Code::kFull, waiting + "with one more their payloads are above outbox_bytes"};
}

Status AsyncSender::WaitForRoom(std::unique_lock<std::mutex>& lock, const Backend& backend, const ChannelLimits& limits,
                                size_t bytes) {
  const bool may_wait = limits.limits.overflow == Overflow::kBlock && !Inside::PublishCallbackOf(&shared_);
  const Deadline deadline = Deadline::After(may_wait ? std::max<int64_t>(0, limits.publish_timeout) : 0);
  if (HasRoom(backend, bytes)) return Status::Ok();
  Event event;
  Status status;
  while (!HasRoom(backend, bytes) && !closing_ && !deadline.Expired() && status.ok()) {
    waiters_.push_back(&event);
    lock.unlock();
    status = shared_.gate.Wait(event, {deadline, nullptr});
    lock.lock();
    std::erase(waiters_, &event);
  }
  if (HasRoom(backend, bytes)) return Status::Ok();
  if (status.code() == Code::kClosed) return status;
  return NoRoom(backend);
}

Status AsyncSender::Publish(std::string_view channel, std::unique_ptr<Message> message, PublishCallback callback) {
  const auto backend = shared_.backend();
  if (backend == nullptr || shared_.gate.closed()) return ClosedStatus();
  const ChannelLimits limits = shared_.channels.Get(*backend, channel);
  QueueName queue = Publisher::QueueOf(channel, *message);
  std::unique_lock lock(mutex_);
  const size_t bytes = message->payload().size();
  if (Status status = WaitForRoom(lock, *backend, limits, bytes); !status.ok()) return status;
  if (closing_) return ClosedStatus();
  StartThread();
  Lane& lane = lanes_[std::move(queue)];
  lane.limits = limits;
  lane.posts.push_back({std::move(message), std::move(callback), epoch_, SteadyMillis()});
  ++posts_;
  bytes_ += bytes;
  ++unfinished_[epoch_];
  work_.notify_one();
  return Status::Ok();
}

Status AsyncSender::Ack(AckRequest request) {
  if (!request.status.ok()) return request.status;
  const std::lock_guard lock(mutex_);
  if (closing_) return ClosedStatus();
  StartThread();
  acks_.push_back({std::move(request), epoch_, SteadyMillis()});
  ++unfinished_[epoch_];
  // The first sets the time, the thousandth ends the wait.
  if (acks_.size() == 1 || acks_.size() == kMostAtOnce) work_.notify_one();
  return Status::Ok();
}

Status AsyncSender::Flush(const Patience& patience) {
  if (Status status = Finish(patience); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  if (!std::exchange(failed_, false)) return Status::Ok();
  return {Code::kPartial, "an asynchronous publish or ack failed since the last flush"};
}

Status AsyncSender::Finish(const Patience& patience) {
  if (Inside::PublishCallbackOf(&shared_)) {
    return Status::Invalid("a flush from inside a publish callback would wait for itself");
  }
  Event event;
  std::unique_lock lock(mutex_);
  const uint64_t last = epoch_++;
  hurried_ = std::max(hurried_, last);
  work_.notify_one();
  Status status;
  while (status.ok() && !unfinished_.empty() && unfinished_.begin()->first <= last) {
    waiters_.push_back(&event);
    lock.unlock();
    status = shared_.gate.Wait(event, patience);
    lock.lock();
    std::erase(waiters_, &event);
  }
  return status;
}

Status AsyncSender::Close(Deadline deadline) {
  {
    std::unique_lock lock(mutex_);
    closing_ = true;
    hurried_ = epoch_;
    work_.notify_one();
    const auto ended = [this] { return ended_ || !thread_.joinable(); };
    while (!ended() && !deadline.Expired()) {
      const int64_t left = deadline.Remaining();
      end_.wait_for(lock, std::chrono::milliseconds(left < 0 ? 1000 : left));
    }
  }
  give_up_.Fire();
  {
    const std::lock_guard lock(mutex_);
    work_.notify_one();
  }
  thread_.Join();
  Abandon();
  const std::lock_guard lock(mutex_);
  if (!std::exchange(failed_, false)) return Status::Ok();
  return {Code::kPartial, "some asynchronous publishes or acks were not sent"};
}

// What the deadline of closing left over.
void AsyncSender::Abandon() {
  std::unordered_map<QueueName, Lane> lanes;
  {
    const std::lock_guard lock(mutex_);
    lanes.swap(lanes_);
    failed_ = failed_ || !unfinished_.empty();
    acks_.clear();
    unfinished_.clear();
    posts_ = bytes_ = 0;
  }
  for (auto& [queue, lane] : lanes) {
    for (Post& post : lane.posts) Tell(post, ClosedStatus());
  }
}

void AsyncSender::Run() {
  Round round;
  while (Gather(&round)) {
    const auto backend = shared_.backend();
    if (backend == nullptr) break;
    if (!round.acks.empty()) SendAcks(*backend, &round);
    if (!round.loads.empty()) SendPosts(*backend, &round);
    round.acks.clear();
    round.loads.clear();
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  end_.notify_all();
}

Patience AsyncSender::Brief() { return shared_.Brief(&give_up_); }

bool AsyncSender::Idle() {
  const std::lock_guard lock(mutex_);
  return unfinished_.empty();
}

bool AsyncSender::Gather(Round* round) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (closing_ && (unfinished_.empty() || give_up_.fired())) return false;
    const int64_t now = SteadyMillis();
    int64_t next = kNever;
    if (TakeDue(round, now, &next)) return true;
    if (next == kNever) {
      work_.wait(lock);
    } else {
      work_.wait_for(lock, std::chrono::milliseconds(next - now));
    }
  }
}

// Called with mutex_ held.
bool AsyncSender::TakeDue(Round* round, int64_t now, int64_t* next) {
  if (!acks_.empty()) {
    const GatheredAck& oldest = acks_.front();
    const bool hurried = oldest.epoch <= hurried_ || acks_.size() >= kMostAtOnce;
    const int64_t due = std::max(acks_not_before_, hurried ? 0 : oldest.taken_at + shared_.settings.ack_interval);
    if (due <= now) {
      round->acks.swap(acks_);
    } else {
      *next = std::min(*next, due);
    }
  }
  for (auto at = lanes_.begin(); at != lanes_.end();) {
    Lane& lane = at->second;
    if (lane.posts.empty()) {
      at = lanes_.erase(at);
      continue;
    }
    if (lane.not_before > now) {
      *next = std::min(*next, lane.not_before);
      ++at;
      continue;
    }
    const auto end = lane.posts.begin() + static_cast<std::ptrdiff_t>(std::min(lane.posts.size(), kMostAtOnce));
    auto& load = round->loads.emplace_back(Round::Load{at->first, lane.limits, {}});
    load.posts.assign(std::make_move_iterator(lane.posts.begin()), std::make_move_iterator(end));
    lane.posts.erase(lane.posts.begin(), end);
    ++at;
  }
  return !round->acks.empty() || !round->loads.empty();
}

void AsyncSender::SendPosts(Backend& backend, Round* round) {
  std::vector<Parcel> parcels;
  parcels.reserve(round->loads.size());
  for (Round::Load& load : round->loads) {
    Parcel& parcel = parcels.emplace_back(Parcel{std::move(load.queue), load.limits, {}});
    // What is told is for who listens now: it does not wait for a server.
    parcel.until_known = shared_.settings.outbox_max > 0 && !parcel.queue.live();
    parcel.gathered = true;
    parcel.messages.reserve(load.posts.size());
    for (const Post& post : load.posts) {
      parcel.messages.push_back(post.message.get());
      if (post.paid) parcel.paid = parcel.messages.size();  // those in front of it are, too
    }
  }
  do {
    shared_.publisher.Store(backend, parcels, false, Brief());
  } while (HalveFull(parcels));
  const int64_t now = SteadyMillis();
  bool away = false;
  for (size_t p = 0; p < parcels.size(); ++p) {
    const Parcel& parcel = parcels[p];
    const bool may_wait = (parcel.status.code() == Code::kFull || parcel.status.code() == Code::kRateLimited) &&
                          parcel.limits.limits.overflow == Overflow::kBlock;
    const bool keeps = parcel.until_known && !give_up_.fired();
    std::vector<Post> wait;
    for (size_t i = 0; i < parcel.messages.size(); ++i) {
      Post& post = round->loads[p].posts[i];
      // In order: once one waits, what follows waits behind it.
      const Status status = parcel.StatusOf(i);
      const bool unsent = keeps && status.code() == Code::kUnavailable;
      away = away || unsent;
      if (unsent ||
          (i >= parcel.stored && may_wait && (!wait.empty() || now - post.taken_at < parcel.limits.publish_timeout))) {
        post.paid = parcel.paid != kNeedsNoPay && i < parcel.paid;
        wait.push_back(std::move(post));
        continue;
      }
      Tell(post, status);
      Count(post.epoch, !status.ok(), &post);
    }
    if (wait.empty()) continue;
    int64_t pause = 0;
    if (parcel.status.code() == Code::kRateLimited) {
      // The oldest is told when its time is over.
      const int64_t left = parcel.limits.publish_timeout - (now - wait.front().taken_at);
      pause = std::min(parcel.status.retry_after(), left);
    }
    PutBack(parcel.queue, parcel.limits, std::move(wait), pause);
  }
  TellWhetherAway(away);
}

void AsyncSender::TellWhetherAway(bool away) {
  size_t posts = 0;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(away_, away) == away) return;
    posts = posts_;
  }
  if (away) {
    shared_.log->Write(kLogWarn, "outbox_waiting", {{"messages", std::to_string(posts)}});
  } else {
    shared_.log->Write(kLogInfo, "outbox_sent", {});
  }
}

void AsyncSender::PutBack(const QueueName& queue, const ChannelLimits& limits, std::vector<Post> posts, int64_t pause) {
  const std::lock_guard lock(mutex_);
  Lane& lane = lanes_[queue];
  lane.limits = limits;
  lane.not_before = SteadyMillis() + (pause > 0 ? pause : lane.backoff.Next());
  lane.posts.insert(lane.posts.begin(), std::make_move_iterator(posts.begin()), std::make_move_iterator(posts.end()));
}

void AsyncSender::Tell(Post& post, const Status& status) {
  const bool stored = status.ok() || status.code() == Code::kPartial;
  if (!status.ok()) post.message->Failed(status.code());
  if (!post.callback) return;
  const Inside inside(&shared_, nullptr);
  post.callback(status.code(), stored ? post.message->id() : "");
}

void AsyncSender::SendAcks(Backend& backend, Round* round) {
  std::vector<AckRequest> requests;
  requests.reserve(round->acks.size());
  for (GatheredAck& ack : round->acks) requests.push_back(std::move(ack.request));
  shared_.settler.Ack(backend, requests, Brief());
  const int64_t now = SteadyMillis();
  std::vector<GatheredAck> again;
  size_t lost = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    GatheredAck& ack = round->acks[i];
    Status& status = requests[i].status;
    if (MendsItself(status) && now - ack.taken_at < kAcksGoOnFor) {
      status = Status::Ok();
      ack.request = std::move(requests[i]);
      again.push_back(std::move(ack));
      continue;
    }
    lost += status.ok() ? 0 : 1;
    Count(ack.epoch, !status.ok(), nullptr);
  }
  if (lost > 0 && shared_.log->Wants(kLogWarn)) {
    shared_.log->Write(kLogWarn, "ack_failed", {{"messages", std::to_string(lost)}});
  }
  const std::lock_guard lock(mutex_);
  if (again.empty()) {
    acks_backoff_.Reset();
    return;
  }
  acks_not_before_ = now + acks_backoff_.Next();
  acks_.insert(acks_.begin(), std::make_move_iterator(again.begin()), std::make_move_iterator(again.end()));
}

void AsyncSender::Count(uint64_t epoch, bool failed, const Post* post) {
  const std::lock_guard lock(mutex_);
  failed_ = failed_ || failed;
  if (post != nullptr) {
    --posts_;
    bytes_ -= post->message->payload().size();
  }
  const auto found = unfinished_.find(epoch);
  if (found == unfinished_.end()) return;
  if (--found->second == 0) unfinished_.erase(found);
  for (Event* waiter : waiters_) waiter->Set();
}

}  // namespace agentmq
