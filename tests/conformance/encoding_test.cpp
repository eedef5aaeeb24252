// Lists as one flat buffer, as bindings move them.
#include <cstring>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class EncodingTest : public BusTest {
 protected:
  static std::string Encode(const mq_list* list) {
    size_t size = 0;
    EXPECT_STATUS(MQ_OK, mq_list_encode(list, nullptr, 0, &size));
    std::string buffer(size, '\xee');
    EXPECT_STATUS(MQ_OK, mq_list_encode(list, buffer.data(), buffer.size(), &size));
    EXPECT_EQ(size, buffer.size());
    return buffer;
  }
  mq_status Publish(const char* channel, std::string_view encoded, MessageList* sent = nullptr) {
    mq_list* list = nullptr;
    const mq_status status = mq_publish_encoded(bus_.get(), channel, encoded.data(), encoded.size(), &list);
    if (sent != nullptr) {
      *sent = MessageList(list);
    } else {
      mq_list_free(list);
    }
    return status;
  }
  template <class T>
  static T At(std::string_view encoded, size_t place) {
    T value;
    std::memcpy(&value, encoded.data() + place, sizeof value);
    return value;
  }
  // Two messages of an agent, with everything that can be set, and with nothing.
  MessageList Two() {
    Message full(std::string_view("p\0q", 3));
    full.SetTarget("a").SetSource("süd:1").SetType("t").SetCorrelationId("😀").SetReplyTo("back").SetPriority(200);
    full.SetContentType("text/plain").SetHeader("one", "1").SetHeader("empty", "").SetTtl(1h);
    bus_.Publish("c", full);
    bus_.Publish("c", Text("", "a"));
    Subscription subscription = bus_.Subscribe("c", "a");
    MessageList list = subscription.FetchBatch(10, kPatience);
    EXPECT_EQ(list.size(), 2u);
    bus_.AckBatch(list);
    return list;
  }
};
AGENTMQ_ON_EVERY_BACKEND(EncodingTest);

TEST_P(EncodingTest, AListIsWrittenAsItsDocumentSays) {
  MessageList list = Two();
  const std::string encoded = Encode(list.get());
  EXPECT_EQ(At<uint32_t>(encoded, 0), 1u);
  EXPECT_EQ(At<uint32_t>(encoded, 4), 2u);
  EXPECT_EQ(At<uint64_t>(encoded, 8), encoded.size());
  const size_t size = At<uint32_t>(encoded, 16);
  EXPECT_EQ(size % 8, 0u);
  EXPECT_EQ(At<int64_t>(encoded, 16 + 8), list[0].timestamp());
  EXPECT_EQ(At<int64_t>(encoded, 16 + 16), list[0].expires());
  EXPECT_EQ(At<int32_t>(encoded, 16 + 40), 200);
  EXPECT_EQ(At<int32_t>(encoded, 16 + 44), 1);
  EXPECT_EQ(At<uint32_t>(encoded, 16 + 52), 2u);
  EXPECT_EQ(At<uint64_t>(encoded, 16 + 104), 3u);
  EXPECT_EQ(At<int32_t>(encoded, 16 + 112), -1) << "it was for its sender to say";
  EXPECT_EQ(At<int32_t>(encoded, 16 + 116), -1);
  EXPECT_EQ(At<int32_t>(encoded, 16 + 120), 0);
  EXPECT_EQ(At<int32_t>(encoded, 16 + 124), 0);
  const std::string texts =
      "asüd:1t😀backtext/plain" + std::string(list[0].id()) + "c" + std::string(list[0].receipt()) + "a";
  EXPECT_EQ(encoded.substr(16 + 136, texts.size()), texts);
  EXPECT_EQ(At<uint32_t>(encoded, 16 + size),
            (136 + 1 + list[1].id().size() + 1 + list[1].receipt().size() + 1 + 7) / 8 * 8);
  const std::optional<Message> taken = list.Take(0);
  size_t alone = 0;
  EXPECT_STATUS(MQ_OK, mq_message_encode(taken->get(), nullptr, 0, &alone));
  EXPECT_EQ(alone, 16 + size);
  EXPECT_EQ(At<uint32_t>(Encode(list.get()), 4), 1u) << "a place that was taken is left out";
}

