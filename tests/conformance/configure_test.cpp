// mq_configure, and what happens at a channel's limit.
#include <atomic>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class ConfigureTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(ConfigureTest);

using Strings = std::vector<std::string>;

TEST_P(ConfigureTest, AFullInboxRejects) {
  bus_.Configure("c", {{"max_items", "2"}});
  Put(bus_, "c", "a", "1");
  Put(bus_, "c", "a", "2");
  const Message third = Text("3", "a");
  EXPECT_STATUS(MQ_FULL, mq_publish(bus_.get(), "c", third.get()));
  EXPECT_EQ(third.id(), "");
  Put(bus_, "c", "b", "another inbox");
  Put(bus_, "d", "a", "another channel");
}

TEST_P(ConfigureTest, WhatIsInHandCountsUntilItIsAcked) {
  bus_.Configure("c", {{"max_items", "1"}});
  Put(bus_, "c", "a", "1");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  EXPECT_STATUS(MQ_FULL, mq_publish(bus_.get(), "c", Text("2", "a").get()));
  bus_.Ack(message);
  EXPECT_STATUS(MQ_OK, mq_publish(bus_.get(), "c", Text("2", "a").get()));
}

TEST_P(ConfigureTest, TheDefaultLimitIsTenThousand) {
  EXPECT_EQ(bus_.PublishBatch("c", Texts(10'000, "a")), 10'000u);
  EXPECT_STATUS(MQ_FULL, mq_publish(bus_.get(), "c", Text("x", "a").get()));
}

TEST_P(ConfigureTest, ZeroSwitchesTheLimitOff) {
  bus_.Configure("c", {{"max_items", "0"}});
  EXPECT_EQ(bus_.PublishBatch("c", Texts(10'500, "a")), 10'500u);
}

TEST_P(ConfigureTest, TheOldestOfTheLowestLaneGoes) {
  bus_.Configure("c", {{"max_items", "3"}, {"overflow", "drop_oldest"}});
  Put(bus_, "c", "a", "high", 9);
  Put(bus_, "c", "a", "low 1", 1);
  Put(bus_, "c", "a", "low 2", 1);
  Put(bus_, "c", "a", "new", 5);
  EXPECT_EQ(Payloads(bus_.GetPending("c", "a")), (Strings{"high", "new", "low 2"}));
  EXPECT_EQ(Stat(bus_, "c", "dropped"), 1) << bus_.Stats();
}

TEST_P(ConfigureTest, WhatIsInHandIsNeverDropped) {
  bus_.Configure("c", {{"max_items", "2"}, {"overflow", "drop_oldest"}});
  bus_.PublishBatch("c", Texts(2, "a"));
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message first = Next(subscription);
  const Message second = Next(subscription);
  EXPECT_STATUS(MQ_FULL, mq_publish(bus_.get(), "c", Text("x", "a").get()));
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), first.get()));
  EXPECT_STATUS(MQ_OK, mq_publish(bus_.get(), "c", Text("x", "a").get()));
  EXPECT_STATUS(MQ_OK, mq_publish(bus_.get(), "c", Text("y", "a").get()));
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), second.get()));
}

TEST_P(ConfigureTest, ABlockedPublishGoesOnWhenThereIsRoom) {
  bus_.Configure("c", {{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "30s"}});
  Put(bus_, "c", "a", "1");
  std::atomic<bool> stored{false};
  std::thread publisher([&] {
    Put(bus_, "c", "a", "2");
    stored = true;
  });
  EXPECT_TRUE(Always(kMoment, [&] { return !stored; }));
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 2), (Strings{"1", "2"}));
  publisher.join();
}

TEST_P(ConfigureTest, ABlockedPublishIsFullAfterItsTimeout) {
  bus_.Configure("c", {{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "100ms"}});
  Put(bus_, "c", "a", "1");
  EXPECT_STATUS(MQ_FULL, mq_publish(bus_.get(), "c", Text("2", "a").get()));
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(ConfigureTest, ABlockedPublishDoesNotHoldOtherQueues) {
  bus_.Configure("c", {{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "30s"}});
  Put(bus_, "c", "a", "1");
  std::thread publisher([&] { EXPECT_STATUS(MQ_CLOSED, mq_publish(bus_.get(), "c", Text("2", "a").get())); });
  Bus other = Open();
  Put(other, "c", "b", "x");
  EXPECT_TRUE(Always(kMoment, [&] { return other.Count({{"target", "a"}}) == 1; }));
  bus_.Shutdown();
  publisher.join();
}

TEST_P(ConfigureTest, OtherHandlesNoticeWithinTenSeconds) {
  Bus other = Open();
  Put(other, "c", "a", "1");  // it has cached that nobody configured the channel
  bus_.Configure("c", {{"max_items", "2"}});
  Put(other, "c", "a", "2");
  EXPECT_TRUE(Eventually(12s, [&] {
    const Message message = Text("x", "a");
    if (mq_publish(other.get(), "c", message.get()) == MQ_FULL) return true;
    return false;
  }));
}

TEST_P(ConfigureTest, ItHoldsForHandlesThatComeLater) {
  bus_.Configure("c", {{"max_items", "1"}});
  Bus other = Open({{"max_items", "500"}});
  Put(other, "c", "a", "1");
  EXPECT_STATUS(MQ_FULL, mq_publish(other.get(), "c", Text("2", "a").get()));
  Put(other, "d", "a", "1");
  Put(other, "d", "a", "2");
}

TEST_P(ConfigureTest, WhatIsNotSetReturnsToTheDefaults) {
  bus_.Configure("c", {{"max_items", "1"}, {"ttl", "1h"}});
  bus_.Configure("c", {{"ttl", "2h"}});
  const Message first = Text("1", "a");
  const Message second = Text("2", "a");
  bus_.Publish("c", first);
  bus_.Publish("c", second);
  EXPECT_EQ(second.expires(), second.timestamp() + 7'200'000);
  bus_.Configure("c", {});
  bus_.Publish("c", second);
  EXPECT_EQ(second.expires(), 0);
}

TEST_P(ConfigureTest, TheDirectInboxesHaveLimitsToo) {
  bus_.Configure(MQ_DIRECT, {{"max_items", "1"}});
  bus_.SendTo("a", Message("1"));
  EXPECT_STATUS(MQ_FULL, mq_send_to(bus_.get(), "a", Message("2").get()));
  Put(bus_, "c", "a", "1");
  Put(bus_, "c", "a", "2");
}

TEST_P(ConfigureTest, EightThreadsNeverPassTheLimit) {
  bus_.Configure("c", {{"max_items", "100"}});
  std::atomic<int> stored{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const mq_status status = mq_publish(bus_.get(), "c", Text("x", "a").get());
        EXPECT_TRUE(status == MQ_OK || status == MQ_FULL) << mq_status_name(status);
        stored += status == MQ_OK ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored, 100);
  EXPECT_EQ(bus_.Count(), 100);
}

}  // namespace
}  // namespace agentmq::test
