// W3C Trace Context: carried byte for byte, made where it is absent and tracing is on, continued by replies.
#include <regex>
#include <set>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

constexpr const char* kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr const char* kState = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE , \t odd=1";

std::string ParentOf(const MessageView& message) { return std::string(message.header("traceparent").value_or("")); }
std::string TraceOf(const std::string& parent) { return parent.substr(0, 36); }  // version and trace id

bool IsFresh(const std::string& parent) {
  static const std::regex kForm("00-[0-9a-f]{32}-[0-9a-f]{16}-01");
  return std::regex_match(parent, kForm) && TraceOf(parent) != "00-" + std::string(32, '0') + "-" &&
         parent.substr(36, 16) != std::string(16, '0');
}

class TraceTest : public BusTest {
 protected:
  Bus traced_ = Open({{"trace", "true"}});
};
AGENTMQ_ON_EVERY_BACKEND(TraceTest);

TEST_P(TraceTest, ItIsCarriedThroughRetriesDeadLettersAndReplay) {
  Subscription subscription = bus_.Subscribe("c", "a", {{"backoff_base", "0"}, {"backoff_jitter", "0"}});
  traced_.Publish("c", std::move(Text("x", "a").SetHeader("traceparent", kParent).SetHeader("tracestate", kState)));
  const auto expect_carried = [](const MessageView& message) {
    EXPECT_EQ(message.header("traceparent"), kParent);
    EXPECT_EQ(message.header("tracestate"), kState);
    EXPECT_EQ(message.headers().size(), 2u);
  };
  for (const mq_failure failure : {MQ_FAILURE_TRANSIENT, MQ_FAILURE_PERMANENT}) {
    const Message message = Next(subscription);
    expect_carried(message);
    bus_.Nack(message, failure);
  }
  const MessageList dead = traced_.DeadLetters();
  ASSERT_EQ(dead.size(), 1u);
  expect_carried(dead[0]);
  traced_.Replay(std::string(dead[0].id()).c_str());
  const Message replayed = Next(subscription);
  expect_carried(replayed);
  expect_carried(Message::Copy(replayed));
}

TEST_P(TraceTest, WithoutTracingNoneIsMade) {
  bus_.Publish("c", Text("x", "a"));
  EXPECT_EQ(ParentOf(bus_.Find()[0]), "");
}

TEST_P(TraceTest, EachWayOfPublishingMakesOneWhereItIsAbsent) {
  Subscription listener = bus_.Listen("*");
  const Message mine = Text("one", "a");
  traced_.Publish("c", mine);
  EXPECT_TRUE(IsFresh(ParentOf(mine))) << "the sender sees it too";
  traced_.Publish("c", std::move(Text("told", "a").SetMode(MQ_MODE_BOTH)));
  traced_.PublishBatch("c", Texts(2, "a"));
  traced_.SendTo("a", Message("direct"));
  traced_.PublishAsync("c", Text("async", "a"));
  EXPECT_TRUE(traced_.Flush(kPatience));
  EXPECT_TRUE(IsFresh(ParentOf(Next(listener))));
  const MessageList found = bus_.Find();
  ASSERT_EQ(found.size(), 6u);
  std::set<std::string> parents;
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_TRUE(IsFresh(ParentOf(found[i]))) << ParentOf(found[i]);
    EXPECT_FALSE(found[i].header("tracestate"));
    parents.insert(TraceOf(ParentOf(found[i])));
  }
  EXPECT_EQ(parents.size(), 6u) << "each begins a trace";
}

TEST_P(TraceTest, TheCopiesForManyTargetsAreOneTrace) {
  const MessageList sent = traced_.PublishMany("c", Message("x"), {"a", "b", "c"});
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_TRUE(IsFresh(ParentOf(sent[0])));
  for (size_t i = 1; i < 3; ++i) EXPECT_EQ(TraceOf(ParentOf(sent[i])), TraceOf(ParentOf(sent[0])));
}

TEST_P(TraceTest, WhatIsNoTraceParentIsCarriedAndNotContinued) {
  const char* const wrong = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
  const Message request =
      std::move(Message("?").SetReplyTo("a").SetHeader("traceparent", wrong).SetHeader("tracestate", kState));
  traced_.SendTo("worker", request);
  EXPECT_EQ(ParentOf(request), wrong);
  const Message untraced("x");
  bus_.Reply(request, untraced);
  EXPECT_EQ(ParentOf(untraced), "");
  EXPECT_FALSE(untraced.header("tracestate"));
  const Message traced("x");
  traced_.Reply(request, traced);
  EXPECT_TRUE(IsFresh(ParentOf(traced)));
  EXPECT_FALSE(traced.header("tracestate"));
}

TEST_P(TraceTest, AReplyGoesOnInTheTraceOfItsRequest) {
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  worker.Consume([&](const MessageView& request) {
    bus_.Reply(request, Message("yes"));
    return MQ_VERDICT_ACK;
  });
  const Message question = std::move(Message("?").SetHeader("tracestate", kState));
  const std::optional<Message> reply = traced_.Request("worker", question, kPatience);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(IsFresh(ParentOf(question)));
  EXPECT_TRUE(IsFresh(ParentOf(*reply)));
  EXPECT_EQ(TraceOf(ParentOf(*reply)), TraceOf(ParentOf(question)));
  EXPECT_NE(ParentOf(*reply), ParentOf(question));
  EXPECT_EQ(reply->header("tracestate"), kState);
}

TEST_P(TraceTest, WhatIsNotSampledStaysSoAndAReplysOwnTraceIsKept) {
  const std::string off = std::string(kParent).substr(0, 53) + "00";
  const Message request = std::move(Message("?").SetReplyTo("a").SetHeader("traceparent", off.c_str()));
  const Message reply("x");
  traced_.Reply(request, reply);
  EXPECT_EQ(TraceOf(ParentOf(reply)), TraceOf(off));
  EXPECT_EQ(ParentOf(reply).substr(52), "-00");
  const Message own = std::move(Message("x").SetHeader("traceparent", kParent));
  traced_.Reply(request, own);
  EXPECT_EQ(ParentOf(own), kParent);
}

}  // namespace
}  // namespace agentmq::test
