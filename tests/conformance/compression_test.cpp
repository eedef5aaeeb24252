// compress_above: payloads are stored compressed, and nobody notices.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

// As many bytes as told, which shrink to less than a tenth.
std::string Prose(size_t size) {
  std::string text;
  for (int line = 0; text.size() < size; ++line) text += std::to_string(line % 100) + " green bottles on the wall\n";
  text.resize(size);
  return text;
}

std::string Noise(size_t size) {
  std::string noise(size, '\0');
  uint32_t state = 1;
  for (char& byte : noise) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return noise;
}

class CompressionTest : public BusTest {
 protected:
  Bus packs_ = Open({{"compress_above", "100"}});
};
AGENTMQ_ON_EVERY_BACKEND(CompressionTest);

TEST_P(CompressionTest, PayloadsOfEverySizeArriveAsTheyWere) {
  Subscription subscription = bus_.Subscribe("c", "a");
  for (const size_t size : {0u, 1u, 100u, 101u, 5000u, 65536u, 65537u, 900'000u, 3'000'000u}) {
    for (const std::string& payload : {Prose(size), Noise(size)}) {
      Message message(payload);
      message.SetTarget("a").SetHeader("h", "v").SetType("t").SetTtl(60s);
      packs_.Publish("c", message);
      EXPECT_EQ(message.payload(), payload);
      const Message got = Next(subscription);
      EXPECT_TRUE(got.payload() == payload) << size;
      EXPECT_EQ(got.payload().data()[size], '\0');
      EXPECT_EQ(got.header("h"), "v");
      EXPECT_EQ(got.type(), "t");
      EXPECT_EQ(got.expires(), got.timestamp() + 60000);
      bus_.Ack(got);
    }
  }
}

TEST_P(CompressionTest, ABatchOfManyArrives) {
  std::vector<Message> messages;
  for (int i = 0; i < 300; ++i) messages.push_back(Text(Prose(10'000) + std::to_string(i), "a"));
  packs_.PublishBatch("c", messages);
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::vector<std::string> payloads = Take(bus_, subscription, 300);
  ASSERT_EQ(payloads.size(), 300u);
  for (size_t i = 0; i < payloads.size(); ++i) EXPECT_TRUE(payloads[i] == Prose(10'000) + std::to_string(i)) << i;
}

TEST_P(CompressionTest, WhoeverLooksSeesThePlainPayload) {
  for (const size_t size : {5000u, 3'000'000u}) {
    const std::string payload = Prose(size);
    const std::string id = Put(packs_, "c", "a", payload);
    EXPECT_TRUE(bus_.Get(id.c_str())->payload() == payload);
    EXPECT_TRUE(bus_.Find()[0].payload() == payload);
    EXPECT_TRUE(bus_.GetPending("c", "a")[0].payload() == payload);
    Subscription subscription = bus_.Subscribe("c", "a");
    bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
    EXPECT_TRUE(bus_.DeadLetters()[0].payload() == payload);
    const std::string replayed = bus_.Replay(std::string(bus_.DeadLetters()[0].id()).c_str());
    const Message got = Next(subscription);
    EXPECT_EQ(got.id(), replayed);
    EXPECT_TRUE(got.payload() == payload);
    // A copy is published like any other.
    const Message copy = Message::Copy(got);
    bus_.Ack(got);
    bus_.Publish("c", copy);
    EXPECT_EQ(Take(bus_, subscription, 1), std::vector<std::string>{payload});
  }
}

TEST_P(CompressionTest, ListenersHearThePlainPayload) {
  Subscription listener = bus_.Listen("c");
  Subscription reader = bus_.Subscribe("c", "a");
  for (const mq_mode mode : {MQ_MODE_PUBSUB, MQ_MODE_BOTH}) {
    for (const size_t size : {5000u, 300'000u}) {
      Message message(Prose(size));
      message.SetMode(mode);
      packs_.Publish("c", message);
      EXPECT_TRUE(Next(listener).payload() == Prose(size)) << size;
      if (mode == MQ_MODE_PUBSUB) continue;
      EXPECT_TRUE(Take(bus_, reader, 1)[0] == Prose(size)) << size;
    }
  }
}

TEST_P(CompressionTest, WhatIsPublishedAsynchronouslyIsCompressedToo) {
  Message message = Text(Prose(100'000), "a");
  packs_.PublishAsync("c", std::move(message));
  packs_.Flush(kPatience);
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_TRUE(Take(bus_, subscription, 1)[0] == Prose(100'000));
}

TEST_P(CompressionTest, APayloadAboveTheReadersLimitIsADeadLetterAndCanBeSentAgain) {
  for (const size_t size : {200'000u, 5'000'000u}) {
    Put(packs_, "c", "a", Prose(size));
    Put(packs_, "c", "a", "small");
    Bus modest = Open({{"max_payload", "100KiB"}});
    Subscription subscription = modest.Subscribe("c", "a");
    EXPECT_EQ(Take(modest, subscription, 1), std::vector<std::string>{"small"});
    EXPECT_FALSE(subscription.Fetch(0ms));
    ASSERT_TRUE(Eventually(kPatience, [&] { return modest.DeadLetters().size() == 1; }));
    const MessageList dead = modest.DeadLetters();
    EXPECT_EQ(dead[0].status(), MQ_TOO_LARGE);
    EXPECT_NE(dead[0].reason().find("max_payload"), std::string::npos) << dead[0].reason();
    EXPECT_LT(dead[0].payload().size(), size) << "it was inflated";
    mq_unsubscribe(subscription.get());

    EXPECT_TRUE(bus_.DeadLetters()[0].payload() == Prose(size));
    bus_.Replay(std::string(dead[0].id()).c_str());
    Subscription other = bus_.Subscribe("c", "a");
    EXPECT_TRUE(Take(bus_, other, 1)[0] == Prose(size));
  }
}

TEST_P(CompressionTest, AQueueThatIsFullForAWhileTakesThemInTheEnd) {
  packs_.Configure("c", {{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "10s"}});
  Put(packs_, "c", "a", "first");
  std::thread later([&] {
    Subscription subscription = bus_.Subscribe("c", "a");
    EXPECT_EQ(Take(bus_, subscription, 1)[0], "first");
    EXPECT_TRUE(Take(bus_, subscription, 1)[0] == Prose(50'000));
  });
  EXPECT_EQ(StatusOf([&] { Put(packs_, "c", "a", Prose(50'000)); }), MQ_OK);
  later.join();
}

TEST_P(CompressionTest, TheSettingTakesSizesAlone) {
  for (const char* value : {"-1", "many", "513MiB", ""}) {
    EXPECT_STATUS(MQ_INVALID, mq_config_set(Config().get(), "compress_above", value));
  }
  EXPECT_EQ(StatusOf([&] { Bus(With(url(), "compress_above=0")); }), MQ_OK);
  EXPECT_EQ(StatusOf([&] { Bus(With(url(), "compress_above=4KiB")); }), MQ_OK);
}

}  // namespace
}  // namespace agentmq::test