TEST_P(EncodingTest, WhereThereIsNoRoomNothingIsWritten) {
  const MessageList list = Two();
  size_t size = 0;
  std::string small(100, 'x');
  EXPECT_STATUS(MQ_TOO_LARGE, mq_list_encode(list.get(), small.data(), small.size(), &size));
  EXPECT_EQ(small, std::string(100, 'x'));
  EXPECT_GT(size, 100u);
  EXPECT_STATUS(MQ_INVALID, mq_list_encode(nullptr, nullptr, 0, &size));
  EXPECT_STATUS(MQ_INVALID, mq_list_encode(list.get(), nullptr, 1000, &size));
  EXPECT_STATUS(MQ_INVALID, mq_list_encode(list.get(), nullptr, 0, nullptr));
}

TEST_P(EncodingTest, ADelayStandsBehindThePayloadWhereThereIsOne) {
  Message message = Text("payload", "a");
  size_t plain = 0;
  EXPECT_STATUS(MQ_OK, mq_message_encode(message.get(), nullptr, 0, &plain));
  message.SetDelay(1h);
  size_t size = 0;
  EXPECT_STATUS(MQ_OK, mq_message_encode(message.get(), nullptr, 0, &size));
  EXPECT_EQ(size, plain + 16);
  std::string encoded(size, '\0');
  EXPECT_STATUS(MQ_OK, mq_message_encode(message.get(), encoded.data(), size, &size));
  EXPECT_EQ(At<int64_t>(encoded, plain), 3'600'000);
  EXPECT_EQ(At<int64_t>(encoded, plain + 8), 0);
  MessageList sent;
  EXPECT_STATUS(MQ_OK, Publish("c", encoded, &sent));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].due(), sent[0].timestamp() + 3'600'000);
  EXPECT_EQ(bus_.Count({{"channel", "c"}, {"state", "scheduled"}}), 1);
  const MessageList found = bus_.Find({{"channel", "c"}});
  const std::string again = Encode(found.get());
  EXPECT_EQ(At<int64_t>(again, again.size() - 16), 0) << "it was for its sender to say";
  EXPECT_EQ(At<int64_t>(again, again.size() - 8), found[0].due());
  const int64_t negative = -5;
  std::memcpy(encoded.data() + plain, &negative, sizeof negative);
  EXPECT_STATUS(MQ_INVALID, Publish("c", encoded));
  EXPECT_TRUE(ErrorSays("delay"));
}

