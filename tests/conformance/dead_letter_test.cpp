// Dead letters: what they tell, and their way back.
#include <set>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class DeadLetterTest : public BusTest {
 protected:
  // Publishes and rejects; answers the message's id.
  std::string Bury(const char* channel, const char* agent, const char* payload, const char* reason = "no good") {
    std::string id = Put(bus_, channel, agent, payload);
    Subscription subscription = bus_.Subscribe(channel, agent, {{"prefetch", "1"}});
    const Message message = Next(subscription);
    EXPECT_EQ(message.id(), id);
    bus_.Nack(message, MQ_FAILURE_PERMANENT, kForever, reason);
    return id;
  }
};
AGENTMQ_ON_EVERY_BACKEND(DeadLetterTest);

using Strings = std::vector<std::string>;

TEST_P(DeadLetterTest, ADeadLetterTellsWhatHappened) {
  Message message(std::string_view("p\0q", 3));
  message.SetTarget("a").SetSource("s").SetType("t").SetHeader("h", "v").SetPriority(7);
  bus_.Publish("c", message);
  Subscription subscription = bus_.Subscribe("c", "a", {{"retry_attempts", "2"}});
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms, "first");
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms, "second");
  const MessageList list = bus_.DeadLetters();
  ASSERT_EQ(list.size(), 1u);
  const MessageView dead = list[0];
  EXPECT_EQ(dead.payload(), std::string_view("p\0q", 3));
  EXPECT_EQ(dead.state(), MQ_STATE_DEAD);
  EXPECT_EQ(dead.reason(), "second");
  EXPECT_EQ(dead.deliveries(), 2);
  EXPECT_EQ(dead.agent(), "a");
  EXPECT_EQ(dead.channel(), "c");
  EXPECT_EQ(dead.target(), "a");
  EXPECT_EQ(dead.source(), "s");
  EXPECT_EQ(dead.type(), "t");
  EXPECT_EQ(dead.header("h"), "v");
  EXPECT_EQ(dead.priority(), 7);
  EXPECT_EQ(dead.timestamp(), message.timestamp());
  EXPECT_NE(dead.status(), MQ_CORRUPT);
  const std::optional<Message> found = bus_.Get(std::string(dead.id()).c_str());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state(), MQ_STATE_DEAD);
  EXPECT_EQ(found->reason(), "second");
}

TEST_P(DeadLetterTest, TheNewestComeFirstWithLimitAndOffset) {
  for (const char* payload : {"1", "2", "3", "4"}) Bury("c", "a", payload);
  EXPECT_EQ(Payloads(bus_.DeadLetters()), (Strings{"4", "3", "2", "1"}));
  EXPECT_EQ(Payloads(bus_.DeadLetters({}, 2, 1)), (Strings{"3", "2"}));
  EXPECT_EQ(Payloads(bus_.DeadLetters({}, 10, 4)), Strings{});
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_dead_letters(bus_.get(), nullptr, 0, 0, &list));
  EXPECT_STATUS(MQ_INVALID, mq_dead_letters(bus_.get(), nullptr, 10001, 0, &list));
}

TEST_P(DeadLetterTest, AFilterChoosesAmongThem) {
  Bury("c", "a", "ca");
  Bury("c", "b", "cb");
  Bury("d", "a", "da");
  EXPECT_EQ(bus_.DeadLetters({{"channel", "c"}}).size(), 2u);
  EXPECT_EQ(Payloads(bus_.DeadLetters({{"channel", "c"}, {"target", "b"}})), Strings{"cb"});
  EXPECT_EQ(bus_.DeadLetters({{"channel", "nowhere"}}).size(), 0u);
}

TEST_P(DeadLetterTest, AReplayIsANewMessageWithNewAttempts) {
  const std::string first = Bury("c", "a", "x");
  const std::string dead(bus_.DeadLetters()[0].id());
  const std::string id = bus_.Replay(dead.c_str());
  EXPECT_NE(id, first);
  EXPECT_NE(id, dead);
  EXPECT_EQ(bus_.DeadLetters().size(), 0u);
  EXPECT_EQ(bus_.Count(), 1);
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message again = Next(subscription);
  EXPECT_EQ(again.id(), id);
  EXPECT_EQ(again.payload(), "x");
  EXPECT_EQ(again.deliveries(), 1);
  EXPECT_EQ(again.reason(), "");
  bus_.Ack(again);
  char* new_id = nullptr;
  EXPECT_STATUS(MQ_NOT_FOUND, mq_replay(bus_.get(), dead.c_str(), &new_id));
  EXPECT_EQ(new_id, nullptr);
}

