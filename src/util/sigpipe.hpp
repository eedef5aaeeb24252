#pragma once

#include <signal.h>

namespace agentmq {

// While it lives this thread takes no SIGPIPE: libraries write to sockets without MSG_NOSIGNAL, on the program's threads.
class NoSigpipe {
 public:
  NoSigpipe();
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe();

  // After a write that failed: the signal that it left behind must not come when this ends.
  void Discard();

 private:
  sigset_t before_;
};

}  // namespace agentmq
