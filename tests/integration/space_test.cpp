// Space: what is acked, expired or abandoned leaves the server.
#include <malloc.h>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

class SpaceTest : public RedisTest {
 protected:
  int64_t UsedMemory() {
    RespClient client = server_.Client();
    client.Do({"MEMORY", "PURGE"});
    return client.InfoNumber("memory", "used_memory");
  }
  // Keys other than those that an idle queue needs.
  std::vector<std::string> Leftovers() {
    std::vector<std::string> left;
    for (const std::string& key : server_.Client().Keys("*")) {
      const bool needed = key.ends_with(":meta") || key.find(":queues:") != std::string::npos ||
                          key.find(":channel:") != std::string::npos || key.find(":control:") != std::string::npos ||
                          key.ends_with(":agents");
      if (!needed) left.push_back(key);
    }
    return left;
  }
  std::string LeftText() {
    std::string text;
    for (const std::string& key : Leftovers()) text += key + "\n";
    return text;
  }
};

// House-keeping finds an entry of the registry without a queue, and strikes it off when there is one again.
TEST_F(SpaceTest, AQueueThatIsMadeWhileItsEntryIsStruckOffIsInTheRegistry) {
  RespClient client = server_.Client();
  std::string part;
  {
    Bus before(Url());
    Subscription subscription = before.Subscribe("c", "a");
    for (const std::string& key : client.Keys("*:queues:*")) {
      if (client.Number({"SISMEMBER", key, "c/a"}) == 1) part = key;
    }
  }
  const std::string meta = "{agentmq:default:c/a}:meta";
  client.Must({"DEL", meta});
  const auto registered = [&] { return client.Number({"SISMEMBER", part, "c/a"}) == 1; };
  EXPECT_TRUE(registered());
  Proxy slow(server_.address());
  slow.DelayReplies(200ms);
  Monitor monitor(server_.address());
  std::string seen;
  const auto sees = [&](const std::string& command) {
    for (const std::string& line : monitor.Take()) seen += line + "\n";
    return seen.find(command) != std::string::npos;
  };
  Bus keeper(slow.Url());
  std::optional<Subscription> elsewhere;  // a bus with a subscription keeps house, as soon as it begins to make it
  std::thread subscriber([&] { elsewhere = keeper.Subscribe("other", "a"); });
  EXPECT_TRUE(Eventually(30s, [&] { return sees(meta); })) << seen;  // the answer is on its way: there is no queue
  Bus user(Url());
  Subscription subscription = user.Subscribe("c", "a");
  subscriber.join();
  ASSERT_TRUE(Eventually(kPatience, [&] { return sees("\"SREM\""); })) << seen;
  EXPECT_TRUE(Eventually(kPatience, registered)) << "nobody would find the queue";
}

TEST_F(SpaceTest, AnEmptyQueueLeavesNothingButWhatItsGroupsNeed) {
  Bus bus(Url());
  {
    Subscription subscription = bus.Subscribe("c", "a");
    Subscription other = bus.Subscribe("c", "b");
    for (int i = 0; i < 200; ++i) Put(bus, "c", i % 2 == 0 ? "a" : nullptr, "x", i % 9);
    Put(bus, "c", "a", std::string(100'000, 'b'));
    Take(bus, subscription, 201);
    Take(bus, other, 100);
    Put(bus, "c", "a", "retried");
    bus.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms, "once");
    bus.Ack(Next(subscription));
    Put(bus, "c", "a", "dead");
    bus.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
    bus.PurgeDeadLetters();
    Message dying = Text("dying", "a");
    dying.SetTtl(20ms);
    bus.Publish("c", dying);
    EXPECT_TRUE(Eventually(kPatience, [&] { return bus.Count() == 0; }));
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return Leftovers().empty(); })) << LeftText();
}

TEST_F(SpaceTest, AttemptsOfAMessageThatExpiredAreForgotten) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  Message fleeting = Text("fleeting", "a");
  bus.Publish("c", fleeting.SetTtl(300ms));
  bus.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 1h);
  EXPECT_FALSE(server_.Client().Keys("*:tries").empty());
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus.Count() == 0; }));
  EXPECT_TRUE(Eventually(kPatience, [&] {
    Put(bus, "c", "a", "another");
    Take(bus, subscription, 1);
    EXPECT_FALSE(subscription.Fetch(0ms));
    return server_.Client().Keys("*:tries").empty();
  }));
}

TEST_F(SpaceTest, LargePayloadsLeaveWithTheirMessages) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  const std::string large(300'000, 'b');
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Put(bus, "c", "a", large));
  EXPECT_EQ(server_.Client().Keys("*:blob:*").size(), 5u);
  bus.Ack(Next(subscription));
  bus.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  bus.PurgeDeadLetters();
  bus.AckId("a", ids[2].c_str());
  bus.Delete(ids[3].c_str());
  bus.Clear("c");
  EXPECT_TRUE(Eventually(kPatience, [&] { return server_.Client().Keys("*:blob:*").empty(); })) << LeftText();
  bus.Configure("c", {{"max_items", "1"}});
  Put(bus, "c", "a", "fills it");
  EXPECT_STATUS(MQ_FULL, mq_publish(bus.get(), "c", Text(large, "a").get()));
  EXPECT_TRUE(Eventually(kPatience, [&] { return server_.Client().Keys("*:blob:*").empty(); })) << "of a refused one";
}

