#include <set>

#include "bus_fixture.hpp"

namespace agentmq {
namespace {

class PublisherTest : public BusTest {
 protected:
  static std::vector<Message*> Pointers(const Messages& messages) {
    std::vector<Message*> pointers;
    for (const auto& message : messages) pointers.push_back(message.get());
    return pointers;
  }
  static Messages Many(const char* target, size_t count, size_t size = 1) {
    Messages messages;
    for (size_t i = 0; i < count; ++i) messages.push_back(To(target, std::string(size, 'x')));
    return messages;
  }
};

TEST_F(PublisherTest, SetsIdTimeAndExpiryOnTheSendersMessage) {
  const auto bus = Open({{"ttl", "1m"}});
  const auto message = To("worker", "hello");
  ASSERT_TRUE(bus->Publish("c", *message, {}).ok());
  EXPECT_NE(std::string(message->id()), "");
  EXPECT_GT(message->timestamp(), 0);
  EXPECT_EQ(message->expires(), message->timestamp() + 60000);
  ASSERT_TRUE(message->SetTtl(-1).ok());
  ASSERT_TRUE(bus->Publish("c", *message, {}).ok());
  EXPECT_EQ(message->expires(), 0);
}

TEST_F(PublisherTest, ABatchKeepsItsOrderInEachQueue) {
  const auto bus = Open();
  Messages messages;
  for (int i = 0; i < 10; ++i) messages.push_back(To(i % 2 == 0 ? "even" : "odd", std::to_string(i)));
  size_t published = 0;
  std::vector<int32_t> results(10, -1);
  ASSERT_TRUE(bus->PublishBatch("c", Pointers(messages), {}, results.data(), &published).ok());
  EXPECT_EQ(published, 10U);
  EXPECT_EQ(results, std::vector<int32_t>(10, 0));
  EXPECT_EQ(faults_->publishes, 1);
  const auto odd = Subscribe(*bus, "c", "odd");
  for (int i = 1; i < 10; i += 2) EXPECT_EQ(Next(*odd), std::to_string(i));
  EXPECT_EQ(Next(*odd), StatusText(Code::kTimeout));
}

TEST_F(PublisherTest, GoesInBatchesOfAThousandMessagesAndAMebibyteAndEightOfThemTogether) {
  const auto bus = Open({{"max_items", "0"}});
  const auto expect = [&](const Messages& messages, size_t batches, int together) {
    faults_->publishes = 0;
    faults_->batches = 0;
    ASSERT_TRUE(bus->PublishBatch("c", Pointers(messages), {}, nullptr, nullptr).ok());
    EXPECT_EQ(faults_->batches, batches);
    EXPECT_EQ(faults_->publishes, together);
  };
  expect(Many("a", 2001), 3, 1);
  expect(Many("a", 8001), 9, 2);
  expect(Many("b", 40, 60000), 3, 1);  // 17 of these are below a mebibyte
  expect(Many("b", 40, 100000), 1, 1);
}

TEST_F(PublisherTest, NothingIsStoredWhereAnyMessageIsWrong) {
  const auto bus = Open({{"max_payload", "10"}});
  const auto good = To("a", "good");
  const auto large = To("a", "more than ten bytes");
  std::vector<int32_t> results(2, -1);
  size_t published = 9;
  Message* with_null[] = {good.get(), nullptr};
  EXPECT_EQ(bus->PublishBatch("c", with_null, {}, results.data(), &published).code(), Code::kInvalid);
  EXPECT_EQ(published, 0U);
  EXPECT_EQ(results[0], static_cast<int32_t>(Code::kInvalid));
  Message* twice[] = {good.get(), good.get()};
  EXPECT_EQ(bus->PublishBatch("c", twice, {}, nullptr, nullptr).code(), Code::kInvalid);
  Message* too_large[] = {good.get(), large.get()};
  EXPECT_EQ(bus->PublishBatch("c", too_large, {}, nullptr, nullptr).code(), Code::kTooLarge);
  EXPECT_EQ(bus->PublishBatch("bad\nname", too_large, {}, nullptr, nullptr).code(), Code::kInvalid);
  const auto untargeted = std::make_unique<Message>("x");
  EXPECT_EQ(bus->Publish("", *untargeted, {}).code(), Code::kInvalid);
  EXPECT_EQ(faults_->publishes, 0);
  EXPECT_EQ(*bus->Count(nullptr), 0);
}

TEST_F(PublisherTest, PartOfABatchIsPartial) {
  const auto bus = Open({{"max_items", "2"}});
  Messages messages = Many("full", 3);
  messages.push_back(To("free", "x"));
  std::vector<int32_t> results(4, -1);
  size_t published = 0;
  EXPECT_EQ(bus->PublishBatch("c", Pointers(messages), {}, results.data(), &published).code(), Code::kPartial);
  EXPECT_EQ(published, 1U);
  const auto full = static_cast<int32_t>(Code::kFull);
  EXPECT_EQ(results, (std::vector<int32_t>{full, full, full, 0}));
  EXPECT_STREQ(messages[0]->id(), "");
  EXPECT_EQ(messages[0]->status(), Code::kFull);
  EXPECT_STRNE(messages[3]->id(), "");
  messages.pop_back();
  EXPECT_EQ(bus->PublishBatch("c", Pointers(messages), {}, nullptr, nullptr).code(), Code::kFull);
}

TEST_F(PublisherTest, AnUnknownStepStopsItsQueue) {
  const auto bus = Open({{"max_items", "0"}});
  faults_->publish = Code::kUnknown;
  const Messages messages = Many("a", 8001);
  std::vector<int32_t> results(8001, -1);
  EXPECT_EQ(bus->PublishBatch("c", Pointers(messages), {}, results.data(), nullptr).code(), Code::kUnknown);
  EXPECT_EQ(results[0], static_cast<int32_t>(Code::kUnknown));
  EXPECT_EQ(results[7999], static_cast<int32_t>(Code::kUnknown)) << "sent behind it";
  EXPECT_EQ(results[8000], static_cast<int32_t>(Code::kUnavailable)) << "never sent";
  EXPECT_EQ(faults_->publishes, 1);
}

TEST_F(PublisherTest, BlockWaitsForRoom) {
  const auto bus = Open({{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "10s"}});
  const auto reader = Subscribe(*bus, "c", "a");
  Publish(*bus, "c", "a", "first");
  std::atomic<Code> second{Code::kInternal};
  Thread publisher("amq-test", [&] { second = bus->Publish("c", *To("a", "second"), {}).code(); });
  EXPECT_TRUE(Eventually([&] { return faults_->publishes >= 3; }));
  const auto first = reader->FetchOne(Within(1000));
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(bus->Ack(**first).ok());
  publisher.Join();
  EXPECT_EQ(second, Code::kOk);
}

TEST_F(PublisherTest, BlockEndsByItsTimeoutByCancelAndByShutdown) {
  const auto brief = Open({{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "30ms"}});
  Publish(*brief, "c", "a", "first");
  EXPECT_EQ(brief->Publish("c", *To("a", "x"), {}).code(), Code::kFull);
  const auto bus = Open({{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "1h"}});
  Cancel cancel;
  std::atomic<Code> cancelled{Code::kOk};
  std::atomic<Code> closed{Code::kOk};
  Thread first("amq-test", [&] { cancelled = bus->Publish("c", *To("a", "x"), {Deadline::Never(), &cancel}).code(); });
  Thread second("amq-test", [&] { closed = bus->Publish("c", *To("a", "x"), {}).code(); });
  EXPECT_TRUE(Eventually([&] { return faults_->publishes >= 6; }));
  cancel.Fire();
  first.Join();
  EXPECT_EQ(cancelled, Code::kInterrupted);
  bus->Shutdown();
  second.Join();
  EXPECT_EQ(closed, Code::kClosed);
}

TEST_F(PublisherTest, ManyIsAMessageForEachTarget) {
  const auto bus = Open();
  const Message message("news");
  const char* targets[] = {"a", "b", "a"};
  Messages sent;
  ASSERT_TRUE(bus->PublishMany("", message, targets, {}, &sent).ok());
  ASSERT_EQ(sent.size(), 3U);
  std::set<std::string> ids;
  for (const auto& copy : sent) ids.insert(copy->id());
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_STREQ(sent[1]->target(), "b");
  const char* wrong[] = {"a", nullptr};
  EXPECT_EQ(bus->PublishMany("", message, wrong, {}, nullptr).code(), Code::kInvalid);
  EXPECT_EQ(*bus->Count(nullptr), 3);
}

TEST_F(PublisherTest, ConfiguredLimitsHoldForTheirChannel) {
  const auto bus = Open();
  ASSERT_TRUE(bus->Configure("small", ConfigOf({{"max_items", "1"}})).ok());
  Publish(*bus, "small", "a", "x");
  EXPECT_EQ(bus->Publish("small", *To("a", "y"), {}).code(), Code::kFull);
  Publish(*bus, "large", "a", "x");
  Publish(*bus, "large", "a", "y");
  EXPECT_EQ(bus->Configure("small", ConfigOf({{"prefetch", "1"}})).code(), Code::kInvalid);
  const auto other = Open();
  EXPECT_EQ(other->Publish("small", *To("a", "y"), {}).code(), Code::kFull);
}

TEST_F(PublisherTest, AsynchronousPublishesAreToldInOrder) {
  const auto bus = Open({{"async_max", "100000"}});
  std::mutex mutex;
  std::vector<std::string> told;
  for (int i = 0; i < 5000; ++i) {
    const Status status = bus->PublishAsync("c", To("a", std::to_string(i)), [&, i](Code code, const char* id) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(code, Code::kOk);
      EXPECT_STRNE(id, "");
      told.push_back(std::to_string(i));
    });
    ASSERT_TRUE(status.ok());
  }
  ASSERT_TRUE(bus->Flush(Within(10000)).ok());
  ASSERT_EQ(told.size(), 5000U);
  EXPECT_LT(faults_->publishes, 5000);
  const auto reader = Subscribe(*bus, "c", "a");
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(told[static_cast<size_t>(i)], std::to_string(i));
    ASSERT_EQ(Next(*reader), std::to_string(i));
  }
}

