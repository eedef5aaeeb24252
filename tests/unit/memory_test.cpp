#include <gtest/gtest.h>

#include "memory_fixture.hpp"

namespace agentmq {
namespace {

TEST_F(MemoryTest, TheSameNameIsTheSameStoreWhileItIsOpen) {
  Publish(inbox_, "one");
  EXPECT_EQ(Open(TestName())->Stats(inbox_)->stored, 1);
  EXPECT_EQ(Open(TestName(), "other")->Stats(inbox_)->stored, 0);
  EXPECT_EQ(Open("another name")->Stats(inbox_)->stored, 0);
  backend_.reset();
  store_.reset();
  EXPECT_EQ(Open(TestName())->Stats(inbox_)->stored, 0);
}

TEST_F(MemoryTest, TheHighestLaneGoesFirstAndTheOldestInEach) {
  auto consumer = Subscribe(source_);
  for (const auto& [text, priority] : {std::pair{"a", 1}, {"b", 9}, {"c", 9}, {"d", 0}, {"e", 255}}) {
    Publish(inbox_, text, priority);
  }
  const Fetched first = Fetch(*consumer, 1);
  EXPECT_EQ(Texts(first), "e");
  EXPECT_TRUE(first.more);
  const Fetched rest = Fetch(*consumer);
  EXPECT_EQ(Texts(rest), "b c a d");
  EXPECT_FALSE(rest.more);
  EXPECT_EQ(rest.next_due, -1);
}

TEST_F(MemoryTest, WhatIsAckedLeavesAtOnce) {
  auto consumer = Subscribe(source_);
  const ShortId id = Publish(inbox_, "one");
  EXPECT_EQ(backend_->Get(inbox_, id)->state, State::kQueued);
  const Delivery message = Fetch(*consumer).messages.at(0);
  EXPECT_EQ(message.reserved_until, backend_->Get(inbox_, id)->reserved_until);
  EXPECT_EQ(backend_->Get(inbox_, id)->state, State::kReserved);
  EXPECT_EQ(backend_->Get(inbox_, id)->consumer, consumer->incarnation());
  EXPECT_EQ(Ack(source_, *consumer, message), Code::kOk);
  EXPECT_EQ(Ack(source_, *consumer, message), Code::kNotFound);
  EXPECT_EQ(backend_->Get(inbox_, id).code(), Code::kNotFound);
  const QueueStats stats = Stats(inbox_);
  EXPECT_EQ(stats.stored, 0);
  EXPECT_EQ(stats.published, 1);
  EXPECT_EQ(stats.groups.at(0).delivered, 1);
  EXPECT_EQ(stats.groups.at(0).acked, 1);
  EXPECT_EQ(stats.groups.at(0).reserved, 0);
}

TEST_F(MemoryTest, AnAckIsFencedByConsumerAndDelivery) {
  auto consumer = Subscribe(source_);
  Publish(inbox_, "one");
  const Delivery message = Fetch(*consumer).messages.at(0);
  EXPECT_EQ(Ack(source_, "other", message.id, message.delivery), Code::kStale);
  EXPECT_EQ(Ack(source_, consumer->incarnation(), message.id, message.delivery + 1), Code::kStale);
  EXPECT_EQ(Ack({inbox_, "x"}, consumer->incarnation(), message.id, message.delivery), Code::kNotFound);
  EXPECT_EQ(Ack({QueueName::Inbox("c", "x"), "-"}, consumer->incarnation(), message.id, 1), Code::kNotFound);
  ASSERT_TRUE(consumer->GiveBack(Ids{message.id}).ok());
  EXPECT_EQ(Ack(source_, *consumer, message), Code::kStale);
  const Delivery again = Fetch(*consumer).messages.at(0);
  EXPECT_EQ(Ack(source_, *consumer, message), Code::kStale);
  EXPECT_EQ(Ack(source_, *consumer, again), Code::kOk);
}

TEST_F(MemoryTest, AckByIdSettlesWhereverTheMessageIs) {
  auto consumer = Subscribe(source_);
  const ShortId held = Publish(inbox_, "held");
  const Delivery message = Fetch(*consumer).messages.at(0);
  const ShortId waiting = Publish(inbox_, "waiting");
  Publish(inbox_, "left");
  EXPECT_TRUE(backend_->AckId(source_, held).ok());
  EXPECT_TRUE(backend_->AckId(source_, waiting).ok());
  EXPECT_EQ(backend_->AckId(source_, waiting).code(), Code::kNotFound);
  EXPECT_EQ(Ack(source_, *consumer, message), Code::kNotFound);
  EXPECT_EQ(FetchTexts(*consumer), "left");
  EXPECT_EQ(Stats(inbox_).groups.at(0).acked, 2);
}

TEST_F(MemoryTest, WhatIsGivenBackGoesToTheHeadUncountedAndInOrder) {
  auto consumer = Subscribe(source_);
  for (const char* text : {"a", "b", "c"}) Publish(inbox_, text);
  const Fetched fetched = Fetch(*consumer);
  Publish(inbox_, "d");
  EXPECT_TRUE(consumer->GiveBack(Ids{fetched.messages[1].id, fetched.messages[2].id}).ok());
  const Fetched again = Fetch(*consumer);
  EXPECT_EQ(Texts(again), "b c d");
  EXPECT_EQ(again.messages[0].tries.total(), 0);
  EXPECT_EQ(Ack(source_, *consumer, fetched.messages[0]), Code::kOk);
}

TEST_F(MemoryTest, ARetryWaitsAndThenGoesAheadOfNewerOnes) {
  auto consumer = Subscribe(source_);
  Publish(inbox_, "first");
  const Delivery message = Fetch(*consumer).messages.at(0);
  Nack nack;
  nack.delay = 5000;
  nack.reason = "later";
  bool dead = true;
  EXPECT_EQ(GiveUp(source_, *consumer, message, nack, &dead), Code::kOk);
  EXPECT_FALSE(dead);
  EXPECT_EQ(GiveUp(source_, *consumer, message, nack, &dead), Code::kStale);
  Publish(inbox_, "second");
  EXPECT_EQ(backend_->Get(inbox_, message.id)->state, State::kRetrying);
  EXPECT_EQ(Stats(inbox_).groups.at(0).scheduled, 1);
  const Fetched none = Fetch(*consumer, 0);
  EXPECT_GT(none.next_due, 4000);
  EXPECT_LE(none.next_due, 5000);
  store_->Advance(5000);
  const Fetched both = Fetch(*consumer);
  EXPECT_EQ(Texts(both), "first second");
  EXPECT_EQ(both.messages[0].tries.failures, 1);
  EXPECT_EQ(both.messages[0].tries.reason(), "later");
  EXPECT_EQ(Stats(inbox_).groups.at(0).retried, 1);
}

TEST_F(MemoryTest, AReservationWithADeadlineLapsesToTheHead) {
  ConsumerOptions options;
  options.auto_extend = false;
  options.visibility_timeout = 1000;
  options.retry_attempts = 2;
  auto consumer = Subscribe(source_, options);
  for (const char* text : {"a", "b"}) Publish(inbox_, text);
  const Fetched fetched = Fetch(*consumer);
  Publish(inbox_, "c");
  int64_t until = 0;
  const Settlement first{fetched.messages[0].id, fetched.messages[0].delivery, {}};
  EXPECT_TRUE(backend_->Extend(source_, consumer->incarnation(), first, 1500, &until).ok());
  EXPECT_EQ(backend_->Get(inbox_, first.id)->reserved_until, until);
  EXPECT_EQ(backend_->Extend(source_, "other", first, 1500, &until).code(), Code::kStale);
  store_->Advance(1000);
  EXPECT_EQ(*backend_->Recover(inbox_, "x"), 0);
  EXPECT_EQ(*backend_->Recover(inbox_, "-"), 1);
  store_->Advance(500);
  const Fetched again = Fetch(*consumer);
  EXPECT_EQ(Texts(again), "a b c");
  EXPECT_EQ(again.messages[0].tries.lapses, 1);
  EXPECT_EQ(again.messages[2].tries.lapses, 0);
  EXPECT_EQ(Ack(source_, *consumer, fetched.messages[0]), Code::kStale);
  EXPECT_GT(again.next_due, 0);
  store_->Advance(1000);
  EXPECT_EQ(FetchTexts(*consumer), "c");
  EXPECT_EQ(Stats(inbox_).dead, 2);
  EXPECT_EQ(backend_->GetDead(inbox_, first.id, "-")->tries.lapses, 2);
}

TEST_F(MemoryTest, WhatAnOpenConsumerExtendsDoesNotLapse) {
  ConsumerOptions options;
  options.visibility_timeout = 1000;
  auto consumer = Subscribe(source_, options);
  Publish(inbox_, "mine");
  const Fetched fetched = Fetch(*consumer);
  EXPECT_EQ(fetched.next_due, -1);
  store_->Advance(100000);
  EXPECT_EQ(FetchTexts(*Subscribe(source_)), "");
  EXPECT_EQ(Ack(source_, *consumer, fetched.messages[0]), Code::kOk);
}

TEST_F(MemoryTest, AClosedConsumersHandCanStillBeSettledAndThenLapses) {
  ConsumerOptions options;
  options.visibility_timeout = 1000;
  auto consumer = Subscribe(source_, options);
  for (const char* text : {"a", "b", "c"}) Publish(inbox_, text);
  const Fetched fetched = Fetch(*consumer);
  EXPECT_TRUE(consumer->Close(Ids{fetched.messages[2].id}).ok());
  EXPECT_TRUE(consumer->Close({}).ok());
  EXPECT_EQ(consumer->Fetch(1, {}).code(), Code::kClosed);
  EXPECT_EQ(Stats(inbox_).groups.at(0).consumers, 0);
  EXPECT_EQ(Stats(inbox_).groups.at(0).reserved, 2);
  EXPECT_EQ(Ack(source_, *consumer, fetched.messages[0]), Code::kOk);
  auto other = Subscribe(source_);
  EXPECT_EQ(FetchTexts(*other), "c");
  store_->Advance(1000);
  EXPECT_EQ(FetchTexts(*other), "b");
  EXPECT_EQ(Ack(source_, *consumer, fetched.messages[1]), Code::kStale);
}

TEST_F(MemoryTest, WhatIsExpiredIsNeverDeliveredAndItsSpaceComesBack) {
  const Limits limits{2, Overflow::kReject};
  ASSERT_TRUE(TryPublish(inbox_, {Text("a", 5, 1000), Text("b", 5, 0x7fffffffffffffff)}, limits).ok());
  EXPECT_EQ(TryPublish(inbox_, {Text("c")}, limits).code(), Code::kFull);
  store_->Advance(1000);
  EXPECT_EQ(Stats(inbox_).stored, 1);
  EXPECT_EQ(Stats(inbox_).expired, 1);
  EXPECT_TRUE(TryPublish(inbox_, {Text("d", 5, 1000)}, limits).ok());
  auto consumer = Subscribe(source_);
  const Fetched fetched = Fetch(*consumer);
  EXPECT_EQ(Texts(fetched), "b d");
  store_->Advance(1000);
  EXPECT_EQ(Stats(inbox_).stored, 2);  // in hand: it may still be acked
  ASSERT_TRUE(consumer->GiveBack(Ids{fetched.messages[0].id, fetched.messages[1].id}).ok());
  EXPECT_EQ(FetchTexts(*consumer), "b");
  EXPECT_EQ(Stats(inbox_).expired, 2);
}

TEST_F(MemoryTest, ARetryThatExpiresMeanwhileDoesNotComeBack) {
  auto consumer = Subscribe(source_);
  Publish(inbox_, "waits", 5, 1000);
  Publish(inbox_, "late", 5, 1000);
  const Fetched fetched = Fetch(*consumer);
  Nack nack;
  nack.delay = 5000;
  bool dead = false;
  EXPECT_EQ(GiveUp(source_, *consumer, fetched.messages[0], nack, &dead), Code::kOk);
  store_->Advance(1000);
  EXPECT_EQ(GiveUp(source_, *consumer, fetched.messages[1], nack, &dead), Code::kOk);
  EXPECT_EQ(Stats(inbox_).stored, 0);
  EXPECT_EQ(Stats(inbox_).expired, 2);
  EXPECT_EQ(Stats(inbox_).groups.at(0).scheduled, 0);
}

TEST_F(MemoryTest, AnInboxIsFullByWhatIsNotAcked) {
  const Limits limits{3, Overflow::kReject};
  ASSERT_TRUE(TryPublish(inbox_, {Text("a"), Text("b")}, limits).ok());
  EXPECT_EQ(TryPublish(inbox_, {Text("c"), Text("d")}, limits).code(), Code::kFull);
  EXPECT_EQ(Stats(inbox_).stored, 2);  // all or nothing
  auto consumer = Subscribe(source_);
  const Fetched fetched = Fetch(*consumer);
  EXPECT_EQ(TryPublish(inbox_, {Text("c"), Text("d")}, limits).code(), Code::kFull);
  EXPECT_EQ(Ack(source_, *consumer, fetched.messages[0]), Code::kOk);
  EXPECT_TRUE(TryPublish(inbox_, {Text("c"), Text("d")}, limits).ok());
}

TEST_F(MemoryTest, DropOldestTakesTheLowestLaneAndNothingInHand) {
  const Limits limits{3, Overflow::kDropOldest};
  auto consumer = Subscribe(source_);
  ASSERT_TRUE(TryPublish(inbox_, {Text("hand", 0)}, limits).ok());
  const Fetched fetched = Fetch(*consumer);
  ASSERT_TRUE(TryPublish(inbox_, {Text("high", 9), Text("low", 1)}, limits).ok());
  ASSERT_TRUE(TryPublish(inbox_, {Text("new", 1)}, limits).ok());
  EXPECT_EQ(dropped_, 1);
  EXPECT_EQ(TryPublish(inbox_, {Text("x"), Text("y"), Text("z")}, limits).code(), Code::kFull);
  EXPECT_EQ(dropped_, 0);
  EXPECT_EQ(FetchTexts(*consumer), "high new");
  EXPECT_EQ(Stats(inbox_).dropped, 1);
  EXPECT_EQ(Ack(source_, *consumer, fetched.messages[0]), Code::kOk);
}

TEST_F(MemoryTest, PendingIsInPriorityOrderDeliveredOrNot) {
  auto consumer = Subscribe(source_);
  Publish(inbox_, "low", 1);
  Fetch(*consumer);
  Publish(inbox_, "high", 9);
  Publish(inbox_, "low2", 1);
  const std::vector<Found> all = *backend_->Pending(source_, 100);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].record, "1=high");
  EXPECT_EQ(all[0].state, State::kQueued);
  EXPECT_EQ(all[1].record, "1=low");
  EXPECT_EQ(all[1].state, State::kReserved);
  EXPECT_EQ(all[2].record, "1=low2");
  EXPECT_EQ(backend_->Pending(source_, 1)->size(), 1u);
  EXPECT_TRUE(backend_->Pending({inbox_, "x"}, 10)->empty());
}

