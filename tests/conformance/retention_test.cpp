// retain, retain_count, mq_seek, start: acknowledged messages that are kept, and broadcasts that are read again.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Strings = std::vector<std::string>;

class RetentionTest : public BusTest {
 protected:
  void Retain(const char* time, const char* count = "0") {
    bus_.Configure("c", {{"retain", time}, {"retain_count", count}});
  }
  // Publishes broadcasts; answers their ids.
  Strings Tell(const Strings& payloads) {
    Strings ids;
    for (const std::string& payload : payloads) ids.push_back(Put(bus_, "c", nullptr, payload));
    return ids;
  }
  int64_t Kept() { return Stat(bus_, "c", "kept"); }
  int64_t Acked() { return bus_.Count({{"channel", "c"}, {"state", "acked"}}); }
};
AGENTMQ_ON_EVERY_BACKEND(RetentionTest);

TEST_P(RetentionTest, WhatWasAcknowledgedIsKeptToBeLookedAt) {
  Retain("1h");
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string id = Put(bus_, "c", "a", "x");
  bus_.Ack(Next(subscription));
  const std::optional<Message> got = bus_.Get(id.c_str());
  ASSERT_TRUE(got);
  EXPECT_EQ(got->state(), MQ_STATE_ACKED);
  EXPECT_EQ(got->payload(), "x");
  EXPECT_EQ(bus_.Count(), 0) << "what is not acknowledged";
  EXPECT_EQ(Acked(), 1);
  EXPECT_EQ(bus_.Count({{"channel", "c"}, {"state", "!acked"}}), 0);
  EXPECT_EQ(Payloads(bus_.Find({{"channel", "c"}})), Strings{"x"});
  EXPECT_EQ(Payloads(bus_.Find({{"channel", "c"}, {"state", "!acked"}})), Strings{});
  EXPECT_EQ(Stat(bus_, "c", "stored"), 0);
  EXPECT_EQ(Kept(), 1);
  EXPECT_EQ(bus_.GetPending("c", "a").size(), 0u);
  EXPECT_FALSE(subscription.Fetch(kMoment));
}

TEST_P(RetentionTest, WithoutItNothingIsKept) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string id = Put(bus_, "c", "a", "x");
  bus_.Ack(Next(subscription));
  EXPECT_FALSE(bus_.Get(id.c_str()));
  EXPECT_EQ(Kept(), 0);
}

TEST_P(RetentionTest, AfterItsTimeItGoes) {
  Retain("300ms");
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string id = Put(bus_, "c", "a", "x");
  bus_.Ack(Next(subscription));
  EXPECT_TRUE(bus_.Get(id.c_str()));
  EXPECT_TRUE(Eventually(kPatience, [&] { return Kept() == 0; }));
  EXPECT_FALSE(bus_.Get(id.c_str()));
}

TEST_P(RetentionTest, NoMoreThanRetainCountAreKept) {
  Retain("0", "10");
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "100"}});
  bus_.PublishBatch("c", Texts(100, "a"));
  EXPECT_EQ(Take(bus_, subscription, 100).size(), 100u);
  EXPECT_EQ(Kept(), 10);
  const Strings kept = Payloads(bus_.Find({{"channel", "c"}, {"state", "acked"}}));
  EXPECT_EQ(kept.front(), "m90") << "the newest";
  EXPECT_EQ(kept.back(), "m99");
}

TEST_P(RetentionTest, WhatIsKeptCountsForNoLimit) {
  bus_.Configure("c", {{"retain", "1h"}, {"max_items", "2"}});
  Subscription subscription = bus_.Subscribe("c", "a");
  for (int i = 0; i < 5; ++i) {
    Put(bus_, "c", "a", "x");
    Put(bus_, "c", "a", "y");
    EXPECT_STATUS(MQ_FULL, mq_publish(bus_.get(), "c", Text("z", "a").get()));
    EXPECT_EQ(Take(bus_, subscription, 2), (Strings{"x", "y"}));
  }
  EXPECT_EQ(Kept(), 10);
}

