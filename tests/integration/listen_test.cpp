// Listeners whose connection, server or node goes away.
#include <atomic>
#include <set>
#include <thread>

#include "integration/cluster_test.hpp"
#include "integration/redis_test.hpp"
#include "support/sentinel_team.hpp"

namespace agentmq::test {
namespace {

void Tell(Bus& bus, std::string_view payload, const char* channel = "c") {
  Message message(payload);
  message.SetMode(MQ_MODE_PUBSUB);
  bus.Publish(channel, message);
}

// Waits until the listener hears again what is told now: after a loss it hears nothing for a while.
testing::AssertionResult HearsAgain(Bus& teller, Subscription& listener) {
  static std::atomic<int> last{0};
  const std::string word = "again " + std::to_string(++last);
  const bool heard = Eventually(3 * kPatience, [&] {
    if (StatusOf([&] { Tell(teller, word); }) != MQ_OK) return false;
    mq_message* message = nullptr;
    if (mq_fetch(listener.get(), 50, &message) != MQ_OK) return false;
    const Message got(message);
    return got.payload() == word;
  });
  while (heard && listener.Fetch(kMoment)) {  // what was told more than once
  }
  if (heard) return testing::AssertionSuccess();
  return testing::AssertionFailure() << mq_last_error();
}

// The connections of listeners, as the server lists them.
std::vector<std::string> Listening(const RedisServer& server) {
  std::istringstream lines(server.Client().Text({"CLIENT", "LIST", "TYPE", "PUBSUB"}));
  std::vector<std::string> ids;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("id=")) ids.push_back(line.substr(3, line.find(' ') - 3));
  }
  return ids;
}

using ListenerTest = RedisTest;

TEST_F(ListenerTest, OneConnectionServesAllListenersOfABusAndGoesWithTheLast) {
  Bus bus(Url());
  {
    std::vector<Subscription> listeners;
    for (int i = 0; i < 50; ++i) listeners.push_back(bus.Listen(("c" + std::to_string(i / 2) + "*").c_str()));
    EXPECT_EQ(Listening(server_).size(), 1u);
    EXPECT_EQ(server_.Client().Number({"PUBSUB", "NUMPAT"}), 25) << "of two with one pattern the server hears one";
    listeners.erase(listeners.begin() + 1, listeners.end());
    EXPECT_TRUE(Eventually(kPatience, [&] { return server_.Client().Number({"PUBSUB", "NUMPAT"}) == 1; }));
    EXPECT_EQ(Listening(server_).size(), 1u);
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return Listening(server_).empty(); }));
  // And there is one again for who comes later.
  Subscription late = bus.Listen("c");
  Tell(bus, "x");
  EXPECT_EQ(Next(late).payload(), "x");
}

TEST_F(ListenerTest, BusesThatHaveNoListenerHaveNoConnectionForThem) {
  Bus bus(Url());
  Put(bus, "c", "a", "x");
  Tell(bus, "x");
  EXPECT_TRUE(Listening(server_).empty());
}

TEST_F(ListenerTest, ALostConnectionIsMadeAnewAndTheGapIsTold) {
  Bus bus(Url());
  Subscription listener = bus.Listen("c*");
  Subscription other = bus.Listen("c");
  char* json = nullptr;
  EXPECT_STATUS(MQ_TIMEOUT, mq_next_log(bus.get(), 0, &json));  // kept from now on
  const auto ids = Listening(server_);
  ASSERT_EQ(ids.size(), 1u);
  server_.Client().Must({"CLIENT", "KILL", "ID", ids[0]});
  EXPECT_TRUE(HearsAgain(bus, listener));
  EXPECT_EQ(listener.Lost().gaps, 1);
  EXPECT_EQ(other.Lost().gaps, 1);
  EXPECT_EQ(Listening(server_).size(), 1u);
  std::set<std::string> events;
  while (mq_next_log(bus.get(), 0, &json) == MQ_OK) {
    events.insert(nlohmann::json::parse(json)["event"]);
    mq_free(json);
  }
  EXPECT_TRUE(events.contains("listener_gap"));
}

TEST_F(ListenerTest, ARestartIsAGap) {
  Bus bus(Url());
  Subscription listener = bus.Listen("c");
  server_.Stop();
  EXPECT_TRUE(Eventually(kPatience, [&] { return listener.Lost().gaps == 1; }));
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_UNAVAILABLE, mq_fetch(listener.get(), 100, &message)) << "and not MQ_TIMEOUT";
  server_.Start();
  EXPECT_TRUE(HearsAgain(bus, listener));
  EXPECT_EQ(listener.Lost().gaps, 1);
  EXPECT_STATUS(MQ_TIMEOUT, mq_fetch(listener.get(), 0, &message));
}

