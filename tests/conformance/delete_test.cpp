// mq_delete and mq_clear.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class DeleteTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(DeleteTest);

using Strings = std::vector<std::string>;

TEST_P(DeleteTest, AWaitingMessageIsRemoved) {
  const std::string id = Put(bus_, "c", "a", "x");
  Put(bus_, "c", "a", "y");
  EXPECT_STATUS(MQ_OK, mq_delete(bus_.get(), id.c_str()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_delete(bus_.get(), id.c_str()));
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 1), Strings{"y"});
  EXPECT_FALSE(subscription.Fetch(0ms));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(DeleteTest, WhoHasItInHandFindsItGone) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  EXPECT_STATUS(MQ_OK, mq_delete(bus_.get(), id.c_str()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(bus_.get(), message.get()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_nack(bus_.get(), message.get(), MQ_FAILURE_TRANSIENT, 0, nullptr));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(DeleteTest, ARetryThatWaitsIsRemoved) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 100ms);
  EXPECT_STATUS(MQ_OK, mq_delete(bus_.get(), id.c_str()));
  EXPECT_FALSE(subscription.Fetch(300ms));
}

TEST_P(DeleteTest, ABroadcastIsRemovedForAll) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  const std::string id = Put(bus_, "c", nullptr, "x");
  EXPECT_STATUS(MQ_OK, mq_delete(bus_.get(), id.c_str()));
  EXPECT_FALSE(a.Fetch(0ms));
  EXPECT_FALSE(b.Fetch(0ms));
  EXPECT_EQ(bus_.GetPending("c", "a").size(), 0u);
}

TEST_P(DeleteTest, SpaceOfDeletedMessagesIsFree) {
  bus_.Configure("c", {{"max_items", "2"}});
  for (int i = 0; i < 100; ++i) {
    const std::string id = Put(bus_, "c", "a", "x");
    Put(bus_, "c", "a", "y");
    EXPECT_TRUE(bus_.Delete(id.c_str()));
    bus_.AckId("a", std::string(bus_.Find()[0].id()).c_str());
  }
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(DeleteTest, AChannelIsClearedWithItsDeadLetters) {
  Put(bus_, "c", "dead", "x");
  Subscription subscription = bus_.Subscribe("c", "dead");
  bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  for (const char* target : {"a", "b", static_cast<const char*>(nullptr)}) Put(bus_, "c", target, "x");
  Put(bus_, "d", "a", "stays");
  Put(bus_, "c*", "a", "stays");
  EXPECT_EQ(bus_.Clear("c"), 3);
  EXPECT_EQ(bus_.DeadLetters().size(), 0u);
  EXPECT_EQ(bus_.Count(), 2);
  EXPECT_EQ(bus_.Clear("c"), 0);
  EXPECT_EQ(bus_.Clear("nowhere"), 0);
}

TEST_P(DeleteTest, AStarAndOnlyThatIsTheWholeNamespace) {
  Put(bus_, "c", "a", "x");
  bus_.SendTo("a", Message("y"));
  EXPECT_EQ(bus_.Clear("c*"), 0);
  EXPECT_EQ(bus_.Clear("**"), 0);
  Bus other(FreshUrl(GetParam()));
  Put(other, "c", "a", "another namespace's");
  EXPECT_EQ(bus_.Clear("*"), 2);
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_EQ(other.Count(), 1);
}

TEST_P(DeleteTest, TheDirectInboxesAreClearedAlone) {
  Put(bus_, "c", "a", "x");
  bus_.SendTo("a", Message("y"));
  EXPECT_EQ(bus_.Clear(MQ_DIRECT), 1);
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(DeleteTest, AfterClearingTrafficGoesOn) {
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.PublishBatch("c", Texts(1500, "a"));
  const Message held = Next(subscription);
  EXPECT_EQ(bus_.Clear("c"), 1500);
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(bus_.get(), held.get()));
  Put(bus_, "c", "a", "after");
  Put(bus_, "c", nullptr, "to all", 1);
  // What was read ahead before may still come; then what is new.
  std::string last;
  while (last != "to all") {
    const Message message = Next(subscription);
    last = message.payload();
    if (last == "<no message>") break;
    static_cast<void>(mq_ack(bus_.get(), message.get()));
  }
  EXPECT_EQ(bus_.Count(), 0);
}

}  // namespace
}  // namespace agentmq::test
