#include <gtest/gtest.h>

#include "memory_fixture.hpp"

namespace agentmq {
namespace {

class MemoryLog : public MemoryTest {
 protected:
  const Source one_{log_, "one"};
  const Source two_{log_, "two"};
};

TEST_F(MemoryLog, EveryGroupGetsEveryMessageAndItsConsumersShare) {
  auto first = Subscribe(one_);
  auto second = Subscribe(one_);
  auto other = Subscribe(two_);
  Publish(log_, "a");
  Publish(log_, "b");
  EXPECT_EQ(FetchTexts(*first, 1), "a");
  EXPECT_EQ(FetchTexts(*second), "b");
  const Fetched fetched = Fetch(*other);
  EXPECT_EQ(Texts(fetched), "a b");
  for (const Delivery& message : fetched.messages) EXPECT_EQ(Ack(two_, *other, message), Code::kOk);
  EXPECT_EQ(Stats(log_).stored, 2);  // the first group still needs them
}

TEST_F(MemoryLog, AMessageLeavesWhenEveryGroupHasAcked) {
  auto first = Subscribe(one_);
  auto other = Subscribe(two_);
  const ShortId id = Publish(log_, "a");
  EXPECT_EQ(Ack(one_, *first, Fetch(*first).messages.at(0)), Code::kOk);
  EXPECT_EQ(backend_->Get(log_, id)->state, State::kQueued);
  EXPECT_TRUE(backend_->Pending(one_, 10)->empty());
  EXPECT_EQ(backend_->Pending(two_, 10)->size(), 1u);
  EXPECT_EQ(backend_->AckId(one_, id).code(), Code::kNotFound);
  EXPECT_TRUE(backend_->AckId(two_, id).ok());  // never delivered to it
  EXPECT_EQ(FetchTexts(*other), "");
  EXPECT_EQ(Stats(log_).stored, 0);
}

TEST_F(MemoryLog, ANewGroupStartsWithWhatIsKeptOrWithTheNext) {
  Publish(log_, "old", 1);
  Publish(log_, "older lane", 9);
  Publish(log_, "short", 5, 1000);
  ConsumerOptions from_now;
  from_now.from_start = false;
  store_->Advance(1000);
  auto all = Subscribe(one_);
  auto fresh = Subscribe(two_, from_now);
  Publish(log_, "new", 1);
  EXPECT_EQ(FetchTexts(*all), "older lane old new");
  EXPECT_EQ(FetchTexts(*fresh), "new");
}

TEST_F(MemoryLog, WithoutReadersItKeepsUntilMaxItems) {
  const Limits limits{3, Overflow::kReject};
  for (const char* text : {"a", "b", "c", "d"}) ASSERT_TRUE(TryPublish(log_, {Text(text)}, limits).ok());
  EXPECT_EQ(dropped_, 1);
  EXPECT_EQ(Stats(log_).stored, 3);
  auto reader = Subscribe(one_);
  const Fetched fetched = Fetch(*reader, 1);
  ASSERT_TRUE(TryPublish(log_, {Text("e"), Text("f")}, limits).ok());
  EXPECT_EQ(FetchTexts(*reader), "d e f");
  EXPECT_EQ(Ack(one_, *reader, fetched.messages[0]), Code::kNotFound);  // pushed out of the hand, too
  EXPECT_EQ(Stats(log_).dropped, 3);
}

TEST_F(MemoryLog, AckedOnesDoNotCountForMaxItems) {
  const Limits limits{2, Overflow::kReject};
  auto reader = Subscribe(one_);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(TryPublish(log_, {Text("x")}, limits).ok());
    ASSERT_EQ(dropped_, 0);
    ASSERT_EQ(Ack(one_, *reader, Fetch(*reader).messages.at(0)), Code::kOk);
  }
}

TEST_F(MemoryLog, TombstonesAreSweptAndTheOrderHolds) {
  const Limits limits{10, Overflow::kReject};
  auto reader = Subscribe(one_);
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(TryPublish(log_, {Text(std::to_string(i))}, limits).ok());
  store_->Advance(2000);
  EXPECT_EQ(Stats(log_).groups.at(0).waiting, 10);
  EXPECT_EQ(FetchTexts(*reader, 3), "4990 4991 4992");
}

TEST_F(MemoryLog, AnAbandonedGroupGoesWithWhatOnlyItNeeded) {
  ConsumerOptions options;
  options.group_ttl = 60000;
  auto lost = Subscribe(one_, options);
  auto other = Subscribe(two_, options);
  Publish(log_, "a");
  Publish(log_, "b");
  EXPECT_EQ(Ack(two_, *other, Fetch(*other, 1).messages.at(0)), Code::kOk);
  Fetch(*lost, 1);
  EXPECT_TRUE(lost->Close({}).ok());
  store_->Advance(59000);
  EXPECT_EQ(Stats(log_).groups.size(), 2u);
  store_->Advance(1000);
  EXPECT_EQ(Stats(log_).groups.size(), 1u);
  EXPECT_EQ(events_, std::vector<std::string>{"group_removed c/* one no consumer for group_ttl"});
  EXPECT_EQ(Stats(log_).stored, 1);
  EXPECT_TRUE(backend_->Pending(one_, 10)->empty());
  auto back = Subscribe(one_);  // takes the free ordinal
  EXPECT_EQ(FetchTexts(*back), "b");
  EXPECT_EQ(FetchTexts(*other), "b");
}

TEST_F(MemoryLog, AReplayGoesOnlyToTheGroupThatGaveUp) {
  auto first = Subscribe(one_);
  auto other = Subscribe(two_);
  const ShortId id = Publish(log_, "a");
  Kill(one_, *first, Fetch(*first).messages.at(0));
  EXPECT_EQ(Ack(two_, *other, Fetch(*other).messages.at(0)), Code::kOk);
  EXPECT_EQ(Stats(log_).stored, 0);
  EXPECT_EQ(backend_->Replay(log_, id, "two", {}, false).code(), Code::kNotFound);
  ASSERT_TRUE(backend_->Replay(log_, id, "one", {}, false).ok());
  EXPECT_EQ(FetchTexts(*other), "");
  EXPECT_EQ(FetchTexts(*Subscribe({log_, "three"})), "");
  EXPECT_EQ(FetchTexts(*first), "a");
}

TEST_F(MemoryLog, ADeadLetterOfAGroupThatIsGoneStays) {
  ConsumerOptions options;
  options.group_ttl = 1000;
  auto first = Subscribe(one_, options);
  const ShortId id = Publish(log_, "a");
  Kill(one_, *first, Fetch(*first).messages.at(0));
  first.reset();
  store_->Advance(2000);
  EXPECT_EQ(backend_->Replay(log_, id, "one", {}, false).code(), Code::kNotFound);
  EXPECT_EQ(Stats(log_).dead, 1);
}

TEST_F(MemoryLog, ExpiryWaitsForTheGroupThatHoldsTheMessage) {
  auto first = Subscribe(one_);
  auto other = Subscribe(two_);
  Publish(log_, "a", 5, 1000);
  const Delivery held = Fetch(*first).messages.at(0);
  store_->Advance(1000);
  EXPECT_EQ(FetchTexts(*other), "");
  EXPECT_EQ(FetchTexts(*Subscribe({log_, "three"})), "");
  EXPECT_EQ(Stats(log_).stored, 1);
  EXPECT_EQ(Ack(one_, *first, held), Code::kOk);
  EXPECT_EQ(Stats(log_).stored, 0);
}

TEST_F(MemoryLog, MoreGroupsThanBitsInAWord) {
  std::vector<std::unique_ptr<Consumer>> readers;
  for (int i = 0; i < 150; ++i) readers.push_back(Subscribe({log_, "g" + std::to_string(i)}));
  Publish(log_, "a");
  for (int i = 149; i >= 0; --i) {
    EXPECT_EQ(Stats(log_).stored, 1);
    const Delivery message = Fetch(*readers[static_cast<size_t>(i)]).messages.at(0);
    EXPECT_EQ(Ack({log_, "g" + std::to_string(i)}, *readers[static_cast<size_t>(i)], message), Code::kOk);
  }
  EXPECT_EQ(Stats(log_).stored, 0);
}

TEST_F(MemoryLog, TheStateToldIsThatOfTheGroupThatHoldsIt) {
  auto first = Subscribe(one_);
  auto other = Subscribe(two_);
  const ShortId id = Publish(log_, "a");
  EXPECT_EQ(backend_->Get(log_, id)->group, "");
  Nack nack;
  nack.delay = 1000;
  bool dead = false;
  EXPECT_EQ(GiveUp(one_, *first, Fetch(*first).messages.at(0), nack, &dead), Code::kOk);
  EXPECT_EQ(backend_->Get(log_, id)->state, State::kRetrying);
  EXPECT_EQ(backend_->Get(log_, id)->group, "one");
  Fetch(*other);
  EXPECT_EQ(backend_->Get(log_, id)->state, State::kReserved);
  EXPECT_EQ(backend_->Get(log_, id)->group, "two");
}

TEST_F(MemoryLog, AnInboxHasOnlyItsOwnGroup) {
  EXPECT_EQ(backend_->Subscribe({inbox_, "x"}, {}, {}).code(), Code::kInvalid);
}

}  // namespace
}  // namespace agentmq