TEST_F(MemoryTest, WalkSeesAllOldestFirstAndStopsWhenTold) {
  Ids ids;
  ASSERT_TRUE(TryPublish(inbox_, std::vector<Outgoing>(200, Text("x")), {}, &ids).ok());
  Ids walked;
  const auto visit = [&](Found&& found) {
    walked.push_back(found.id);
    return walked.size() != 150;
  };
  ASSERT_TRUE(backend_->Walk(inbox_, visit).ok());
  EXPECT_EQ(walked, Ids(ids.begin(), ids.begin() + 150));
  ASSERT_TRUE(backend_->Walk(QueueName::Inbox("c", "nobody"), visit).ok());
}

TEST_F(MemoryTest, DeleteAndClearTakeMessagesFromEverywhere) {
  auto consumer = Subscribe(source_);
  for (const char* text : {"dead", "held", "waiting"}) Publish(inbox_, text);
  const Fetched fetched = Fetch(*consumer, 2);
  Kill(source_, *consumer, fetched.messages[0]);
  const ShortId extra = Publish(inbox_, "deleted");
  EXPECT_TRUE(backend_->Delete(inbox_, extra).ok());
  EXPECT_EQ(backend_->Delete(inbox_, extra).code(), Code::kNotFound);
  EXPECT_EQ(*backend_->Clear(inbox_), 2);
  EXPECT_EQ(Ack(source_, *consumer, fetched.messages[1]), Code::kNotFound);
  EXPECT_EQ(FetchTexts(*consumer), "");
  const QueueStats stats = Stats(inbox_);
  EXPECT_EQ(stats.stored + stats.dead + stats.groups.at(0).waiting + stats.groups.at(0).reserved, 0);
  EXPECT_EQ(stats.published, 4);
  Publish(inbox_, "after");
  EXPECT_EQ(FetchTexts(*consumer), "after");
}

