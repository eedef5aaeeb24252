// Deduplication keys where answers are lost, clients die in between, and what it all costs.
#include <map>
#include <thread>

#include "integration/redis_test.hpp"
#include "support/sentinel_team.hpp"

namespace agentmq::test {
namespace {

Message Keyed(std::string_view payload, const std::string& key) {
  Message message = Text(payload, "a");
  message.SetDedupKey(key.c_str());
  return message;
}

class DedupOnRedisTest : public RedisTest {
 protected:
  DedupOnRedisTest() : proxy_(server_.address()) {}
  std::string KeyOf(const std::string& name) { return "{agentmq:default:c/a}:" + name; }
  std::map<std::string, int> Stored() {
    Bus direct(Url());
    std::map<std::string, int> stored;
    const MessageList all = direct.Find({}, 10'000);
    for (size_t i = 0; i < all.size(); ++i) ++stored[std::string(all[i].payload())];
    return stored;
  }

  Proxy proxy_;
};

TEST_F(DedupOnRedisTest, WithRepliesCutAtRandomEachKeyIsStoredOnceAndEveryAnswerNamesIt) {
  Bus bus(proxy_.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0&max_items=0"));
  CutAtRandom(proxy_, 20, 900);
  constexpr int kKeys = 300;
  std::vector<std::map<std::string, std::string>> ids(4);  // of each thread: by key, of what answered MQ_OK
  std::vector<std::thread> threads;
  for (auto& known : ids) {
    threads.emplace_back([&] {
      for (int i = 0; i < kKeys; ++i) {
        const std::string key = std::to_string(i);
        const Message message = Keyed(key, key);
        if (mq_publish(bus.get(), "c", message.get()) == MQ_OK) known[key] = message.id();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(proxy_.accepted(), 20) << "too few connections were cut to show anything";
  proxy_.CutRepliesAfter(nullptr);
  const auto stored = Stored();
  EXPECT_GT(stored.size(), kKeys * 9u / 10);
  for (const auto& [payload, times] : stored) EXPECT_EQ(times, 1) << payload;
  for (int i = 0; i < kKeys; ++i) {
    std::string id;
    for (auto& known : ids) {
      const auto found = known.find(std::to_string(i));
      if (found == known.end()) continue;
      EXPECT_EQ(stored.count(found->first), 1u);
      EXPECT_TRUE(id.empty() || id == found->second) << "key " << i;
      id = found->second;
    }
  }
}

TEST_F(DedupOnRedisTest, BatchesWithRepliesCutAtRandomTellTheSameRepeats) {
  Bus bus(proxy_.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0&max_items=0"));
  CutAtRandom(proxy_, 10, 900);
  int answered = 0;
  for (int b = 0; b < 100; ++b) {
    const std::string start = std::to_string(b) + "-";
    std::vector<Message> batch;
    for (const int k : {0, 1, 0, 2, 1, 0}) batch.push_back(Keyed(start + std::to_string(k), start + std::to_string(k)));
    if (StatusOf([&] { bus.PublishBatch("c", batch); }) != MQ_OK) continue;
    ++answered;
    EXPECT_EQ(batch[2].id(), batch[0].id());
    EXPECT_EQ(batch[5].id(), batch[0].id());
    EXPECT_EQ(batch[4].id(), batch[1].id());
    EXPECT_NE(batch[3].id(), batch[0].id());
  }
  proxy_.CutRepliesAfter(nullptr);
  EXPECT_GT(answered, 50);
  for (const auto& [payload, times] : Stored()) EXPECT_EQ(times, 1) << payload;
}

TEST_F(DedupOnRedisTest, AnAnswerThatIsLostIsToldWhenItIsAskedForAgain) {
  Bus bus(proxy_.Url("command_timeout=10s&reconnect_base=1ms"));
  const Message first = Keyed("first", "k");
  bus.Publish("c", first);
  // The batch is stored, and the client never hears of it.
  std::vector<Message> batch;
  batch.push_back(Keyed("repeat", "k"));
  batch.push_back(Keyed("other", "l"));
  proxy_.CutRepliesAfter([done = false]() mutable { return std::exchange(done, true) ? size_t{1} << 30 : size_t{0}; });
  proxy_.DropReplies(true);
  std::thread mending([&] {
    EXPECT_TRUE(Eventually(kPatience, [&] { return server_.Client().Number({"HLEN", KeyOf("msg")}) == 2; }));
    proxy_.DropReplies(false);
    proxy_.CutAll();
  });
  EXPECT_EQ(StatusOf([&] { bus.PublishBatch("c", batch); }), MQ_OK);
  mending.join();
  EXPECT_EQ(batch[0].id(), first.id());
  EXPECT_NE(batch[1].id(), first.id());
  EXPECT_EQ(bus.Count(), 2);
  EXPECT_EQ(Stat(bus, "c", "repeated"), 1);
}

TEST_F(DedupOnRedisTest, AKeyThatWasGivenBackIsFreeBeforeAnybodyRemovesIt) {
  Bus bus(Url());
  const Message first = Keyed("first", "k");
  bus.Publish("c", first);
  const std::string id(first.id());
  // As the script leaves it where its client dies before it sweeps.
  RespClient client = server_.Client();
  const std::string entry = id.substr(id.size() - 16) + " dedup:k";
  client.Must({"RPUSH", KeyOf("trash"), entry});
  const Message second = Keyed("second", "k");
  bus.Publish("c", second);
  EXPECT_NE(second.id(), first.id());
  const Message third = Keyed("third", "k");
  bus.Publish("c", third);
  EXPECT_EQ(third.id(), second.id());
  // Whoever sweeps then leaves the key to whom it belongs.
  Put(bus, "c", "a", "x");
  bus.Delete(id.c_str());
  EXPECT_EQ(client.Number({"LLEN", KeyOf("trash")}), 0);
  bus.Publish("c", third);
  EXPECT_EQ(third.id(), second.id());
}

TEST_F(DedupOnRedisTest, NothingIsLeftWhenTheWindowIsOver) {
  Bus bus(Url());
  bus.Configure("c", {{"dedup_window", "300ms"}});
  std::vector<Message> batch;
  for (int i = 0; i < 100; ++i) batch.push_back(Keyed("x", std::to_string(i)));
  bus.PublishBatch("c", batch);
  Subscription subscription = bus.Subscribe("c", "a", {{"skip_done", "true"}});
  EXPECT_EQ(Take(bus, subscription, 100).size(), 100u);
  RespClient client = server_.Client();
  EXPECT_TRUE(Eventually(kPatience, [&] { return client.Keys("*:dedup:*").empty() && client.Keys("*:done").empty(); }));
}

TEST_F(DedupOnRedisTest, KeysCostNothingWhereThereAreNone) {
  Bus bus(Url());
  Put(bus, "c", "a", "warm up");
  server_.Client().ResetStats();
  for (int i = 0; i < 100; ++i) Put(bus, "c", "a", "x");
  EXPECT_EQ(server_.Client().Calls()["get"], 0);
  const auto calls = server_.Client().Calls();
  EXPECT_EQ(calls.count("set"), 0u);
}

TEST_F(DedupOnRedisTest, AMessageWithAKeyIsOneCommandAndSoIsABatch) {
  Bus bus(Url("max_items=0"));
  bus.Publish("c", Keyed("warm up", "w"));
  Monitor monitor(server_.address());
  for (int i = 0; i < 100; ++i) bus.Publish("c", Keyed("x", "k" + std::to_string(i / 2)));
  EXPECT_LE(monitor.Take().size(), 105u);
  std::vector<Message> batch;
  for (int i = 0; i < 1000; ++i) batch.push_back(Keyed("x", "b" + std::to_string(i / 2)));
  bus.PublishBatch("c", batch);
  EXPECT_LE(monitor.Take().size(), 5u);
  EXPECT_EQ(bus.Count(), 1 + 50 + 500);
}

TEST_F(DedupOnRedisTest, RememberingCostsOneCommandAHandingOutAndOneAnAcknowledgement) {
  Bus bus(Url("max_items=0"));
  bus.PublishBatch("c", Texts(1000, "a"));
  Subscription subscription = bus.Subscribe("c", "a", {{"skip_done", "true"}, {"prefetch", "1000"}});
  bus.Ack(Next(subscription));
  server_.Client().ResetStats();
  const MessageList list = subscription.FetchBatch(999, kPatience);
  ASSERT_EQ(list.size(), 999u);
  bus.AckBatch(list);
  const auto calls = server_.Client().Calls();
  EXPECT_EQ(calls.at("zmscore"), 1);
  EXPECT_EQ(calls.at("pttl"), 1) << "of the script that remembers";
}

TEST(DedupSentinel, AFailoverKeepsAKeyWithItsMessage) {
  SentinelTeam team;
  Bus bus(team.Url("min_replicas=1&durability_timeout=5s"));
  const Message first = Keyed("first", "k");
  bus.Publish("c", first);
  team.server(0).Kill9();
  ASSERT_TRUE(team.MasterBecomes(team.server(1)));
  Message again = Keyed("again", "k");
  again.SetMinReplicas(0);
  EXPECT_TRUE(Eventually(20s, [&] { return mq_publish(bus.get(), "c", again.get()) == MQ_OK; }));
  EXPECT_EQ(again.id(), first.id());
  EXPECT_EQ(bus.Count(), 1);
}

}  // namespace
}  // namespace agentmq::test
