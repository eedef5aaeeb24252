#include "core/reader.hpp"

#include <algorithm>

namespace agentmq {
namespace {

// Even where no wake-up comes a source is looked at this often; wake-ups that were lost are the backend's to find.
constexpr int64_t kSafetyLook = 30000;  // ms

}  // namespace

bool MendsByWaiting(Code code) {
  switch (code) {
    case Code::kUnavailable:
    case Code::kUnknown:
    case Code::kTimeout:
    case Code::kFull:
      return true;
    default:
      return false;
  }
}

bool Reader::Accept(Result<Fetched> fetched, int64_t now) {
  // A new incarnation, also where the fetch failed afterwards: the reservations of the old one are lost.
  std::string name = consumer->incarnation();
  if (incarnation_ == nullptr || *incarnation_ != name) {
    DropBuffer();
    incarnation_ = std::make_shared<const std::string>(std::move(name));
  }
  if (!fetched.ok()) {
    failure = fetched.status();
    if (failing_since == 0) failing_since = now;
    look_at = now + backoff.Next();
    return MendsByWaiting(failure.code());
  }
  failure = Status::Ok();
  failing_since = 0;
  backoff.Reset();
  completed_at = now;
  clock_offset = fetched->server_time - now;
  renew_first = false;
  paused = fetched->paused;
  if (!fetched->others || !fetched->messages.empty()) looks_.Reset();
  if (empty()) {
    buffer_ = std::move(fetched->messages);
    next_ = 0;
  } else {
    buffer_.insert(buffer_.end(), std::make_move_iterator(fetched->messages.begin()),
                   std::make_move_iterator(fetched->messages.end()));
  }
  due_at = fetched->next_due < 0 ? INT64_MAX : now + std::max<int64_t>(1, fetched->next_due);
  look_at = std::min(now + kSafetyLook, due_at);
  crowded = fetched->others;
  if (crowded) look_at = std::min(look_at, now + looks_.Next());
  if (fetched->more) look_at = 0;
  return true;
}

Delivery Reader::TakeFront() {
  Delivery delivery = std::move(buffer_[next_++]);
  if (empty()) DropBuffer();
  return delivery;
}

void Reader::PutFront(Delivery delivery) {
  if (next_ == 0) {
    buffer_.insert(buffer_.begin(), std::move(delivery));
  } else {
    buffer_[--next_] = std::move(delivery);
  }
}

bool Reader::Buffers(const ShortId& id, int64_t delivery) const {
  return std::any_of(buffer_.begin() + static_cast<std::ptrdiff_t>(next_), buffer_.end(),
                     [&](const Delivery& one) { return one.id == id && one.delivery == delivery; });
}

std::vector<ShortId> Reader::Unseen() const {
  std::vector<ShortId> unseen;
  unseen.reserve(size());
  for (size_t i = next_; i < buffer_.size(); ++i) unseen.push_back(buffer_[i].id);
  return unseen;
}

void Reader::DropBuffer() {
  buffer_.clear();
  next_ = 0;
}

}  // namespace agentmq
