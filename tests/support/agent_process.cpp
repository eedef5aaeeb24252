#include "support/agent_process.hpp"

#include <signal.h>
#include <unistd.h>

#include <agentmq/agentmq.hpp>
#include <cstdio>
#include <iostream>

namespace agentmq::test {
namespace {

using namespace std::chrono_literals;

void Say(const std::string& line) { std::cout << line << std::endl; }

void Got(const MessageView& message) { Say("got " + std::string(message.payload())); }

int Hold(Bus& bus, Subscription& subscription, int count) {
  std::vector<Message> held;
  for (int i = 0; i < count; ++i) {
    held.push_back(std::move(*subscription.Fetch(kForever)));
    Got(held.back());
  }
  Say("holding");
  for (std::string line; std::getline(std::cin, line) && line != "exit";) {
    if (line == "ack") {
      for (const Message& message : held) Say(std::string("ack ") + mq_status_name(mq_ack(bus.get(), message.get())));
    } else if (line == "fetch") {
      if (const auto message = subscription.Fetch(10s)) {
        Got(*message);
      } else {
        Say("none");
      }
    }
  }
  return 0;
}

[[noreturn]] void Work(Bus& bus, Subscription& subscription) {
  Say("ready");
  for (;;) {
    const auto message = subscription.Fetch(kForever);
    Got(*message);
    if (message->payload().starts_with("poison")) kill(getpid(), SIGKILL);
    bus.Ack(*message);
    Say("did " + std::string(message->payload()));
  }
}

[[noreturn]] void Publish(Bus& bus, const char* channel, const char* agent) {
  for (int i = 0;; ++i) {
    const std::string payload = "p" + std::to_string(i);
    bus.Publish(channel, Message(payload).SetTarget(agent));
    Say("sent " + payload);
  }
}

int Replay(Bus& bus, const Config& config) {
  Say("replayed " + std::to_string(bus.ReplayAll(config)));
  return 0;
}

int Announce(Bus& bus, const char* agent) {
  bus.Announce(agent, "in a process of its own", 2s);
  Say("announced");
  for (std::string line; std::getline(std::cin, line);) continue;
  return 0;
}

}  // namespace

std::unique_ptr<Process> StartAgent(const AgentOptions& options) {
  std::vector<std::string> arguments{"--agent",       options.role,  options.url,
                                     options.channel, options.agent, std::to_string(options.count)};
  for (const auto& [name, value] : options.settings) arguments.push_back(name + "=" + value);
  return std::make_unique<Process>("/proc/self/exe", arguments);
}

int RunAgentProcess(int argc, char** argv) {
  if (argc < 5) return 2;
  const std::string role = argv[0];
  try {
    Bus bus(argv[1]);
    if (role == "publish") Publish(bus, argv[2], argv[3]);
    if (role == "announce") return Announce(bus, argv[3]);
    Config config;
    for (int i = 5; i < argc; ++i) {
      const std::string setting = argv[i];
      const size_t equals = setting.find('=');
      config.Set(setting.substr(0, equals), setting.substr(equals + 1));
    }
    if (role == "replay") return Replay(bus, config);
    Subscription subscription = bus.Subscribe(argv[2], argv[3], config);
    if (role == "work") Work(bus, subscription);
    return Hold(bus, subscription, std::stoi(argv[4]));
  } catch (const Error& error) {
    Say(std::string("failed ") + mq_status_name(error.status()) + ": " + error.what());
    return 1;
  }
}

}  // namespace agentmq::test
