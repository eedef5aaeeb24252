#pragma once

#include <poll.h>

#include <string>
#include <vector>

#include "support/bus_test.hpp"

namespace agentmq::test {

// Subscriptions of as many agents to channel `c`, which all wait in one process, by their descriptors.
class Crowd {
 public:
  Crowd(Bus& bus, size_t size) : bus_(bus) {
    for (size_t i = 0; i < size; ++i) {
      subscriptions_.push_back(bus.Subscribe("c", Agent(i).c_str()));
      waiting_.push_back({subscriptions_.back().fd(), POLLIN, 0});
    }
  }

  // Sends each agent a message, and acknowledges what comes: how many did, within a minute.
  size_t Serve() {
    for (size_t i = 0; i < subscriptions_.size(); ++i) Put(bus_, "c", Agent(i).c_str(), "x");
    size_t got = 0;
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (got < subscriptions_.size() && std::chrono::steady_clock::now() < end) {
      poll(waiting_.data(), waiting_.size(), 1000);
      for (size_t i = 0; i < subscriptions_.size(); ++i) {
        if ((waiting_[i].revents & POLLIN) == 0) continue;
        const std::optional<Message> message = subscriptions_[i].Fetch(0ms);
        if (!message) continue;
        bus_.Ack(*message);
        ++got;
      }
    }
    return got;
  }

 private:
  static std::string Agent(size_t index) { return "agent-" + std::to_string(index); }

  Bus& bus_;
  std::vector<Subscription> subscriptions_;
  std::vector<pollfd> waiting_;
};

}  // namespace agentmq::test
