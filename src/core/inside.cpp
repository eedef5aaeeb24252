#include "core/inside.hpp"

namespace agentmq {
namespace {

thread_local const Inside* innermost = nullptr;

}  // namespace

Inside::Inside(const void* bus, const void* subscription) : bus_(bus), subscription_(subscription), outer_(innermost) {
  innermost = this;
}

Inside::~Inside() { innermost = outer_; }

bool Inside::OfBus(const void* bus) {
  for (const Inside* at = innermost; at != nullptr; at = at->outer_) {
    if (at->bus_ == bus) return true;
  }
  return false;
}

bool Inside::OfSubscription(const void* subscription) {
  for (const Inside* at = innermost; at != nullptr; at = at->outer_) {
    if (at->subscription_ == subscription) return true;
  }
  return false;
}

bool Inside::PublishCallbackOf(const void* bus) {
  for (const Inside* at = innermost; at != nullptr; at = at->outer_) {
    if (at->bus_ == bus && at->subscription_ == nullptr) return true;
  }
  return false;
}

}  // namespace agentmq
