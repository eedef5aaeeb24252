// mq_message_set_dedup_key: what repeats another message within the channel's dedup_window is not stored.
#include <mutex>
#include <set>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Strings = std::vector<std::string>;

class DedupTest : public BusTest {
 protected:
  static Message Keyed(std::string_view payload, const char* target, const std::string& key,
                       int priority = MQ_PRIORITY_NORMAL) {
    Message message = Text(payload, target, priority);
    message.SetDedupKey(key.c_str());
    return message;
  }
  std::string PutKeyed(std::string_view payload, const char* target, const std::string& key) {
    const Message message = Keyed(payload, target, key);
    bus_.Publish("c", message);
    return std::string(message.id());
  }
  Strings All(const char* agent) {
    Subscription subscription = bus_.Subscribe("c", agent);
    const auto count = static_cast<size_t>(bus_.Count());
    return Take(bus_, subscription, count);
  }
  int64_t Repeated() { return Stat(bus_, "c", "repeated"); }
};
AGENTMQ_ON_EVERY_BACKEND(DedupTest);

TEST_P(DedupTest, TheSecondIsNotStoredAndHasTheFirstOnesId) {
  const Message first = Keyed("first", "a", "k");
  bus_.Publish("c", first);
  const Message second = Keyed("second", "a", "k");
  bus_.Publish("c", second);
  EXPECT_EQ(second.id(), first.id());
  EXPECT_EQ(second.timestamp(), first.timestamp());
  EXPECT_EQ(bus_.Count(), 1);
  EXPECT_EQ(Repeated(), 1);
  EXPECT_EQ(Stat(bus_, "c", "published"), 1);
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message got = Next(subscription);
  EXPECT_EQ(got.payload(), "first");
  EXPECT_EQ(got.dedup_key(), "k");
  EXPECT_FALSE(subscription.Fetch(kMoment));
}

TEST_P(DedupTest, OtherBusesAndProcessesAreTold) {
  const std::string id = PutKeyed("x", "a", "k");
  Bus other = Open();
  const Message repeat = Keyed("y", "a", "k");
  other.Publish("c", repeat);
  EXPECT_EQ(repeat.id(), id);
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(DedupTest, AnotherQueueOrKeyIsAnotherMessage) {
  const std::string id = PutKeyed("x", "a", "k");
  EXPECT_NE(PutKeyed("x", "b", "k"), id);
  EXPECT_NE(PutKeyed("x", nullptr, "k"), id);
  EXPECT_NE(PutKeyed("x", "a", "K"), id);
  EXPECT_NE(PutKeyed("x", "a", ""), PutKeyed("x", "a", "")) << "an empty key is none";
  const Message other_channel = Keyed("x", "a", "k");
  bus_.Publish("d", other_channel);
  EXPECT_NE(other_channel.id(), id);
  EXPECT_EQ(bus_.Count(), 7);
}

TEST_P(DedupTest, WhatWasAcknowledgedIsStillRepeated) {
  const std::string id = PutKeyed("x", "a", "k");
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Ack(Next(subscription));
  EXPECT_EQ(PutKeyed("y", "a", "k"), id);
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_FALSE(subscription.Fetch(kMoment));
}

TEST_P(DedupTest, AfterTheWindowTheKeyIsFree) {
  bus_.Configure("c", {{"dedup_window", "1500ms"}});
  const std::string id = PutKeyed("x", "a", "k");
  EXPECT_EQ(PutKeyed("x", "a", "k"), id);
  std::string again;
  EXPECT_TRUE(Eventually(kPatience, [&] { return (again = PutKeyed("y", "a", "k")) != id; }));
  EXPECT_EQ(PutKeyed("y", "a", "k"), again) << "it is taken anew";
}

TEST_P(DedupTest, ARepeatDoesNotProlongTheWindow) {
  bus_.Configure("c", {{"dedup_window", "400ms"}});
  const std::string id = PutKeyed("x", "a", "k");
  EXPECT_TRUE(Eventually(2s, [&] { return PutKeyed("y", "a", "k") != id; })) << "it was repeated all the time";
}

TEST_P(DedupTest, AWindowOfZeroSwitchesItOff) {
  bus_.Configure("c", {{"dedup_window", "0"}});
  EXPECT_NE(PutKeyed("x", "a", "k"), PutKeyed("y", "a", "k"));
  EXPECT_EQ(bus_.Count(), 2);
  EXPECT_EQ(Repeated(), 0);
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Next(subscription).dedup_key(), "k") << "it is carried all the same";
}

