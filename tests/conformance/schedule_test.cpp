// mq_message_set_delay: messages that are due later.
#include <set>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Strings = std::vector<std::string>;

// So late that no test meets it.
constexpr Milliseconds kMuchLater = std::chrono::hours(1);

class ScheduleTest : public BusTest {
 protected:
  static Message Later(std::string_view payload, const char* target, Milliseconds delay,
                       int priority = MQ_PRIORITY_NORMAL) {
    Message message = Text(payload, target, priority);
    message.SetDelay(delay);
    return message;
  }
  std::string PutLater(std::string_view payload, const char* target, Milliseconds delay) {
    const Message message = Later(payload, target, delay);
    bus_.Publish("c", message);
    return std::string(message.id());
  }
  int64_t CountOf(const char* state) { return bus_.Count({{"channel", "c"}, {"state", state}}); }
};
AGENTMQ_ON_EVERY_BACKEND(ScheduleTest);

TEST_P(ScheduleTest, ItIsDeliveredAtItsTimeAndNeverEarlier) {
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_FALSE(subscription.Fetch(0ms));
  const int64_t before = ServerNow();
  const std::string id = PutLater("x", "a", 300ms);
  // A fetch that wakes late looks once more, and may rightly bring what became due meanwhile.
  std::optional<Message> early = subscription.Fetch(100ms);
  const Message message = early ? std::move(*early) : Next(subscription);
  EXPECT_GE(ServerNow(), before + 300);
  EXPECT_EQ(message.id(), id);
  EXPECT_EQ(message.deliveries(), 1);
  EXPECT_EQ(message.due(), 0) << "it does not wait any more";
  bus_.Ack(message);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(ScheduleTest, WhoWaitsAlreadyIsNotLeftWaiting) {
  Subscription subscription = bus_.Subscribe("c", "a");
  std::thread publisher([&] {
    Bus other = Open();
    std::this_thread::sleep_for(kMoment);
    other.Publish("c", Later("x", "a", 200ms));
  });
  EXPECT_EQ(Next(subscription).payload(), "x");
  publisher.join();
}

TEST_P(ScheduleTest, WhileItWaitsItIsFoundAsScheduled) {
  const Message sent = Later("x", "a", kMuchLater);
  bus_.Publish("c", sent);
  EXPECT_EQ(sent.due(), sent.timestamp() + kMuchLater.count());
  const std::string id(sent.id());
  const std::optional<Message> got = bus_.Get(id.c_str());
  ASSERT_TRUE(got);
  EXPECT_EQ(got->state(), MQ_STATE_SCHEDULED);
  EXPECT_NEAR(static_cast<double>(got->due()), static_cast<double>(sent.due()), 1000);
  EXPECT_EQ(got->deliveries(), 0);
  const MessageList pending = bus_.GetPending("c", "a");
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_EQ(pending[0].id(), id);
  EXPECT_EQ(pending[0].state(), MQ_STATE_SCHEDULED);
  EXPECT_EQ(pending[0].due(), got->due());
  Put(bus_, "c", "a", "at once");
  EXPECT_EQ(CountOf("scheduled"), 1);
  EXPECT_EQ(CountOf("queued"), 1);
  EXPECT_EQ(Payloads(bus_.Find({{"channel", "c"}, {"state", "scheduled"}})), Strings{"x"});
  EXPECT_EQ(Stat(bus_, "c", "scheduled"), 1);
  EXPECT_EQ(Stat(bus_, "c", "waiting"), 1);
}

TEST_P(ScheduleTest, ItKeepsItsIdThroughDeliveryAndRetries) {
  const std::string id = PutLater("x", "a", 50ms);
  Subscription subscription = bus_.Subscribe("c", "a");
  for (int i = 1; i <= 3; ++i) {
    const Message message = Next(subscription);
    EXPECT_EQ(message.id(), id);
    EXPECT_EQ(message.deliveries(), i);
    bus_.Nack(message, MQ_FAILURE_TRANSIENT, 20ms);
    const std::optional<Message> waiting = bus_.Get(id.c_str());
    ASSERT_TRUE(waiting);
    EXPECT_EQ(waiting->state(), MQ_STATE_RETRYING) << "it was delivered once";
    EXPECT_GT(waiting->due(), 0);
  }
}

TEST_P(ScheduleTest, DeletingCancelsIt) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string id = PutLater("x", "a", 200ms);
  EXPECT_STATUS(MQ_OK, mq_delete(bus_.get(), id.c_str()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_delete(bus_.get(), id.c_str()));
  EXPECT_FALSE(subscription.Fetch(500ms));
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_EQ(Stat(bus_, "c", "scheduled"), 0);
}

TEST_P(ScheduleTest, AnAgentMaySettleItBeforeItsTime) {
  const std::string id = PutLater("x", "a", 100ms);
  EXPECT_STATUS(MQ_OK, mq_ack_id(bus_.get(), "a", id.c_str()));
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_FALSE(subscription.Fetch(300ms));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(ScheduleTest, DueTimesDecideTheOrderNotTheOrderOfPublishing) {
  std::vector<Message> batch;  // one reading of the clock: nothing comes between them
  batch.push_back(Later("third", "a", 300ms));
  batch.push_back(Later("first", "a", 100ms));
  batch.push_back(Later("second", "a", 200ms));
  EXPECT_EQ(bus_.PublishBatch("c", batch), batch.size());
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 3), (Strings{"first", "second", "third"}));
}

