// What the reference allows where a call takes so long that times end within it: a run seldom meets that.
#include <gtest/gtest.h>

#include "model/reference.hpp"

namespace agentmq::test::model {
namespace {

const QueueId kInbox{"orders", "crew"};

Sent Stored(const std::string& id, int priority, int64_t expires = 0) {
  Sent sent;
  sent.id = sent.payload = id;
  sent.priority = priority;
  sent.expires = expires;
  return sent;
}

Delivered First(const std::string& id, int priority) { return {id, id, priority, 1, 0}; }

// The fetch took three messages: one expired before it was handed out, so that two of three were, and one more than
// those may be at hand, ahead of what comes later.
TEST(ReferenceTest, WhatExpiresOnItsWayHereCountsAmongWhatWasTaken) {
  for (const int64_t began : {995, 1010}) {
    Reference reference(3, true);
    Consumer consumer;
    consumer.channel = "orders";
    consumer.agent = "crew:2";
    const int number = reference.Subscribed(consumer, {900, 900});
    reference.NextStep();
    ASSERT_EQ(reference.Published(kInbox, {Stored("expires", 5, 1000), Stored("taken", 5), Stored("left", 5)}, 3, MQ_OK,
                                  {900, 900}),
              "");
    reference.NextStep();
    ASSERT_EQ(reference.Fetched(number, 2, MQ_OK, {First("taken", 5)}, {began, 1020}), "");
    reference.NextStep();
    ASSERT_EQ(reference.Published(kInbox, {Stored("greater", 9)}, 1, MQ_OK, {1030, 1030}), "");
    reference.NextStep();
    const Verdict verdict = reference.Fetched(number, 1, MQ_OK, {First("left", 5)}, {1040, 1040});
    if (began < 1000) {
      EXPECT_EQ(verdict, "");
    } else {
      EXPECT_NE(verdict.find("was delivered before"), std::string::npos) << "it had expired before";
    }
  }
}

}  // namespace
}  // namespace agentmq::test::model