TEST_P(DedupTest, DeletingFreesTheKey) {
  const std::string id = PutKeyed("x", "a", "k");
  bus_.Delete(id.c_str());
  const std::string second = PutKeyed("y", "a", "k");
  EXPECT_NE(second, id);
  EXPECT_EQ(PutKeyed("z", "a", "k"), second);
  EXPECT_STATUS(MQ_NOT_FOUND, mq_delete(bus_.get(), id.c_str()));
  EXPECT_EQ(PutKeyed("z", "a", "k"), second) << "deleting what is gone frees nothing";
  EXPECT_EQ(All("a"), Strings{"y"});
}

TEST_P(DedupTest, DeletingABroadcastFreesTheKey) {
  const std::string id = PutKeyed("x", nullptr, "k");
  EXPECT_EQ(PutKeyed("x", nullptr, "k"), id);
  bus_.Delete(id.c_str());
  EXPECT_NE(PutKeyed("y", nullptr, "k"), id);
}

TEST_P(DedupTest, ADeadLetterFreesTheKey) {
  const std::string id = PutKeyed("x", "a", "k");
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT, 0ms, "no");
  const std::string second = PutKeyed("y", "a", "k");
  EXPECT_NE(second, id);
  EXPECT_EQ(PutKeyed("z", "a", "k"), second);
}

TEST_P(DedupTest, ADeadLetterOfALapseFreesTheKey) {
  const std::string id = PutKeyed("x", "a", "k");
  Subscription subscription =
      bus_.Subscribe("c", "a", {{"auto_extend", "false"}, {"visibility_timeout", "50ms"}, {"retry_attempts", "1"}});
  const Message held = Next(subscription);
  EXPECT_TRUE(Eventually(kPatience, [&] {
    (void)subscription.Fetch(20ms);
    return bus_.DeadLetters().size() == 1;
  }));
  EXPECT_NE(PutKeyed("y", "a", "k"), id);
}

TEST_P(DedupTest, TheDeadLetterOfOneGroupOfABroadcastDoesNot) {
  Subscription one = bus_.Subscribe("c", "one");
  Subscription two = bus_.Subscribe("c", "two");
  const std::string id = PutKeyed("x", nullptr, "k");
  bus_.Nack(Next(one), MQ_FAILURE_PERMANENT, 0ms, "no");
  EXPECT_EQ(PutKeyed("y", nullptr, "k"), id) << "the other group has it";
  bus_.Ack(Next(two));
}

TEST_P(DedupTest, ClearingFreesAllKeys) {
  const std::string a = PutKeyed("x", "a", "k");
  const std::string b = PutKeyed("x", "a", "l");
  bus_.Clear("c");
  const std::string again = PutKeyed("y", "a", "k");
  EXPECT_NE(again, a);
  EXPECT_NE(PutKeyed("y", "a", "l"), b);
  EXPECT_EQ(PutKeyed("z", "a", "k"), again);
}

