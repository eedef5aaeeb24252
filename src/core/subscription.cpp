#include "core/subscription.hpp"

#include <utility>

#include "core/inside.hpp"
#include "core/intake.hpp"
#include "core/shared.hpp"

namespace agentmq {
namespace {

constexpr size_t kMostAtOnce = 1000;

}  // namespace

Subscription::Subscription(std::shared_ptr<Intake> state) : state_(std::move(state)) {}

Subscription::~Subscription() { (void)End(); }

Status Subscription::Add(std::string_view channel) { return state_->Add(channel); }

Status Subscription::Remove(std::string_view channel) { return state_->Remove(channel); }

Status Subscription::Fetch(size_t max, const Patience& patience, Messages* messages) {
  messages->clear();
  if (max < 1 || max > kMostAtOnce) {
    return Status::Invalid("max must be between 1 and 1000, got " + std::to_string(max));
  }
  if (state_->workers().started() && !state_->stopped()) {
    return Status::Invalid("the subscription has a handler, which takes its messages");
  }
  return state_->Fetch(max, patience, messages);
}

Result<std::unique_ptr<Message>> Subscription::FetchOne(const Patience& patience) {
  Messages messages;
  if (Status status = Fetch(1, patience, &messages); !status.ok()) return status;
  return std::move(messages.front());
}

Status Subscription::Lost(int64_t* dropped, int64_t* gaps) const { return state_->Lost(dropped, gaps); }

Status Subscription::Seek(std::string_view position) { return state_->Seek(position); }

int Subscription::Fd(Status* status) { return state_->Fd(status); }

Status Subscription::Consume(Handler handler) {
  if (!handler) return Status::Invalid("the handler is NULL");
  if (state_->stopped()) return Status::Closed("the subscription has ended");
  return state_->StartWorkers(std::move(handler));
}

Status Subscription::Drain(const Patience& patience) {
  Shared& shared = state_->shared();
  if (Inside::OfSubscription(state_.get()) || Inside::PublishCallbackOf(&shared)) {
    return Status::Invalid("a drain from inside a handler or callback would wait for itself");
  }
  state_->RunOut(shared.Brief());
  Status status = state_->workers().Wait(patience);
  state_->Stop();
  if (!status.ok()) return status;
  // What a closed bus could not send, its close has told.
  if (shared.backend() == nullptr) return Status::Ok();
  return shared.sender.Flush(patience);
}

Status Subscription::Unsubscribe() {
  state_->Close(state_->shared().Brief());
  return Status::Ok();
}

Status Subscription::End() {
  if (Inside::OfSubscription(state_.get())) {
    return Status::Invalid("a subscription can't be freed from inside its handler");
  }
  state_->Close(state_->shared().Brief());
  state_->workers().Join();
  // The handlers' verdicts that were gathered are settled before the program goes on.
  Shared& shared = state_->shared();
  if (shared.backend() != nullptr && !shared.sender.Idle()) (void)shared.sender.Finish(shared.Brief());
  return Status::Ok();
}

}  // namespace agentmq
