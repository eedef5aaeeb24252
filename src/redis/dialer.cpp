#include "redis/dialer.hpp"

namespace agentmq::redis {
namespace {

constexpr int64_t kConnectTime = 1000;  // ms

}  // namespace

Dialer::~Dialer() {
  stopping_.store(true);
  wake_.Set();
  thread_.Join();
}

void Dialer::Ask(uint64_t number, std::shared_ptr<Pool> pool) {
  {
    const std::lock_guard lock(mutex_);
    asked_.emplace_back(number, std::move(pool));
    if (!thread_.joinable()) thread_ = Thread("amq-dial", [this] { Run(); });
  }
  wake_.Set();
}

std::vector<Dialer::Dialed> Dialer::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(dialed_, {});
}

void Dialer::Run() {
  while (!stopping_.load()) {
    std::vector<std::pair<uint64_t, std::shared_ptr<Pool>>> asked;
    {
      const std::lock_guard lock(mutex_);
      asked.swap(asked_);
    }
    if (asked.empty()) (void)wake_.Wait({});
    for (auto& [number, pool] : asked) {
      if (stopping_.load()) return;
      auto connection = pool->Connect({Deadline::After(kConnectTime), nullptr}, true);
      {
        const std::lock_guard lock(mutex_);
        dialed_.push_back({number, std::move(pool), std::move(connection)});
      }
      told_();
    }
  }
}

}  // namespace agentmq::redis
