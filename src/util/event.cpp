#include "util/event.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace agentmq {

EventFd::EventFd() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

EventFd::~EventFd() {
  if (fd_ >= 0) close(fd_);
}

void EventFd::Signal() const {
  const int saved = errno;  // may run in a signal handler
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);
  errno = saved;
}

void EventFd::Drain() const {
  uint64_t count = 0;
  [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
}

void Event::Set() {
  if (!set_.exchange(true, std::memory_order_acq_rel)) event_.Signal();
}

Event::Woken Event::Wait(const Patience& patience) {
  for (;;) {
    if (set_.load(std::memory_order_acquire)) {
      // Drain before the flag falls: a Set() in between finds the flag up and has nothing to add.
      event_.Drain();
      set_.store(false, std::memory_order_release);
      return Woken::kSet;
    }
    if (patience.cancelled()) return Woken::kCancelled;
    const int64_t remaining = patience.deadline.Remaining();
    if (remaining == 0) return Woken::kDeadline;
    pollfd fds[2] = {{event_.fd(), POLLIN, 0}, {patience.cancel ? patience.cancel->fd() : -1, POLLIN, 0}};
    poll(fds, 2, remaining < 0 ? -1 : static_cast<int>(std::min<int64_t>(remaining, INT_MAX)));
  }
}

}  // namespace agentmq
