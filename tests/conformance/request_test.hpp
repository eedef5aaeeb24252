#pragma once

#include <set>
#include <string>
#include <vector>

#include "support/bus_test.hpp"

namespace agentmq::test {

// Who asks, and who answers.
class RequestingTest : public BusTest {
 protected:
  static mq_status Request(const Bus& bus, const Message& message, Milliseconds timeout,
                           const char* target = "worker") {
    mq_message* reply = nullptr;
    const mq_status status = mq_request(bus.get(), target, message.get(), timeout.count(), &reply);
    EXPECT_EQ(reply != nullptr, status == MQ_OK);
    mq_message_free(reply);
    return status;
  }

  // Answers each request of an agent with "re: <payload>".
  Subscription Answering(Bus& bus, const char* agent) {
    Subscription subscription = bus.Subscribe(MQ_DIRECT, agent);
    subscription.Consume([&bus](const MessageView& request) {
      bus.Reply(request, Message("re: " + std::string(request.payload())));
      return MQ_VERDICT_ACK;
    });
    return subscription;
  }

  // The next request that came to an agent is answered, and settled.
  void AnswerOne(Subscription& subscription, const char* payload) {
    const Message request = Next(subscription);
    bus_.Reply(request, Message(payload));
    bus_.Ack(request);
  }

  testing::AssertionResult NothingIsLeft() {
    if (Eventually(kPatience, [&] { return bus_.Count() == 0; })) return testing::AssertionSuccess();
    return testing::AssertionFailure() << bus_.Count() << " messages are left";
  }

  static std::set<std::string> Set(const MessageList& list) {
    const std::vector<std::string> payloads = Payloads(list);
    return {payloads.begin(), payloads.end()};
  }
};

}  // namespace agentmq::test
