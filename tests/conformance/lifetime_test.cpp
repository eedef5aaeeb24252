// Children outlive their bus; freeing goes in any order and on any thread.
#include <algorithm>
#include <atomic>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class LifetimeTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(LifetimeTest);

TEST_P(LifetimeTest, MessagesAndListsAreReadableAfterTheirBus) {
  std::optional<Bus> bus(Open());
  bus->PublishBatch("c", Texts(3, "a"));
  std::optional<Subscription> subscription(bus->Subscribe("c", "a"));
  const Message message = Next(*subscription);
  const MessageList found = bus->Find();
  const MessageList fetched = subscription->FetchBatch(2, kPatience);
  subscription.reset();
  bus.reset();
  EXPECT_EQ(message.payload(), "m0");
  EXPECT_NE(message.receipt(), "");
  EXPECT_NE(message.id(), "");
  EXPECT_EQ(found.size(), 3u);
  EXPECT_EQ(fetched[0].payload(), "m1");
  bus_.Ack(message);  // from another handle of the bus
}

TEST_P(LifetimeTest, ASubscriptionAfterItsBusAnswersClosed) {
  Bus bus = Open();
  Subscription subscription = bus.Subscribe("c", "a");
  bus.Close();
  mq_message* message = nullptr;
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_CLOSED, mq_fetch(subscription.get(), -1, &message));
  EXPECT_STATUS(MQ_CLOSED, mq_fetch_batch(subscription.get(), 5, -1, &list));
  EXPECT_STATUS(MQ_CLOSED, mq_subscription_add(subscription.get(), "d"));
  EXPECT_STATUS(MQ_CLOSED, mq_consume(
                               subscription.get(), [](const mq_message*, void*) { return MQ_VERDICT_ACK; }, nullptr));
  EXPECT_STATUS(MQ_OK, mq_unsubscribe(subscription.get()));
}

TEST_P(LifetimeTest, ClosingEndsAConsumerWithItsHandlers) {
  std::atomic<int> handled{0};
  Bus bus = Open();
  Subscription subscription = bus.Subscribe("c", "a");
  subscription.Consume([&](const MessageView&) {
    ++handled;
    return MQ_VERDICT_ACK;
  });
  Put(bus, "c", "a", "x");
  EXPECT_TRUE(Eventually(kPatience, [&] { return handled == 1; }));
  bus.Close();
  Put(bus_, "c", "a", "y");
  EXPECT_TRUE(Always(kMoment, [&] { return handled == 1; }));
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(LifetimeTest, UnseenMessagesGoBackWhenTheBusIsClosed) {
  bus_.PublishBatch("c", Texts(20, "a"));
  {
    Bus bus = Open();
    Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "20"}});
    bus.Ack(Next(subscription));
    bus.Close();
  }
  EXPECT_EQ(bus_.Count({{"state", "queued"}}), 19);
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Next(subscription).deliveries(), 1);
}

// Five things of one bus, freed in every order.
TEST_P(LifetimeTest, EveryOrderOfFreeingIsSafe) {
  std::vector<int> order{0, 1, 2, 3, 4};
  do {
    std::optional<Bus> bus(Open());
    Put(*bus, "c", "a", "x");
    Put(*bus, "c", "a", "y");
    std::optional<Subscription> subscription(bus->Subscribe("c", "a"));
    std::optional<Message> message(Next(*subscription));
    std::optional<MessageList> list(bus->GetPending("c", "a"));
    std::optional<Message> of_list(list->Take(0));
    for (const int next : order) {
      if (next == 0) bus.reset();
      if (next == 1) subscription.reset();
      if (next == 2) message.reset();
      if (next == 3) list.reset();
      if (next == 4) of_list.reset();
    }
    bus_.Clear("*");
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_P(LifetimeTest, FreeingOnOtherThreadsIsSafe) {
  for (int round = 0; round < 20; ++round) {
    auto bus = std::make_unique<Bus>(Open());
    Put(*bus, "c", "a", "x");
    auto subscription = std::make_unique<Subscription>(bus->Subscribe("c", "a"));
    auto message = std::make_unique<Message>(Next(*subscription));
    auto list = std::make_unique<MessageList>(bus->Find());
    std::thread threads[] = {std::thread([&] { message.reset(); }), std::thread([&] { bus.reset(); }),
                             std::thread([&] { subscription.reset(); }), std::thread([&] { list.reset(); })};
    for (std::thread& thread : threads) thread.join();
    bus_.Clear("*");
  }
}

TEST_P(LifetimeTest, HundredBusesAreOpenedAndClosed) {
  for (int i = 0; i < 100; ++i) {
    Bus bus = Open();
    Put(bus, "c", "a", "x");
  }
  EXPECT_EQ(bus_.Count(), 100);
}

TEST_P(LifetimeTest, AHandleOpenedTwiceIsTwoHandles) {
  Bus one = Open();
  Bus two = Open();
  one.Shutdown();
  Put(two, "c", "a", "x");
  EXPECT_EQ(two.Count(), 1);
}

}  // namespace
}  // namespace agentmq::test
