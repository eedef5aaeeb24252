#include "core/worker_pool.hpp"

#include <utility>

#include "core/inside.hpp"
#include "core/intake.hpp"
#include "core/shared.hpp"

namespace agentmq {
namespace {

// What a worker asks the backend for directly, so that one slow settlement holds up no others.
Status GiveUp(Shared& shared, const Message& message, bool permanent, const char* reason) {
  const auto backend = shared.backend();
  if (backend == nullptr) return ClosedStatus();
  return shared.settler.NackMessage(*backend, message, permanent, -1, reason);
}

}  // namespace

Status WorkerPool::Start(Handler handler, size_t workers) {
  const std::lock_guard lock(mutex_);
  if (started_) return Status::Invalid("the subscription has a handler already");
  handler_ = std::move(handler);
  started_ = true;
  threads_.reserve(workers);
  for (size_t i = 0; i < workers; ++i) {
    ++running_;
    threads_.emplace_back("amq-worker", [this] { Run(); });
  }
  return Status::Ok();
}

bool WorkerPool::started() const {
  const std::lock_guard lock(mutex_);
  return started_;
}

Status WorkerPool::Wait(const Patience& patience) {
  Gate& gate = intake_.shared().gate;
  Gate always_open;
  // Closing a bus waits for handlers too, behind its gate.
  Gate& way = gate.closed() ? always_open : gate;
  Event event;
  std::unique_lock lock(mutex_);
  waiters_.push_back(&event);
  Status status;
  while (running_ > 0 && status.ok()) {
    lock.unlock();
    status = way.Wait(event, patience);
    lock.lock();
  }
  std::erase(waiters_, &event);
  if (running_ == 0) return Status::Ok();
  return status.code() == Code::kTimeout ? Status(Code::kTimeout, "handlers are still running") : status;
}

void WorkerPool::Join() {
  std::vector<Thread> threads;
  {
    const std::lock_guard lock(mutex_);
    threads.swap(threads_);
  }
  for (Thread& thread : threads) thread.Join();
}

void WorkerPool::Run() {
  Shared& shared = intake_.shared();
  Backoff backoff(shared.settings.reconnect_base, shared.settings.reconnect_max);
  Messages messages;
  Event pause;
  for (;;) {
    const Status status = intake_.Fetch(1, {}, &messages);
    if (status.code() == Code::kClosed) break;
    if (status.ok()) {
      backoff.Reset();
      Work(*messages.front());
      messages.clear();
      continue;
    }
    // What needs somebody to mend it (a password): said, and tried again, for a handler has nobody to tell.
    shared.log->Write(kLogError, "consume_failed", {{"agent", intake_.name()}, {"reason", status.text()}});
    (void)shared.gate.Wait(pause, {Deadline::After(backoff.Next()), nullptr});
  }
  const std::lock_guard lock(mutex_);
  --running_;
  for (Event* waiter : waiters_) waiter->Set();
}

void WorkerPool::Work(Message& message) {
  Verdict verdict = Verdict::kRetry;
  {
    const Inside inside(&intake_.shared(), &intake_);
    try {
      verdict = handler_(message);
    } catch (...) {
      verdict = Verdict::kRetry;  // C can't throw; a C++ handler that does has failed
    }
  }
  if (message.source() != nullptr) Settle(message, verdict);  // what was told is nobody's to settle
}

void WorkerPool::Settle(Message& message, Verdict verdict) {
  Shared& shared = intake_.shared();
  Status status;
  switch (verdict) {
    case Verdict::kAck:
      status = shared.sender.Ack(AckRequest::Of(message));
      break;
    case Verdict::kRetry:
      status = GiveUp(shared, message, false, "the handler asked for a retry");
      break;
    case Verdict::kReject:
      status = GiveUp(shared, message, true, "the handler rejected it");
      break;
    case Verdict::kSettled:
      return;
    default:
      status = GiveUp(shared, message, false, "the handler answered no verdict");
      break;
  }
  if (status.ok() || !shared.log->Wants(kLogWarn)) return;
  shared.log->Write(kLogWarn, "settle_failed", {{"id", message.id()}, {"reason", status.text()}});
}

}  // namespace agentmq
