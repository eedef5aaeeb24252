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

// Within a second of the deletion, and of the first time that it was asked.
TEST_P(DeleteTest, WhoHasItInHandIsTold) {
  const std::string id = Put(bus_, "c", "a", "x");
  Put(bus_, "c", "a", "y");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  const Message other = Next(subscription);
  EXPECT_FALSE(message.is_deleted());
  EXPECT_FALSE(bus_.IsDeleted(id.c_str()));
  Bus from_elsewhere = Open();
  EXPECT_TRUE(from_elsewhere.Delete(id.c_str()));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(Eventually(kPatience, [&] { return message.is_deleted(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
  EXPECT_TRUE(message.is_deleted()) << "it stays so";
  EXPECT_FALSE(other.is_deleted());
  EXPECT_TRUE(bus_.IsDeleted(id.c_str()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(bus_.get(), message.get()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_extend(bus_.get(), message.get(), 1000));
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), other.get()));
  EXPECT_FALSE(other.is_deleted()) << "it was settled";
}

TEST_P(DeleteTest, WhoAsksOnceIsToldTheTruth) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  EXPECT_TRUE(bus_.Delete(id.c_str()));
  EXPECT_TRUE(message.is_deleted());
}

TEST_P(DeleteTest, AHandlerIsToldWhileItWorks) {
  Subscription subscription = bus_.Subscribe("c", "a");
  std::atomic<bool> working{false};
  std::atomic<bool> told{false};
  subscription.Consume([&](const MessageView& message) {
    working = true;
    told = Eventually(kPatience, [&] { return message.is_deleted(); });
    return MQ_VERDICT_SETTLED;
  });
  const std::string id = Put(bus_, "c", "a", "x");
  ASSERT_TRUE(Eventually(kPatience, [&] { return working.load(); }));
  EXPECT_TRUE(bus_.Delete(id.c_str()));
  EXPECT_TRUE(Eventually(kPatience, [&] { return told.load(); }));
  EXPECT_TRUE(subscription.Drain(kPatience));
}

TEST_P(DeleteTest, ReservationsWithTheirOwnDeadlineAreToldToo) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a", {{"auto_extend", "false"}});
  const Message message = Next(subscription);
  EXPECT_TRUE(bus_.Delete(id.c_str()));
  EXPECT_TRUE(message.is_deleted());
}

TEST_P(DeleteTest, EachHolderOfABroadcastIsTold) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  const std::string id = Put(bus_, "c", nullptr, "x");
  const Message of_a = Next(a);
  const Message of_b = Next(b);
  EXPECT_TRUE(bus_.Delete(id.c_str()));
  EXPECT_TRUE(of_a.is_deleted());
  EXPECT_TRUE(of_b.is_deleted());
}

TEST_P(DeleteTest, WhatWasNotInHandIsNotSaidToBeDeleted) {
  const std::string waiting = Put(bus_, "c", "a", "x");
  const Message found = *bus_.Get(waiting.c_str());
  EXPECT_TRUE(bus_.Delete(waiting.c_str()));
  EXPECT_FALSE(bus_.IsDeleted(waiting.c_str())) << "nobody had it";
  EXPECT_FALSE(found.is_deleted());
  EXPECT_FALSE(Message("never published").is_deleted());
  EXPECT_EQ(mq_message_is_deleted(nullptr), 0);
  Put(bus_, "c", "a", "y");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message settled = Next(subscription);
  EXPECT_STATUS(MQ_OK, mq_ack_id(bus_.get(), "a", std::string(settled.id()).c_str()));
  EXPECT_FALSE(settled.is_deleted()) << "somebody else settled it";
  int deleted = 7;
  EXPECT_STATUS(MQ_INVALID, mq_is_deleted(bus_.get(), "nonsense", &deleted));
  EXPECT_EQ(deleted, 0);
}

TEST_P(DeleteTest, AfterTheBusHasGoneNobodyCanTell) {
  Put(bus_, "c", "a", "x");
  Message message("");
  {
    Bus other = Open();
    Subscription subscription = other.Subscribe("c", "a");
    message = Next(subscription);
  }
  EXPECT_FALSE(message.is_deleted());
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