TEST_P(ScheduleTest, WhatIsDueGoesAheadAtItsPriorityAndNotBeyond) {
  bus_.Publish("c", Later("due", "a", 100ms));
  Put(bus_, "c", "a", "older and waiting");
  Put(bus_, "c", "a", "urgent", MQ_PRIORITY_URGENT);
  const int64_t due = ServerNow() + 100;
  ASSERT_TRUE(Eventually(kPatience, [&] { return ServerNow() > due; }));
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 3), (Strings{"urgent", "due", "older and waiting"}));
}

TEST_P(ScheduleTest, ABatchMayHoldBoth) {
  std::vector<Message> batch;
  for (int i = 0; i < 40; ++i) {
    batch.push_back(Later("m" + std::to_string(i), i % 4 == 3 ? nullptr : "a", Milliseconds(i % 2 == 0 ? 0 : 150),
                          i % 3 == 0 ? MQ_PRIORITY_HIGH : MQ_PRIORITY_NORMAL));
  }
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(bus_.PublishBatch("c", batch), batch.size());
  EXPECT_EQ(CountOf("scheduled"), 20);
  EXPECT_EQ(CountOf("queued"), 20);
  std::multiset<std::string> expected;
  for (int i = 0; i < 40; ++i) expected.insert("m" + std::to_string(i));
  const Strings got = Take(bus_, subscription, 40);
  EXPECT_EQ(std::multiset<std::string>(got.begin(), got.end()), expected);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(ScheduleTest, AThousandOfOneMomentComeInTheirOrder) {
  std::vector<Message> batch;
  Strings expected;
  for (int i = 0; i < 1500; ++i) {
    expected.push_back("m" + std::to_string(i));
    batch.push_back(Later(expected.back(), "a", 500ms));
  }
  bus_.Configure("c", {{"max_items", "0"}});
  EXPECT_EQ(bus_.PublishBatch("c", batch), batch.size());
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "500"}});
  Strings got = Take(bus_, subscription, 1500);
  std::sort(expected.begin(), expected.end());
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, expected);
}

TEST_P(ScheduleTest, PublishedAsynchronouslyItWaitsToo) {
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.PublishAsync("c", Later("later", "a", 1500ms));
  bus_.PublishAsync("c", Text("now", "a"));
  EXPECT_TRUE(bus_.Flush(kPatience));
  EXPECT_EQ(CountOf("scheduled"), 1);
  EXPECT_EQ(Take(bus_, subscription, 2), (Strings{"now", "later"}));
}

TEST_P(ScheduleTest, ToManyTargetsEachHasItsOwn) {
  const MessageList sent = bus_.PublishMany("c", Later("x", nullptr, 100ms), {"a", "b"});
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_GT(sent[0].due(), 0);
  EXPECT_TRUE(bus_.Delete(std::string(sent[0].id()).c_str()));
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  EXPECT_EQ(Take(bus_, b, 1), Strings{"x"});
  EXPECT_FALSE(a.Fetch(0ms));
}