TEST_F(MemoryTest, ManyLargeMessagesComeInSeveralFetches) {
  const std::string large(600 * 1024, 'x');
  ASSERT_TRUE(TryPublish(inbox_, {Text(large), Text(large), Text(large)}, {}).ok());
  auto consumer = Subscribe(source_);
  const Fetched fetched = Fetch(*consumer);
  EXPECT_EQ(fetched.messages.size(), 2u);
  EXPECT_TRUE(fetched.more);
  EXPECT_TRUE(fetched.messages[0].id.blob());
}

TEST_F(MemoryTest, AChannelsSettingsAreKept) {
  EXPECT_TRUE(backend_->ReadChannel("c")->empty());
  EXPECT_TRUE(backend_->WriteChannel("c", {{"max_items", "5"}}).ok());
  EXPECT_EQ(backend_->ReadChannel("c")->at("max_items"), "5");
}

TEST_F(MemoryTest, QueuesAreListedSortedAndIdleOnesRetire) {
  Publish(QueueName::Inbox("b", "x"), "1");
  EXPECT_TRUE(Subscribe({inbox_, "-"})->Close({}).ok());
  auto reader = Subscribe({QueueName::Inbox("a", "x"), "-"});
  EXPECT_EQ(backend_->Queues()->size(), 3u);
  EXPECT_EQ(backend_->Queues()->front(), QueueName::Inbox("a", "x"));
  store_->Advance(25 * 3600 * 1000);
  EXPECT_EQ(*backend_->Queues(), (std::vector{QueueName::Inbox("a", "x"), QueueName::Inbox("b", "x")}));
}