TEST_P(EncodingTest, WhatFewMessagesHaveStandsBehindTheDelay) {
  Bus signing = Open({{"signing_key", "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}});
  Message message = Text("payload", "a");
  size_t plain = 0;
  EXPECT_STATUS(MQ_OK, mq_message_encode(message.get(), nullptr, 0, &plain));
  message.SetDedupKey("key");
  size_t size = 0;
  EXPECT_STATUS(MQ_OK, mq_message_encode(message.get(), nullptr, 0, &size));
  EXPECT_EQ(size, plain + 16 + 24 + 8);
  std::string encoded(size, '\0');
  EXPECT_STATUS(MQ_OK, mq_message_encode(message.get(), encoded.data(), size, &size));
  mq_list* sent = nullptr;
  EXPECT_STATUS(MQ_OK, mq_publish_encoded(signing.get(), "c", encoded.data(), size, &sent));
  mq_list_free(sent);
  Subscription subscription = signing.Subscribe("c", "a");
  const Message failing = Next(subscription);
  EXPECT_STATUS(MQ_OK, mq_nack(signing.get(), failing.get(), MQ_FAILURE_PERMANENT, 0, "why"));
  const MessageList dead = signing.DeadLetters();
  ASSERT_EQ(dead.size(), 1u);
  char* history = nullptr;
  ASSERT_STATUS(MQ_OK, mq_message_history(mq_list_at(dead.get(), 0), &history));
  const std::string told(history);
  mq_free(history);
  const std::string again = Encode(dead.get());
  const size_t texts = 3 + 2 + told.size();
  const size_t head = again.size() - (texts + 7) / 8 * 8 - 24;
  EXPECT_EQ(At<uint32_t>(again, head), 3u);
  EXPECT_EQ(At<uint32_t>(again, head + 4), 2u);
  EXPECT_EQ(At<int64_t>(again, head + 8), dead[0].signed_at());
  EXPECT_EQ(At<uint32_t>(again, head + 16), told.size());
  EXPECT_EQ(again.substr(head + 24, texts), "keyk1" + told);
  const uint32_t beyond = 1000;
  std::memcpy(encoded.data() + plain + 16, &beyond, sizeof beyond);
  EXPECT_STATUS(MQ_INVALID, mq_publish_encoded(signing.get(), "c", encoded.data(), size, nullptr));
  EXPECT_TRUE(ErrorSays("dedup_key"));
}

TEST_P(EncodingTest, WhatIsPublishedFromItArrives) {
  const MessageList list = Two();
  MessageList sent;
  EXPECT_STATUS(MQ_OK, Publish("d", Encode(list.get()), &sent));
  ASSERT_EQ(sent.size(), 2u);
  Subscription subscription = bus_.Subscribe("d", "a");
  for (size_t i = 0; i < 2; ++i) {
    const Message got = Next(subscription);
    EXPECT_EQ(got.id(), sent[i].id());
    EXPECT_EQ(sent[i].payload(), "") << "the caller has it";
    EXPECT_EQ(got.payload(), list[i].payload());
    EXPECT_EQ(got.source(), list[i].source());
    EXPECT_EQ(got.type(), list[i].type());
    EXPECT_EQ(got.correlation_id(), list[i].correlation_id());
    EXPECT_EQ(got.reply_to(), list[i].reply_to());
    EXPECT_EQ(got.content_type(), list[i].content_type());
    EXPECT_EQ(got.headers(), list[i].headers());
    EXPECT_EQ(got.priority(), list[i].priority());
  }
}

TEST_P(EncodingTest, WhatIsReadFromItIsTheCallersToPublish) {
  const MessageList list = Two();
  const std::string encoded = Encode(list.get());
  mq_list* read = nullptr;
  ASSERT_STATUS(MQ_OK, mq_list_decode(encoded.data(), encoded.size(), &read));
  MessageList own(read);
  ASSERT_EQ(own.size(), 2u);
  EXPECT_EQ(own[1].payload(), list[1].payload());
  EXPECT_EQ(own[1].headers(), list[1].headers());
  EXPECT_EQ(own[0].id(), "") << "no sender sets it";
  own.Add(Text("another", "a"));
  EXPECT_EQ(own.size(), 3u);
  EXPECT_EQ(own[2].payload(), "another");
  EXPECT_STATUS(MQ_OK, mq_publish(bus_.get(), "d", mq_list_at(own.get(), 2)));
  Subscription subscription = bus_.Subscribe("d", "a");
  MessageList fetched;
  fetched.Add(Next(subscription));
  size_t acked = 0;
  EXPECT_STATUS(MQ_OK, mq_ack_batch(bus_.get(), fetched.get(), nullptr, &acked));
  EXPECT_EQ(acked, 1u);
}

TEST_P(EncodingTest, WhatBecameOfEachIsTold) {
  std::vector<Message> messages = Texts(20, "full");
  messages.push_back(Text("x", "free"));
  bus_.PublishBatch("c", messages);
  mq_list* found = nullptr;
  ASSERT_STATUS(MQ_OK, mq_find(bus_.get(), nullptr, 100, 0, &found));
  const std::string encoded = Encode(MessageList(found).get());
  bus_.Configure("d", {{"max_items", "15"}});
  MessageList sent;
  EXPECT_STATUS(MQ_PARTIAL, Publish("d", encoded, &sent));
  ASSERT_EQ(sent.size(), 21u);
  for (size_t i = 0; i < 21; ++i) {
    const bool free = sent[i].target() == "free";
    EXPECT_EQ(sent[i].status(), free ? MQ_OK : MQ_FULL);
    EXPECT_EQ(sent[i].id().empty(), !free);
  }
}

TEST_P(EncodingTest, WhatAPublishWaitsForAndWhatItReachedCross) {
  Bus bus = Open({{"durability_timeout", "10ms"}, {"min_replicas", "1"}});
  const auto encode = [](const Message& message) {
    size_t size = 0;
    EXPECT_STATUS(MQ_OK, mq_message_encode(message.get(), nullptr, 0, &size));
    std::string encoded(size, '\0');
    EXPECT_STATUS(MQ_OK, mq_message_encode(message.get(), encoded.data(), encoded.size(), &size));
    return encoded;
  };
  const auto publish = [&](const std::string& encoded) {
    mq_list* list = nullptr;
    const mq_status status = mq_publish_encoded(bus.get(), "c", encoded.data(), encoded.size(), &list);
    const MessageList sent(list);
    EXPECT_EQ(sent.size(), 1u);
    EXPECT_NE(sent[0].id(), "") << "it is stored, whatever was reached";
    EXPECT_EQ(sent[0].status(), status);
    const std::string answer = Encode(sent.get());
    EXPECT_EQ(At<int32_t>(answer, 16 + 4), status);
    EXPECT_EQ(At<int32_t>(answer, 16 + 112), At<int32_t>(encoded, 16 + 112));
    EXPECT_EQ(At<int32_t>(answer, 16 + 116), At<int32_t>(encoded, 16 + 116));
    EXPECT_EQ(At<int32_t>(answer, 16 + 120), 0);
    EXPECT_EQ(At<int32_t>(answer, 16 + 124), 0);
    return status;
  };
  Message message = Text("x", "a");
  EXPECT_STATUS(MQ_PARTIAL, publish(encode(message)));
  EXPECT_TRUE(ErrorSays("0 of 1 replicas")) << "unset: as the bus says";
  message.SetMinReplicas(0);
  EXPECT_EQ(At<int32_t>(encode(message), 16 + 112), 0);
  EXPECT_STATUS(MQ_OK, publish(encode(message)));
  message.SetMinReplicas(2);
  EXPECT_STATUS(MQ_PARTIAL, publish(encode(message)));
  EXPECT_TRUE(ErrorSays("0 of 2 replicas"));
  message.SetMinReplicas(0).SetFsync(true);
  EXPECT_EQ(At<int32_t>(encode(message), 16 + 116), 1);
  EXPECT_STATUS(MQ_PARTIAL, publish(encode(message)));
  EXPECT_TRUE(ErrorSays("no disk"));
  message.SetFsync(false);
  EXPECT_EQ(At<int32_t>(encode(message), 16 + 116), 0);
  EXPECT_STATUS(MQ_OK, publish(encode(message)));
  EXPECT_EQ(bus.Count(), 5);
}

TEST_P(EncodingTest, AnImpossibleDurabilityIsRefused) {
  const std::string good = Encode(Two().get());
  const auto with = [&](size_t place, int32_t value) {
    std::string bad = good;
    std::memcpy(bad.data() + 16 + place, &value, sizeof value);
    return bad;
  };
  for (const int32_t replicas : {-2, 101, INT32_MIN, INT32_MAX}) {
    EXPECT_STATUS(MQ_INVALID, Publish("d", with(112, replicas))) << replicas;
    EXPECT_TRUE(ErrorSays("min_replicas must be between 0 and 100"));
  }
  for (const int32_t fsync : {-2, 2, 256, INT32_MIN}) {
    EXPECT_STATUS(MQ_INVALID, Publish("d", with(116, fsync))) << fsync;
    EXPECT_TRUE(ErrorSays("message 0 of the encoded list: fsync must be -1, 0 or 1"));
  }
  EXPECT_STATUS(MQ_OK, Publish("d", with(120, 77))) << "what was reached is the library's to say";
  EXPECT_EQ(bus_.Count(), 2);
}

TEST_P(EncodingTest, HostileBuffersAreRefusedOrPublishedNeverFollowed) {
  const std::string good = Encode(Two().get());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_STATUS(MQ_INVALID, Publish("d", good.substr(0, size))) << size;
  }
  EXPECT_STATUS(MQ_INVALID, Publish("d", good + std::string(8, '\0')));
  for (size_t place = 0; place < good.size(); ++place) {
    for (const int change : {1, 0x7f, 0xff}) {
      std::string bad = good;
      bad[place] = static_cast<char>(bad[place] ^ change);
      static_cast<void>(Publish("d", bad));  // whatever it answers: nothing beyond the buffer is read
    }
  }
  std::string nul = good;
  nul[16 + 136] = '\0';  // the target
  EXPECT_STATUS(MQ_INVALID, Publish("d", nul));
  EXPECT_NE(std::string(mq_last_error()).find("target holds a NUL"), std::string::npos) << mq_last_error();
}

}  // namespace
}  // namespace agentmq::test