TEST_F(ListenerTest, WithoutAServerNobodyListensAndItIsSaid) {
  Bus bus(Url("command_timeout=300ms"));
  server_.Stop();
  EXPECT_EQ(StatusOf([&] { (void)bus.Listen("c"); }), MQ_UNAVAILABLE);
  EXPECT_EQ(StatusOf([&] { Tell(bus, "x"); }), MQ_UNAVAILABLE);
  server_.Start();
  EXPECT_TRUE(Eventually(kPatience, [&] { return StatusOf([&] { (void)bus.Listen("c"); }) == MQ_OK; }));
}

TEST_F(ListenerTest, ASilentConnectionIsNoticed) {
  Proxy proxy(server_.address());
  Bus teller(Url());
  Bus bus(proxy.Url("command_timeout=500ms"));
  Subscription listener = bus.Listen("c");
  Tell(teller, "x");
  EXPECT_EQ(Next(listener).payload(), "x");
  proxy.BlackHole(true);
  Tell(teller, "into the hole");
  EXPECT_TRUE(Eventually(kPatience, [&] { return listener.Lost().gaps == 1; }));
  proxy.CutAll();
  proxy.BlackHole(false);
  EXPECT_TRUE(HearsAgain(teller, listener));
  EXPECT_EQ(listener.Lost().gaps, 1) << "one outage is one gap";
}

TEST_F(ListenerTest, AServerThatIsBusyForAMomentIsNoGap) {
  Bus bus(Url());
  Subscription listener = bus.Listen("c");
  server_.SigStop();
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));  // longer than the pings are apart
  server_.SigCont();
  EXPECT_TRUE(HearsAgain(bus, listener));
  EXPECT_EQ(listener.Lost().gaps, 0);
}

TEST_F(ListenerTest, TheServerDropsAListenerThatReadsNothingAndThatIsAGapToo) {
  server_.Client().Must({"CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 1mb 1"});
  Proxy proxy(server_.address());
  Bus bus(proxy.Url());
  Bus teller(Url());
  Subscription listener = bus.Listen("c");
  proxy.BlackHole(true);
  const std::string payload(1 << 20, 'x');
  EXPECT_TRUE(Eventually(kPatience, [&] {
    Tell(teller, payload);
    return Listening(server_).empty();
  }));
  proxy.BlackHole(false);
  EXPECT_TRUE(Eventually(kPatience, [&] { return listener.Lost().gaps >= 1; }));
  EXPECT_TRUE(HearsAgain(teller, listener));
}

TEST_F(ListenerTest, WhatIsBothIsToldInTheRoundTripThatStoresIt) {
  Proxy proxy(server_.address());
  Bus teller(proxy.Url("health_interval=0"));
  Bus bus(Url());
  Subscription listener = bus.Listen("c");
  const auto publish = [&] {
    Message message("x");
    message.SetMode(MQ_MODE_BOTH).SetTarget("a");
    teller.Publish("c", message);
    EXPECT_EQ(message.receivers(), 1);
    EXPECT_EQ(Next(listener).id(), message.id());
  };
  publish();
  proxy.ResetCounts();
  server_.Client().ResetStats();
  for (int i = 0; i < 10; ++i) publish();
  EXPECT_LE(proxy.round_trips(), 15) << "10, and what the bus does by itself";
  // PUBLISH runs within a script, behind the one that stores: no round trip of its own.
  auto calls = server_.Client().Calls();
  EXPECT_EQ(calls["publish"], 10);
  EXPECT_GE(calls["evalsha"], 20);
}

TEST_F(ListenerTest, WhatIsBothIsToldOnceWhenItsAnswerIsLost) {
  Proxy proxy(server_.address());
  Bus teller(proxy.Url("health_interval=0&reconnect_base=1ms"));
  Bus bus(Url());
  Subscription listener = bus.Listen("c");
  Message first("first");
  teller.Publish("c", first.SetTarget("a"));
  proxy.HoldNext("x-and-y", true);  // arrives, and the client is cut off before the answer
  Message message("x-and-y");
  message.SetMode(MQ_MODE_BOTH).SetTarget("a");
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(teller.get(), "c", message.get()));
  EXPECT_TRUE(ErrorSays("stored"));
  EXPECT_EQ(bus.Count(), 2);
  EXPECT_EQ(Next(listener).payload(), "x-and-y");
  EXPECT_FALSE(listener.Fetch(kMoment));
}

