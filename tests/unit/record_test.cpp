#include "core/record.hpp"

#include <gtest/gtest.h>

#include <string>

namespace agentmq {
namespace {

using std::string_literals::operator""s;

std::string Encode(const RecordFields& fields, bool blob = false) {
  std::string head;
  EncodeHead(fields, blob, &head);
  return head;
}

TEST(Record, AnEmptyHeadIsTwoBytes) {
  EXPECT_EQ(Encode({}), "1=");
  EXPECT_EQ(Encode({}, true), "1@");
  const Result<RecordView> view = RecordView::Parse("1=");
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->payload, "");
  EXPECT_EQ(view->ttl, -1);
  for (const char* property : view->properties) EXPECT_STREQ(property, "");
}

TEST(Record, TheLayoutIsTheOneThatIsWrittenDown) {
  RecordFields fields;
  fields.properties = {"me", "t", "c", "r", "y"};
  fields.headers = {{"k", "v"}};
  fields.ttl = 250;
  EXPECT_EQ(Encode(fields),
            "1s\x02me\0t\x01t\0c\x01"
            "c\0r\x01r\0y\x01y\0h\x03k\0v\0x\x03"
            "250\0="s);
}

TEST(Record, ADelayStandsBehindTheTtl) {
  RecordFields fields;
  fields.ttl = 250;
  fields.delay = 100;
  EXPECT_EQ(Encode(fields),
            "1x\x03"
            "250\0d\x03"
            "100\0="s);
  const std::string head = Encode(fields);
  const Result<RecordView> view = RecordView::Parse(head);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->delay, 100);
  EXPECT_FALSE(RecordView::Parse("1d\x02-1\0="s).ok());
  EXPECT_FALSE(RecordView::Parse("1d\x03"
                                 "1x2\0="s)
                   .ok());
}

TEST(Record, EveryFieldSurvives) {
  const std::string large(100000, 'x');
  const std::string payload = "bytes\0=@\xff and more"s;
  RecordFields fields;
  fields.properties = {"source", large, "correlation", "reply", "text/plain", "key"};
  fields.headers = {{"name", "value"}, {"empty", ""}, {"", "nameless"}, {"large", large}};
  fields.ttl = 0;
  const std::string bytes = Encode(fields) + payload;
  const Result<RecordView> view = RecordView::Parse(bytes);
  ASSERT_TRUE(view.ok()) << view.status().text();
  for (size_t i = 0; i < kPropertyCount; ++i) EXPECT_EQ(view->properties[i], fields.properties[i]);
  ASSERT_EQ(view->headers.size(), fields.headers.size());
  for (size_t i = 0; i < fields.headers.size(); ++i) {
    EXPECT_EQ(view->headers[i].first, fields.headers[i].first);
    EXPECT_EQ(view->headers[i].second, fields.headers[i].second);
  }
  EXPECT_EQ(view->ttl, 0);
  EXPECT_EQ(view->payload, payload);
}

TEST(Record, WhatANewerVersionAddsIsSkipped) {
  const std::string bytes = "1Z\x02\0\xff\0s\x01m\0=p"s;
  const Result<RecordView> view = RecordView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_STREQ(view->properties[static_cast<size_t>(Property::kSource)], "m");
  EXPECT_EQ(view->payload, "p");
}

TEST(Record, ACompressedPayloadMakesAVersionThatOldReadersRefuse) {
  RecordFields fields;
  fields.properties = {"me", "", "", "", ""};
  fields.packed = true;
  EXPECT_EQ(Encode(fields), "2s\x02me\0Z\x04zstd\0="s);
  EXPECT_EQ(Encode(fields, true).size(), Encode({fields.properties, {}}, true).size() + kPackedCost);
  const std::string bytes = Encode(fields) + "frame";
  const Result<RecordView> view = RecordView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(view->packed);
  EXPECT_EQ(view->payload, "frame");
  EXPECT_FALSE(RecordView::Parse("1=frame")->packed);
}

TEST(Record, OfTheSecondVersionCapitalTagsMustBeKnown) {
  EXPECT_TRUE(RecordView::Parse("2s\x01m\0q\x01?\0=p"s).ok());
  for (const std::string& bytes : {"2Q\x01?\0=p"s, "2Z\x03lz4\0=p"s, "2Z\x00\0=p"s, "2Z\x04zst\0\0=p"s, "3=p"s}) {
    EXPECT_EQ(RecordView::Parse(bytes).code(), Code::kCorrupt);
  }
}

TEST(Record, ASignatureIsToldApartFromWhatItSigns) {
  RecordFields fields;
  fields.properties = {"me", "", "", "", ""};
  std::string head = Encode(fields);
  AddSignature("it", &head);
  EXPECT_EQ(head, "1s\x02me\0g\x02it\0="s);
  const std::string bytes = head + "p";
  const Result<RecordView> view = RecordView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->signature, "it");
  EXPECT_EQ(view->before_signature, "1s\x02me\0"s);
  EXPECT_EQ(view->after_signature, "=");
  EXPECT_EQ(view->payload, "p");
  const std::string behind = "1g\x02it\0s\x02me\0=p"s;
  EXPECT_EQ(RecordView::Parse(behind)->after_signature, "s\x02me\0="s);
  EXPECT_EQ(RecordView::Parse("1=p")->signature, "");
  EXPECT_EQ(RecordView::Parse("1g\x01x\0g\x01y\0=p"s).code(), Code::kCorrupt);
  EXPECT_EQ(RecordView::Parse("1g\x00\0=p"s).code(), Code::kCorrupt);
}

TEST(Record, DamagedBytesAreCorruptWhereverTheyEnd) {
  RecordFields fields;
  fields.properties = {"source", "type", "", "", ""};
  fields.headers = {{"name", "value"}};
  fields.ttl = 12345;
  const std::string head = Encode(fields);
  for (size_t size = 0; size < head.size(); ++size) {
    EXPECT_EQ(RecordView::Parse(std::string_view(head).substr(0, size)).code(), Code::kCorrupt) << size;
  }
}

TEST(Record, ForeignBytesAreCorrupt) {
  for (const std::string& bytes : {"hello"s, "3="s, "1s\x02me=x"s, "1s\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7fx\0="s,
                                   "1s\x03m\0e\0="s, "1h\x01k\0="s, "1h\x05k\0v\0w\0="s, "1x\x02-1\0="s,
                                   "1x\x02"
                                   "1z\0="s,
                                   "1x\0\0="s}) {
    EXPECT_EQ(RecordView::Parse(bytes).code(), Code::kCorrupt);
  }
}

}  // namespace
}  // namespace agentmq
