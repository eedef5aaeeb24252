// Requests beyond what every backend can show: what they cost, a thousand that wait, servers that die in between.
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

class RequestTest : public RedisTest {
 protected:
  RequestTest() : RedisTest(Durable()) {}

  static Subscription Answering(Bus& bus) {
    Subscription subscription = bus.Subscribe(MQ_DIRECT, "worker", {{"workers", "4"}});
    subscription.Consume([&bus](const MessageView& request) {
      bus.Reply(request, Message("re: " + std::string(request.payload())));
      return MQ_VERDICT_ACK;
    });
    return subscription;
  }
};

TEST_F(RequestTest, ARequestCostsItsRequesterThreeScripts) {
  Bus working(Url());
  const Subscription answering = Answering(working);
  Proxy proxy(server_.address());
  Bus asking(proxy.Url());
  ASSERT_TRUE(asking.Request("worker", Message("warm up"), kPatience));
  proxy.ResetCounts();
  constexpr int kRequests = 50;
  for (int i = 0; i < kRequests; ++i) ASSERT_TRUE(asking.Request("worker", Message("?"), kPatience));
  // It is published; the wait and the fetch behind it go out together; the acknowledgement.
  EXPECT_LE(proxy.round_trips(), 3 * kRequests + 10);
}

TEST_F(RequestTest, AThousandThreadsWaitWithOneSubscriptionAndWithoutADescriptorEach) {
  constexpr int kRequests = 1000;
  Bus working(Url());
  Subscription worker = working.Subscribe(MQ_DIRECT, "worker", {{"prefetch", "1000"}});
  Bus asking(Url("pool_size=8"));
  std::atomic<int> replied{0};
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit few = before;
  few.rlim_cur = 256;
  setrlimit(RLIMIT_NOFILE, &few);
  std::vector<std::thread> threads;
  for (int i = 0; i < kRequests; ++i) {
    threads.emplace_back([&, i] {
      const std::optional<Message> reply = asking.Request("worker", Message(std::to_string(i)), 120s);
      if (reply && reply->payload() == std::to_string(i)) ++replied;
    });
  }
  std::vector<Message> requests;
  while (requests.size() < kRequests && !HasFailure()) requests.push_back(Next(worker));
  EXPECT_LE(server_.Client().Connections(), 30u);
  for (const Message& request : requests) {
    working.Reply(request, Message(request.payload()));
    working.AckAsync(request);
  }
  for (std::thread& thread : threads) thread.join();
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(replied, kRequests);
  EXPECT_TRUE(working.Flush(kPatience));
  EXPECT_TRUE(Eventually(kPatience, [&] { return asking.Count() == 0; }));
}

TEST_F(RequestTest, TheServerIsKilledBetweenRequestAndReply) {
  Bus working(Url());
  Subscription worker = working.Subscribe(MQ_DIRECT, "worker");
  Bus asking(Url("source=asker"));
  std::optional<Message> reply;
  std::thread waiting([&] { reply = asking.Request("worker", Message("?"), 60s); });
  const Message request = Next(worker);
  server_.Kill9();
  server_.Start();
  const Message answer("durable");
  EXPECT_TRUE(Eventually(30s, [&] { return mq_reply(working.get(), request.get(), answer.get()) == MQ_OK; }));
  waiting.join();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->payload(), "durable");
}

TEST_F(RequestTest, ALateReplySurvivesTheServerAndTheRequester) {
  Bus working(Url());
  Subscription worker = working.Subscribe(MQ_DIRECT, "worker");
  {
    Bus asking(Url("source=asker"));
    EXPECT_FALSE(asking.Request("worker", std::move(Message("?").SetCorrelationId("7")), 0ms));
    working.Reply(Next(worker), Message("durable"));
    ASSERT_TRUE(Eventually(kPatience, [&] { return working.Count({{"state", "retrying"}}) == 1; }));
  }
  server_.Kill9();
  server_.Start();
  Bus restarted(Url("source=asker"));
  const std::optional<Message> reply = restarted.Collect("asker", "7", 30s);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->payload(), "durable");
}

TEST_F(RequestTest, WithoutAServerARequestFailsAndNothingWasSent) {
  Bus asking(Url("command_timeout=300ms&breaker_failures=0"));
  server_.Kill9();
  mq_message* reply = nullptr;
  EXPECT_STATUS(MQ_UNAVAILABLE, mq_request(asking.get(), "worker", Message("?").get(), 1000, &reply));
  server_.Start();
  std::optional<Subscription> answering;
  ASSERT_TRUE(Eventually(30s, [&] { return StatusOf([&] { answering.emplace(Answering(asking)); }) == MQ_OK; }));
  std::optional<Message> answer;
  EXPECT_TRUE(Eventually(30s, [&] {
    return StatusOf([&] { answer = asking.Request("worker", Message("again"), kPatience); }) == MQ_OK && answer;
  }));
  EXPECT_EQ(answer->payload(), "re: again");
}

}  // namespace
}  // namespace agentmq::test
