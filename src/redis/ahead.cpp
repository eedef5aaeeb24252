#include "redis/ahead.hpp"

#include <algorithm>

#include "redis/consumer.hpp"

namespace agentmq::redis {

void Ahead::Add(RedisConsumer* consumer) {
  std::lock_guard lock(mutex_);
  consumers_.push_back(consumer);
}

void Ahead::Remove(RedisConsumer* consumer) {
  std::lock_guard lock(mutex_);
  std::erase(consumers_, consumer);
}

int Ahead::Fd(std::string_view incarnation) {
  std::lock_guard lock(mutex_);
  RedisConsumer* consumer = Find(incarnation);
  return consumer == nullptr ? -1 : consumer->AheadFd();
}

bool Ahead::Read(std::string_view incarnation) {
  std::lock_guard lock(mutex_);
  RedisConsumer* consumer = Find(incarnation);
  return consumer != nullptr && consumer->PumpAhead();
}

RedisConsumer* Ahead::Find(std::string_view incarnation) {
  const auto is_it = [&](RedisConsumer* consumer) { return consumer->incarnation() == incarnation; };
  const auto at = std::find_if(consumers_.begin(), consumers_.end(), is_it);
  return at == consumers_.end() ? nullptr : *at;
}

}  // namespace agentmq::redis
