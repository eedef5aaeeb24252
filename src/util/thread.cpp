#include "util/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <exception>

namespace agentmq {

Thread::Thread(const std::string& name, std::function<void()> body) {
  // The new thread inherits the mask, so there is no moment in which it could take one of the program's signals.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([body = std::move(body)] {
      try {
        body();
      } catch (const std::exception&) {
        // Swallowed: see the class comment. What the body owed is missed by its waiters' deadlines.
        return;
      }
    });
    pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace agentmq
