// What a message tells of its failed attempts.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Json = nlohmann::json;

class HistoryTest : public BusTest {
 protected:
  static Json History(const MessageView& message) { return Json::parse(message.history()); }
  static std::string ConsumerOf(const MessageView& message) {
    const std::string receipt(message.receipt());
    const size_t end = receipt.rfind('|');
    const size_t begin = receipt.rfind('|', end - 1) + 1;
    return receipt.substr(begin, end - begin);
  }
  static std::vector<std::string> All(const Json& history, const char* field) {
    std::vector<std::string> values;
    for (const Json& attempt : history) values.push_back(attempt.at(field).get<std::string>());
    return values;
  }
};
AGENTMQ_ON_EVERY_BACKEND(HistoryTest);

using Strings = std::vector<std::string>;

TEST_P(HistoryTest, EachFailedAttemptSaysWhenWhoAndWhy) {
  int64_t before = ServerNow();
  Put(bus_, "c", "a", "x");
  Strings consumers;
  for (const char* reason : {"first", "second", "third"}) {
    Subscription subscription = bus_.Subscribe("c", "a", {{"retry_attempts", "3"}, {"consumer", reason}});
    const Message message = Next(subscription);
    EXPECT_EQ(All(History(message), "consumer"), consumers);
    consumers.push_back(ConsumerOf(message));
    bus_.Nack(message, MQ_FAILURE_TRANSIENT, 0ms, reason);
  }
  const MessageList dead = bus_.DeadLetters();
  ASSERT_EQ(dead.size(), 1u);
  const Json history = History(dead[0]);
  EXPECT_EQ(All(history, "reason"), (Strings{"first", "second", "third"}));
  EXPECT_EQ(All(history, "kind"), (Strings{"failure", "failure", "failure"}));
  EXPECT_EQ(All(history, "agent"), (Strings{"a", "a", "a"}));
  EXPECT_EQ(All(history, "consumer"), consumers);
  for (const Json& attempt : history) {
    EXPECT_GE(attempt.at("when").get<int64_t>(), before);
    before = attempt.at("when").get<int64_t>();
  }
  EXPECT_LE(before, ServerNow());
  EXPECT_EQ(dead[0].reason(), "third");
  EXPECT_EQ(History(*bus_.Get(std::string(dead[0].id()).c_str())), history);
}

TEST_P(HistoryTest, WithoutAFailedAttemptItIsEmpty) {
  const Message built("x");
  EXPECT_EQ(built.history(), "[]");
  const std::string id = Put(bus_, "c", "a", "x");
  EXPECT_EQ(bus_.Get(id.c_str())->history(), "[]");
  EXPECT_EQ(bus_.GetPending("c", "a")[0].history(), "[]");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  EXPECT_EQ(message.history(), "[]");
  bus_.Ack(message);
}

TEST_P(HistoryTest, AMessageThatIsTriedAgainTellsItWhereverItIsSeen) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 300ms, "not yet");
  const std::optional<Message> found = bus_.Get(id.c_str());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state(), MQ_STATE_RETRYING);
  EXPECT_EQ(All(History(*found), "reason"), Strings{"not yet"});
  const MessageList list = bus_.Find({{"channel", "c"}}, 10);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(All(History(list[0]), "reason"), Strings{"not yet"});
  EXPECT_EQ(All(History(bus_.GetPending("c", "a")[0]), "reason"), Strings{"not yet"});
  const Message again = Next(subscription);
  EXPECT_EQ(All(History(again), "reason"), Strings{"not yet"});
  EXPECT_EQ(All(History(*bus_.Get(id.c_str())), "reason"), Strings{"not yet"}) << "while it is in hand";
  bus_.Ack(again);
}

TEST_P(HistoryTest, APermanentFailureAndALapseHaveTheirKinds) {
  Put(bus_, "c", "a", "x");
  Subscription subscription =
      bus_.Subscribe("c", "a", {{"auto_extend", "false"}, {"visibility_timeout", "50ms"}, {"prefetch", "1"}});
  const std::string first = ConsumerOf(Next(subscription));
  const Message again = Next(subscription);
  bus_.Nack(again, MQ_FAILURE_PERMANENT, kForever, "never");
  const MessageList dead = bus_.DeadLetters();
  ASSERT_EQ(dead.size(), 1u);
  const Json history = History(dead[0]);
  EXPECT_EQ(All(history, "kind"), (Strings{"lapse", "permanent"})) << history;
  EXPECT_EQ(history[0].at("consumer"), first);
  EXPECT_NE(history[0].at("reason"), "");
  EXPECT_EQ(history[1].at("reason"), "never");
}

