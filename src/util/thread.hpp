#pragma once

#include <functional>
#include <string>
#include <thread>

namespace agentmq {

// A named library thread that blocks all signals. The only place that makes threads.
class Thread {
 public:
  Thread() = default;
  // name: at most 15 bytes, "amq-...". An exception that reaches the top is a bug: it is swallowed there, because a
  // library must not end its program.
  Thread(const std::string& name, std::function<void()> body);
  ~Thread() { Join(); }
  Thread(Thread&&) = default;
  Thread& operator=(Thread&& other) noexcept {
    Join();
    thread_ = std::move(other.thread_);
    return *this;
  }

  bool joinable() const { return thread_.joinable(); }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }
  bool IsCurrent() const { return thread_.get_id() == std::this_thread::get_id(); }

 private:
  std::thread thread_;
};

}  // namespace agentmq