TEST_P(DedupTest, OfEqualKeysInABatchTheFirstIsStored) {
  std::vector<Message> batch;
  batch.push_back(Keyed("low", "a", "k", MQ_PRIORITY_LOW));
  batch.push_back(Text("plain", "a"));
  batch.push_back(Keyed("high", "a", "k", MQ_PRIORITY_HIGH));
  batch.push_back(Keyed("other", "a", "l"));
  batch.push_back(Keyed("low again", "a", "k", MQ_PRIORITY_LOW));
  EXPECT_EQ(bus_.PublishBatch("c", batch), 5u);
  EXPECT_EQ(batch[2].id(), batch[0].id());
  EXPECT_EQ(batch[4].id(), batch[0].id());
  EXPECT_NE(batch[3].id(), batch[0].id());
  EXPECT_EQ(All("a"), (Strings{"plain", "other", "low"}));
  EXPECT_EQ(Repeated(), 2);
  std::vector<Message> repeats;
  repeats.push_back(Keyed("r", "a", "l"));
  repeats.push_back(Keyed("r", "a", "k"));
  EXPECT_EQ(bus_.PublishBatch("c", repeats), 2u);
  EXPECT_EQ(repeats[0].id(), batch[3].id());
  EXPECT_EQ(repeats[1].id(), batch[0].id());
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(DedupTest, ALargeBatchWithKeysIsStoredInOrder) {
  bus_.Configure("c", {{"max_items", "0"}});
  std::vector<Message> batch;
  Strings expected;
  for (int i = 0; i < 2500; ++i) {
    const std::string text = std::to_string(i);
    if (i % 3 == 2) {
      batch.push_back(Text(text, "a"));
    } else {
      batch.push_back(Keyed(text, "a", std::to_string(i / 3)));  // each key twice
    }
    if (i % 3 != 1) expected.push_back(text);
  }
  EXPECT_EQ(bus_.PublishBatch("c", batch), batch.size());
  EXPECT_EQ(All("a"), expected);
  EXPECT_EQ(Repeated(), 833);
}

TEST_P(DedupTest, ManyTargetsHaveTheirOwnKeys) {
  const Message message = Keyed("x", nullptr, "k");
  const char* targets[] = {"a", "b", "a"};
  mq_list* sent = nullptr;
  ASSERT_STATUS(MQ_OK, mq_publish_many(bus_.get(), "c", message.get(), targets, 3, &sent));
  EXPECT_STREQ(mq_message_id(mq_list_at(sent, 0)), mq_message_id(mq_list_at(sent, 2)));
  EXPECT_STRNE(mq_message_id(mq_list_at(sent, 0)), mq_message_id(mq_list_at(sent, 1)));
  mq_list_free(sent);
  EXPECT_EQ(bus_.Count(), 2);
}

TEST_P(DedupTest, AsynchronousPublishesAreTold) {
  std::atomic<int> done{0};
  std::mutex mutex;
  std::set<std::string> ids;
  for (int i = 0; i < 50; ++i) {
    bus_.PublishAsync("c", Keyed("x", "a", "k" + std::to_string(i % 5)), [&](mq_status status, std::string_view id) {
      EXPECT_STATUS(MQ_OK, status);
      const std::lock_guard lock(mutex);
      ids.emplace(id);
      ++done;
    });
  }
  EXPECT_TRUE(bus_.Flush(kPatience));
  EXPECT_EQ(done, 50);
  EXPECT_EQ(ids.size(), 5u);
  EXPECT_EQ(bus_.Count(), 5);
}

TEST_P(DedupTest, ThreadsThatPublishTheSameKeyAgreeOnOne) {
  std::vector<std::string> ids(8);
  std::vector<std::thread> threads;
  for (std::string& id : ids) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) id += PutKeyed("x", "a", std::to_string(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& id : ids) EXPECT_EQ(id, ids[0]);
  EXPECT_EQ(bus_.Count(), 20);
}

TEST_P(DedupTest, WhatIsEncodedKeepsItsKey) {
  bus_.Publish("c", Keyed("x", "a", "k"));
  bus_.Publish("c", Text("y", "a"));
  Subscription subscription = bus_.Subscribe("c", "a");
  const MessageList list = subscription.FetchBatch(10, kPatience);
  size_t size = 0;
  ASSERT_STATUS(MQ_OK, mq_list_encode(list.get(), nullptr, 0, &size));
  std::string encoded(size, '\0');
  ASSERT_STATUS(MQ_OK, mq_list_encode(list.get(), encoded.data(), size, &size));
  for (int i = 0; i < 2; ++i) {
    mq_list* sent = nullptr;
    ASSERT_STATUS(MQ_OK, mq_publish_encoded(bus_.get(), "d", encoded.data(), encoded.size(), &sent));
    mq_list_free(sent);
  }
  EXPECT_EQ(bus_.Count({{"channel", "d"}}), static_cast<int64_t>(2 * list.size() - 1));
}

TEST_P(DedupTest, ARepeatIsNotToldAgain) {
  Subscription listener = bus_.Listen("c");
  for (int i = 0; i < 3; ++i) {
    Message message = Keyed("k" + std::to_string(i / 2), nullptr, std::to_string(i / 2));
    message.SetMode(MQ_MODE_BOTH);
    bus_.Publish("c", message);
    if (i == 1) {
      EXPECT_EQ(message.receivers(), 0);
    }
  }
  EXPECT_EQ(Next(listener).payload(), "k0");
  EXPECT_EQ(Next(listener).payload(), "k1");
  EXPECT_FALSE(listener.Fetch(kMoment));
}

TEST_P(DedupTest, WhatIsOnlyToldHasNoKey) {
  Message message = Keyed("x", nullptr, "k");
  message.SetMode(MQ_MODE_PUBSUB);
  EXPECT_STATUS(MQ_INVALID, mq_publish(bus_.get(), "c", message.get()));
  EXPECT_TRUE(ErrorSays("dedup_key"));
}

TEST_P(DedupTest, AScheduledMessageTakesItsKeyAtOnce) {
  Message later = Keyed("later", "a", "k");
  later.SetDelay(1500ms);
  bus_.Publish("c", later);
  EXPECT_EQ(PutKeyed("now", "a", "k"), later.id());
  Message once = Keyed("once", "a", "l");
  bus_.Publish("c", once);
  Message repeat = Keyed("repeat", "a", "l");
  repeat.SetDelay(100ms);
  bus_.Publish("c", repeat);
  EXPECT_EQ(repeat.id(), once.id());
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Next(subscription).payload(), "once");
  EXPECT_EQ(Next(subscription).payload(), "later");
  EXPECT_FALSE(subscription.Fetch(kMoment));
}

