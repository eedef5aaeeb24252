#include <nlohmann/json.hpp>

#include "bus_fixture.hpp"

namespace agentmq {
namespace {

using Json = nlohmann::json;

class WholeBusTest : public BusTest {
 protected:
  // Gives a message up for good; answers its dead letter's id.
  std::string Bury(Bus& bus, const char* channel, const char* agent, const std::string& payload) {
    Publish(bus, channel, agent, payload);
    const auto reader = Subscribe(bus, channel, agent);
    const auto message = reader->FetchOne(Within(1000));
    EXPECT_TRUE(message.ok());
    EXPECT_TRUE(bus.Nack(**message, Failure::kPermanent, -1, "no good").ok());
    const auto dead = bus.DeadLetters(nullptr, 1, 0);
    EXPECT_TRUE(dead.ok() && dead->size() == 1);
    return dead->front()->id();
  }
  static int64_t Count(Bus& bus, const std::vector<std::pair<std::string, std::string>>& filter) {
    const Config config = ConfigOf(filter);
    const auto count = bus.Count(&config);
    EXPECT_TRUE(count.ok()) << count.status().text();
    return count.ok() ? *count : -1;
  }
  static std::vector<std::string> Payloads(const Result<Messages>& messages) {
    std::vector<std::string> payloads;
    EXPECT_TRUE(messages.ok()) << messages.status().text();
    if (!messages.ok()) return payloads;
    for (const auto& message : *messages) payloads.emplace_back(message->payload());
    return payloads;
  }
};

TEST_F(WholeBusTest, AcksInBatchesTellOfEach) {
  const auto bus = Open();
  const auto one = Subscribe(*bus, "c", "a");
  const auto two = Subscribe(*bus, "d", "a");
  Publish(*bus, "c", "a", "1");
  Publish(*bus, "c", "a", "2");
  Publish(*bus, "d", "a", "3");
  Messages messages;
  ASSERT_TRUE(one->Fetch(10, Within(0), &messages).ok());
  messages.push_back(std::move(*two->FetchOne(Within(0))));
  messages.push_back(nullptr);
  messages.push_back(To("a", "never received"));
  std::vector<int32_t> results(5, -1);
  size_t acked = 0;
  EXPECT_EQ(bus->AckBatch(messages, results.data(), &acked).code(), Code::kPartial);
  EXPECT_EQ(acked, 3U);
  const auto invalid = static_cast<int32_t>(Code::kInvalid);
  EXPECT_EQ(results, (std::vector<int32_t>{0, 0, 0, invalid, invalid}));
  EXPECT_EQ(faults_->acks, 1);
  messages.resize(3);
  EXPECT_EQ(bus->AckBatch(messages, results.data(), &acked).code(), Code::kNotFound);
  EXPECT_TRUE(bus->AckBatch({}, nullptr, nullptr).ok());
}

TEST_F(WholeBusTest, ReceiptsSettleFromAnotherBus) {
  const auto bus = Open();
  const auto other = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  for (int i = 0; i < 3; ++i) Publish(*bus, "c", "a", std::to_string(i));
  Messages messages;
  ASSERT_TRUE(reader->Fetch(3, Within(0), &messages).ok());
  const char* receipts[] = {messages[0]->receipt(), "nonsense"};
  int32_t results[2] = {};
  size_t acked = 0;
  EXPECT_EQ(other->AckReceipts(receipts, results, &acked).code(), Code::kPartial);
  EXPECT_EQ(acked, 1U);
  EXPECT_EQ(results[1], static_cast<int32_t>(Code::kInvalid));
  EXPECT_TRUE(other->ExtendReceipt(messages[1]->receipt(), 60000).ok());
  EXPECT_TRUE(other->NackReceipt(messages[1]->receipt(), Failure::kTransient, -1, "later").ok());
  EXPECT_TRUE(other->NackReceipt(messages[2]->receipt(), Failure::kPermanent, -1, "never").ok());
  EXPECT_EQ(bus->Ack(*messages[1]).code(), Code::kStale);
  EXPECT_EQ(Count(*bus, {{"state", "retrying"}}), 1);
  EXPECT_EQ(bus->DeadLetters(nullptr, 10, 0)->size(), 1U);
}

TEST_F(WholeBusTest, ExtendingSetsANewDeadline) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  Publish(*bus, "c", "a", "x");
  const auto message = reader->FetchOne(Within(0));
  EXPECT_TRUE(bus->Extend(**message, 60000).ok());
  EXPECT_GE((*message)->reserved_until(), (*message)->timestamp() + 60000);
  EXPECT_EQ(bus->Extend(**message, 0).code(), Code::kInvalid);
  EXPECT_EQ(bus->Extend(*To("a", "x"), 1000).code(), Code::kInvalid);
  EXPECT_EQ(bus->Nack(**message, Failure::kTransient, -2, "").code(), Code::kInvalid);
  EXPECT_EQ(bus->Nack(**message, Failure::kTransient, 0, "\xff").code(), Code::kInvalid);
  EXPECT_EQ(bus->Nack(*To("a", "x"), Failure::kTransient, 0, "").code(), Code::kInvalid);
}

TEST_F(WholeBusTest, PendingIsByPriorityOverQueuesAndCanBeAcked) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "w:1");
  Publish(*bus, "c", "w:1", "own", 1);
  Publish(*bus, "c", "w", "type", 9);
  Publish(*bus, "c", nullptr, "all", 5);
  Publish(*bus, "d", "w:1", "elsewhere", 7);
  Publish(*bus, "c", "v", "another's", 9);
  EXPECT_EQ(Payloads(bus->Pending({}, "w:1", 10)), (std::vector<std::string>{"type", "elsewhere", "all", "own"}));
  EXPECT_EQ(Payloads(bus->Pending("c", "w:1", 2)), (std::vector<std::string>{"type", "all"}));
  EXPECT_EQ(Payloads(bus->Pending("d", {}, 10)), (std::vector<std::string>{"elsewhere"}));
  EXPECT_EQ(bus->Pending({}, {}, 10)->size(), 5U);
  EXPECT_EQ(bus->Pending({}, {}, 0).code(), Code::kInvalid);
  EXPECT_EQ(bus->Pending({}, {}, 10001).code(), Code::kInvalid);
  const auto pending = bus->Pending("c", "w:1", 10);
  EXPECT_STREQ((*pending)[1]->agent(), "w:1");
  for (const auto& message : *pending) EXPECT_TRUE(bus->Ack(*message).ok());
  EXPECT_EQ(Next(*reader), StatusText(Code::kTimeout));
}

