// A worker in C++: answers questions until there are no more, or until Ctrl-C. Usage: worker [URL]
#include <agentmq/agentmq.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

mq_cancel* interrupted = nullptr;

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& letter : upper) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return upper;
}

void Run(const char* url) {
  using namespace std::chrono_literals;
  agentmq::Cancel cancel;
  interrupted = cancel.get();
  std::signal(SIGINT, [](int) { mq_cancel_fire(interrupted); });

  agentmq::Bus bus(url, agentmq::Config{{"namespace", "worker"}, {"visibility_timeout", "10s"}});
  for (const char* text : {"to be", "or", "not to be"}) {
    bus.Publish("questions", agentmq::Message(text).SetTarget("shouter").SetReplyTo("me"));
  }

  // The worker: two threads of the library call this. An exception would have the question come again later.
  agentmq::Subscription shouter =
      bus.Subscribe("questions", "shouter:1", agentmq::Config{{"workers", "2"}, {"retry_attempts", "3"}});
  shouter.Consume([&bus](const agentmq::MessageView& question) {
    agentmq::Message answer(Upper(question.payload()));
    answer.SetCorrelationId(std::string(question.id()).c_str());
    bus.SendTo(std::string(question.reply_to()).c_str(), answer);
    return MQ_VERDICT_ACK;
  });

  agentmq::Subscription inbox = bus.Subscribe(MQ_DIRECT, "me");
  for (int answers = 0; answers < 3; ++answers) {
    const std::optional<agentmq::Message> answer = inbox.Fetch(10s, cancel);
    if (!answer) throw std::runtime_error("no answer came within 10 seconds");
    const std::string_view text = answer->payload();
    std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
    bus.Ack(*answer);
  }
  shouter.Drain(5s);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Run(argc > 1 ? argv[1] : "memory://worker");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "worker: %s\n", error.what());
    return 1;
  }
}
