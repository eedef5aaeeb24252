// mq_pause and mq_resume.
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

class PauseTest : public BusTest {
 protected:
  // The group's object of mq_groups().
  Json GroupOf(const std::string& agent, bool broadcast = false) {
    for (const Json& group : Json::parse(bus_.Groups("c"))) {
      if (group["agent"] == agent && group["broadcast"] == broadcast) return group;
    }
    return nullptr;
  }
};
AGENTMQ_ON_EVERY_BACKEND(PauseTest);

TEST_P(PauseTest, NothingIsDeliveredUntilItGoesOn) {
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Pause("c", "a", "the database is moved");
  Put(bus_, "c", "a", "x");
  Put(bus_, "c", "a", "urgent", MQ_PRIORITY_URGENT);
  EXPECT_FALSE(subscription.Fetch(0ms));
  EXPECT_FALSE(subscription.Fetch(kMoment));
  EXPECT_EQ(bus_.Count(), 2) << "publishing goes on";
  EXPECT_TRUE(bus_.Resume("c", "a"));
  EXPECT_EQ(Take(bus_, subscription, 2), (Strings{"urgent", "x"}));
}

TEST_P(PauseTest, WhoWaitsIsWokenWhenItGoesOn) {
  Subscription subscription = bus_.Subscribe("c", "a");
  Bus other = Open();
  other.Pause("c", "a");
  std::thread resuming([&] {
    EXPECT_TRUE(Always(kMoment, [] { return true; }));
    Put(other, "c", "a", "x");
    EXPECT_TRUE(Always(kMoment, [] { return true; }));
    EXPECT_TRUE(other.Resume("c", "a"));
  });
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(Next(subscription).payload(), "x");
  EXPECT_GE(std::chrono::steady_clock::now() - began, kMoment);
  resuming.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s) << "at once, not by chance";
}

TEST_P(PauseTest, EachOfManyWhoWaitGoesOn) {
  constexpr int kReaders = 5;
  bus_.Pause("c");
  std::vector<std::thread> readers;
  std::atomic<int> served{0};
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      Bus bus = Open();
      Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "1"}});
      const Message message = Next(subscription);
      served += mq_ack(bus.get(), message.get()) == MQ_OK ? 1 : 0;
    });
  }
  bus_.PublishBatch("c", Texts(kReaders, "a"));
  EXPECT_TRUE(Always(kMoment, [&] { return served == 0; }));
  EXPECT_TRUE(bus_.Resume("c"));
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(served, kReaders);
}

TEST_P(PauseTest, WhatIsInHandMayBeSettled) {
  bus_.PublishBatch("c", Texts(3, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  const Message acked = Next(subscription);
  const Message given_back = Next(subscription);
  bus_.Pause("c", "a");
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), acked.get()));
  EXPECT_STATUS(MQ_OK, mq_extend(bus_.get(), given_back.get(), 60000));
  EXPECT_STATUS(MQ_OK, mq_nack(bus_.get(), given_back.get(), MQ_FAILURE_TRANSIENT, 0, nullptr));
  EXPECT_FALSE(subscription.Fetch(kMoment)) << "not even what came back";
  EXPECT_TRUE(bus_.Resume("c", "a"));
  EXPECT_EQ(Take(bus_, subscription, 2).size(), 2u);
}

