// Rate limits over processes, and what stands on the server for them.
#include <cmath>

#include "integration/redis_test.hpp"
#include "support/agent_process.hpp"

namespace agentmq::test {
namespace {

class RateLimitTest : public RedisTest {};

TEST_F(RateLimitTest, ProcessesShareALimit) {
  constexpr double kRate = 40;
  const std::string url = Url("rate_limit=40&overflow=block&publish_timeout=30s&max_items=0");
  Bus bus(Url());
  const auto began = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };
  const auto one = StartAgent({"publish", url, "c", "a", 1, {}});
  const auto two = StartAgent({"publish", url, "c", "b", 1, {}});
  ASSERT_TRUE(one->ReadLineWith("sent"));
  ASSERT_TRUE(two->ReadLineWith("sent"));
  const double both = seconds();
  EXPECT_TRUE(Always(3s, [] { return true; }));
  const double least = seconds() - both;
  const auto stored = static_cast<double>(bus.Count());
  EXPECT_LE(stored, kRate + kRate * seconds() + 1);
  EXPECT_GE(stored, kRate + 0.7 * kRate * least);
  EXPECT_GT(bus.Count({{"target", "a"}}), 0);
  EXPECT_GT(bus.Count({{"target", "b"}}), 0);
}

TEST_F(RateLimitTest, ABucketGoesByTheServersClockAndIsGoneWhenItIsFull) {
  Bus bus(Url());
  bus.Configure("c", {{"rate_limit", "10"}});
  RespClient client(server_.address());
  bus.PublishBatch("c", Texts(8, "a"));
  const std::string key = "{agentmq:default:rate}:channel:c";
  const double full_at = std::stod(client.Text({"GET", key}));
  const std::vector<Reply> time = client.Must({"TIME"}).items;
  const double now = (std::stod(time.at(0).text) - 1735689600) * 1e6 + std::stod(time.at(1).text);
  EXPECT_GT(full_at, now - 10e6);
  EXPECT_LE(full_at, now + 0.8e6);
  EXPECT_LE(client.Number({"PTTL", key}), 2000);
  EXPECT_TRUE(Eventually(5s, [&] { return client.Number({"EXISTS", key}) == 0; }));
  EXPECT_EQ(bus.PublishBatch("c", Texts(10, "a")), 10u);
}

// A server that takes no writes takes no tokens, and says what it says without a limit.
TEST_F(RateLimitTest, AnOutageIsToldAsAnOutage) {
  Proxy proxy(server_.address());
  Bus bus(proxy.Url("rate_limit=100&command_timeout=300ms"));
  Put(bus, "c", "a", "x");
  proxy.BlackHole(true);
  EXPECT_STATUS(MQ_UNAVAILABLE, mq_publish(bus.get(), "c", Text("x", "a").get()))
      << "certainly not stored, whatever became of the tokens";
  proxy.BlackHole(false);
  EXPECT_TRUE(Eventually(10s, [&] { return mq_publish(bus.get(), "c", Text("x", "a").get()) == MQ_OK; }));
  EXPECT_EQ(bus.Count(), 2);
}

}  // namespace
}  // namespace agentmq::test