TEST_F(WholeBusTest, AcksByIdAreForAnAgentThatReadsIt) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  const auto inbox = To("a", "x");
  const auto log = std::make_unique<Message>("y");
  ASSERT_TRUE(bus->Publish("c", *inbox, {}).ok());
  ASSERT_TRUE(bus->Publish("c", *log, {}).ok());
  EXPECT_EQ(bus->AckId("b", inbox->id()).code(), Code::kNotFound);
  EXPECT_TRUE(bus->AckId({}, inbox->id()).ok());
  EXPECT_EQ(bus->AckId({}, log->id()).code(), Code::kInvalid);
  EXPECT_TRUE(bus->AckId("a", log->id()).ok());
  EXPECT_EQ(bus->AckId("a", "nonsense").code(), Code::kInvalid);
  EXPECT_EQ(Next(*reader), StatusText(Code::kTimeout));
}

TEST_F(WholeBusTest, WhatWasLookedUpIsAckedOnlyWhereItIsClearForWhom) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  const auto inbox = To("a", "x");
  const auto log = std::make_unique<Message>("y");
  ASSERT_TRUE(bus->Publish("c", *inbox, {}).ok());
  ASSERT_TRUE(bus->Publish("c", *log, {}).ok());
  EXPECT_TRUE(bus->Ack(**bus->Get(inbox->id())).ok());
  EXPECT_EQ(bus->Ack(**bus->Get(log->id())).code(), Code::kInvalid);
  EXPECT_EQ(Next(*reader), "y");
}

