// mq_get_pending: what an agent has not acknowledged.
#include <algorithm>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class PendingTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(PendingTest);

using Strings = std::vector<std::string>;

TEST_P(PendingTest, ItIsByPriorityDeliveredOrNot) {
  for (const int priority : {1, 5, 9, 5}) Put(bus_, "c", "a", std::to_string(priority), priority);
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  const Message held = Next(subscription);  // 9
  const MessageList pending = bus_.GetPending("c", "a");
  EXPECT_EQ(Payloads(pending), (Strings{"9", "5", "5", "1"}));
  EXPECT_EQ(pending[0].state(), MQ_STATE_RESERVED);
  EXPECT_EQ(pending[1].state(), MQ_STATE_QUEUED);
  EXPECT_EQ(pending[0].agent(), "a");
  EXPECT_EQ(Payloads(bus_.GetPending("c", "a", 2)), (Strings{"9", "5"}));
}

TEST_P(PendingTest, LookingTakesNothing) {
  Put(bus_, "c", "a", "x");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bus_.GetPending("c", "a").size(), 1u);
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Next(subscription).deliveries(), 1);
}

TEST_P(PendingTest, EachCanBeAcked) {
  bus_.PublishBatch("c", Texts(3, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  const Message held = Next(subscription);
  Bus other = Open();
  const MessageList pending = other.GetPending("c", "a");
  ASSERT_EQ(pending.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_STATUS(MQ_OK, mq_ack(other.get(), pending[i].get()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(bus_.get(), held.get()));
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_FALSE(subscription.Fetch(0ms));
}

TEST_P(PendingTest, AChannelOfNullIsAny) {
  Put(bus_, "c", "a", "1");
  Put(bus_, "d", "a", "2", 9);
  bus_.SendTo("a", Message("3"));
  Put(bus_, "c", "b", "4");
  Strings all = Payloads(bus_.GetPending(nullptr, "a"));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0], "2") << "in the order of priority";
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (Strings{"1", "2", "3"}));
  EXPECT_EQ(bus_.GetPending(nullptr, nullptr).size(), 4u);
  EXPECT_EQ(bus_.GetPending("c", nullptr).size(), 2u);
  EXPECT_EQ(Payloads(bus_.GetPending(MQ_DIRECT, "a")), Strings{"3"});
}

TEST_P(PendingTest, BroadcastsArePendingForEachAgentThatReadsThem) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  Put(bus_, "c", nullptr, "x", 9);
  Put(bus_, "c", "a", "y");
  EXPECT_EQ(Payloads(bus_.GetPending("c", "a")), (Strings{"x", "y"}));
  EXPECT_EQ(Payloads(bus_.GetPending("c", "b")), Strings{"x"});
  const MessageList pending = bus_.GetPending("c", "b");
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), pending[0].get()));
  EXPECT_EQ(bus_.GetPending("c", "b").size(), 0u);
  EXPECT_EQ(Payloads(bus_.GetPending("c", "a")), (Strings{"x", "y"}));
}

TEST_P(PendingTest, ARetryThatWaitsIsPending) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 1h, "later");
  const MessageList pending = bus_.GetPending("c", "a");
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_EQ(pending[0].state(), MQ_STATE_RETRYING);
  EXPECT_EQ(pending[0].reason(), "later");
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), pending[0].get()));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(PendingTest, NoneIsAnEmptyList) {
  EXPECT_EQ(bus_.GetPending("nowhere", "nobody").size(), 0u);
  EXPECT_EQ(bus_.GetPending(nullptr, nullptr).size(), 0u);
}

TEST_P(PendingTest, TheLimitHasItsRange) {
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_get_pending(bus_.get(), "c", "a", 0, &list));
  EXPECT_STATUS(MQ_INVALID, mq_get_pending(bus_.get(), "c", "a", 10001, &list));
  EXPECT_STATUS(MQ_OK, mq_get_pending(bus_.get(), "c", "a", 10000, &list));
  mq_list_free(list);
}

TEST_P(PendingTest, ThreeThousandArePendingInOrder) {
  bus_.PublishBatch("c", Texts(3000, "a"));
  const Strings all = Payloads(bus_.GetPending("c", "a", 10000));
  ASSERT_EQ(all.size(), 3000u);
  for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], "m" + std::to_string(i));
}

}  // namespace
}  // namespace agentmq::test