TEST_P(ScheduleTest, DirectInboxesKnowItToo) {
  bus_.SendTo("a", Later("x", nullptr, 1s));
  Subscription subscription = bus_.Subscribe(MQ_DIRECT, "a");
  EXPECT_FALSE(subscription.Fetch(0ms));
  EXPECT_EQ(Take(bus_, subscription, 1), Strings{"x"});
}

TEST_P(ScheduleTest, ABroadcastIsDueInEachGroup) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  const std::string id = PutLater("x", nullptr, 1500ms);
  EXPECT_EQ(bus_.Get(id.c_str())->state(), MQ_STATE_SCHEDULED);
  EXPECT_FALSE(a.Fetch(0ms));
  EXPECT_EQ(Next(a).id(), id);
  EXPECT_EQ(Next(b).id(), id);
}

TEST_P(ScheduleTest, AGroupThatComesBeforeTheTimeWaitsForItToo) {
  const std::string id = PutLater("later", nullptr, 1500ms);
  Put(bus_, "c", nullptr, "now");
  EXPECT_EQ(bus_.Get(id.c_str())->state(), MQ_STATE_SCHEDULED) << "though there is no group yet";
  EXPECT_GT(bus_.Get(id.c_str())->due(), 0);
  EXPECT_EQ(CountOf("scheduled"), 1);
  const int64_t due = bus_.Get(id.c_str())->due();
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 1), Strings{"now"});
  EXPECT_EQ(Take(bus_, subscription, 1), Strings{"later"});
  EXPECT_GE(ServerNow(), due);
}

TEST_P(ScheduleTest, AGroupThatComesAfterTheTimeGetsItAtOnce) {
  const std::string id = PutLater("x", nullptr, 50ms);
  ASSERT_TRUE(Eventually(kPatience, [&] { return bus_.Get(id.c_str())->state() == MQ_STATE_QUEUED; }));
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 1), Strings{"x"});
}

TEST_P(ScheduleTest, ACancelledBroadcastReachesNobody) {
  Subscription a = bus_.Subscribe("c", "a");
  const std::string id = PutLater("x", nullptr, 200ms);
  EXPECT_TRUE(bus_.Delete(id.c_str()));
  Subscription b = bus_.Subscribe("c", "b");
  EXPECT_FALSE(a.Fetch(400ms));
  EXPECT_FALSE(b.Fetch(0ms));
}

TEST_P(ScheduleTest, ItCountsForTheLimitAndIsNotDroppedForOthers) {
  bus_.Configure("c", {{"max_items", "2"}});
  PutLater("x", "a", kMuchLater);
  PutLater("y", "a", kMuchLater);
  EXPECT_STATUS(MQ_FULL, mq_publish(bus_.get(), "c", Text("z", "a").get()));
  EXPECT_STATUS(MQ_FULL, mq_publish(bus_.get(), "c", Later("z", "a", kMuchLater).get()));
  bus_.Configure("c", {{"max_items", "2"}, {"overflow", "drop_oldest"}});
  Bus other = Open();  // which reads the settings anew
  EXPECT_STATUS(MQ_FULL, mq_publish(other.get(), "c", Text("z", "a").get())) << "nothing of it waits in a lane";
  EXPECT_EQ(CountOf("scheduled"), 2);
}

TEST_P(ScheduleTest, TheTtlBeginsWhenItIsDue) {
  Message message = Later("x", "a", 1600ms);
  message.SetTtl(1500ms);  // less than the delay, and long enough to fetch it in
  bus_.Publish("c", message);
  EXPECT_EQ(message.expires(), message.timestamp() + 3100);
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message got = Next(subscription);
  EXPECT_EQ(got.payload(), "x");
  EXPECT_EQ(got.expires(), message.expires());
  bus_.Ack(got);
  // The channel's ttl too.
  bus_.Configure("d", {{"ttl", "50ms"}});
  const Message usual = Later("y", "a", 200ms);
  bus_.Publish("d", usual);
  EXPECT_EQ(usual.expires(), usual.timestamp() + 250);
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; })) << "nobody came for it";
}

