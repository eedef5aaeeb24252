// Receipts and presence, as seen from the server: what they cost, what they leave behind, and who dies.
#include <thread>

#include "integration/redis_test.hpp"
#include "support/agent_process.hpp"

namespace agentmq::test {
namespace {

using Json = nlohmann::json;

class AwaitOnServerTest : public RedisTest {
 protected:
  static int64_t CountOf(const std::vector<std::string>& lines, const std::string& command) {
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.find("] \"" + command) != std::string::npos; });
  }
};

TEST_F(AwaitOnServerTest, WaitingAsksAtMostTenTimesASecondInTheEnd) {
  Bus bus(Url());
  const std::string id = Put(bus, "c", "a", "x");
  EXPECT_FALSE(bus.Await(id.c_str(), MQ_STATE_ACKED, 0ms));
  Monitor monitor(server_.address());
  EXPECT_FALSE(bus.Await(id.c_str(), MQ_STATE_ACKED, 3s));
  EXPECT_LE(CountOf(monitor.Take(), "EVALSHA"), 3 * 20 + 10) << "jitter included";
}

TEST_F(AwaitOnServerTest, WhoNeverWaitsPaysNothing) {
  Bus bus(Url());
  bus.PublishBatch("c", Texts(20, "a"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "1"}});
  RespClient client = server_.Client();
  const auto calls_of_an_ack = [&] {
    const Message message = Next(subscription);
    client.ResetStats();
    bus.Ack(message);
    int64_t sum = 0;
    for (const auto& [name, calls] : client.Calls()) {
      if (name == "hget" || name == "hmget" || name == "hexists" || name == "exists") sum += calls;
    }
    return sum;
  };
  int64_t least = INT64_MAX;  // a tick may come in between
  for (int i = 0; i < 10; ++i) least = std::min(least, calls_of_an_ack());
  EXPECT_LE(least, 2) << "of the hand, and whether there is anything but messages";
}

TEST_F(AwaitOnServerTest, NothingIsLeftBehindWhenAllHaveHeard) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  for (int i = 0; i < 20; ++i) {
    const std::string id = Put(bus, "c", "a", "x");
    EXPECT_FALSE(bus.Await(id.c_str(), MQ_STATE_ACKED, 0ms));
    std::thread acking([&] { Take(bus, subscription, 1); });
    EXPECT_TRUE(bus.Await(id.c_str(), MQ_STATE_ACKED, kPatience));
    acking.join();
  }
  subscription.Fetch(0ms);
  RespClient client = server_.Client();
  for (const std::string& key : client.Keys("*c/a}:meta")) {
    for (const Reply& field : client.Must({"HKEYS", key}).items)
      EXPECT_FALSE(field.text.starts_with("w:")) << field.text;
  }
  EXPECT_TRUE(client.Keys("*:tries").empty());
}

TEST_F(AwaitOnServerTest, WaitingGoesOnAfterAnOutage) {
  Proxy proxy(server_.address());
  Bus bus(proxy.Url());
  const std::string id = Put(bus, "c", "a", "x");
  EXPECT_FALSE(bus.Await(id.c_str(), MQ_STATE_ACKED, 0ms));
  Bus direct(Url());
  Subscription subscription = direct.Subscribe("c", "a");
  mq_state reached = MQ_STATE_QUEUED;
  std::thread waiting([&] { EXPECT_STATUS(MQ_OK, mq_await(bus.get(), id.c_str(), MQ_STATE_ACKED, 20000, &reached)); });
  EXPECT_TRUE(Always(kMoment, [] { return true; }));
  proxy.Refuse(true);
  proxy.CutAll();
  Take(direct, subscription, 1);
  EXPECT_TRUE(Always(kMoment, [] { return true; }));
  proxy.Refuse(false);
  waiting.join();
  EXPECT_EQ(reached, MQ_STATE_ACKED);
}

TEST_F(AwaitOnServerTest, AnAgentWhoseProcessDiesIsGoneWhenItsLeaseEnds) {
  Bus bus(Url());
  const auto agent = StartAgent({"announce", Url(), "c", "lonely", 0, {}});
  ASSERT_TRUE(agent->ReadLineWith("announced"));
  const auto is_there = [&] { return bus.Agents("lonely") != "[]"; };
  EXPECT_TRUE(Always(3s, is_there)) << "it is renewed";
  agent->Kill9();
  EXPECT_TRUE(is_there());
  EXPECT_TRUE(Eventually(kPatience, [&] { return !is_there(); }));
}

TEST_F(AwaitOnServerTest, ADeadConsumerIsNotAlive) {
  Bus bus(Url());
  const auto agent = StartAgent({"work", Url(), "c", "a", 0, {}});
  ASSERT_TRUE(agent->ReadLineWith("ready"));
  EXPECT_NE(bus.Agents("a"), "[]");
  agent->Kill9();
  EXPECT_TRUE(Eventually(20s, [&] { return bus.Agents("a") == "[]"; })) << bus.Agents("a");
}

TEST_F(AwaitOnServerTest, RequireAgentAsksOnceForEachAgentAndNeverWhereItIsOff) {
  Bus bus(Url());
  Bus reader_bus(Url());
  for (const char* name : {"a", "b"}) reader_bus.Announce(name, nullptr, 60s);
  bus.Configure("c", {{"require_agent", "true"}});
  for (const char* channel : {"c", "d"}) {
    for (const char* name : {"a", "b"}) Put(bus, channel, name, "warm up");
  }
  Bus other(Url());
  Monitor monitor(server_.address());
  for (int i = 0; i < 20; ++i) {
    for (const char* name : {"a", "b"}) Put(other, "c", name, "x");
  }
  EXPECT_EQ(CountOf(monitor.Take(), "HEXISTS"), 2);
  Bus third(Url());
  for (int i = 0; i < 20; ++i) Put(third, "d", "a", "x");
  const std::vector<std::string> lines = monitor.Take();
  EXPECT_EQ(CountOf(lines, "HEXISTS"), 0) << testing::PrintToString(lines);
}

}  // namespace
}  // namespace agentmq::test
