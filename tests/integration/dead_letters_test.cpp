// Dead letters while processes and connections die, and of older versions.
#include <signal.h>

#include <algorithm>
#include <set>

#include "integration/redis_test.hpp"
#include "support/agent_process.hpp"

namespace agentmq::test {
namespace {

using Json = nlohmann::json;

class DeadLettersTest : public RedisTest {
 protected:
  // All of them are messages again, each once.
  static void ExpectEachOnce(Bus& bus, size_t count) {
    EXPECT_EQ(bus.Count(), static_cast<int64_t>(count));
    Subscription subscription = bus.Subscribe("c", "a");
    const std::vector<std::string> taken = Take(bus, subscription, count);
    EXPECT_EQ(std::set<std::string>(taken.begin(), taken.end()).size(), count);
    EXPECT_FALSE(subscription.Fetch(kMoment));
  }
};

TEST_F(DeadLettersTest, AReplayThatIsKilledLosesNothingAndDoublesNothing) {
  constexpr size_t kMany = 500;
  Bus bus(Url());
  BuryMany(bus, kMany);
  for (int kills = 0; kills < 3; ++kills) {
    const int64_t before = bus.Count();
    const auto replay = StartAgent({"replay", Url(), "c", "a", 1, {{"rate", "100"}, {"keep_attempts", "true"}}});
    ASSERT_TRUE(Eventually(kPatience, [&] { return bus.Count() > before + 20; }));
    replay->Kill9();
    EXPECT_EQ(bus.Count() + Stat(bus, "c", "dead"), static_cast<int64_t>(kMany));
  }
  const int64_t left = Stat(bus, "c", "dead");
  EXPECT_GT(left, 0);
  EXPECT_EQ(bus.ReplayAll(), left);
  ExpectEachOnce(bus, kMany);
}

TEST_F(DeadLettersTest, AReplayWhoseConnectionsAreCutLosesNothingAndDoublesNothing) {
  constexpr size_t kRounds = 5;
  constexpr size_t kMany = 40;
  Bus direct(Url());
  Proxy proxy(server_.address());
  Bus bus(proxy.Url("breaker_failures=0&reconnect_base=1ms&reconnect_max=5ms"));
  for (size_t round = 0; round < kRounds; ++round) {
    BuryMany(direct, kMany);
    // Some do not suffice for the list of dead letters, others end between one replay and the next, or within one.
    CutAtRandom(proxy, 500, 12'000);
    proxy.CutAll();
    ASSERT_TRUE(Eventually(60s, [&] {
      int64_t replayed = 0;
      (void)mq_replay_all(bus.get(), nullptr, &replayed);
      return Stat(direct, "c", "dead") == 0;
    }));
    ExpectEachOnce(direct, kMany);
  }
  EXPECT_GT(proxy.accepted(), 10);
}

// What a version without histories has written.
TEST_F(DeadLettersTest, TriesWithoutAHistoryAreRead) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  Put(bus, "c", "a", "x");
  bus.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 200ms, "new");
  RespClient client(server_.address());
  const std::string key = "{agentmq:default:c/a}:-:tries";
  const std::vector<Reply> fields = client.Must({"HKEYS", key}).items;
  ASSERT_EQ(fields.size(), 1u);
  client.Must({"HSET", key, fields[0].text, "1 1 0 0 it was an older version"});
  const Message again = Next(subscription);
  EXPECT_EQ(again.deliveries(), 3);
  EXPECT_EQ(again.reason(), "it was an older version");
  EXPECT_EQ(again.history(), "[]");
  bus.Nack(again, MQ_FAILURE_PERMANENT, kForever, "now");
  const MessageList dead = bus.DeadLetters();
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].deliveries(), 3);
  EXPECT_EQ(dead[0].reason(), "now");
  EXPECT_EQ(Json::parse(dead[0].history()).size(), 1u);
}

TEST_F(DeadLettersTest, ADeathTellsWhoseItWas) {
  Bus bus(Url("liveness_timeout=1s"));
  bus.PublishBatch("c", Texts(2, "a"));
  const auto agent = StartAgent(
      {"hold", Url("liveness_timeout=1s"), "c", "a", 2, {{"consumer", "unlucky"}, {"visibility_timeout", "1h"}}});
  ASSERT_TRUE(agent->ReadLineWith("holding"));
  agent->Kill9();
  Subscription other = bus.Subscribe("c", "a", {{"prefetch", "1"}});
  const Message suspect = Next(other);
  const Json history = Json::parse(suspect.history());
  ASSERT_EQ(history.size(), 1u);
  EXPECT_EQ(history[0].at("kind"), "suspect");
  EXPECT_TRUE(history[0].at("consumer").get<std::string>().starts_with("unlucky.")) << history;
  EXPECT_EQ(suspect.deliveries(), 1);
  bus.Ack(suspect);
  bus.Ack(Next(other));
  other.Unsubscribe();

  Put(bus, "c", "a", "alone");
  const auto loner = StartAgent({"hold", Url("liveness_timeout=1s"), "c", "a", 1, {{"visibility_timeout", "1h"}}});
  ASSERT_TRUE(loner->ReadLineWith("holding"));
  loner->Kill9();
  Subscription third = bus.Subscribe("c", "a");
  const Message again = Next(third);
  EXPECT_EQ(Json::parse(again.history()).at(0).at("kind"), "crash");
  EXPECT_EQ(again.deliveries(), 2);
  bus.Ack(again);
}

}  // namespace
}  // namespace agentmq::test
