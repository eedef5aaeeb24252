// What a subscription does not hand out, because its group has worked it off before (skip_done).
#include <algorithm>
#include <utility>

#include "core/done_key.hpp"
#include "core/record.hpp"
#include "core/shared.hpp"
#include "core/subscription_state.hpp"

namespace agentmq {
namespace {

// A record that can't be read is worked off by nobody: it is for Unpack() to set aside.
std::string KeyOf(const Delivery& delivery) {
  const auto view = RecordView::Parse(delivery.record);
  const auto property = static_cast<size_t>(Property::kDedupKey);
  return DoneKey(view.ok() ? view->properties[property] : std::string_view(), delivery.id);
}

}  // namespace

// Acknowledges what its group remembers, and takes it out. Where the server can't be asked all of it goes back into the
// buffers: whoever fetches next asks again.
Status SubscriptionState::SkipDone(std::vector<Taken>* taken, const Patience& patience) {
  Patience brief = shared_->Brief(patience.cancel);
  std::vector<AckRequest> done;
  for (size_t from = 0, to = 0; from < taken->size(); from = to) {
    const Reader& reader = *(*taken)[from].reader;
    std::vector<std::string> keys;
    for (; to < taken->size() && (*taken)[to].reader.get() == &reader; ++to)
      keys.push_back(KeyOf((*taken)[to].delivery));
    const auto known = reader.backend->Done(*reader.source, keys, brief);
    if (!known.ok()) {
      PutBack(taken);
      return known.status();
    }
    for (size_t i = from; i < to; ++i) {
      if (!(*known)[i - from]) continue;
      AckRequest& request = done.emplace_back();
      request.source = reader.source;
      request.consumer = (*taken)[i].incarnation;
      request.id = (*taken)[i].delivery.id;
      request.delivery = (*taken)[i].delivery.delivery;
    }
  }
  if (done.empty()) return Status::Ok();
  shared_->settler.Ack(*taken->front().reader->backend, done, brief);
  const auto failed = std::ranges::find_if(done, [](const AckRequest& request) {
    return !request.status.ok() && request.status.code() != Code::kStale && request.status.code() != Code::kNotFound;
  });
  if (failed != done.end()) {
    const Status why = failed->status;
    PutBack(taken);
    return why;
  }
  if (shared_->log->Wants(kLogInfo)) {
    for (const AckRequest& request : done) {
      shared_->log->Write(kLogInfo, "skipped_done",
                          {{"id", FullId{request.source->queue, request.id, {}}.Text()}, {"agent", agent_}});
    }
  }
  std::erase_if(*taken, [&](const Taken& one) {
    return std::ranges::any_of(done, [&](const AckRequest& request) {
      return request.source == one.reader->source && request.delivery == one.delivery.delivery &&
             request.id == one.delivery.id;
    });
  });
  return Status::Ok();
}

// To the heads of the buffers, in order. What another incarnation took is not ours any more.
void SubscriptionState::PutBack(std::vector<Taken>* taken) {
  const std::lock_guard lock(mutex_);
  for (auto one = taken->rbegin(); one != taken->rend(); ++one) {
    if (!stopped_ && one->incarnation == one->reader->incarnation()) one->reader->PutFront(std::move(one->delivery));
  }
  taken->clear();
  UpdateFd();
}

}  // namespace agentmq