TEST_F(SpaceTest, TombstonesNeverOutnumberTheLivingForLong) {
  Bus bus(Url());
  Subscription elsewhere = bus.Subscribe("c", "b");  // somebody is active
  elsewhere.fd();
  std::vector<Message> messages = Texts(2000, "a");
  bus.PublishBatch("c", messages);
  for (size_t i = 0; i < 1900; ++i) bus.AckId("a", std::string(messages[i].id()).c_str());
  Subscription reader = bus.Subscribe("c", "a", {{"prefetch", "1"}});
  reader.fd();
  RespClient client = server_.Client();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    int64_t listed = 0;
    for (const std::string& key : client.Keys("*/a}:-:ready:*")) listed += client.Number({"LLEN", key});
    return listed <= 200;
  }));
}

TEST_F(SpaceTest, AGroupWithoutAConsumerIsRemovedAfterGroupTtlWithALogLine) {
  std::mutex mutex;
  std::string log;
  Config config{{"group_ttl", "2s"}, {"log_level", "debug"}};
  config.SetLog([&](int, std::string_view json) {
    const std::lock_guard lock(mutex);
    log += std::string(json) + "\n";
  });
  Bus bus(Url(), config);
  Subscription reader = bus.Subscribe("c", "reader");
  { Subscription leaving = bus.Subscribe("c", "leaving-group"); }
  bus.PublishBatch("c", Texts(50, nullptr));
  Take(bus, reader, 50);
  EXPECT_EQ(bus.Count(), 50) << "the other group still needs them";
  std::thread waiting([&] { reader.Fetch(20s); });
  EXPECT_TRUE(Eventually(20s, [&] { return bus.Count() == 0; }));
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const std::lock_guard lock(mutex);
    return log.find("leaving-group") != std::string::npos;
  })) << "no log line tells of it";
  Put(bus, "c", nullptr, "last");
  waiting.join();
}

TEST_F(SpaceTest, ExpiredSpaceComesBackWhereNobodySubscribes) {
  Bus bus(Url("max_items=0"));
  const int64_t before = UsedMemory();
  for (int b = 0; b < 20; ++b) {
    std::vector<Message> messages;
    for (int i = 0; i < 1000; ++i) {
      messages.push_back(Text(std::string(100, 'x'), "a"));
      messages.back().SetTtl(100ms);
    }
    bus.PublishBatch("c", messages);
  }
  EXPECT_TRUE(Eventually(60s, [&] { return UsedMemory() < before + (1 << 20); })) << UsedMemory() - before;
}

TEST_F(SpaceTest, AWaitingMessageTakesAtMostTwiceABareXadd) {
  const std::string payload(100, 'x');
  constexpr int kMessages = 20'000;
  int64_t before = UsedMemory();
  RespClient client = server_.Client();
  for (int i = 0; i < kMessages; ++i) client.Must({"XADD", "stream", "*", "p", payload});
  const int64_t bare = UsedMemory() - before;
  client.Must({"DEL", "stream"});
  Bus bus(Url("max_items=0"));
  Put(bus, "c", "a", payload);
  bus.Clear("c");
  before = UsedMemory();
  for (int b = 0; b < kMessages / 1000; ++b) {
    std::vector<Message> messages;
    for (int i = 0; i < 1000; ++i) messages.push_back(Text(payload, "a"));
    bus.PublishBatch("c", messages);
  }
  const int64_t ours = UsedMemory() - before;
  RecordProperty("bytes_a_message", static_cast<int>(ours / kMessages));
  RecordProperty("bytes_a_bare_xadd", static_cast<int>(bare / kMessages));
  EXPECT_LE(ours, 2 * bare) << ours / kMessages << " bytes a message, a bare XADD " << bare / kMessages;
}

// Slow: some ten seconds.
TEST_F(SpaceTest, AMillionMessagesPublishedAndAckedLeaveTheMemoryWhereItWas) {
  constexpr int kMessages = 1'000'000;
  Bus bus(Url("max_items=0"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "2000"}});
  Put(bus, "c", "a", "warm up");
  Take(bus, subscription, 1);
  const int64_t before = UsedMemory();
  std::vector<Message> messages;
  for (int i = 0; i < 1000; ++i) messages.push_back(Text(std::string(100, 'x'), "a"));
  int acked = 0;
  for (int published = 0; published < kMessages;) {
    for (int b = 0; b < 10; ++b) published += static_cast<int>(bus.PublishBatch("c", messages));
    while (acked < published) {
      const MessageList list = subscription.FetchBatch(1000, kPatience);
      ASSERT_FALSE(list.empty()) << acked;
      acked += static_cast<int>(bus.AckBatch(list));
    }
  }
  EXPECT_EQ(acked, kMessages);
  EXPECT_EQ(bus.Count(), 0);
  EXPECT_TRUE(Eventually(kPatience, [&] { return std::abs(UsedMemory() - before) < (5 << 20); }))
      << UsedMemory() - before;
}

// The embedded backend: its space is this program's.
TEST(MemorySpace, ExpiredSpaceComesBackWhereNobodySubscribes) {
  Bus bus("memory://" + UniqueName("space"), {{"max_items", "0"}});
  const auto in_use = [] {
    malloc_trim(0);
    return static_cast<int64_t>(mallinfo2().uordblks + mallinfo2().hblkhd);
  };
  const int64_t before = in_use();
  for (int b = 0; b < 50; ++b) {
    std::vector<Message> messages;
    for (int i = 0; i < 1000; ++i) {
      messages.push_back(Text(std::string(1000, 'x'), "a"));
      messages.back().SetTtl(200ms);
    }
    bus.PublishBatch("c", messages);
  }
  EXPECT_TRUE(Eventually(30s, [&] { return in_use() < before + (10 << 20); })) << in_use() - before;
}

}  // namespace
}  // namespace agentmq::test