TEST_F(PublisherTest, AFlushTellsOnceOfWhatFailed) {
  const auto bus = Open();
  faults_->publish = Code::kUnavailable;
  std::atomic<Code> told{Code::kOk};
  ASSERT_TRUE(bus->PublishAsync("c", To("a", "x"),
                                [&](Code code, const char* id) {
                                  told = code;
                                  EXPECT_STREQ(id, "");
                                })
                  .ok());
  EXPECT_EQ(bus->Flush(Within(5000)).code(), Code::kPartial);
  EXPECT_EQ(told, Code::kUnavailable);
  EXPECT_TRUE(bus->Flush(Within(5000)).ok());
}

TEST_F(PublisherTest, AFullLocalQueueIsFull) {
  const auto bus = Open({{"async_max", "1"}});
  Event called;
  std::atomic<bool> go_on{false};
  ASSERT_TRUE(bus->PublishAsync("c", To("a", "x"),
                                [&](Code, const char*) {
                                  called.Set();
                                  while (!go_on) std::this_thread::yield();
                                })
                  .ok());
  (void)called.Wait({});
  EXPECT_EQ(bus->PublishAsync("c", To("a", "y"), nullptr).code(), Code::kFull);
  go_on = true;
  EXPECT_TRUE(bus->Flush(Within(5000)).ok());
  EXPECT_TRUE(bus->PublishAsync("c", To("a", "y"), nullptr).ok());
}

