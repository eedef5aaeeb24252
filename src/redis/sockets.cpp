#include "redis/sockets.hpp"

#include <sys/socket.h>

namespace agentmq::redis {

bool Sockets::Add(int fd) {
  std::lock_guard lock(mutex_);
  if (!cut_) fds_.insert(fd);
  return !cut_;
}

void Sockets::Remove(int fd) {
  std::lock_guard lock(mutex_);
  fds_.erase(fd);
}

void Sockets::Cut() {
  std::lock_guard lock(mutex_);
  cut_ = true;
  for (const int fd : fds_) shutdown(fd, SHUT_RDWR);
}

bool Sockets::cut() const {
  std::lock_guard lock(mutex_);
  return cut_;
}

}  // namespace agentmq::redis