TEST_F(MemoryTest, AfterShutdownOnlySettlingGoesOn) {
  auto consumer = Subscribe(source_);
  for (const char* text : {"a", "b", "c"}) Publish(inbox_, text);
  const Fetched fetched = Fetch(*consumer, 3);
  backend_->Shutdown();
  EXPECT_EQ(TryPublish(inbox_, {Text("d")}, {}).code(), Code::kClosed);
  EXPECT_EQ(consumer->Fetch(1, {}).code(), Code::kClosed);
  EXPECT_EQ(backend_->Subscribe(source_, {}, {}).code(), Code::kClosed);
  EXPECT_EQ(backend_->Ping().code(), Code::kClosed);
  EXPECT_EQ(backend_->Stats(inbox_).code(), Code::kClosed);
  EXPECT_EQ(Ack(source_, *consumer, fetched.messages[0]), Code::kOk);
  bool dead = false;
  EXPECT_EQ(GiveUp(source_, *consumer, fetched.messages[1], {}, &dead), Code::kOk);
  EXPECT_TRUE(consumer->GiveBack(Ids{fetched.messages[2].id}).ok());
  EXPECT_TRUE(consumer->Close({}).ok());
  EXPECT_EQ(Open(TestName())->Stats(inbox_)->stored, 2);
}

}  // namespace
}  // namespace agentmq
