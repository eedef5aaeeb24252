#include "memory/ears.hpp"

#include <string>

namespace agentmq::memory {

void Ears::Add(const std::shared_ptr<Ear>& ear) {
  const std::lock_guard lock(mutex_);
  ears_.push_back(ear);
}

void Ears::Remove(const Ear* ear) {
  const std::lock_guard lock(mutex_);
  std::erase_if(ears_, [ear](const auto& one) { return one.get() == ear; });
}

int64_t Ears::Tell(const FullId& id, std::string_view head, std::string_view payload) const {
  std::string record;
  int64_t heard = 0;
  const std::lock_guard lock(mutex_);
  for (const auto& ear : ears_) {
    if (!ear->pattern().Matches(id.queue.channel)) continue;
    if (record.empty()) record.append(head).append(payload);
    ear->Hear(id, record);
    ++heard;
  }
  return heard;
}

}  // namespace agentmq::memory
