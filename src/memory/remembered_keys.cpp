#include "memory/remembered_keys.hpp"

namespace agentmq::memory {

const ShortId* RememberedKeys::Find(std::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &found->second.id;
}

void RememberedKeys::Add(std::string_view key, const ShortId& id, int64_t until) {
  if (const auto known = keys_.find(key); known != keys_.end()) Erase(known);
  const auto added = keys_.emplace(std::string(key), Entry{id, until}).first;
  by_time_.emplace(until, added->first);
}

void RememberedKeys::Remove(std::string_view key, const ShortId& id) {
  const auto found = keys_.find(key);
  if (found != keys_.end() && found->second.id == id) Erase(found);
}

void RememberedKeys::Drop(int64_t now) {
  while (!by_time_.empty() && by_time_.begin()->first <= now) Erase(keys_.find(by_time_.begin()->second));
}

void RememberedKeys::Clear() {
  by_time_.clear();
  keys_.clear();
}

void RememberedKeys::Erase(Keys::iterator key) {
  by_time_.erase({key->second.until, key->first});
  keys_.erase(key);
}

}  // namespace agentmq::memory
