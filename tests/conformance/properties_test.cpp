// What a message carries, and how it may be changed.
#include <cstring>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class PropertiesTest : public BusTest {
 protected:
  Message RoundTrip(const Message& message) {
    bus_.Publish("c", message);
    Subscription subscription = bus_.Subscribe("c", "a");
    return Next(subscription);
  }
};
AGENTMQ_ON_EVERY_BACKEND(PropertiesTest);

TEST_P(PropertiesTest, EveryPropertySurvivesTheTrip) {
  Message message(std::string_view("p\0q", 3));
  message.SetTarget("a").SetSource("süd:1").SetType("task {x}").SetCorrelationId("c\t%2F\n*").SetReplyTo("back/here");
  message.SetContentType("text/plain; charset=utf-8").SetPriority(200).SetTtl(1h);
  message.SetHeader("one", "1").SetHeader("Zwei", "日本").SetHeader("empty", "");
  bus_.Publish("c", message);
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message got = Next(subscription);
  EXPECT_EQ(got.payload(), std::string_view("p\0q", 3));
  EXPECT_EQ(got.source(), "süd:1");
  EXPECT_EQ(got.target(), "a");
  EXPECT_EQ(got.type(), "task {x}");
  EXPECT_EQ(got.correlation_id(), "c\t%2F\n*");
  EXPECT_EQ(got.reply_to(), "back/here");
  EXPECT_EQ(got.content_type(), "text/plain; charset=utf-8");
  EXPECT_EQ(got.priority(), 200);
  EXPECT_EQ(got.expires(), got.timestamp() + 3'600'000);
  EXPECT_EQ(got.expires(), message.expires());
  EXPECT_EQ(got.headers(), message.headers());
  EXPECT_EQ(got.header("Zwei"), "日本");
  EXPECT_EQ(got.header("empty"), "");
  EXPECT_EQ(got.header("zwei"), std::nullopt);
  EXPECT_EQ(got.state(), MQ_STATE_RESERVED);
  EXPECT_EQ(got.deliveries(), 1);
}

TEST_P(PropertiesTest, UnsetOnesAreEmpty) {
  const Message got = RoundTrip(Text("x", "a"));
  EXPECT_EQ(got.source(), "");
  EXPECT_EQ(got.type(), "");
  EXPECT_EQ(got.correlation_id(), "");
  EXPECT_EQ(got.reply_to(), "");
  EXPECT_EQ(got.content_type(), "");
  EXPECT_EQ(got.reason(), "");
  EXPECT_EQ(got.priority(), MQ_PRIORITY_NORMAL);
  EXPECT_EQ(got.expires(), 0);
  EXPECT_EQ(mq_message_header_count(got.get()), 0u);
  EXPECT_EQ(mq_message_header_name(got.get(), 0), nullptr);
  EXPECT_EQ(mq_message_header_value(got.get(), 0), nullptr);
}

TEST_P(PropertiesTest, HeadersKeepTheirOrderAndARepeatedNameReplaces) {
  Message message = Text("x", "a");
  message.SetHeader("b", "1").SetHeader("a", "2").SetHeader("c", "3");
  message.SetHeader("b", "4").SetHeader("a", nullptr).SetHeader("nobody", nullptr);
  const Message got = RoundTrip(message);
  using Headers = std::vector<std::pair<std::string_view, std::string_view>>;
  EXPECT_EQ(got.headers(), (Headers{{"b", "4"}, {"c", "3"}}));
}

TEST_P(PropertiesTest, AThousandHeadersSurvive) {
  Message message = Text("x", "a");
  for (int i = 0; i < 1000; ++i)
    message.SetHeader(("name " + std::to_string(i)).c_str(), std::to_string(i * i).c_str());
  const Message got = RoundTrip(message);
  ASSERT_EQ(mq_message_header_count(got.get()), 1000u);
  EXPECT_EQ(got.headers(), message.headers());
}