TEST_P(ScheduleTest, ACopyForSendingOnIsNotDelayedAgain) {
  Message message = Later("x", "a", 50ms);
  message.SetTtl(1h);
  bus_.Publish("c", message);
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message got = Next(subscription);
  const Message copy(mq_message_copy(got.get()));
  bus_.Publish("c", copy);
  EXPECT_EQ(copy.due(), 0);
  EXPECT_EQ(copy.expires(), copy.timestamp() + 3'600'000);
  const Message again(mq_message_copy(message.get()));
  bus_.Publish("c", again);
  EXPECT_EQ(again.due(), again.timestamp() + 50) << "one that was never received keeps its delay";
}

TEST_P(ScheduleTest, ALargeOneWaitsAsWell) {
  const std::string payload(100'000, 'x');
  const std::string id = PutLater(payload, "a", 100ms);
  EXPECT_EQ(bus_.Get(id.c_str())->payload().size(), payload.size());
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Next(subscription).payload(), payload);
}

TEST_P(ScheduleTest, DelaysThatCannotBeAreRefused) {
  for (const int64_t delay : {int64_t{-1}, INT64_MIN, int64_t{36500} * 86'400'000 + 1, INT64_MAX}) {
    Message message = Text("x", "a");
    EXPECT_STATUS(MQ_INVALID, mq_message_set_delay(message.get(), delay));
    EXPECT_TRUE(ErrorSays("delay"));
    EXPECT_STATUS(MQ_INVALID, mq_publish(bus_.get(), "c", message.get())) << "the failure is remembered";
  }
  Message message = Text("x", "a");
  EXPECT_STATUS(MQ_OK, mq_message_set_delay(message.get(), int64_t{36500} * 86'400'000));
  EXPECT_STATUS(MQ_OK, mq_message_set_ttl(message.get(), int64_t{36500} * 86'400'000));
  EXPECT_STATUS(MQ_OK, mq_publish(bus_.get(), "c", message.get()));
  EXPECT_EQ(bus_.Get(std::string(message.id()).c_str())->state(), MQ_STATE_SCHEDULED);
  EXPECT_STATUS(MQ_OK, mq_message_set_delay(message.get(), 0));
  EXPECT_STATUS(MQ_OK, mq_publish(bus_.get(), "c", message.get()));
  EXPECT_EQ(message.due(), 0) << "0 unsets it";
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message got = Next(subscription);
  EXPECT_STATUS(MQ_INVALID, mq_message_set_delay(const_cast<mq_message*>(got.get()), 5)) << "received: read-only";
}

TEST_P(ScheduleTest, OfSeveralConsumersOneGetsIt) {
  constexpr int kConsumers = 4;
  std::atomic<int> got{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> consumers;
  for (int i = 0; i < kConsumers; ++i) {
    consumers.emplace_back([&] {
      Bus bus = Open();
      Subscription subscription = bus.Subscribe("c", "a");
      while (!stop) {
        const std::optional<Message> message = subscription.Fetch(100ms);
        if (!message) continue;
        ++got;
        bus.Ack(*message);
      }
    });
  }
  for (int i = 0; i < 20; ++i) PutLater("x", "a", Milliseconds(100 + 20 * i));
  EXPECT_TRUE(Eventually(kPatience, [&] { return got == 20; }));
  EXPECT_TRUE(Always(kMoment, [&] { return got == 20; }));
  stop = true;
  for (std::thread& consumer : consumers) consumer.join();
}

TEST_P(ScheduleTest, ADeadLetterThatWasDelayedIsSentAgainAtOnce) {
  PutLater("x", "a", 50ms);
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  const std::string dead(bus_.DeadLetters()[0].id());
  ASSERT_STATUS(MQ_OK, mq_replay(bus_.get(), dead.c_str(), nullptr));
  EXPECT_EQ(Next(subscription).payload(), "x");
}

}  // namespace
}  // namespace agentmq::test
