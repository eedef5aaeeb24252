// Pausing, as seen from the server: what it costs, and what it outlives. And groups whose last consumer died.
#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

using Json = nlohmann::json;

class PauseOnServerTest : public RedisTest {
 protected:
  PauseOnServerTest() : RedisTest(Durable()) {}
};

TEST_F(PauseOnServerTest, ItOutlivesARestartOfTheServerAndOfTheProcess) {
  {
    Bus bus(Url("source=operator"));
    Put(bus, "c", "a", "x");
    bus.Pause("c", "a", "for the night");
  }
  server_.Kill9();
  server_.Start();
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  EXPECT_FALSE(subscription.Fetch(kMoment));
  const Json stats = Json::parse(bus.Stats("c"));
  EXPECT_EQ(stats["queues"][1]["groups"][0]["paused"]["reason"], "for the night") << stats;
  EXPECT_TRUE(bus.Resume("c", "a"));
  EXPECT_EQ(Take(bus, subscription, 1).size(), 1u);
}

TEST_F(PauseOnServerTest, AQueueThatWasRemovedIsPausedWhenItComesBack) {
  Bus bus(Url());
  Put(bus, "c", "a", "x");
  bus.Pause("c");
  RespClient client = server_.Client();
  for (const std::string& key : client.Keys("{*c/a}:*")) client.Must({"DEL", key});
  Bus other(Url());
  Put(other, "c", "a", "y");
  Subscription subscription = other.Subscribe("c", "a");
  EXPECT_FALSE(subscription.Fetch(kMoment));
  EXPECT_TRUE(bus.Resume("c"));
  EXPECT_EQ(Take(other, subscription, 1), std::vector<std::string>{"y"});
}

TEST_F(PauseOnServerTest, WhatIsPausedAddsNoCommandToAFetch) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  const auto commands = [&] {
    subscription.Fetch(0ms);  // what changed is known then
    Monitor monitor(server_.address());
    for (int i = 0; i < 20; ++i) subscription.Fetch(0ms);
    const std::vector<std::string> lines = monitor.Take();
    return std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find("hmget") == std::string::npos && line.find("SUNION") == std::string::npos;
    });
  };
  const auto before = commands();
  bus.Pause("c");
  const auto meanwhile = commands();
  EXPECT_TRUE(bus.Resume("c"));
  const auto afterwards = commands();
  EXPECT_LE(meanwhile, before + 4) << "a tick or two aside";
  EXPECT_LE(afterwards, before + 4);
}

TEST_F(PauseOnServerTest, AnIdleConsumerOfWhatIsPausedIsNotWokenAgainAndAgain) {
  Bus bus(Url());
  bus.PublishBatch("c", Texts(5, "a"));
  Subscription subscription = bus.Subscribe("c", "a");
  bus.Pause("c");
  const IdleFetch idle(subscription);
  EXPECT_TRUE(Always(1s, [] { return true; }));
  Monitor monitor(server_.address());
  constexpr int kSeconds = 4;
  EXPECT_TRUE(Always(std::chrono::seconds(kSeconds), [] { return true; }));
  EXPECT_LE(monitor.Take().size(), size_t{2 * kSeconds + 2});
}

// Nobody watches the lease of a consumer that died alone: by the server's clock it is old some time.
TEST_F(PauseOnServerTest, AGroupWhoseLastConsumerDiedEndsAfterGroupTtl) {
  Bus bus(Url());
  bus.Configure("c", {{"group_ttl", "1s"}});
  Subscription reader = bus.Subscribe("c", "reader");
  RespClient client = server_.Client();
  {
    Subscription dies = bus.Subscribe("c", "dies");
    bus.PublishBatch("c", Texts(3, nullptr));
    Next(dies);  // in hand, and more was read ahead
  }
  const std::vector<std::string> metas = client.Keys("*c/[*]}:meta");
  ASSERT_EQ(metas.size(), 1u);
  const std::string group = metas[0].substr(0, metas[0].size() - 4) + "dies:";
  client.Must({"HSET", group + "lease", "dies.0123456789abcdef", "1 0123456789abcdef 1600000000000"});
  Take(bus, reader, 3);
  EXPECT_TRUE(Eventually(40s, [&] { return bus.Count() == 0; })) << bus.Groups("c");
  EXPECT_EQ(Stat(bus, "c", "groups_removed"), 1);
  EXPECT_TRUE(Eventually(kPatience, [&] { return client.Keys("*dies:*").empty(); })) << "something of it is left";
}

}  // namespace
}  // namespace agentmq::test
