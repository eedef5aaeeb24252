#include "redis/sentinel_watch.hpp"

#include <poll.h>

namespace agentmq::redis {
namespace {

constexpr int64_t kPing = 1000;     // ms between signs of life that are asked for
constexpr int64_t kConnect = 1000;  // ms, so that a bus that closes waits no longer for it
constexpr int64_t kRetry = 200;     // ms between rounds in which no sentinel could be had

}  // namespace

SentinelWatch::SentinelWatch(Sentinels& sentinels, std::function<void(const Address&)> told)
    : sentinels_(sentinels), told_(std::move(told)), thread_("amq-sentinel", [this] { Run(); }) {}

SentinelWatch::~SentinelWatch() {
  stop_.Fire();
  thread_.Join();
}

void SentinelWatch::Run() {
  while (!stop_.fired()) {
    auto sentinel = sentinels_.Subscribe({Deadline::After(kConnect), &stop_});
    if (sentinel.ok()) Follow(**sentinel);
    pollfd stop{stop_.fd(), POLLIN, 0};
    poll(&stop, 1, static_cast<int>(kRetry));
  }
}

void SentinelWatch::Follow(Connection& sentinel) {
  // What was said before we listened is asked for.
  const auto master = sentinels_.FindMaster({Deadline::After(kConnect), &stop_});
  if (master.ok()) told_(*master);
  int64_t heard = SteadyMillis();
  int64_t asked = heard;
  while (!stop_.fired()) {
    pollfd fds[2] = {{sentinel.fd(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}};
    poll(fds, 2, static_cast<int>(kPing));
    if (fds[0].revents != 0 && !Hear(sentinel, &heard)) return;
    const int64_t now = SteadyMillis();
    if (now - heard > kSilence) return;
    if (now - asked < kPing) continue;
    asked = now;
    Command ping{"PING"};
    if (!sentinel.Append(ping, Digests{}).ok() || !sentinel.Send().ok()) return;
  }
}

// False where the connection is lost.
bool SentinelWatch::Hear(Connection& sentinel, int64_t* heard) {
  if (!sentinel.ReadSome().ok()) return false;
  for (;;) {
    Reply message;
    const Status status = sentinel.Receive(&message);
    if (status.code() == Code::kTimeout) return true;
    if (!status.ok() || message.is_error()) return false;
    *heard = SteadyMillis();
    if (const auto master = sentinels_.SwitchedTo(message)) told_(*master);
  }
}

}  // namespace agentmq::redis