TEST_P(RetentionTest, ASecondAcknowledgementFindsNothing) {
  Retain("1h");
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string id = Put(bus_, "c", "a", "x");
  const Message message = Next(subscription);
  bus_.Ack(message);
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(bus_.get(), message.get()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_nack(bus_.get(), message.get(), MQ_FAILURE_TRANSIENT, 0, nullptr));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack_id(bus_.get(), "a", id.c_str()));
}

TEST_P(RetentionTest, WhatIsSettledByIdIsKeptToo) {
  Retain("1h");
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string id = Put(bus_, "c", "a", "x");
  EXPECT_STATUS(MQ_OK, mq_ack_id(bus_.get(), "a", id.c_str()));
  EXPECT_EQ(Kept(), 1);
  EXPECT_FALSE(subscription.Fetch(kMoment));
}

TEST_P(RetentionTest, DeletingAndClearingRemoveWhatIsKept) {
  Retain("1h");
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string id = Put(bus_, "c", "a", std::string(100'000, 'x'));
  Put(bus_, "c", "a", std::string(100'000, 'y'));
  Take(bus_, subscription, 2);
  EXPECT_EQ(bus_.Get(id.c_str())->payload(), std::string(100'000, 'x')) << "a payload that is stored apart";
  EXPECT_STATUS(MQ_OK, mq_delete(bus_.get(), id.c_str()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_delete(bus_.get(), id.c_str()));
  EXPECT_FALSE(bus_.Get(id.c_str()));
  EXPECT_EQ(Kept(), 1);
  EXPECT_EQ(bus_.Clear("c"), 1);
  EXPECT_EQ(Kept(), 0);
}

TEST_P(RetentionTest, ABroadcastIsKeptWhenAllHaveAcknowledgedIt) {
  Retain("1h");
  Subscription one = bus_.Subscribe("c", "one");
  Subscription two = bus_.Subscribe("c", "two");
  Tell({"x"});
  bus_.Ack(Next(one));
  EXPECT_EQ(Kept(), 0);
  bus_.Ack(Next(two));
  EXPECT_EQ(Kept(), 1);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(RetentionTest, SeekingBringsThemAgainAndDisturbsNobody) {
  Retain("1h");
  Subscription one = bus_.Subscribe("c", "one");
  Subscription two = bus_.Subscribe("c", "two");
  Tell({"a", "b", "c"});
  EXPECT_EQ(Take(bus_, one, 3), (Strings{"a", "b", "c"}));
  EXPECT_EQ(Take(bus_, two, 2), (Strings{"a", "b"}));
  one.Seek("all");
  const Message again = Next(one);
  EXPECT_EQ(again.payload(), "a");
  EXPECT_EQ(again.deliveries(), 1);
  bus_.Ack(again);
  EXPECT_EQ(Take(bus_, one, 2), (Strings{"b", "c"}));
  EXPECT_FALSE(one.Fetch(kMoment));
  EXPECT_EQ(Take(bus_, two, 1), Strings{"c"});
  EXPECT_FALSE(two.Fetch(kMoment));
  EXPECT_EQ(Kept(), 3) << "and they are kept as before";
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(RetentionTest, SeekingTwiceAndAgainGivesTheSame) {
  Retain("1h");
  Subscription one = bus_.Subscribe("c", "one");
  Tell({"a", "b", "c"});
  Take(bus_, one, 3);
  for (int i = 0; i < 5; ++i) {
    one.Seek("all");
    if (i % 2 == 0) Take(bus_, one, 2);
  }
  EXPECT_EQ(Take(bus_, one, 1), Strings{"c"}) << "the last time two of three were taken";
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_EQ(Kept(), 3);
}

TEST_P(RetentionTest, SeekingToNewLeavesOutWhatIsThere) {
  Retain("1h");
  Subscription one = bus_.Subscribe("c", "one");
  Subscription two = bus_.Subscribe("c", "two");
  Tell({"a", "b"});
  one.Seek("new");
  Tell({"c"});
  EXPECT_EQ(Next(one).payload(), "c");
  EXPECT_EQ(Take(bus_, two, 3), (Strings{"a", "b", "c"}));
}

TEST_P(RetentionTest, WhatOnlyTheSeekerNeededGoes) {
  Subscription one = bus_.Subscribe("c", "one");
  Tell({"a", "b"});
  one.Seek("new");
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_FALSE(one.Fetch(kMoment));
}

TEST_P(RetentionTest, WhatWasInHandIsTheSeekersNoMore) {
  Retain("1h");
  Subscription one = bus_.Subscribe("c", "one");
  Tell({"a", "b", "c"});
  const Message held = Next(one);
  one.Seek("all");
  EXPECT_NE(mq_ack(bus_.get(), held.get()), MQ_OK);
  EXPECT_EQ(Take(bus_, one, 3), (Strings{"a", "b", "c"})) << "each once";
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(RetentionTest, APlaceIsAnIdOrATime) {
  Retain("1h");
  Subscription one = bus_.Subscribe("c", "one");
  const Strings ids = Tell({"a", "b", "c", "d"});
  Take(bus_, one, 3);  // the last one waits
  one.Seek(ids[1].c_str());
  EXPECT_EQ(Take(bus_, one, 3), (Strings{"b", "c", "d"}));
  const std::string at = std::to_string(bus_.Get(ids[2].c_str())->timestamp());
  Strings expected;
  for (const std::string& id : ids) {
    const auto message = bus_.Get(id.c_str());
    if (message->timestamp() >= std::stoll(at)) expected.emplace_back(message->payload());
  }
  one.Seek(at.c_str());
  EXPECT_EQ(Take(bus_, one, expected.size()), expected);
  one.Seek("-1h");
  EXPECT_EQ(Take(bus_, one, 4), (Strings{"a", "b", "c", "d"}));
  one.Seek("2030-01-31T12:00:00Z");
  EXPECT_FALSE(one.Fetch(kMoment));
}

TEST_P(RetentionTest, ANewAgentBeginsWhereItSays) {
  Retain("1h");
  Subscription one = bus_.Subscribe("c", "one");
  const Strings ids = Tell({"a", "b", "c"});
  Take(bus_, one, 2);
  Subscription all = bus_.Subscribe("c", "all");
  EXPECT_EQ(Take(bus_, all, 3), (Strings{"a", "b", "c"}));
  Subscription from = bus_.Subscribe("c", "from", {{"start", ids[1]}});
  EXPECT_EQ(Take(bus_, from, 2), (Strings{"b", "c"}));
  Subscription at = bus_.Subscribe("c", "at", {{"start", "-1h"}});
  EXPECT_EQ(Take(bus_, at, 3), (Strings{"a", "b", "c"}));
  Subscription late = bus_.Subscribe("c", "late", {{"start", "new"}});
  EXPECT_FALSE(late.Fetch(kMoment));
  Tell({"d"});
  for (Subscription* each : {&all, &from, &at, &late}) EXPECT_EQ(Next(*each).payload(), "d");
  EXPECT_EQ(Take(bus_, one, 2), (Strings{"c", "d"}));
}

TEST_P(RetentionTest, ManyAreReadAgainInOrder) {
  bus_.Configure("c", {{"retain", "1h"}, {"max_items", "500"}});
  Subscription one = bus_.Subscribe("c", "one", {{"prefetch", "1000"}});
  Strings expected;
  for (int b = 0; b < 6; ++b) {
    const std::vector<Message> batch = Texts(400, nullptr, std::to_string(b) + "-");
    bus_.PublishBatch("c", batch);
    for (const std::string& payload : Take(bus_, one, 400)) expected.push_back(payload);
  }
  EXPECT_EQ(Kept(), 2400);
  Subscription two = bus_.Subscribe("c", "two", {{"prefetch", "1000"}});
  one.Seek("all");
  Put(bus_, "c", nullptr, "live");  // what is read again makes no room
  expected.push_back("live");
  EXPECT_EQ(Take(bus_, one, expected.size()), expected);
  EXPECT_EQ(Take(bus_, two, expected.size()), expected);
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_EQ(Kept(), 2401);
}

TEST_P(RetentionTest, WhatHasExpiredDoesNotComeAgain) {
  Retain("1h");
  Subscription one = bus_.Subscribe("c", "one");
  Message brief = Text("brief");
  brief.SetTtl(300ms);
  bus_.Publish("c", brief);
  Tell({"lasting"});
  Take(bus_, one, 2);
  EXPECT_EQ(Kept(), 2) << "its time to live says how long it may wait to be delivered";
  EXPECT_FALSE(one.Fetch(400ms));
  EXPECT_EQ(Kept(), 2);
  one.Seek("all");
  EXPECT_EQ(Take(bus_, one, 1), Strings{"lasting"});
  EXPECT_FALSE(one.Fetch(kMoment));
}

TEST_P(RetentionTest, LargePayloadsAreReadAgain) {
  Retain("1h");
  const std::string large(100'000, 'x');
  Subscription one = bus_.Subscribe("c", "one");
  Tell({large});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Take(bus_, one, 1), Strings{large});
    one.Seek("all");
  }
  EXPECT_EQ(Take(bus_, one, 1), Strings{large});
}

TEST_P(RetentionTest, ASeekerForgetsWhatItWorkedOff) {
  Retain("1h");
  Subscription one = bus_.Subscribe("c", "one", {{"skip_done", "true"}});
  Tell({"a"});
  Take(bus_, one, 1);
  one.Seek("all");
  EXPECT_EQ(Next(one).payload(), "a");
}

TEST_P(RetentionTest, APlaceThatIsNoneIsRefused) {
  Subscription one = bus_.Subscribe("c", "one");
  const std::string inbox = Put(bus_, "c", "one", "x");
  const std::string other = Put(bus_, "d", nullptr, "x");
  for (const std::string& position : {std::string("yesterday"), std::string(""), inbox, other, std::string("1c/*/x")}) {
    EXPECT_STATUS(MQ_INVALID, mq_seek(one.get(), position.c_str())) << position;
  }
  EXPECT_EQ(StatusOf([&] { bus_.Subscribe("c", "two", {{"start", other}}); }), MQ_INVALID);
  EXPECT_EQ(StatusOf([&] { bus_.Subscribe("c", "two", {{"start", "some day"}}); }), MQ_INVALID);
  Subscription direct = bus_.Subscribe(MQ_DIRECT, "one");
  EXPECT_STATUS(MQ_INVALID, mq_seek(direct.get(), "all"));
  Subscription listener = bus_.Listen("c");
  EXPECT_STATUS(MQ_INVALID, mq_seek(listener.get(), "all"));
  one.Unsubscribe();
  EXPECT_STATUS(MQ_CLOSED, mq_seek(one.get(), "all"));
}

TEST_P(RetentionTest, UnderLoadNothingIsLostAndNoMoreIsKeptThanItsTime) {
  bus_.Configure("c", {{"retain", "500ms"}, {"max_items", "0"}});
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "500"}});
  std::atomic<bool> stop{false};
  std::atomic<int64_t> published{0};
  std::thread publisher([&] {
    Bus other = Open();
    while (!stop) published += static_cast<int64_t>(other.PublishBatch("c", Texts(100, "a")));
  });
  int64_t taken = 0;
  int64_t taken_long_ago = 0;
  const auto began = std::chrono::steady_clock::now();
  auto mark = began;
  int64_t most = 0;
  int64_t in_a_window = 0;  // the most that was taken in two seconds
  while (std::chrono::steady_clock::now() - began < 6s) {
    taken += static_cast<int64_t>(Take(bus_, subscription, 100).size());
    if (std::chrono::steady_clock::now() - mark < 2s) continue;
    in_a_window = std::max(in_a_window, taken - std::exchange(taken_long_ago, taken));
    mark = std::chrono::steady_clock::now();
    most = std::max(most, Kept());
  }
  stop = true;
  publisher.join();
  EXPECT_LE(most, in_a_window) << "of " << taken;
  taken += static_cast<int64_t>(Take(bus_, subscription, static_cast<size_t>(published - taken)).size());
  EXPECT_EQ(taken, published);
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_TRUE(Eventually(kPatience, [&] { return Kept() == 0; })) << Kept();
}

}  // namespace
}  // namespace agentmq::test