TEST_P(PropertiesTest, NullUnsets) {
  Message message = Text("x", "a");
  message.SetSource("s").SetType("t").SetCorrelationId("c").SetReplyTo("r").SetContentType("ct");
  message.SetSource(nullptr).SetType(nullptr).SetCorrelationId(nullptr).SetReplyTo(nullptr).SetContentType(nullptr);
  const Message got = RoundTrip(message);
  EXPECT_EQ(got.source(), "");
  EXPECT_EQ(got.type(), "");
  EXPECT_EQ(got.correlation_id(), "");
  EXPECT_EQ(got.reply_to(), "");
  EXPECT_EQ(got.content_type(), "");
}

TEST_P(PropertiesTest, TextsMayHold64KiBAndNoMore) {
  const std::string most(65536, 't');
  const std::string over(65537, 't');
  Message message = Text("x", "a");
  message.SetType(most.c_str()).SetCorrelationId(most.c_str()).SetHeader("h", most.c_str());
  const Message got = RoundTrip(message);
  EXPECT_EQ(got.type(), most);
  EXPECT_EQ(got.correlation_id(), most);
  EXPECT_EQ(got.header("h"), most);
  EXPECT_STATUS(MQ_TOO_LARGE, mq_message_set_type(Message("x").get(), over.c_str()));
  EXPECT_STATUS(MQ_TOO_LARGE, mq_message_set_correlation_id(Message("x").get(), over.c_str()));
  EXPECT_STATUS(MQ_TOO_LARGE, mq_message_set_content_type(Message("x").get(), over.c_str()));
  EXPECT_STATUS(MQ_TOO_LARGE, mq_message_set_header(Message("x").get(), "h", over.c_str()));
  EXPECT_STATUS(MQ_TOO_LARGE, mq_message_set_header(Message("x").get(), over.c_str(), "v"));
}

using Setter = mq_status (*)(mq_message*, const char*);

TEST(Properties, NamesAreCheckedByTheSetters) {
  for (const Setter set : {&mq_message_set_source, &mq_message_set_target, &mq_message_set_reply_to}) {
    EXPECT_STATUS(MQ_OK, set(Message("x").get(), std::string(256, 'n').c_str()));
    EXPECT_STATUS(MQ_TOO_LARGE, set(Message("x").get(), std::string(257, 'n').c_str()));
    EXPECT_STATUS(MQ_INVALID, set(Message("x").get(), "a\nb"));
    EXPECT_STATUS(MQ_INVALID, set(Message("x").get(), "\xff"));
  }
  for (const Setter set : {&mq_message_set_type, &mq_message_set_correlation_id, &mq_message_set_content_type}) {
    EXPECT_STATUS(MQ_OK, set(Message("x").get(), "a\nb"));
    EXPECT_STATUS(MQ_INVALID, set(Message("x").get(), "\xc3("));
  }
  EXPECT_STATUS(MQ_INVALID, mq_message_set_header(Message("x").get(), "\xff", "v"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_header(Message("x").get(), "n", "\xff"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_header(Message("x").get(), nullptr, "v"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_header(Message("x").get(), "", "v"));
}

TEST(Properties, PriorityAndTtlHaveTheirRange) {
  for (const int priority : {0, 1, 255}) EXPECT_STATUS(MQ_OK, mq_message_set_priority(Message("x").get(), priority));
  for (const int priority : {-1, 256, INT32_MAX, INT32_MIN}) {
    EXPECT_STATUS(MQ_INVALID, mq_message_set_priority(Message("x").get(), priority));
  }
  EXPECT_STATUS(MQ_OK, mq_message_set_ttl(Message("x").get(), -1));
  EXPECT_STATUS(MQ_OK, mq_message_set_ttl(Message("x").get(), 1));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_ttl(Message("x").get(), -2));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_ttl(Message("x").get(), INT64_MIN));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_ttl(Message("x").get(), INT64_MAX));
}