TEST_P(DedupTest, CancellingAScheduledMessageFreesItsKey) {
  Message later = Keyed("later", "a", "k");
  later.SetDelay(std::chrono::hours(1));
  bus_.Publish("c", later);
  bus_.Delete(std::string(later.id()).c_str());
  EXPECT_NE(PutKeyed("now", "a", "k"), later.id());
}

TEST_P(DedupTest, RepeatsFitIntoAFullQueue) {
  bus_.Configure("c", {{"max_items", "2"}});
  const std::string id = PutKeyed("x", "a", "k");
  Put(bus_, "c", "a", "y");
  EXPECT_EQ(PutKeyed("x", "a", "k"), id);
  EXPECT_STATUS(MQ_FULL, mq_publish(bus_.get(), "c", Keyed("z", "a", "l").get()));
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Ack(Next(subscription));
  EXPECT_NE(PutKeyed("z", "a", "l"), "") << "what was refused took no key";
  EXPECT_EQ(bus_.Count(), 2);
}

TEST_P(DedupTest, LargePayloadsAndTimesToLiveAreThoseOfTheFirst) {
  const std::string large(200'000, 'x');
  std::vector<Message> batch;
  for (int i = 0; i < 4; ++i) {
    batch.push_back(Keyed(large + std::to_string(i), "a", std::to_string(i / 2)));
    batch.back().SetTtl(60s);
  }
  EXPECT_EQ(bus_.PublishBatch("c", batch), 4u);
  Subscription subscription = bus_.Subscribe("c", "a");
  for (const char* last : {"0", "2"}) {
    const Message got = Next(subscription);
    EXPECT_EQ(got.payload(), large + last);
    EXPECT_EQ(got.expires(), got.timestamp() + 60'000);
    bus_.Ack(got);
  }
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(DedupTest, AKeyIsAnyTextUpTo1024Bytes) {
  const std::string longest(1024, 'k');
  const std::string odd = "{a}:b|\n\x01 *?[]%\xc3\xa9";
  for (const std::string& key : {longest, odd, std::string("=@"), std::string(" ")}) {
    const std::string id = PutKeyed("x", "a", key);
    EXPECT_EQ(PutKeyed("x", "a", key), id);
    bus_.Delete(id.c_str());
    EXPECT_NE(PutKeyed("x", "a", key), id);
  }
  EXPECT_STATUS(MQ_TOO_LARGE, mq_message_set_dedup_key(Text("x").get(), (longest + "k").c_str()));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_dedup_key(Text("x").get(), "\xff"));
  Message message = Keyed("x", "a", "k");
  EXPECT_EQ(Message::Copy(message).dedup_key(), "k");
  message.SetDedupKey(nullptr);
  EXPECT_EQ(message.dedup_key(), "");
}

}  // namespace
}  // namespace agentmq::test