TEST_F(PublisherTest, AsynchronousPublishesWaitForRoomInTheQueueInOrder) {
  const auto bus = Open({{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "10s"}});
  const auto reader = Subscribe(*bus, "c", "a");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(bus->PublishAsync("c", To("a", std::to_string(i)), nullptr).ok());
  for (int i = 0; i < 5; ++i) {
    const auto message = reader->FetchOne(Within(5000));
    ASSERT_TRUE(message.ok());
    EXPECT_EQ((*message)->payload(), std::to_string(i));
    ASSERT_TRUE(bus->Ack(**message).ok());
  }
  EXPECT_TRUE(bus->Flush(Within(5000)).ok());
}

TEST_F(PublisherTest, WhatIsQueuedIsSentBeforeTheBusEnds) {
  const auto bus = Open({{"async_max", "100000"}, {"max_items", "0"}});
  const auto other = Open();
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(bus->PublishAsync("c", To("a", "x"), nullptr).ok());
  bus->Shutdown();
  EXPECT_EQ(bus->PublishAsync("c", To("a", "x"), nullptr).code(), Code::kClosed);
  EXPECT_TRUE(bus->Close().ok());
  EXPECT_EQ(*other->Count(nullptr), 3000);
}

TEST_F(PublisherTest, ClosingGivesUpWhatCanNotBeSentInTime) {
  const auto bus =
      Open({{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "1h"}, {"close_timeout", "50ms"}});
  std::atomic<int> stored{0};
  std::atomic<int> closed{0};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(bus->PublishAsync("c", To("a", "x"),
                                  [&](Code code, const char*) {
                                    stored += code == Code::kOk ? 1 : 0;
                                    closed += code == Code::kClosed ? 1 : 0;
                                  })
                    .ok());
  }
  ASSERT_TRUE(Eventually([&] { return stored == 1; }));
  EXPECT_EQ(bus->Close().code(), Code::kPartial);
  EXPECT_EQ(closed, 2);
}

TEST_F(PublisherTest, ACallbackMayNotCloseOrFlushItsBus) {
  const auto bus = Open();
  std::atomic<Code> close{Code::kOk};
  std::atomic<Code> flush{Code::kOk};
  ASSERT_TRUE(bus->PublishAsync("c", To("a", "x"),
                                [&](Code, const char*) {
                                  close = bus->Close().code();
                                  flush = bus->Flush({}).code();
                                })
                  .ok());
  EXPECT_TRUE(bus->Flush(Within(5000)).ok());
  EXPECT_EQ(close, Code::kInvalid);
  EXPECT_EQ(flush, Code::kInvalid);
}

}  // namespace
}  // namespace agentmq
