// skip_done: an agent remembers what it acknowledged, and is not handed it again.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class SkipDoneTest : public BusTest {
 protected:
  static Message Keyed(std::string_view payload, const char* target, const char* key) {
    Message message = Text(payload, target);
    message.SetDedupKey(key);
    return message;
  }
  static Config Remembering() { return {{"skip_done", "true"}}; }
  // What it holds lapses by itself.
  static Config Lapsing() { return {{"skip_done", "true"}, {"auto_extend", "false"}, {"visibility_timeout", "100ms"}}; }
  // A dead letter with that key, of a message that came before.
  std::string Dead(const char* key) {
    Subscription subscription = bus_.Subscribe("c", "a");
    const Message message = Keyed("dead", "a", key);
    bus_.Publish("c", message);
    bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT, 0ms, "no");
    return std::string(bus_.DeadLetters()[0].id());
  }
  void WaitUntilItLapsed(const char* agent) {
    EXPECT_TRUE(Eventually(kPatience, [&] {
      bus_.RecoverPending(agent);  // where the bus itself was faster it finds nothing
      return bus_.Count({{"state", "reserved"}}) == 0;
    }));
  }
};
AGENTMQ_ON_EVERY_BACKEND(SkipDoneTest);

TEST_P(SkipDoneTest, WhatWasWorkedOffAndAcknowledgedTooLateIsNotHandedOutAgain) {
  Put(bus_, "c", "a", "x");
  Subscription slow = bus_.Subscribe("c", "a", Lapsing());
  const Message message = Next(slow);
  WaitUntilItLapsed("a");
  EXPECT_STATUS(MQ_STALE, mq_ack(bus_.get(), message.get()));
  Subscription other = bus_.Subscribe("c", "a", Remembering());
  EXPECT_FALSE(other.Fetch(300ms));
  EXPECT_EQ(bus_.Count(), 0) << "the library acknowledged it";
}

TEST_P(SkipDoneTest, WhoDoesNotAskForItIsHandedItAgain) {
  Put(bus_, "c", "a", "x");
  Subscription slow = bus_.Subscribe("c", "a", Lapsing());
  const Message message = Next(slow);
  WaitUntilItLapsed("a");
  EXPECT_STATUS(MQ_STALE, mq_ack(bus_.get(), message.get()));
  Subscription other = bus_.Subscribe("c", "a");
  EXPECT_EQ(Next(other).payload(), "x");
}

TEST_P(SkipDoneTest, WhatNobodyAcknowledgedComesAgain) {
  Put(bus_, "c", "a", "x");
  Subscription slow = bus_.Subscribe("c", "a", Lapsing());
  const Message message = Next(slow);
  WaitUntilItLapsed("a");
  Subscription other = bus_.Subscribe("c", "a", Remembering());
  const Message again = Next(other);
  EXPECT_EQ(again.payload(), "x");
  EXPECT_EQ(again.deliveries(), 2);
  bus_.Nack(again, MQ_FAILURE_TRANSIENT, 0ms);
  EXPECT_EQ(Next(other).payload(), "x") << "giving back is not working off";
}

TEST_P(SkipDoneTest, AnotherMessageWithTheSameKeyIsNotHandedOut) {
  const std::string dead = Dead("k");
  Subscription subscription = bus_.Subscribe("c", "a", Remembering());
  bus_.Publish("c", Keyed("x", "a", "k"));
  bus_.Ack(Next(subscription));
  bus_.Replay(dead.c_str());
  Put(bus_, "c", "a", "next");
  EXPECT_EQ(Next(subscription).payload(), "next");
  EXPECT_EQ(bus_.Count(), 1) << "what repeats it was acknowledged";
}

TEST_P(SkipDoneTest, AReceiptIsEnoughToRemember) {
  const std::string dead = Dead("k");
  Subscription subscription = bus_.Subscribe("c", "a", Remembering());
  bus_.Publish("c", Keyed("x", "a", "k"));
  const Message message = Next(subscription);
  const char* const receipts[] = {message.receipt().data()};
  EXPECT_STATUS(MQ_OK, mq_ack_receipts(bus_.get(), receipts, 1, nullptr, nullptr));
  bus_.Replay(dead.c_str());
  EXPECT_FALSE(subscription.Fetch(300ms));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(SkipDoneTest, AHandlerRunsOnce) {
  const std::string dead = Dead("k");
  std::atomic<int> runs{0};
  Subscription subscription = bus_.Subscribe("c", "a", Remembering());
  bus_.Publish("c", Keyed("x", "a", "k"));
  subscription.Consume([&](const MessageView&) {
    ++runs;
    return MQ_VERDICT_ACK;
  });
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; }));
  bus_.Replay(dead.c_str());
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; }));
  EXPECT_EQ(runs, 1);
}

TEST_P(SkipDoneTest, EachAgentRemembersItsOwn) {
  Subscription one = bus_.Subscribe("c", "one", Lapsing());
  Subscription two = bus_.Subscribe("c", "two", Lapsing());
  Put(bus_, "c", nullptr, "x");
  const Message of_one = Next(one);
  WaitUntilItLapsed("one");
  EXPECT_STATUS(MQ_STALE, mq_ack(bus_.get(), of_one.get()));
  EXPECT_EQ(Next(two).payload(), "x");
  EXPECT_FALSE(one.Fetch(300ms));
}

TEST_P(SkipDoneTest, OfABatchTheOthersAreHandedOut) {
  const std::string dead = Dead("k3");
  Subscription subscription = bus_.Subscribe("c", "a", Remembering());
  bus_.Publish("c", Keyed("x", "a", "k3"));
  bus_.Ack(Next(subscription));
  bus_.Publish("c", Keyed("m1", "a", "k1"));
  bus_.Replay(dead.c_str());
  bus_.Publish("c", Keyed("m2", "a", "k2"));
  EXPECT_EQ(Take(bus_, subscription, 2), (std::vector<std::string>{"m1", "m2"}));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(SkipDoneTest, AfterTheWindowItIsForgotten) {
  bus_.Configure("c", {{"dedup_window", "200ms"}});
  const std::string dead = Dead("k");
  Subscription subscription = bus_.Subscribe("c", "a", Remembering());
  bus_.Publish("c", Keyed("x", "a", "k"));
  bus_.Ack(Next(subscription));
  // Its key is free again when the window is over, and so is the agent's memory.
  EXPECT_FALSE(subscription.Fetch(300ms));
  bus_.Replay(dead.c_str());
  EXPECT_EQ(Next(subscription).payload(), "dead");
}

TEST_P(SkipDoneTest, WithAWindowOfZeroNothingIsRemembered) {
  bus_.Configure("c", {{"dedup_window", "0"}});
  const std::string dead = Dead("k");
  Subscription subscription = bus_.Subscribe("c", "a", Remembering());
  bus_.Publish("c", Keyed("x", "a", "k"));
  bus_.Ack(Next(subscription));
  bus_.Replay(dead.c_str());
  EXPECT_EQ(Next(subscription).payload(), "dead");
}

}  // namespace
}  // namespace agentmq::test
