// What expires is not delivered, is counted, and its space comes back.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class TtlTest : public BusTest {
 protected:
  Message Dying(std::string_view payload, const char* target, Milliseconds ttl) {
    Message message = Text(payload, target);
    message.SetTtl(ttl);
    return message;
  }
};
AGENTMQ_ON_EVERY_BACKEND(TtlTest);

TEST_P(TtlTest, AnExpiredMessageIsNeverDelivered) {
  const Message message = Dying("short", "a", 50ms);
  bus_.Publish("c", message);
  EXPECT_EQ(message.expires(), message.timestamp() + 50);
  Put(bus_, "c", "a", "stays");
  ASSERT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 1; }));
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message got = Next(subscription);
  EXPECT_EQ(got.payload(), "stays");
  EXPECT_FALSE(subscription.Fetch(0ms));
  bus_.Ack(got);
  EXPECT_TRUE(Eventually(kPatience, [&] { return Stat(bus_, "c", "expired") == 1; })) << bus_.Stats();
}

TEST_P(TtlTest, ALargeMessageThatExpiredIsNotFoundThoughItsPayloadMayStillBeThere) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Dying(std::string(100'000, 'x'), "a", 30ms);
  bus_.Publish("c", message);
  const std::string id(message.id());
  const auto over = std::chrono::system_clock::time_point(Milliseconds(message.expires() + 10));
  ASSERT_TRUE(Eventually(kPatience, [&] { return std::chrono::system_clock::now() > over; }));
  EXPECT_FALSE(subscription.Fetch(0ms));
  EXPECT_STATUS(MQ_NOT_FOUND, [&] {
    mq_message* found = nullptr;
    return mq_get(bus_.get(), id.c_str(), &found);
  }());
  EXPECT_EQ(bus_.GetPending("c", "a").size(), 0u);
}

TEST_P(TtlTest, TheTtlOfTheChannelHoldsWhereTheMessageHasNone) {
  bus_.Configure("c", {{"ttl", "60s"}});
  const Message plain = Text("x", "a");
  const Message own = Dying("x", "a", 5s);
  const Message forever = Dying("x", "a", kForever);
  for (const Message* message : {&plain, &own, &forever}) bus_.Publish("c", *message);
  EXPECT_EQ(plain.expires(), plain.timestamp() + 60'000);
  EXPECT_EQ(own.expires(), own.timestamp() + 5'000);
  EXPECT_EQ(forever.expires(), 0);
}

TEST_P(TtlTest, SpaceComesBackWhereNobodySubscribes) {
  bus_.Configure("c", {{"max_items", "3"}});
  for (int i = 0; i < 3; ++i) bus_.Publish("c", Dying("x", "a", 50ms));
  for (int i = 0; i < 3; ++i) bus_.Publish("c", Dying("x", nullptr, 50ms));
  EXPECT_TRUE(Eventually(kPatience, [&] { return mq_publish(bus_.get(), "c", Text("y", "a").get()) == MQ_OK; }));
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 1; }));
}

TEST_P(TtlTest, AnExpiredMessageIsNoLongerFound) {
  const Message message = Dying("x", "a", 50ms);
  bus_.Publish("c", message);
  const std::string id(message.id());
  EXPECT_TRUE(bus_.Get(id.c_str()));
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const std::optional<Message> found = bus_.Get(id.c_str());
    return !found || found->state() == MQ_STATE_EXPIRED;
  }));
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.GetPending("c", "a").empty(); }));
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Find({{"channel", "c"}, {"state", "queued"}}).empty(); }));
}

TEST_P(TtlTest, BroadcastsExpireForAllGroups) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  for (int i = 0; i < 5; ++i) bus_.Publish("c", Dying("x", nullptr, 50ms));
  ASSERT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 0; }));
  EXPECT_FALSE(a.Fetch(0ms));
  EXPECT_FALSE(b.Fetch(0ms));
}

TEST_P(TtlTest, WhatIsInHandInTimeCanStillBeAcked) {
  bus_.Publish("c", Dying("x", "a", 400ms));
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  // Past the expiry: by the server's clock, as a later message's timestamp tells it.
  ASSERT_TRUE(Eventually(kPatience, [&] {
    const Message tick = Text("tick", "clock");
    bus_.Publish("ticks", tick);
    return tick.timestamp() > message.expires();
  }));
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), message.get()));
}

TEST_P(TtlTest, FiveHundredExpiredOnesLeaveTheWayFree) {
  for (int i = 0; i < 500; ++i) bus_.PublishAsync("c", Dying("x", "a", 30ms));
  bus_.Flush(kPatience);
  Put(bus_, "c", "a", "alive", 1);
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  ASSERT_TRUE(Eventually(kPatience, [&] { return bus_.Count({{"channel", "c"}, {"state", "queued"}}) == 1; }));
  EXPECT_EQ(Next(subscription).payload(), "alive");
}

}  // namespace
}  // namespace agentmq::test
