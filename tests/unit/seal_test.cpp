#include "core/seal.hpp"

#include <gtest/gtest.h>

#include <string>

namespace agentmq {
namespace {

using std::string_literals::operator""s;

Config With(std::initializer_list<std::pair<const char*, const char*>> settings) {
  Config config;
  for (const auto& [name, value] : settings) EXPECT_TRUE(config.Set(name, value).ok()) << name;
  return config;
}

// What is read of a compressed payload.
struct Opened {
  Status status;
  std::string payload;
};

Opened Open(const Seal& seal, const std::string& frame) {
  RecordFields fields;
  fields.packed = true;
  std::string record;
  EncodeHead(fields, false, &record);
  record += frame;
  auto view = RecordView::Parse(record);
  EXPECT_TRUE(view.ok()) << view.status().text();
  Seal::Opened opened;
  Status status = seal.Open(QueueName::Inbox("c", "a"), ShortId(), &*view, &opened);
  return {std::move(status), std::string(view->payload)};
}

// The head of a frame of zstd that says so many bytes, and `blocks` behind it.
std::string Frame(uint64_t size, const std::string& blocks) {
  std::string frame = "\x28\xb5\x2f\xfd\xe0"s;
  for (int shift = 0; shift < 64; shift += 8) frame += static_cast<char>(size >> shift & 0xff);
  return frame + blocks;
}

// One last block: 'x', so many times.
std::string Repeated(uint32_t times) {
  const uint32_t head = times << 3 | 3;
  return {static_cast<char>(head & 0xff), static_cast<char>(head >> 8 & 0xff), static_cast<char>(head >> 16), 'x'};
}

TEST(Seal, NothingIsCompressedUnlessTold) {
  const Seal seal{Config()};
  EXPECT_FALSE(seal.compresses());
  EXPECT_FALSE(seal.Compresses(1'000'000));
}

TEST(Seal, PayloadsAboveTheLimitAreCompressedAndOpened) {
  const Seal seal(With({{"compress_above", "100"}}));
  EXPECT_FALSE(seal.Compresses(100));
  EXPECT_TRUE(seal.Compresses(101));
  for (const size_t size : {101u, 1000u, 70'000u, 5'000'000u}) {
    const std::string payload(size, 'p');
    std::string frame;
    ASSERT_TRUE(seal.Compress(payload, &frame)) << size;
    EXPECT_LT(frame.size() + kPackedCost, payload.size());
    const Opened opened = Open(seal, frame);
    EXPECT_TRUE(opened.status.ok()) << opened.status.text();
    EXPECT_EQ(opened.payload, payload);
  }
}

TEST(Seal, WhatDoesNotShrinkStaysAsItIs) {
  const Seal seal(With({{"compress_above", "1"}}));
  std::string noise;
  for (uint32_t i = 0, state = 1; i < 5000; ++i)
    noise += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  std::string frame;
  for (const std::string& payload : {noise, "ab"s, "0123456789"s}) EXPECT_FALSE(seal.Compress(payload, &frame));
}

TEST(Seal, AFrameThatSaysMoreThanMaxPayloadIsTooLarge) {
  const Seal seal(With({{"max_payload", "1000"}}));
  EXPECT_EQ(Open(seal, Frame(1000, Repeated(1000))).payload, std::string(1000, 'x'));
  for (const uint64_t size : {uint64_t{1001}, uint64_t{1} << 40, uint64_t{0xffffffffffffff00}}) {
    const Opened opened = Open(seal, Frame(size, Repeated(100'000)));
    EXPECT_EQ(opened.status.code(), Code::kTooLarge) << size;
    EXPECT_NE(opened.status.text().find("max_payload"), std::string::npos) << opened.status.text();
  }
}

TEST(Seal, AFrameThatSaysLessThanItHoldsIsCorrupt) {
  const Seal seal{Config()};
  EXPECT_EQ(Open(seal, Frame(10, Repeated(100'000))).status.code(), Code::kCorrupt);
  EXPECT_EQ(Open(seal, Frame(10, Repeated(9))).status.code(), Code::kCorrupt);
  const std::string twice = Frame(10, Repeated(10)) + Frame(10, Repeated(10));
  EXPECT_EQ(Open(seal, twice).status.code(), Code::kCorrupt);
}

TEST(Seal, AFrameThatSaysNoSizeIsCorrupt) {
  const Seal seal{Config()};
  const Opened opened = Open(seal, "\x28\xb5\x2f\xfd\x00\x58\x29\x00\x00hello"s);
  EXPECT_EQ(opened.status.code(), Code::kCorrupt);
  EXPECT_NE(opened.status.text().find("size"), std::string::npos);
}

TEST(Seal, WhatIsNoFrameIsCorrupt) {
  const Seal seal(With({{"compress_above", "10"}}));
  std::string frame;
  ASSERT_TRUE(seal.Compress(std::string(1000, 'p'), &frame));
  for (size_t size = 0; size < frame.size(); ++size) {
    EXPECT_EQ(Open(seal, frame.substr(0, size)).status.code(), Code::kCorrupt) << size;
  }
  EXPECT_EQ(Open(seal, "hello").status.code(), Code::kCorrupt);
  EXPECT_EQ(Open(seal, "\x50\x2a\x4d\x18\x01\x00\x00\x00x"s + frame).status.code(), Code::kCorrupt) << "skippable";
}

}  // namespace
}  // namespace agentmq