TEST_F(WholeBusTest, FindsAndCountsByEachField) {
  const auto bus = Open({{"source", "me"}});
  for (int i = 0; i < 5; ++i) Publish(*bus, "c", "a", std::to_string(i));
  Publish(*bus, "c", nullptr, "all");
  auto typed = To("b", "typed");
  ASSERT_TRUE(typed->Set(Property::kType, "t").ok());
  ASSERT_TRUE(typed->Set(Property::kSource, "you").ok());
  ASSERT_TRUE(bus->Publish("d", *typed, {}).ok());
  const auto held = Subscribe(*bus, "c", "a", {{"prefetch", "1"}})->FetchOne(Within(0));
  EXPECT_EQ(Count(*bus, {}), 7);
  EXPECT_EQ(Count(*bus, {{"channel", "c"}}), 6);
  EXPECT_EQ(Count(*bus, {{"target", "a"}}), 5);
  EXPECT_EQ(Count(*bus, {{"channel", "c"}, {"target", "a"}}), 5);
  EXPECT_EQ(Count(*bus, {{"source", "me"}}), 6);
  EXPECT_EQ(Count(*bus, {{"type", "t"}}), 1);
  EXPECT_EQ(Count(*bus, {{"state", "reserved"}}), 1);
  EXPECT_EQ(Count(*bus, {{"state", "!reserved"}}), 6);
  EXPECT_EQ(Count(*bus, {{"state", "queued,reserved"}}), 7);
  EXPECT_EQ(Count(*bus, {{"state", "dead"}}), 0);
  EXPECT_EQ(Count(*bus, {{"since", "-1h"}}), 7);
  EXPECT_EQ(Count(*bus, {{"until", "-1h"}}), 0);
  const Config inbox = ConfigOf({{"channel", "c"}, {"target", "a"}});
  EXPECT_EQ(Payloads(bus->Find(&inbox, 2, 1)), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(Payloads(bus->Find(&inbox, 2, 9)), (std::vector<std::string>{}));
  EXPECT_EQ(bus->Find(&inbox, 0, 0).code(), Code::kInvalid);
  const Config wrong = ConfigOf({{"prefetch", "1"}});
  EXPECT_EQ(bus->Count(&wrong).code(), Code::kInvalid);
}

TEST_F(WholeBusTest, DeadLettersComeNewestFirstAndGoBack) {
  const auto bus = Open({{"log_level", "info"}});
  const std::string first = Bury(*bus, "c", "a", "first");
  std::this_thread::sleep_for(std::chrono::milliseconds(2));  // they are told apart by the time of their death
  const std::string second = Bury(*bus, "d", "b", "second");
  EXPECT_EQ(Payloads(bus->DeadLetters(nullptr, 10, 0)), (std::vector<std::string>{"second", "first"}));
  EXPECT_EQ(Payloads(bus->DeadLetters(nullptr, 10, 1)), (std::vector<std::string>{"first"}));
  const Config on_c = ConfigOf({{"channel", "c"}});
  EXPECT_EQ(Payloads(bus->DeadLetters(&on_c, 10, 0)), (std::vector<std::string>{"first"}));
  EXPECT_EQ(Count(*bus, {{"state", "dead"}}), 2);
  EXPECT_EQ(Count(*bus, {{"state", "!acked"}}), 0);
  const auto dead = bus->Get(first);
  ASSERT_TRUE(dead.ok());
  EXPECT_EQ((*dead)->state(), State::kDead);
  EXPECT_STREQ((*dead)->reason(), "no good");
  EXPECT_EQ(bus->Ack(**dead).code(), Code::kInvalid);
  const auto replayed = bus->Replay(first);
  ASSERT_TRUE(replayed.ok());
  EXPECT_EQ((*bus->Get(*replayed))->payload(), "first");
  EXPECT_EQ(bus->Replay(first).code(), Code::kNotFound);
  EXPECT_EQ(bus->Replay(*replayed).code(), Code::kNotFound);
  int64_t count = -1;
  EXPECT_TRUE(bus->ReplayAll(&on_c, &count).ok());
  EXPECT_EQ(count, 0);
  EXPECT_TRUE(bus->ReplayAll(nullptr, &count).ok());
  EXPECT_EQ(count, 1);
  EXPECT_EQ(Next(*Subscribe(*bus, "d", "b")), "second");
  const std::string third = Bury(*bus, "e", "a", "third");
  EXPECT_TRUE(bus->Delete(third).ok());
  (void)Bury(*bus, "e", "a", "fourth");
  EXPECT_EQ(*bus->PurgeDead(nullptr), 1);
  EXPECT_EQ(bus->DeadLetters(nullptr, 10, 0)->size(), 0U);
  EXPECT_EQ(Logged("dead_lettered"), 4U);
  EXPECT_EQ(Logged("replayed"), 2U);
}

TEST_F(WholeBusTest, DeletesAndClears) {
  const auto bus = Open({{"log_level", "info"}});
  const auto message = To("a", "x");
  ASSERT_TRUE(bus->Publish("c", *message, {}).ok());
  EXPECT_TRUE(bus->Delete(message->id()).ok());
  EXPECT_EQ(bus->Delete(message->id()).code(), Code::kNotFound);
  Publish(*bus, "c", "a", "x");
  Publish(*bus, "d", "a", "x");
  Publish(*bus, "", "a", "x");
  EXPECT_EQ(*bus->Clear("c"), 1);
  EXPECT_EQ(*bus->Clear(""), 1);
  EXPECT_EQ(*bus->Clear("*"), 1);
  EXPECT_EQ(bus->Clear("\n").code(), Code::kInvalid);
  EXPECT_EQ(*bus->Recover({}), 0);
  EXPECT_EQ(*bus->Recover("a:1"), 0);
  EXPECT_EQ(Logged("cleared"), 3U);
}

TEST_F(WholeBusTest, StatsCountEachQueueAndGroup) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a%b", {{"prefetch", "1"}});
  Publish(*bus, "c", "a%b", "1", 9);
  Publish(*bus, "c", "a%b", "2");
  Publish(*bus, "c", nullptr, "3");
  const auto held = reader->FetchOne(Within(0));
  const auto stats = bus->Stats("c");
  ASSERT_TRUE(stats.ok());
  const Json json = Json::parse(*stats);
  EXPECT_EQ(json["totals"]["stored"], 3);
  EXPECT_EQ(json["totals"]["published"], 3);
  EXPECT_EQ(json["totals"]["lag"], 3);
  ASSERT_EQ(json["queues"].size(), 2U);
  for (const Json& queue : json["queues"]) {
    EXPECT_EQ(queue["channel"], "c");
    EXPECT_EQ(queue["groups"][0]["agent"], "a%b");
  }
  EXPECT_EQ(Json::parse(*bus->Stats("nobody"))["queues"].size(), 0U);
  EXPECT_EQ(bus->Stats("\n").code(), Code::kInvalid);
}

