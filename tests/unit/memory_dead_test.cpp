#include <gtest/gtest.h>

#include "memory_fixture.hpp"

namespace agentmq {
namespace {

class MemoryDead : public MemoryTest {};

TEST_F(MemoryDead, WhatIsOutOfAttemptsOrPermanentIsDead) {
  auto consumer = Subscribe(source_);
  const ShortId id = Publish(inbox_, "poison", 7);
  Nack nack;
  nack.retry_attempts = 2;
  nack.reason = "boom";
  bool dead = false;
  EXPECT_EQ(GiveUp(source_, *consumer, Fetch(*consumer).messages.at(0), nack, &dead), Code::kOk);
  EXPECT_FALSE(dead);
  nack.status = Code::kCorrupt;
  EXPECT_EQ(GiveUp(source_, *consumer, Fetch(*consumer).messages.at(0), nack, &dead), Code::kOk);
  EXPECT_TRUE(dead);
  const Found letter = *backend_->GetDead(inbox_, id, "-");
  EXPECT_EQ(letter.record, "1=poison");
  EXPECT_EQ(letter.state, State::kDead);
  EXPECT_EQ(letter.status, Code::kCorrupt);
  EXPECT_EQ(letter.tries.failures, 2);
  EXPECT_EQ(letter.tries.reason(), "boom");
  EXPECT_EQ(letter.consumer, consumer->incarnation());
  EXPECT_NEAR(static_cast<double>(letter.time_of_death), static_cast<double>(store_->Now()), 5000);
  EXPECT_EQ(backend_->Get(inbox_, id).code(), Code::kNotFound);
  EXPECT_EQ(Stats(inbox_).dead, 1);
  EXPECT_EQ(Stats(inbox_).corrupt, 1);
  EXPECT_EQ(Stats(inbox_).dead_lettered, 1);
}

TEST_F(MemoryDead, AReplayIsANewMessageWithFreshTries) {
  auto consumer = Subscribe(source_);
  const ShortId id = Publish(inbox_, "again", 7, 60000);
  Kill(source_, *consumer, Fetch(*consumer).messages.at(0));
  const Limits limits{1, Overflow::kReject};
  Publish(inbox_, "in the way");
  EXPECT_EQ(backend_->Replay(inbox_, id, "-", limits, false).code(), Code::kFull);
  const Result<ShortId> new_id = backend_->Replay(inbox_, id, "-", {}, false);
  ASSERT_TRUE(new_id.ok());
  EXPECT_NE(*new_id, id);
  EXPECT_EQ(new_id->priority(), 7);
  EXPECT_EQ(backend_->Replay(inbox_, id, "-", {}, false).code(), Code::kNotFound);
  const Fetched fetched = Fetch(*consumer);
  EXPECT_EQ(Texts(fetched), "again in the way");
  EXPECT_EQ(fetched.messages[0].tries.total(), 0);
  ASSERT_TRUE(consumer->GiveBack(Ids{*new_id}).ok());
  store_->Advance(61000);  // the time to live starts anew, and ends
  EXPECT_EQ(FetchTexts(*consumer), "");
}

TEST_F(MemoryDead, DeadLettersAreWalkedNewestFirstPurgedAndCapped) {
  auto consumer = Subscribe(source_);
  Ids ids;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(TryPublish(inbox_, std::vector<Outgoing>(1001, Text("x")), {}, &ids).ok());
    // One call takes no more than fits, so it may need several.
    for (Fetched fetched = Fetch(*consumer, 1001); !fetched.messages.empty(); fetched = Fetch(*consumer, 1001)) {
      for (const Delivery& message : fetched.messages) Kill(source_, *consumer, message);
    }
  }
  EXPECT_EQ(Stats(inbox_).dead, 10000);
  EXPECT_EQ(Stats(inbox_).dead_lettered, 10010);
  EXPECT_EQ(Stats(inbox_).dropped, 10);
  Ids walked;
  ASSERT_TRUE(backend_
                  ->WalkDead(inbox_,
                             [&](Found&& letter) {
                               walked.push_back(letter.id);
                               return walked.size() < 500;
                             })
                  .ok());
  EXPECT_EQ(walked, Ids(ids.rbegin(), ids.rbegin() + 500));
  EXPECT_EQ(backend_->GetDead(inbox_, ids.front(), "-").code(), Code::kNotFound);
  EXPECT_TRUE(backend_->PurgeDead(inbox_, ids.back(), "-").ok());
  EXPECT_EQ(backend_->PurgeDead(inbox_, ids.back(), "-").code(), Code::kNotFound);
  EXPECT_EQ(Stats(inbox_).dead, 9999);
}

}  // namespace
}  // namespace agentmq
