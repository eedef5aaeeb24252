// Batches whose records come and go beside a script, in one transaction: nothing of a batch that was refused, late or
// not understood is done.
#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

class BesideTest : public RedisTest {
 protected:
  BesideTest() : client_(server_.Client()) {}

  // The queue holds so many records, under its own name.
  void ExpectRecords(int64_t count) {
    EXPECT_TRUE(client_.Keys("*:msg:open").empty());
    int64_t records = 0;
    for (const std::string& key : client_.Keys("*:msg")) records += client_.Number({"HLEN", key});
    EXPECT_EQ(records, count);
    for (const std::string& key : client_.Keys("*:meta")) EXPECT_TRUE(client_.Must({"HGET", key, "open"}).nil());
  }

  static std::vector<Message> Hold(Subscription& subscription, size_t count) {
    std::vector<Message> messages;
    while (messages.size() < count && !HasFailure()) messages.push_back(Next(subscription));
    return messages;
  }

  RespClient client_;
  Proxy proxy_{server_.address()};
};

TEST_F(BesideTest, ALateCopyOfABatchThatWasAckedDoesNotBringItBack) {
  Bus direct(Url());
  Bus bus(proxy_.Url("reconnect_base=1ms"));
  Subscription subscription = direct.Subscribe("c", "a");
  for (const bool also_now : {true, false}) {
    proxy_.HoldNext("held-7", also_now);
    EXPECT_EQ(bus.PublishBatch("c", Texts(40, "a", "held-")), 40u);
    ASSERT_TRUE(proxy_.Holding());
    Take(direct, subscription, 40);
    bus.PublishBatch("c", Texts(20, "a", "next-"));
    EXPECT_NE(proxy_.DeliverHeld(), "");
    ExpectRecords(20);
    Take(direct, subscription, 20);
    EXPECT_FALSE(subscription.Fetch(kMoment));
    ExpectRecords(0);
  }
}

TEST_F(BesideTest, ARefusedBatchLeavesNothing) {
  Bus bus(Url());
  bus.Configure("c", {{"max_items", "30"}});
  EXPECT_EQ(StatusOf([&] { bus.PublishBatch("c", Texts(40, "a")); }), MQ_FULL);
  ExpectRecords(0);
  EXPECT_EQ(bus.PublishBatch("c", Texts(20, "a", "kept")), 20u);
  EXPECT_EQ(StatusOf([&] { bus.PublishBatch("c", Texts(20, "a")); }), MQ_FULL);
  ExpectRecords(20);
  Subscription subscription = bus.Subscribe("c", "a");
  EXPECT_EQ(Take(bus, subscription, 20).front(), "kept0");
}

TEST_F(BesideTest, WithoutItsScriptsTheServerDoesNothing) {
  Bus bus(Url());
  Bus other(Url());
  const Config short_lease = {{"visibility_timeout", "200ms"}, {"auto_extend", "false"}};
  bus.PublishBatch("c", Texts(40, "a"));
  Subscription first = bus.Subscribe("c", "a", short_lease);
  Subscription second = other.Subscribe("c", "a");
  const MessageList lapsing = first.FetchBatch(40, kPatience);
  ASSERT_EQ(lapsing.size(), 40u);
  const std::vector<Message> theirs = Hold(second, 40);
  ASSERT_EQ(theirs.size(), 40u);
  client_.Must({"SCRIPT", "FLUSH"});
  EXPECT_EQ(StatusOf([&] { bus.AckBatch(lapsing); }), MQ_STALE) << "they are another's";
  ExpectRecords(40);
  client_.Must({"SCRIPT", "FLUSH"});
  std::vector<std::string> receipts;
  for (const Message& message : theirs) receipts.emplace_back(message.receipt());
  EXPECT_EQ(other.AckReceipts(receipts), 40u);
  ExpectRecords(0);
  client_.Must({"SCRIPT", "FLUSH"});
  EXPECT_EQ(bus.PublishBatch("c", Texts(40, "a")), 40u);
  ExpectRecords(40);
}

TEST_F(BesideTest, ABatchOfAcksEndsWhatIsHeldAndLeavesTheRest) {
  Bus bus(Url());
  Bus other(Url());
  const Config short_lease = {{"visibility_timeout", "300ms"}, {"auto_extend", "false"}};
  bus.PublishBatch("c", Texts(40, "a"));
  Subscription first = bus.Subscribe("c", "a", short_lease);
  const MessageList list = first.FetchBatch(40, kPatience);
  ASSERT_EQ(list.size(), 40u);
  for (size_t i = 0; i < 40; i += 2) bus.Extend(list[i], 1h);
  Subscription second = other.Subscribe("c", "a");
  const std::vector<Message> theirs = Hold(second, 20);
  std::vector<int32_t> results(40);
  size_t acked = 0;
  static_cast<void>(mq_ack_batch(bus.get(), list.get(), results.data(), &acked));
  EXPECT_EQ(acked, 20u);
  for (size_t i = 0; i < 40; ++i) EXPECT_EQ(results[i], i % 2 == 0 ? MQ_OK : MQ_STALE) << i;
  ExpectRecords(20);
  for (const Message& message : theirs) other.Ack(message);
  ExpectRecords(0);
}

