// Retention where answers are lost and clients die in between, and what it costs.
#include <set>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

class RetentionOnRedisTest : public RedisTest {
 protected:
  static std::string KeyOf(const std::string& name) { return "{agentmq:default:c/*}:" + name; }
};

TEST_F(RetentionOnRedisTest, WithRepliesCutAtRandomEachAcknowledgedMessageIsKeptOnce) {
  constexpr size_t kMessages = 1500;
  Bus direct(Url());
  direct.Configure("c", {{"retain", "1h"}, {"max_items", "0"}});
  direct.PublishBatch("c", Texts(kMessages, "a"));
  Proxy proxy(server_.address());
  Bus bus(proxy.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0"));
  Subscription subscription = bus.Subscribe("c", "a");
  CutAtRandom(proxy, 200, 6000);
  std::set<std::string> taken;
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (taken.size() < kMessages && std::chrono::steady_clock::now() < until) {
    mq_list* fetched = nullptr;
    if (mq_fetch_batch(subscription.get(), 20, 1000, &fetched) != MQ_OK) continue;
    const MessageList list(fetched);
    for (size_t i = 0; i < list.size(); ++i) {
      mq_status status = mq_ack(bus.get(), list[i].get());
      while (status == MQ_UNKNOWN || status == MQ_UNAVAILABLE) status = mq_ack(bus.get(), list[i].get());
      // Not found: an earlier try did it.
      if (status == MQ_OK || status == MQ_NOT_FOUND) taken.insert(std::string(list[i].payload()));
    }
  }
  EXPECT_GT(proxy.accepted(), 20) << "too few connections were cut to show anything";
  EXPECT_EQ(taken.size(), kMessages);
  EXPECT_EQ(direct.Count(), 0);
  EXPECT_EQ(Stat(direct, "c", "kept"), static_cast<int64_t>(kMessages));
}

TEST_F(RetentionOnRedisTest, BitsThatADeadSeekerLeftAreCleared) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "one");
  const std::string id = Put(bus, "c", nullptr, "x");
  // As a seek leaves it whose client dies behind its script: an ordinal (5) that no group has any more.
  RespClient client = server_.Client();
  client.Must({"HSET", KeyOf("refs"), id.substr(id.size() - 16), "\x21"});
  client.Must({"HSET", KeyOf("meta"), "gone:5", "some one 0"});
  bus.Ack(Next(subscription));
  EXPECT_EQ(bus.Count(), 1);
  EXPECT_TRUE(Eventually(90s, [&] { return bus.Count() == 0; })) << "house-keeping does it";
  EXPECT_TRUE(client.Must({"HGET", KeyOf("meta"), "gone:5"}).nil());
}

TEST_F(RetentionOnRedisTest, AnAcknowledgementIsOneCommandAllTheSame) {
  Bus bus(Url());
  bus.Configure("c", {{"retain", "1h"}});
  bus.PublishBatch("c", Texts(101, "a"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "200"}});
  bus.Ack(Next(subscription));
  const MessageList list = subscription.FetchBatch(100, kPatience);
  ASSERT_EQ(list.size(), 100u);
  Monitor monitor(server_.address());
  bus.AckBatch(list);
  EXPECT_LE(monitor.Take().size(), 2u);
  EXPECT_EQ(Stat(bus, "c", "kept"), 101);
}

TEST_F(RetentionOnRedisTest, NothingIsLeftWhenTheTimeIsOver) {
  Bus bus(Url());
  bus.Configure("c", {{"retain", "500ms"}});
  Subscription subscription = bus.Subscribe("c", "a");
  const std::string large(100'000, 'x');
  for (const char* target : {"a", static_cast<const char*>(nullptr)}) {
    Put(bus, "c", target, large);
    Put(bus, "c", target, "small");
  }
  EXPECT_EQ(Take(bus, subscription, 4).size(), 4u);
  EXPECT_EQ(Stat(bus, "c", "kept"), 4);
  RespClient client = server_.Client();
  EXPECT_TRUE(Eventually(kPatience, [&] { return client.Keys("*:kept*").empty() && client.Keys("*:blob:*").empty(); }));
}

}  // namespace
}  // namespace agentmq::test
