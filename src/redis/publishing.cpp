#include "redis/publishing.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/record.hpp"

namespace agentmq::redis {
namespace {

constexpr size_t kMaxMessages = 1000;  // of one call
constexpr size_t kMaxBytes = 1 << 20;

// A slot may be held for long by who asks for a lost answer until it is known.
Status StillAsking() {
  return {Code::kUnavailable, "not sent, because the server does not say what became of the messages before it"};
}

bool TakeSlot(PublishingSlot& slot, const Deadline& deadline) {
  std::unique_lock lock(slot.mutex);
  while (slot.busy) {
    if (deadline.Expired()) return false;
    slot.changed.wait_for(lock, std::chrono::milliseconds(20));
  }
  slot.busy = true;
  return true;
}

}  // namespace

size_t InlineSize(const Outgoing& message) {
  return message.head.size() + (message.payload.size() > kBlobThreshold ? 0 : message.payload.size());
}

std::shared_ptr<PublishingSlot> Publishing::Slot(const QueueName& queue) {
  std::lock_guard lock(mutex_);
  auto& slot = slots_[queue];
  if (!slot) slot = std::make_shared<PublishingSlot>(queues_.Get(queue));
  return slot;
}

void Publishing::Publish(std::span<PublishBatch> batches, const Patience& patience) {
  if (batches.size() == 1) return PublishOne(batches[0], patience);
  PublishRound(batches, patience);
}

void Publishing::PublishOne(PublishBatch& batch, const Patience& patience) {
  auto slot = Slot(*batch.queue);
  PublishingSlot::Waiter self{&batch};
  std::unique_lock lock(slot->mutex);
  slot->waiting.push_back(&self);
  while (!self.done) {
    if (!slot->busy) {
      Lead(*slot, lock, patience);
      continue;
    }
    slot->changed.wait_for(lock, std::chrono::milliseconds(20));
    if (self.taken) continue;
    if (patience.cancelled()) {
      batch.status = {Code::kInterrupted, "interrupted before the message was sent"};
    } else if (patience.deadline.Expired()) {
      batch.status = StillAsking();
    } else {
      continue;
    }
    std::erase(slot->waiting, &self);
    return;
  }
}

// Sends what waits, up to one call's worth, for everybody who waits.
void Publishing::Lead(PublishingSlot& slot, std::unique_lock<std::mutex>& lock, const Patience& patience) {
  std::vector<PublishingSlot::Waiter*> gathered;
  std::vector<Step> steps(1);
  steps[0].slot = &slot;
  size_t messages = 0;
  size_t bytes = 0;
  while (!slot.waiting.empty()) {
    auto* next = slot.waiting.front();
    messages += next->batch->messages.size();
    for (const Outgoing& message : next->batch->messages) bytes += InlineSize(message);
    if (!gathered.empty() && (messages > kMaxMessages || bytes > kMaxBytes)) break;
    if (!gathered.empty() && next->batch->until_known != gathered[0]->batch->until_known) break;
    next->taken = true;
    gathered.push_back(next);
    steps[0].batches.push_back(next->batch);
    slot.waiting.pop_front();
  }
  slot.busy = true;
  lock.unlock();
  // Nobody's token ends what is sent for others too.
  const Patience shared{Deadline::Never(), gathered.size() == 1 ? patience.cancel : nullptr};
  Send(steps, shared);
  if (gathered.size() > 1 && gathered[0]->batch->status.code() == Code::kFull) {
    // Together they were too many; each may fit.
    for (const auto* waiter : gathered) {
      std::vector<Step> single(1);
      single[0].slot = &slot;
      single[0].batches = {waiter->batch};
      Send(single, shared);
    }
  }
  lock.lock();
  for (auto* waiter : gathered) waiter->done = true;
  slot.busy = false;
  slot.changed.notify_all();
}

void Publishing::PublishRound(std::span<PublishBatch> batches, const Patience& patience) {
  std::vector<std::shared_ptr<PublishingSlot>> order;
  std::vector<Step> steps(batches.size());
  std::unordered_map<const PublishingSlot*, const Step*> last;
  for (size_t i = 0; i < batches.size(); ++i) {
    order.push_back(Slot(*batches[i].queue));
    steps[i].slot = order.back().get();
    steps[i].batches = {&batches[i]};
    steps[i].previous = std::exchange(last[steps[i].slot], &steps[i]);
  }
  // Taken in one order by everybody, so that two rounds never wait for each other.
  std::sort(order.begin(), order.end());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  size_t taken = 0;
  while (taken < order.size() && TakeSlot(*order[taken], patience.deadline)) ++taken;
  if (taken == order.size()) {
    Send(steps, patience);
  } else {
    for (PublishBatch& batch : batches) batch.status = StillAsking();
  }
  for (size_t i = 0; i < taken; ++i) {
    {
      std::lock_guard lock(order[i]->mutex);
      order[i]->busy = false;
    }
    order[i]->changed.notify_all();
  }
}

}  // namespace agentmq::redis