TEST_F(BesideTest, ALateCopyOfABatchOfAcksTakesNothingFromOthers) {
  Bus bus(proxy_.Url("reconnect_base=1ms&command_timeout=300ms"));
  Bus other(Url());
  other.PublishBatch("c", Texts(40, "a"));
  Subscription first = bus.Subscribe("c", "a", {{"visibility_timeout", "1s"}, {"auto_extend", "false"}});
  const MessageList list = first.FetchBatch(40, kPatience);
  ASSERT_EQ(list.size(), 40u);
  const std::string id(list[30].id());
  proxy_.HoldNext(id.substr(id.rfind('/') + 1), false, true);
  EXPECT_EQ(StatusOf([&] { bus.AckBatch(list); }), MQ_UNKNOWN);
  Subscription second = other.Subscribe("c", "a");
  const std::vector<Message> theirs = Hold(second, 40);
  EXPECT_NE(proxy_.DeliverHeld(), "");
  ExpectRecords(40);
  for (const Message& message : theirs) other.Ack(message);
  ExpectRecords(0);
}

TEST_F(BesideTest, AServerThatIsFullRefusesTheBatchAndLetsAcksThrough) {
  Bus bus(Url("max_items=0"));
  bus.PublishBatch("c", Texts(100, "a"));
  Subscription subscription = bus.Subscribe("c", "a");
  const MessageList list = subscription.FetchBatch(100, kPatience);
  client_.Must({"CONFIG", "SET", "maxmemory", "1mb"});
  EXPECT_EQ(StatusOf([&] { bus.PublishBatch("c", Texts(100, "a")); }), MQ_FULL);
  ExpectRecords(100);
  EXPECT_EQ(bus.AckBatch(list), list.size());
  ExpectRecords(static_cast<int64_t>(100 - list.size()));
  client_.Must({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_EQ(bus.PublishBatch("c", Texts(100, "a")), 100u);
}

TEST_F(BesideTest, WhateverIsFlushedOrCutOnTheWayNothingIsLost) {
  constexpr int kBatches = 60;
  constexpr size_t kBatch = 50;
  Bus publisher(proxy_.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0&max_items=0"));
  std::atomic<bool> stop{false};
  std::thread flushing([&] {
    RespClient client = server_.Client();
    while (!stop) {
      client.Must({"SCRIPT", "FLUSH"});
      Eventually(3ms, [] { return false; });
    }
  });
  CutAtRandom(proxy_, 50, 4000);
  std::map<std::string, int> acked;  // 0: received, and its acknowledgement not known to be done
  std::thread consuming([&] {
    Bus bus(proxy_.Url("reconnect_base=1ms&reconnect_max=20ms&breaker_failures=0"));
    Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "100"}});
    Bus direct(Url());
    while (!stop || direct.Count() > 0) {
      mq_list* handle = nullptr;
      if (mq_fetch_batch(subscription.get(), 40, 200, &handle) != MQ_OK) continue;
      const MessageList list(handle);
      std::vector<int32_t> results(list.size());
      static_cast<void>(mq_ack_batch(bus.get(), list.get(), results.data(), nullptr));
      for (size_t i = 0; i < list.size(); ++i) acked[std::string(list[i].payload())] += results[i] == MQ_OK ? 1 : 0;
    }
  });
  std::map<std::string, mq_status> answers;
  for (int b = 0; b < kBatches; ++b) {
    const std::string start = "b" + std::to_string(b) + "-";
    answers[start] = StatusOf([&] { publisher.PublishBatch("c", Texts(kBatch, "a", start)); });
  }
  stop = true;
  consuming.join();
  flushing.join();
  proxy_.CutRepliesAfter(nullptr);
  for (const auto& [payload, times] : acked) EXPECT_LE(times, 1) << payload;
  int stored = 0;
  for (const auto& [start, status] : answers) {
    for (size_t i = 0; i < kBatch; ++i) {
      const bool came = acked.count(start + std::to_string(i)) == 1;
      EXPECT_TRUE(came || status != MQ_OK) << start << i << " is lost";
    }
    stored += status == MQ_OK ? 1 : 0;
  }
  EXPECT_GT(stored, kBatches / 2) << "too few to show anything";
  ExpectRecords(0);
}

}  // namespace
}  // namespace agentmq::test