TEST_P(DeadLetterTest, AReplayedBroadcastGoesToTheGroupThatGaveItUpAlone) {
  Subscription a = bus_.Subscribe("news", "a");
  Subscription b = bus_.Subscribe("news", "b");
  Put(bus_, "news", nullptr, "x");
  Take(bus_, b, 1);
  bus_.Nack(Next(a), MQ_FAILURE_PERMANENT);
  bus_.Replay(std::string(bus_.DeadLetters()[0].id()).c_str());
  EXPECT_EQ(Take(bus_, a, 1), Strings{"x"});
  EXPECT_FALSE(b.Fetch(kMoment));
  Subscription late = bus_.Subscribe("news", "late");
  EXPECT_FALSE(late.Fetch(kMoment));
}

TEST_P(DeadLetterTest, ALivingMessageIsNoDeadLetter) {
  const std::string id = Put(bus_, "c", "a", "x");
  EXPECT_STATUS(MQ_NOT_FOUND, mq_replay(bus_.get(), id.c_str(), nullptr));
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(DeadLetterTest, AReplayIntoAFullQueueIsRefusedAndStays) {
  Bury("c", "a", "x");
  bus_.Configure("c", {{"max_items", "1"}});
  Put(bus_, "c", "a", "fills it");
  const std::string dead(bus_.DeadLetters()[0].id());
  EXPECT_STATUS(MQ_FULL, mq_replay(bus_.get(), dead.c_str(), nullptr));
  EXPECT_EQ(bus_.DeadLetters().size(), 1u);
  bus_.Clear("c");
}

TEST_P(DeadLetterTest, AllThatFitAFilterAreReplayed) {
  for (int i = 0; i < 5; ++i) Bury("c", "a", std::to_string(i).c_str());
  Bury("d", "a", "other");
  EXPECT_EQ(bus_.ReplayAll({{"channel", "c"}}), 5);
  EXPECT_EQ(bus_.DeadLetters().size(), 1u);
  Subscription subscription = bus_.Subscribe("c", "a");
  const Strings taken = Take(bus_, subscription, 5);
  EXPECT_EQ(std::set<std::string>(taken.begin(), taken.end()), (std::set<std::string>{"0", "1", "2", "3", "4"}));
  EXPECT_EQ(bus_.ReplayAll({{"channel", "c"}}), 0);
  EXPECT_EQ(bus_.ReplayAll(), 1);
}

TEST_P(DeadLetterTest, SomeThatDoNotFitAreAPartialReplay) {
  for (int i = 0; i < 3; ++i) Bury("c", "a", "x");
  bus_.Configure("c", {{"max_items", "2"}});
  int64_t replayed = 0;
  EXPECT_STATUS(MQ_PARTIAL, mq_replay_all(bus_.get(), nullptr, &replayed));
  EXPECT_EQ(replayed, 2);
  EXPECT_EQ(bus_.DeadLetters().size(), 1u);
}

TEST_P(DeadLetterTest, ThoseThatFitAFilterArePurged) {
  Bury("c", "a", "x");
  Bury("c", "a", "y");
  Bury("d", "a", "z");
  EXPECT_EQ(bus_.PurgeDeadLetters({{"channel", "d"}}), 1);
  EXPECT_EQ(bus_.DeadLetters().size(), 2u);
  EXPECT_EQ(bus_.PurgeDeadLetters(), 2);
  EXPECT_EQ(bus_.DeadLetters().size(), 0u);
}

TEST_P(DeadLetterTest, ALargePayloadComesBackWhole) {
  const std::string payload(300'000, 'L');
  bus_.Publish("c", Text(payload, "a"));
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  EXPECT_TRUE(bus_.DeadLetters()[0].payload() == payload);
  bus_.Replay(std::string(bus_.DeadLetters()[0].id()).c_str());
  const Message again = Next(subscription);
  EXPECT_TRUE(again.payload() == payload);
  bus_.Ack(again);
}

TEST_P(DeadLetterTest, DeadLettersAreCounted) {
  Bury("c", "a", "x");
  EXPECT_EQ(Stat(bus_, "c", "dead"), 1) << bus_.Stats();
}

}  // namespace
}  // namespace agentmq::test