TEST_P(HistoryTest, TheLast16AreKept) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a", {{"retry_attempts", "20"}});
  Strings last;
  for (int i = 1; i <= 20; ++i) {
    bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms, std::to_string(i).c_str());
    if (i > 4) last.push_back(std::to_string(i));
  }
  const MessageList dead = bus_.DeadLetters();
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].deliveries(), 20);
  EXPECT_EQ(All(History(dead[0]), "reason"), last);
}

TEST_P(HistoryTest, LongReasonsAreCutBetweenCharacters) {
  const std::string fits(255, 'r');
  const std::string reason = fits + "\u00e9 and so on";
  for (const std::string& whole :
       {reason, std::string(65536, 'r'), std::string(256, 'r'), std::string("a|b ~ \n\x01 c")}) {
    Put(bus_, "c", "a", "x");
    Subscription subscription = bus_.Subscribe("c", "a");
    bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms, whole.c_str());
    const Message again = Next(subscription);
    EXPECT_EQ(again.reason(), whole);
    const std::string kept = whole == reason ? fits : whole.substr(0, 256);
    EXPECT_EQ(All(History(again), "reason"), Strings{kept});
    bus_.Ack(again);
  }
}

TEST_P(HistoryTest, EachGroupOfABroadcastHasItsOwn) {
  Subscription one = bus_.Subscribe("news", "type:one|x", {{"consumer", "k|s"}});
  Subscription two = bus_.Subscribe("news", "two");
  Put(bus_, "news", nullptr, "x");
  const Message at_one = Next(one);
  const std::string consumer = ConsumerOf(at_one);
  bus_.Nack(at_one, MQ_FAILURE_TRANSIENT, 0ms, "of one");
  bus_.Nack(Next(two), MQ_FAILURE_PERMANENT, kForever, "of two");
  const Message again = Next(one);
  const Json history = History(again);
  EXPECT_EQ(All(history, "reason"), Strings{"of one"});
  EXPECT_EQ(All(history, "agent"), Strings{"type:one|x"});
  EXPECT_EQ(All(history, "consumer"), Strings{consumer});
  bus_.Nack(again, MQ_FAILURE_PERMANENT, kForever, "gone");
  const MessageList dead = bus_.DeadLetters({{"agent", "two"}});
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(All(History(dead[0]), "reason"), Strings{"of two"});
  EXPECT_EQ(All(History(dead[0]), "agent"), Strings{"two"});
}

TEST_P(HistoryTest, ASettledMessageLeavesNoneToTheNext) {
  Subscription subscription = bus_.Subscribe("c", "a");
  Put(bus_, "c", "a", "x");
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms, "no");
  Take(bus_, subscription, 1);
  Put(bus_, "c", "a", "y");
  const Message next = Next(subscription);
  EXPECT_EQ(next.history(), "[]");
  bus_.Ack(next);
}

// More than goes into one answer of a server.
TEST_P(HistoryTest, ManyRetriesWithLongHistoriesComeAll) {
  constexpr size_t kMany = 600;
  constexpr size_t kRounds = 6;
  bus_.PublishBatch("c", Texts(kMany, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"retry_attempts", "20"}, {"prefetch", "600"}});
  const std::string reason(300, 'r');
  for (size_t round = 0; round <= kRounds; ++round) {
    std::vector<Message> held;
    while (held.size() < kMany) {
      MessageList list = subscription.FetchBatch(1000, kPatience);
      ASSERT_FALSE(list.empty());
      for (size_t i = 0; i < list.size(); ++i) held.push_back(std::move(*list.Take(i)));
    }
    for (const Message& message : held) {
      ASSERT_EQ(History(message).size(), round);
      if (round < kRounds) bus_.Nack(message, MQ_FAILURE_TRANSIENT, 0ms, reason.c_str());
    }
    if (round == kRounds) {
      for (const Message& message : held) bus_.AckAsync(message);
    }
  }
  EXPECT_TRUE(bus_.Flush(kPatience));
  EXPECT_EQ(bus_.Count(), 0);
}

}  // namespace
}  // namespace agentmq::test