TEST_P(PauseTest, WhatWasReadAheadGoesBack) {
  bus_.PublishBatch("c", Texts(10, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "100"}});
  const Message held = Next(subscription);
  bus_.Pause("c", "a");
  // Within liveness_timeout / 3.
  size_t got = 1;
  EXPECT_TRUE(Eventually(kPatience, [&] {
    if (auto message = subscription.Fetch(0ms)) {
      bus_.Ack(*message);
      ++got;
      return false;
    }
    return GroupOf("a")["reserved"] == 1;
  })) << bus_.Groups("c");
  bus_.Ack(held);
  EXPECT_TRUE(bus_.Resume("c", "a"));
  EXPECT_EQ(Take(bus_, subscription, 10 - got).size(), 10 - got);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(PauseTest, AChannelStandsStillAsAWhole) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  Subscription elsewhere = bus_.Subscribe("d", "a");
  bus_.Pause("c", nullptr, "maintenance");
  Put(bus_, "c", "a", "for a");
  Put(bus_, "c", nullptr, "for all");
  Put(bus_, "d", "a", "elsewhere");
  EXPECT_EQ(Take(bus_, elsewhere, 1), Strings{"elsewhere"});
  EXPECT_FALSE(a.Fetch(kMoment));
  EXPECT_FALSE(b.Fetch(0ms));
  EXPECT_TRUE(bus_.Resume("c"));
  EXPECT_EQ(Take(bus_, a, 2).size(), 2u);
  EXPECT_EQ(Take(bus_, b, 1), Strings{"for all"});
}

TEST_P(PauseTest, AnAgentStandsStillWithItsInboxAndItsBroadcasts) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  bus_.Pause("c", "a");
  Put(bus_, "c", "a", "for a");
  Put(bus_, "c", nullptr, "for all");
  EXPECT_EQ(Take(bus_, b, 1), Strings{"for all"});
  EXPECT_FALSE(a.Fetch(kMoment));
  EXPECT_TRUE(bus_.Resume("c", "a"));
  EXPECT_EQ(Take(bus_, a, 2).size(), 2u);
}

TEST_P(PauseTest, ChannelAndAgentArePausedApart) {
  Subscription a = bus_.Subscribe("c", "a");
  Put(bus_, "c", "a", "x");
  bus_.Pause("c");
  bus_.Pause("c", "a");
  EXPECT_TRUE(bus_.Resume("c"));
  EXPECT_FALSE(a.Fetch(kMoment)) << "it is paused itself";
  EXPECT_TRUE(bus_.Resume("c", "a"));
  EXPECT_EQ(Take(bus_, a, 1), Strings{"x"});
}

TEST_P(PauseTest, QueuesThatAreMadeLaterArePausedToo) {
  bus_.Pause("c");
  Bus other = Open();
  Put(other, "c", "new", "x");
  Put(other, "c", nullptr, "y");
  Subscription subscription = other.Subscribe("c", "new");
  Subscription newer = other.Subscribe("c", "newer");
  EXPECT_FALSE(subscription.Fetch(kMoment));
  EXPECT_FALSE(newer.Fetch(0ms));
  EXPECT_TRUE(bus_.Resume("c"));
  EXPECT_EQ(Take(other, subscription, 2).size(), 2u);
  EXPECT_EQ(Take(other, newer, 1), Strings{"y"});
}

TEST_P(PauseTest, AnAgentThatComesLaterIsPausedToo) {
  Put(bus_, "c", nullptr, "before");
  bus_.Pause("c", "later");
  Subscription later = bus_.Subscribe("c", "later");
  Put(bus_, "c", "later", "for it");
  EXPECT_FALSE(later.Fetch(kMoment));
  EXPECT_TRUE(bus_.Resume("c", "later"));
  EXPECT_EQ(Take(bus_, later, 2).size(), 2u);
}

TEST_P(PauseTest, LanesAndGroupsThatComeMeanwhileChangeNothing) {
  Subscription a = bus_.Subscribe("c", "a");
  bus_.Pause("c");
  for (int priority = 1; priority < 6; ++priority) Put(bus_, "c", "a", "x", priority);
  Subscription b = bus_.Subscribe("c", "b");
  Put(bus_, "c", nullptr, "y", 7);
  EXPECT_FALSE(a.Fetch(kMoment));
  EXPECT_FALSE(b.Fetch(0ms));
  EXPECT_TRUE(bus_.Resume("c"));
  EXPECT_EQ(Take(bus_, a, 6).size(), 6u);
  EXPECT_EQ(Take(bus_, b, 1).size(), 1u);
}