TEST_F(WholeBusTest, HealthLooksAtServerAndSubscriptions) {
  const auto bus = Open({{"reconnect_base", "1ms"}});
  const auto reader = Subscribe(*bus, "c", "a");
  EXPECT_EQ(Next(*reader), StatusText(Code::kTimeout));
  auto health = bus->Health();
  ASSERT_TRUE(health.ok());
  EXPECT_EQ(health->state, HealthState::kHealthy) << health->json;
  Json json = Json::parse(health->json);
  EXPECT_EQ(json["state"], "healthy");
  EXPECT_TRUE(json["queue_round_trip"]["ok"]);
  EXPECT_EQ(json["latency"]["count"], 1);
  EXPECT_EQ(json["subscriptions"][0]["agent"], "a");
  EXPECT_EQ(*bus->Count(nullptr), 0);
  EXPECT_EQ(Json::parse(*bus->Stats({}))["totals"]["published"], 0);  // the check's own channel is private
  faults_->fetch = Code::kUnavailable;
  EXPECT_EQ(Next(*reader), StatusText(Code::kUnavailable));
  EXPECT_NE(bus->Health()->state, HealthState::kHealthy);
  faults_->publish = Code::kUnavailable;
  health = bus->Health();
  EXPECT_EQ(health->state, HealthState::kUnhealthy);
  EXPECT_FALSE(Json::parse(health->json)["ping"]["ok"]);
}

TEST_F(WholeBusTest, AClosedBusAnswersClosed) {
  const auto bus = Open({{"log_level", "debug"}});
  EXPECT_EQ(bus->NextLog(Within(0)).code(), Code::kTimeout);
  const auto message = To("a", "x");
  ASSERT_TRUE(bus->Publish("c", *message, {}).ok());
  bus->Shutdown();
  EXPECT_EQ(bus->Publish("c", *message, {}).code(), Code::kClosed);
  EXPECT_EQ(bus->Count(nullptr).code(), Code::kClosed);
  EXPECT_EQ(bus->Subscribe("c", "a", nullptr).code(), Code::kClosed);
  EXPECT_EQ(bus->Health().code(), Code::kClosed);
  EXPECT_EQ(bus->Configure("c", Config()).code(), Code::kClosed);
  EXPECT_TRUE(bus->Close().ok());
  EXPECT_TRUE(bus->Close().ok());
  EXPECT_EQ(bus->Ack(*message).code(), Code::kClosed);
  EXPECT_EQ(bus->AckId({}, message->id()).code(), Code::kClosed);
  EXPECT_EQ(Logged("opened"), 1U);
  EXPECT_EQ(Logged("published"), 1U);
  EXPECT_EQ(Logged("closed"), 1U);
}

TEST_F(WholeBusTest, WhatABusHeldGoesToOthersWhenItIsClosed) {
  auto bus = Open();
  const auto other = Open();
  const auto reader = Subscribe(*bus, "c", "a", {{"visibility_timeout", "100ms"}});
  Publish(*bus, "c", "a", "x");
  const auto held = reader->FetchOne(Within(0));
  ASSERT_TRUE(held.ok());
  EXPECT_TRUE(bus->Close().ok());
  bus.reset();
  EXPECT_EQ(Next(*Subscribe(*other, "c", "a"), 10000), "x");
}

}  // namespace
}  // namespace agentmq
