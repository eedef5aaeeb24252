#include "util/sigpipe.hpp"

#include <cerrno>
#include <ctime>

namespace agentmq {
namespace {

sigset_t Sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

}  // namespace

NoSigpipe::NoSigpipe() {
  const sigset_t set = Sigpipe();
  pthread_sigmask(SIG_BLOCK, &set, &before_);
}

NoSigpipe::~NoSigpipe() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void NoSigpipe::Discard() {
  const sigset_t set = Sigpipe();
  const timespec at_once{};
  while (sigtimedwait(&set, nullptr, &at_once) < 0 && errno == EINTR) {
  }
}

}  // namespace agentmq
