#include "memory/group.hpp"

#include <algorithm>
#include <bit>

namespace agentmq::memory {

void GroupSet::Add(size_t ordinal) {
  if (ordinal < 64) {
    first_ |= uint64_t{1} << ordinal;
    return;
  }
  const size_t word = ordinal / 64 - 1;
  if (word >= rest_.size()) rest_.resize(word + 1);
  rest_[word] |= uint64_t{1} << ordinal % 64;
}

void GroupSet::Remove(size_t ordinal) {
  if (ordinal < 64) {
    first_ &= ~(uint64_t{1} << ordinal);
    return;
  }
  const size_t word = ordinal / 64 - 1;
  if (word < rest_.size()) rest_[word] &= ~(uint64_t{1} << ordinal % 64);
}

bool GroupSet::empty() const {
  return first_ == 0 && std::ranges::all_of(rest_, [](uint64_t word) { return word == 0; });
}

std::vector<size_t> GroupSet::Members() const {
  std::vector<size_t> members;
  for (size_t i = 0; i <= rest_.size(); ++i) {
    for (uint64_t word = i == 0 ? first_ : rest_[i - 1]; word != 0; word &= word - 1) {
      members.push_back(i * 64 + static_cast<size_t>(std::countr_zero(word)));
    }
  }
  return members;
}

void Group::PushBack(const ShortId& id) {
  lanes[id.priority()].push_back(id);
  ++waiting;
}

void Group::PushFront(const ShortId& id) {
  lanes[id.priority()].push_front(id);
  ++waiting;
}

void Group::Take(const ShortId& id, Reader* reader, int64_t number, int64_t reserved_until) {
  Away& place = away.emplace(id)->second;
  place = {reader, number, reserved_until, false};
  ++reader->held;
  if (!reader->options.auto_extend) SetDeadline(id, &place, reserved_until);
}

void Group::Postpone(const ShortId& id, int64_t when) {
  away.emplace(id)->second = {nullptr, 0, when, false};
  due.emplace(when, id);
}

void Group::SetDeadline(const ShortId& id, Away* place, int64_t when) {
  if (place->has_deadline) until.erase({place->time, id});
  until.emplace(when, id);
  place->time = when;
  place->has_deadline = true;
}

void Group::Release(Places::Node* place) {
  const auto& [id, where] = *place;
  Reader* const holder = where.holder;
  if (where.has_deadline) until.erase({where.time, id});
  if (holder == nullptr) due.erase({where.time, id});
  away.erase(place);
  if (holder == nullptr) return;
  --holder->held;
  if (!holder->open && holder->held == 0) readers.erase(std::string(holder->incarnation));
}

void Group::Forget(const ShortId& id) {
  if (Places::Node* const place = away.find(id)) {
    Release(place);
  } else {
    --waiting;
    ++tombstones;
  }
  if (!tries.empty()) tries.erase(id);
}

Group::Places::Node* Group::InHand(const ShortId& id, std::string_view consumer, int64_t number) {
  Places::Node* const place = away.find(id);
  if (place == nullptr || place->second.holder == nullptr) return nullptr;
  if (place->second.delivery != number || place->second.holder->incarnation != consumer) return nullptr;
  return place;
}

std::shared_ptr<Reader> Group::NextArmed() {
  if (armed.empty()) return nullptr;
  std::shared_ptr<Reader> reader = std::move(armed.front());
  armed.pop_front();
  reader->armed = false;
  return reader;
}

void Group::Disarm(Reader* reader) {
  if (!reader->armed) return;
  std::erase_if(armed, [reader](const auto& other) { return other.get() == reader; });
  reader->armed = false;
}

int64_t Group::NextDue() const {
  const int64_t retry = due.empty() ? kNothingDue : due.begin()->first;
  const int64_t lapse = until.empty() ? kNothingDue : until.begin()->first;
  return std::min(retry, lapse);
}

bool Group::Watched() const {
  const int64_t next = NextDue();
  if (next == kNothingDue) return true;
  return std::ranges::any_of(armed, [next](const auto& reader) { return reader->told <= next; });
}

}  // namespace agentmq::memory
