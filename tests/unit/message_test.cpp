#include "core/message.hpp"

#include <gtest/gtest.h>

#include <string>

namespace agentmq {
namespace {

const Seal kSeal{Config()};
const ShortId kId(1'700'000'000'000, 7, false, 1, 2);

std::string Record(const Message& message, int64_t ttl = -1) {
  std::string record;
  message.EncodeHead("", ttl, &record);
  record += message.payload();
  return record;
}

std::unique_ptr<Message> Deliver(std::string record, const std::shared_ptr<const Source>& source) {
  Delivery delivery;
  delivery.id = kId;
  delivery.delivery = 3;
  delivery.record = std::move(record);
  delivery.tries = {1, 2, 1, "because"};
  delivery.reserved_until = 99;
  auto message = Message::FromDelivery(std::move(delivery), source, std::make_shared<const std::string>("eater.1"),
                                       "a:1", nullptr, kSeal);
  EXPECT_TRUE(message.ok()) << message.status().text();
  return std::move(*message);
}

std::shared_ptr<const Source> Inbox() {
  return std::make_shared<const Source>(Source{QueueName::Inbox("c", "a"), std::string(kInboxGroup)});
}

TEST(Message, WhatIsSetIsReadBackFromItsRecord) {
  Message message(std::string("p\0q", 3));
  ASSERT_TRUE(message.Set(Property::kSource, "s").ok());
  ASSERT_TRUE(message.Set(Property::kType, "t").ok());
  ASSERT_TRUE(message.Set(Property::kCorrelationId, "i").ok());
  ASSERT_TRUE(message.Set(Property::kReplyTo, "r").ok());
  ASSERT_TRUE(message.Set(Property::kContentType, "y").ok());
  ASSERT_TRUE(message.SetHeader("h", "1").ok());
  ASSERT_TRUE(message.SetHeader("i", "").ok());

  const auto got = Deliver(Record(message, 5000), Inbox());
  EXPECT_STREQ(got->Get(Property::kSource), "s");
  EXPECT_STREQ(got->Get(Property::kType), "t");
  EXPECT_STREQ(got->Get(Property::kCorrelationId), "i");
  EXPECT_STREQ(got->Get(Property::kReplyTo), "r");
  EXPECT_STREQ(got->Get(Property::kContentType), "y");
  ASSERT_EQ(got->header_count(), 2u);
  EXPECT_STREQ(got->HeaderAt(0).first, "h");
  EXPECT_STREQ(got->HeaderAt(1).second, "");
  EXPECT_EQ(got->HeaderAt(2).first, nullptr);
  EXPECT_STREQ(got->Header("h"), "1");
  EXPECT_EQ(got->Header("j"), nullptr);
  EXPECT_EQ(got->payload(), std::string_view("p\0q", 3));
  EXPECT_EQ(got->payload().data()[3], '\0');
  EXPECT_EQ(got->expires(), kId.time() + 5000);
}

TEST(Message, ADeliveryKnowsItsPlaceAndItsPast) {
  const auto got = Deliver(Record(Message("x")), Inbox());
  EXPECT_TRUE(got->read_only());
  EXPECT_STREQ(got->channel(), "c");
  EXPECT_STREQ(got->target(), "a");
  EXPECT_STREQ(got->agent(), "a:1");
  EXPECT_EQ(got->priority(), 7);
  EXPECT_EQ(got->timestamp(), kId.time());
  EXPECT_EQ(got->expires(), 0);
  EXPECT_EQ(got->deliveries(), 5);
  EXPECT_EQ(got->reserved_until(), 99);
  EXPECT_EQ(got->state(), State::kReserved);
  EXPECT_STREQ(got->reason(), "because");
  const auto id = FullId::Parse(got->id());
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(id->queue, QueueName::Inbox("c", "a"));
  EXPECT_EQ(id->id, kId);
  const auto receipt = Receipt::Parse(got->receipt());
  ASSERT_TRUE(receipt.ok());
  EXPECT_EQ(receipt->consumer, "eater.1");
  EXPECT_EQ(receipt->delivery, 3);
  EXPECT_EQ(got->id(), got->id()) << "built once";
}

TEST(Message, ABroadcastHasNoTarget) {
  const auto log = std::make_shared<const Source>(Source{QueueName::Log("c"), "a"});
  EXPECT_STREQ(Deliver(Record(Message("x")), log)->target(), "");
}

TEST(Message, OneThatWasReceivedRefusesSettersAndForgetsNothing) {
  const auto got = Deliver(Record(Message("x")), Inbox());
  EXPECT_EQ(got->Set(Property::kType, "t").code(), Code::kInvalid);
  EXPECT_EQ(got->SetTarget(nullptr).code(), Code::kInvalid);
  EXPECT_EQ(got->SetHeader("h", "v").code(), Code::kInvalid);
  EXPECT_EQ(got->SetPriority(1).code(), Code::kInvalid);
  EXPECT_EQ(got->SetTtl(1).code(), Code::kInvalid);
  EXPECT_TRUE(got->error().ok());
}

TEST(Message, ACopyIsNewAndMayBeChanged) {
  Message message("x");
  ASSERT_TRUE(message.Set(Property::kType, "t").ok());
  ASSERT_TRUE(message.SetHeader("h", "v").ok());
  const auto copy = Deliver(Record(message, 5000), Inbox())->Copy();
  EXPECT_FALSE(copy->read_only());
  EXPECT_STREQ(copy->id(), "");
  EXPECT_STREQ(copy->receipt(), "");
  EXPECT_EQ(copy->source(), nullptr);
  EXPECT_STREQ(copy->Get(Property::kType), "t");
  EXPECT_STREQ(copy->Header("h"), "v");
  EXPECT_STREQ(copy->target(), "a");
  EXPECT_EQ(copy->priority(), 7);
  EXPECT_EQ(copy->ttl(), 5000);
  EXPECT_EQ(copy->payload(), "x");
  EXPECT_TRUE(copy->SetTarget("b").ok());
}

TEST(Message, ACopyRemembersWhatWentWrong) {
  Message message("x");
  EXPECT_FALSE(message.SetPriority(256).ok());
  EXPECT_EQ(message.Copy()->error().code(), Code::kInvalid);
}

TEST(Message, TheFirstFailureIsRemembered) {
  Message message("x");
  EXPECT_TRUE(message.SetPriority(255).ok());
  EXPECT_EQ(message.SetPriority(256).code(), Code::kInvalid);
  EXPECT_EQ(message.Set(Property::kType, std::string(65537, 't').c_str()).code(), Code::kTooLarge);
  EXPECT_EQ(message.error().text(), "priority must be between 0 and 255, got 256");
  EXPECT_EQ(message.priority(), 255);
}

TEST(Message, ATtlIsForEverOrAWhile) {
  Message message("x");
  for (const int64_t ttl : {int64_t{0}, int64_t{-2}, INT64_MIN, INT64_MAX}) EXPECT_FALSE(message.SetTtl(ttl).ok());
  EXPECT_FALSE(message.ttl());
  EXPECT_TRUE(message.SetTtl(-1).ok());
  EXPECT_EQ(message.ttl(), -1);
}

TEST(Message, HeadersHaveLimitsInAll) {
  Message many("x");
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(many.SetHeader(std::to_string(i).c_str(), "v").ok());
  EXPECT_TRUE(many.SetHeader("7", "another").ok());
  EXPECT_EQ(many.SetHeader("1000", "v").code(), Code::kTooLarge);
  Message large("x");
  const std::string value(65536, 'v');
  for (const char* name : {"1", "2", "3"}) ASSERT_TRUE(large.SetHeader(name, value.c_str()).ok());
  EXPECT_EQ(large.SetHeader("4", value.c_str()).code(), Code::kTooLarge);
  EXPECT_TRUE(large.SetHeader("3", value.c_str()).ok()) << "takes its own place";
  EXPECT_EQ(large.SetHeader(std::string(257, 'n').c_str(), "v").code(), Code::kTooLarge);
}

TEST(Message, PublishingSetsIdTimeAndExpiry) {
  Message message("x");
  ASSERT_TRUE(message.SetTarget("a").ok());
  message.Published(QueueName::Inbox("c", "a"), kId, 1000, {});
  EXPECT_STREQ(message.channel(), "c");
  EXPECT_EQ(message.timestamp(), kId.time());
  EXPECT_EQ(message.expires(), kId.time() + 1000);
  const std::string first = message.id();
  EXPECT_NE(first, "");
  EXPECT_STREQ(message.receipt(), "");
  message.Published(QueueName::Inbox("d", "a"), kId, -1, {});
  EXPECT_NE(message.id(), first);
  EXPECT_EQ(message.expires(), 0);
  message.Failed(Code::kFull);
  EXPECT_EQ(message.status(), Code::kFull);
}

TEST(Message, TheBusNamesTheSourceWhereTheMessageDoesNot) {
  std::string head;
  Message("x").EncodeHead("bus", -1, &head);
  const auto record = RecordView::Parse(head);
  ASSERT_TRUE(record.ok());
  EXPECT_STREQ(record->properties[static_cast<size_t>(Property::kSource)], "bus");
}

TEST(Message, ADamagedRecordIsCorruptUnlessItIsADeadLetter) {
  Delivery delivery;
  delivery.record = "garbage";
  EXPECT_EQ(
      Message::FromDelivery(std::move(delivery), Inbox(), std::make_shared<const std::string>("e"), "a", nullptr, kSeal)
          .code(),
      Code::kCorrupt);
  Found found;
  found.queue = QueueName::Inbox("c", "a");
  found.record = "garbage";
  EXPECT_EQ(Message::FromFound(Found(found), "a", kSeal).code(), Code::kCorrupt);

  found.state = State::kDead;
  found.status = Code::kCorrupt;
  found.group = "-";
  found.tries = {1, 0, 0, "can't be read"};
  const auto dead = Message::FromFound(std::move(found), "a", kSeal);
  ASSERT_TRUE(dead.ok());
  EXPECT_EQ((*dead)->payload(), "garbage");
  EXPECT_EQ((*dead)->status(), Code::kCorrupt);
  EXPECT_STREQ((*dead)->reason(), "can't be read");
  EXPECT_EQ((*dead)->deliveries(), 1);
  EXPECT_STREQ((*dead)->Get(Property::kType), "");
  EXPECT_EQ(FullId::Parse((*dead)->id())->group, "-");
}

}  // namespace
}  // namespace agentmq