TEST_P(PauseTest, DirectMessagesArePausedByTheirChannel) {
  Subscription a = bus_.Subscribe(MQ_DIRECT, "a");
  bus_.Pause(MQ_DIRECT, "a");
  bus_.SendTo("a", Message("x"));
  EXPECT_FALSE(a.Fetch(kMoment));
  EXPECT_TRUE(bus_.Resume(MQ_DIRECT, "a"));
  EXPECT_EQ(Take(bus_, a, 1), Strings{"x"});
}

TEST_P(PauseTest, WhatBecomesDueMeanwhileComesAfterwards) {
  Subscription a = bus_.Subscribe("c", "a");
  bus_.Pause("c");
  Message message = Text("x", "a");
  message.SetDelay(50ms);
  bus_.Publish("c", message);
  EXPECT_FALSE(a.Fetch(300ms));
  EXPECT_TRUE(bus_.Resume("c"));
  EXPECT_EQ(Take(bus_, a, 1), Strings{"x"});
}

TEST_P(PauseTest, AHandlerIsNotCalledMeanwhile) {
  std::atomic<int> calls{0};
  Subscription a = bus_.Subscribe("c", "a");
  a.Consume([&](const MessageView&) {
    ++calls;
    return MQ_VERDICT_ACK;
  });
  bus_.Pause("c", "a");
  Put(bus_, "c", "a", "x");
  EXPECT_TRUE(Always(kMoment, [&] { return calls == 0; }));
  EXPECT_TRUE(bus_.Resume("c", "a"));
  EXPECT_TRUE(Eventually(kPatience, [&] { return calls == 1; }));
}

TEST_P(PauseTest, ReasonAndTimeAreTold) {
  Bus operator_bus = Open({{"source", "operator"}});
  Put(bus_, "c", "a", "x");
  EXPECT_TRUE(GroupOf("a")["paused"].is_null());
  operator_bus.Pause("c", "a", "first");
  operator_bus.Pause("c", "a", "second\nline");
  Json paused = GroupOf("a")["paused"];
  EXPECT_EQ(paused["reason"], "second\nline");
  EXPECT_EQ(paused["by"], "operator");
  EXPECT_EQ(paused["scope"], "agent");
  EXPECT_GT(paused["since"], 1600000000000);
  bus_.Pause("c");
  EXPECT_TRUE(operator_bus.Resume("c", "a")) << "once, though it was paused twice";
  paused = GroupOf("a")["paused"];
  EXPECT_EQ(paused["scope"], "channel");
  EXPECT_EQ(paused["reason"], "");
  EXPECT_NE(paused["by"], "");
  const Json stats = Json::parse(bus_.Stats("c"));
  EXPECT_EQ(stats["queues"][0]["paused"]["scope"], "channel") << stats;
  const Json channels = Json::parse(bus_.Channels());
  EXPECT_EQ(channels[0]["paused"]["scope"], "channel") << channels;
}

TEST_P(PauseTest, ResumingWhatIsNotPausedSaysSo) {
  Put(bus_, "c", "a", "x");
  EXPECT_STATUS(MQ_NOT_FOUND, mq_resume(bus_.get(), "c", "a"));
  EXPECT_TRUE(ErrorSays("c/a"));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_resume(bus_.get(), "nowhere", nullptr));
  bus_.Pause("c", "a");
  EXPECT_STATUS(MQ_NOT_FOUND, mq_resume(bus_.get(), "c", nullptr));
  EXPECT_STATUS(MQ_OK, mq_resume(bus_.get(), "c", "a"));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_resume(bus_.get(), "c", "a"));
}

TEST_P(PauseTest, AReasonHasABound) {
  const std::string reason(size_t{64} * 1024, 'x');
  EXPECT_STATUS(MQ_OK, mq_pause(bus_.get(), "c", "a", reason.c_str()));
  EXPECT_STATUS(MQ_TOO_LARGE, mq_pause(bus_.get(), "c", "a", (reason + "x").c_str()));
}

}  // namespace
}  // namespace agentmq::test