TEST_F(ListenerTest, ForeignWordsOnItsChannelsHarmNothing) {
  Bus bus(Url());
  Subscription listener = bus.Listen("*");
  for (const char* text : {"", "rubbish", "1c/*/0000000000000000\n", "1other/*/0000000000000000\n1=x",
                           "1c/*/0000000000000000\n1h=", "1c/*/0000000000000000\n1=fine"}) {
    server_.Client().Must({"PUBLISH", "agentmq:default:live:0:c", text});
  }
  EXPECT_EQ(Next(listener).payload(), "fine");
}

TEST_F(ListenerTest, DatabasesAreApart) {
  Bus zero(Url());
  Bus one(Url("db=1"));
  Subscription listener = zero.Listen("*");
  Subscription other = one.Listen("*");
  Tell(one, "one");
  Tell(zero, "zero");
  EXPECT_EQ(Next(listener).payload(), "zero");
  EXPECT_EQ(Next(other).payload(), "one");
}

TEST_F(ListenerTest, WhoMayNotListenOrTellIsToldSo) {
  server_.Client().Must(
      {"ACL", "SETUSER", "u", "on", ">p", "~*", "+@all", "resetchannels", "&agentmq:default:live:0:open*"});
  Bus bus(Url("user=u&password=p"));
  EXPECT_EQ(StatusOf([&] { (void)bus.Listen("closed*"); }), MQ_AUTH);
  EXPECT_EQ(StatusOf([&] { Tell(bus, "x", "closed"); }), MQ_AUTH);
  Subscription pattern = bus.Listen("open*");
  Subscription name = bus.Listen("open:1");
  Tell(bus, "x", "open:1");
  EXPECT_EQ(Next(pattern).payload(), "x");
  EXPECT_EQ(Next(name).payload(), "x");
  // Stored it is all the same, and the publisher knows.
  Message message("x");
  message.SetMode(MQ_MODE_BOTH).SetTarget("a");
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(bus.get(), "closed", message.get()));
  EXPECT_TRUE(ErrorSays("stored"));
  EXPECT_EQ(bus.Count(), 1);
}

#if AGENTMQ_HIREDIS_SSL
TEST(ListenerTlsTest, AFloodIsHeardOverTlsToo) {
  RedisServer::Options options;
  options.tls = true;
  RedisServer server(options);
  Bus bus(server.Url());
  Subscription listener = bus.Listen("c");
  const std::string payload(5000, 'x');
  std::vector<Message> messages;
  for (int i = 0; i < 2000; ++i) {
    messages.emplace_back(payload + std::to_string(i));
    messages.back().SetMode(MQ_MODE_PUBSUB);
  }
  bus.PublishBatch("c", messages);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(Next(listener).payload(), payload + std::to_string(i));
}
#endif

TEST(ListenerSentinelTest, ListenersFollowTheMaster) {
  SentinelTeam team;
  Bus bus(team.Url());
  Subscription listener = bus.Listen("c");
  Tell(bus, "x");
  EXPECT_EQ(Next(listener).payload(), "x");
  team.server(0).Kill9();
  ASSERT_TRUE(team.MasterBecomes(team.server(1)));
  EXPECT_TRUE(HearsAgain(bus, listener));
  EXPECT_GE(listener.Lost().gaps, 1);
}

TEST(ListenerClusterTest, OneConnectionToAnyNodeHearsAllAndMovesWhenTheNodeDies) {
  RedisCluster::Options options;
  options.replicas = 1;
  RedisCluster cluster(options);
  Bus bus(cluster.Url());
  Subscription listener = bus.Listen("c*");
  const auto where = [&] {
    std::vector<size_t> nodes;
    for (size_t i = 0; i < cluster.size(); ++i) {
      if (!cluster.node(i).Running()) continue;
      for (size_t n = Listening(cluster.node(i)).size(); n > 0; --n) nodes.push_back(i);
    }
    return nodes;
  };
  ASSERT_EQ(where().size(), 1u);
  std::set<std::string> told;
  std::set<std::string> heard;
  for (int i = 0; i < 100; ++i) {
    const std::string channel = "c" + std::to_string(i);  // of any slot
    Tell(bus, channel, channel.c_str());
    told.insert(channel);
  }
  while (heard.size() < told.size()) ASSERT_TRUE(heard.emplace(Next(listener).payload()).second) << "twice";
  EXPECT_EQ(heard, told);

  const size_t home = where().at(0);
  cluster.node(home).Kill9();
  EXPECT_TRUE(HearsAgain(bus, listener));
  EXPECT_EQ(listener.Lost().gaps, 1);
  ASSERT_EQ(where().size(), 1u);
  EXPECT_NE(where().at(0), home);
}

}  // namespace
}  // namespace agentmq::test
