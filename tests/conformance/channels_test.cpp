// Several channels in one subscription.
#include <map>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class ChannelsTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(ChannelsTest);

using Strings = std::vector<std::string>;

TEST_P(ChannelsTest, PriorityHoldsOverAllOfThem) {
  Subscription subscription = bus_.Subscribe("c", "a");
  subscription.Add("d");
  subscription.Add(MQ_DIRECT);
  Put(bus_, "c", "a", "low", 1);
  Put(bus_, "d", "a", "high", 9);
  Put(bus_, "d", nullptr, "middle", 5);
  Message urgent("urgent");
  urgent.SetPriority(10);
  bus_.SendTo("a", urgent);
  EXPECT_EQ(Take(bus_, subscription, 4), (Strings{"urgent", "high", "middle", "low"}));
}

TEST_P(ChannelsTest, PriorityHoldsOverAllOfThemWhoeverWakesFirst) {
  Subscription subscription = bus_.Subscribe("c", "a");
  subscription.Add("d");
  for (int round = 0; round < 5; ++round) {
    Put(bus_, "c", "a", "low", 1);
    Put(bus_, "d", "a", "high", 9);
    EXPECT_EQ(Take(bus_, subscription, 2), (Strings{"high", "low"})) << round;
  }
}

TEST_P(ChannelsTest, AWaitingFetchHearsOfAChannelThatWasAdded) {
  Subscription subscription = bus_.Subscribe("c", "a");
  subscription.Add("d");
  std::thread publisher([&] { Put(bus_, "d", "a", "x"); });
  const Message message = Next(subscription);
  publisher.join();
  EXPECT_EQ(message.channel(), "d");
}

TEST_P(ChannelsTest, AChannelAddedDuringAWaitWakesIt) {
  Put(bus_, "d", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  std::thread adder([&] { subscription.Add("d"); });
  const Message message = Next(subscription);
  adder.join();
  EXPECT_EQ(message.payload(), "x");
}

TEST_P(ChannelsTest, AddingTwiceIsOnce) {
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_STATUS(MQ_OK, mq_subscription_add(subscription.get(), "c"));
  EXPECT_STATUS(MQ_OK, mq_subscription_add(subscription.get(), "d"));
  EXPECT_STATUS(MQ_OK, mq_subscription_add(subscription.get(), "d"));
  Put(bus_, "d", "a", "x");
  EXPECT_EQ(Take(bus_, subscription, 1), Strings{"x"});
  EXPECT_FALSE(subscription.Fetch(0ms));
  subscription.Remove("d");
  EXPECT_STATUS(MQ_NOT_FOUND, mq_subscription_remove(subscription.get(), "d"));
}

TEST_P(ChannelsTest, ARemovedChannelIsReadNoLongerAndItsUnseenMessagesGoBack) {
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "10"}});
  subscription.Add("d");
  for (int i = 0; i < 5; ++i) {
    Put(bus_, "c", "a", "c" + std::to_string(i));
    Put(bus_, "d", "a", "d" + std::to_string(i));
  }
  const Message first = Next(subscription);
  subscription.Remove("d");
  EXPECT_STATUS(MQ_NOT_FOUND, mq_subscription_remove(subscription.get(), "nowhere"));
  const bool from_c = first.payload() == "c0";
  const Strings rest = Take(bus_, subscription, from_c ? 4 : 5);
  for (size_t i = 0; i < rest.size(); ++i) EXPECT_EQ(rest[i], "c" + std::to_string(i + (from_c ? 1 : 0)));
  EXPECT_FALSE(subscription.Fetch(kMoment));
  Subscription other = bus_.Subscribe("d", "a");
  EXPECT_EQ(Next(other).payload(), from_c ? "d0" : "d1");
  bus_.Ack(first);  // what was handed out can still be settled
}

TEST_P(ChannelsTest, AtEqualPriorityNoChannelStarves) {
  Subscription subscription = bus_.Subscribe("c0", "a", {{"prefetch", "1"}});
  for (int i = 1; i < 4; ++i) subscription.Add(("c" + std::to_string(i)).c_str());
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 4; ++i) Put(bus_, ("c" + std::to_string(i)).c_str(), "a", std::to_string(round));
  }
  std::map<std::string, int> seen;
  for (int i = 0; i < 100; ++i) {
    const Message message = Next(subscription);
    ++seen[std::string(message.channel())];
    bus_.Ack(message);
  }
  for (int i = 0; i < 4; ++i) EXPECT_GE(seen["c" + std::to_string(i)], 10) << "c" << i;
}

TEST_P(ChannelsTest, FiftyChannelsInOneSubscription) {
  Subscription subscription = bus_.Subscribe("c0", "a");
  for (int i = 1; i < 50; ++i) subscription.Add(("c" + std::to_string(i)).c_str());
  for (int i = 0; i < 50; ++i) Put(bus_, ("c" + std::to_string(i)).c_str(), "a", "x", i % 7);
  EXPECT_EQ(Take(bus_, subscription, 50).size(), 50u);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(ChannelsTest, AnEndedSubscriptionTakesNoMore) {
  Subscription subscription = bus_.Subscribe("c", "a");
  subscription.Unsubscribe();
  EXPECT_STATUS(MQ_CLOSED, mq_subscription_add(subscription.get(), "d"));
}

}  // namespace
}  // namespace agentmq::test
