#pragma once

namespace agentmq {

// Marks that this thread runs a program's handler or callback, so that calls which would wait for that very handler are
// refused instead of never returning. Lives on the stack around the call.
class Inside {
 public:
  // subscription: null in a publish callback.
  Inside(const void* bus, const void* subscription);
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  static bool OfBus(const void* bus);
  static bool OfSubscription(const void* subscription);
  static bool PublishCallbackOf(const void* bus);

 private:
  const void* const bus_;
  const void* const subscription_;
  const Inside* const outer_;
};

}  // namespace agentmq