TEST_P(PropertiesTest, TheFirstFailureOfASetterIsWhatPublishingAnswers) {
  const Message message = Text("x", "a");
  ASSERT_EQ(mq_message_set_priority(message.get(), 999), MQ_INVALID);
  const std::string why = mq_last_error();
  ASSERT_EQ(mq_message_set_type(message.get(), std::string(65537, 't').c_str()), MQ_TOO_LARGE);
  ASSERT_EQ(mq_message_set_priority(message.get(), 9), MQ_OK);
  EXPECT_STATUS(MQ_INVALID, mq_publish(bus_.get(), "c", message.get()));
  EXPECT_EQ(mq_last_error(), why);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(PropertiesTest, AReceivedMessageIsReadOnly) {
  const Message got = RoundTrip(Text("x", "a"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_source(got.get(), "s"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_target(got.get(), "s"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_type(got.get(), "s"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_correlation_id(got.get(), "s"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_reply_to(got.get(), "s"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_content_type(got.get(), "s"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_header(got.get(), "s", "s"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_priority(got.get(), 1));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_ttl(got.get(), 1));
  EXPECT_EQ(got.type(), "");
  bus_.Ack(got);  // a refused setter does not spoil settling
}

TEST_P(PropertiesTest, ACopyMayBeChangedAndHasNoIdentity) {
  Message message(std::string_view("p\0q", 3));
  message.SetTarget("a").SetType("t").SetHeader("h", "v").SetPriority(7);
  const Message got = RoundTrip(message);
  Message copy = Message::Copy(got);
  EXPECT_EQ(copy.id(), "");
  EXPECT_EQ(copy.receipt(), "");
  EXPECT_EQ(copy.payload(), got.payload());
  EXPECT_EQ(copy.target(), "a");
  EXPECT_EQ(copy.type(), "t");
  EXPECT_EQ(copy.priority(), 7);
  EXPECT_EQ(copy.header("h"), "v");
  copy.SetTarget("b").SetType("other");
  bus_.Publish("c", copy);
  EXPECT_NE(copy.id(), got.id());
  Subscription subscription = bus_.Subscribe("c", "b");
  EXPECT_EQ(Next(subscription).type(), "other");
  EXPECT_EQ(got.type(), "t");
}

TEST_P(PropertiesTest, AnAllocatedPayloadIsFilledInPlace) {
  Message message = Message::Allocate(100'000, [](void* payload, size_t size) { std::memset(payload, 'z', size); });
  message.SetTarget("a");
  const Message got = RoundTrip(message);
  EXPECT_EQ(got.payload(), std::string(100'000, 'z'));
}

TEST(Properties, APayloadIsCopiedAndEndsInAZeroByte) {
  char bytes[] = "abc";
  const Message message(std::string_view(bytes, 3));
  bytes[0] = 'x';
  EXPECT_EQ(message.payload(), "abc");
  EXPECT_EQ(message.payload().data()[3], '\0');
}

TEST(Properties, GettersOfNullAnswerEmpty) {
  const MessageView none(nullptr);
  EXPECT_EQ(none.id(), "");
  EXPECT_EQ(none.channel(), "");
  EXPECT_EQ(none.source(), "");
  EXPECT_EQ(none.target(), "");
  EXPECT_EQ(none.type(), "");
  EXPECT_EQ(none.correlation_id(), "");
  EXPECT_EQ(none.reply_to(), "");
  EXPECT_EQ(none.content_type(), "");
  EXPECT_EQ(none.receipt(), "");
  EXPECT_EQ(none.agent(), "");
  EXPECT_EQ(none.reason(), "");
  EXPECT_EQ(none.priority(), 0);
  EXPECT_EQ(none.timestamp(), 0);
  EXPECT_EQ(none.expires(), 0);
  EXPECT_EQ(none.deliveries(), 0);
  EXPECT_EQ(none.reserved_until(), 0);
  EXPECT_EQ(none.header("x"), std::nullopt);
  EXPECT_EQ(none.payload(), "");
}

}  // namespace
}  // namespace agentmq::test
