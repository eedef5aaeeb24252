#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/ids.hpp"

namespace agentmq::memory {

// Keys that are remembered for a time, each with the message that it is of. Guarded by the mutex of the queue that it
// belongs to.
class RememberedKeys {
 public:
  // Null where it is not remembered.
  const ShortId* Find(std::string_view key) const;
  // For longer where it is remembered already.
  void Add(std::string_view key, const ShortId& id, int64_t until);
  // Where it is still of that message.
  void Remove(std::string_view key, const ShortId& id);
  // Those whose time is over.
  void Drop(int64_t now);
  void Clear();
  bool empty() const { return keys_.empty(); }

 private:
  struct Entry {
    ShortId id;
    int64_t until;
  };
  using Keys = std::map<std::string, Entry, std::less<>>;

  void Erase(Keys::iterator key);

  Keys keys_;
  std::set<std::pair<int64_t, std::string_view>> by_time_;  // the texts are those of keys_
};

}  // namespace agentmq::memory
