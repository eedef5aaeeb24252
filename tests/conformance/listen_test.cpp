// Pub/sub: mq_listen, MQ_MODE_PUBSUB, MQ_MODE_BOTH.
#include <poll.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class ListenTest : public BusTest {
 protected:
  static Message Live(std::string_view payload, mq_mode mode = MQ_MODE_PUBSUB, const char* target = nullptr) {
    Message message = Text(payload, target);
    message.SetMode(mode);
    return message;
  }
  void Tell(const char* channel, std::string_view payload, mq_mode mode = MQ_MODE_PUBSUB) {
    bus_.Publish(channel, Live(payload, mode));
  }
  // A node of a cluster counts those who are connected to it.
  static bool CountsAll() { return GetParam().find("cluster") == std::string::npos; }
};
AGENTMQ_ON_EVERY_BACKEND(ListenTest);

TEST_P(ListenTest, WhatIsToldIsHeardWithAllThatItCarries) {
  Subscription listener = bus_.Listen("events:content:*");
  Message message("hello");
  message.SetMode(MQ_MODE_PUBSUB).SetTarget("w").SetType("event").SetSource("s").SetCorrelationId("c-1");
  message.SetReplyTo("r").SetContentType("text/plain").SetHeader("k", "v").SetPriority(9).SetTtl(60s);
  bus_.Publish("events:content:new", message);
  EXPECT_FALSE(message.id().empty());
  EXPECT_GT(message.timestamp(), 0);
  EXPECT_EQ(message.receivers(), CountsAll() ? 1 : message.receivers());

  const Message heard = Next(listener);
  EXPECT_EQ(heard.payload(), "hello");
  EXPECT_EQ(heard.id(), message.id());
  EXPECT_EQ(heard.channel(), "events:content:new");
  EXPECT_EQ(heard.target(), "w");
  EXPECT_EQ(heard.type(), "event");
  EXPECT_EQ(heard.source(), "s");
  EXPECT_EQ(heard.correlation_id(), "c-1");
  EXPECT_EQ(heard.reply_to(), "r");
  EXPECT_EQ(heard.content_type(), "text/plain");
  EXPECT_EQ(heard.header("k"), "v");
  EXPECT_EQ(heard.priority(), 9);
  EXPECT_EQ(heard.timestamp(), message.timestamp());
  EXPECT_EQ(heard.expires(), message.timestamp() + 60000);
  EXPECT_EQ(heard.deliveries(), 1);
  EXPECT_EQ(heard.receipt(), "");
  EXPECT_EQ(heard.agent(), "");
}

TEST_P(ListenTest, NothingIsKeptOfIt) {
  Tell("c", "before anybody listened");
  EXPECT_TRUE(Always(kMoment, [] { return true; }));  // a cluster's nodes pass it on
  Subscription listener = bus_.Listen("c");
  Tell("c", "now");
  EXPECT_EQ(Next(listener).payload(), "now");
  EXPECT_EQ(bus_.Count(), 0);
  Subscription reader = bus_.Subscribe("c", "a");
  EXPECT_FALSE(reader.Fetch(0ms));
}

TEST_P(ListenTest, WhatIsPublishedInAQueueIsNotTold) {
  Subscription listener = bus_.Listen("c");
  Put(bus_, "c", "a", "stored");
  Tell("c", "told");
  EXPECT_EQ(Next(listener).payload(), "told");
  EXPECT_FALSE(listener.Fetch(0ms));
}

TEST_P(ListenTest, PatternsFitWholeNames) {
  struct Case {
    const char* pattern;
    std::set<std::string> fits;
  };
  const std::vector<const char*> channels = {
      "events:content:new", "events:content", "events:other:new", "a*b", "axb", "a\\b", "a/b{c}", "über", "uber"};
  const Case cases[] = {
      {"events:content:*", {"events:content:new"}},
      {"events:*", {"events:content:new", "events:content", "events:other:new"}},
      {"events:*:new", {"events:content:new", "events:other:new"}},
      {"*", {channels.begin(), channels.end()}},
      {"a*b", {"a*b", "axb", "a\\b"}},
      {"a\\*b", {"a*b"}},
      {"a?b", {"a*b", "axb", "a\\b"}},
      {"a[a-z]b", {"axb"}},
      {"a[^a-z]b", {"a*b", "a\\b"}},
      {"a\\\\b", {"a\\b"}},
      {"a/b{c}", {"a/b{c}"}},
      {"?ber", {"über", "uber"}},
      {"[ü]ber", {"über"}},
      {"EVENTS*", {}},
  };
  std::vector<Subscription> listeners;
  for (const Case& one : cases) listeners.push_back(bus_.Listen(one.pattern));
  for (const char* channel : channels) Tell(channel, channel);
  for (const char* channel : {"a*b", "events:content:new"}) Tell(channel, "the end");
  for (size_t i = 0; i < std::size(cases); ++i) {
    std::set<std::string> heard;
    // All that is told of one channel comes in order; of several it may not, in a cluster.
    EXPECT_TRUE(Eventually(kPatience, [&] {
      while (const auto message = listeners[i].Fetch(0ms)) heard.emplace(message->channel());
      return heard.size() >= cases[i].fits.size();
    })) << cases[i].pattern;
    EXPECT_EQ(heard, cases[i].fits) << cases[i].pattern;
  }
}

TEST_P(ListenTest, EachListenerHearsEachOnceAndInOrder) {
  constexpr size_t kMessages = 2500;
  // Several of one bus and of another, with patterns that overlap.
  Bus other = Open();
  std::vector<Subscription> listeners;
  for (const char* pattern : {"c", "c*", "*", "c*"}) listeners.push_back(bus_.Listen(pattern));
  for (const char* pattern : {"c", "[c]"}) listeners.push_back(other.Listen(pattern));
  std::vector<Message> messages;
  for (size_t i = 0; i < kMessages; ++i) messages.push_back(Live(std::to_string(i)));
  EXPECT_EQ(bus_.PublishBatch("c", messages), kMessages);
  for (Subscription& listener : listeners) {
    size_t next = 0;
    while (next < kMessages) {
      const MessageList list = listener.FetchBatch(1000, kPatience);
      ASSERT_FALSE(list.empty()) << "after " << next;
      for (size_t i = 0; i < list.size(); ++i) ASSERT_EQ(list[i].payload(), std::to_string(next++));
    }
    EXPECT_FALSE(listener.Fetch(0ms));
  }
}

TEST_P(ListenTest, BothIsStoredAndTold) {
  Subscription listener = bus_.Listen("c");
  Subscription reader = bus_.Subscribe("c", "a");
  const Message message = Live("x", MQ_MODE_BOTH, "a");
  bus_.Publish("c", message);
  EXPECT_EQ(message.receivers(), CountsAll() ? 1 : message.receivers());
  const Message heard = Next(listener);
  const Message stored = Next(reader);
  EXPECT_EQ(heard.payload(), "x");
  EXPECT_EQ(stored.payload(), "x");
  EXPECT_EQ(heard.id(), message.id());
  EXPECT_EQ(stored.id(), message.id());
  bus_.Ack(stored);
}

TEST_P(ListenTest, BothWithoutListenersIsStored) {
  const Message message = Live("x", MQ_MODE_BOTH, "a");
  bus_.Publish("c", message);
  EXPECT_EQ(message.receivers(), 0);
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(ListenTest, WhatWasNotStoredIsNotTold) {
  bus_.Configure("c", {{"max_items", "1"}});
  Subscription listener = bus_.Listen("c");
  bus_.Publish("c", Live("first", MQ_MODE_BOTH, "a"));
  EXPECT_EQ(StatusOf([&] { bus_.Publish("c", Live("no room", MQ_MODE_BOTH, "a")); }), MQ_FULL);
  Tell("c", "last");
  // From different nodes of a cluster: in any order.
  const std::set<std::string> heard{std::string(Next(listener).payload()), std::string(Next(listener).payload())};
  EXPECT_EQ(heard, (std::set<std::string>{"first", "last"}));
  EXPECT_FALSE(listener.Fetch(kMoment));
}

TEST_P(ListenTest, BatchesMixModesAndTargets) {
  Subscription listener = bus_.Listen("c");
  std::vector<Message> messages;
  std::set<std::string> told;
  for (int i = 0; i < 300; ++i) {
    const auto mode = static_cast<mq_mode>(i % 3);
    messages.push_back(Live(std::to_string(i), mode, i % 2 == 0 ? "a" : nullptr));
    if (mode != MQ_MODE_QUEUE) told.insert(std::to_string(i));
  }
  std::vector<mq_status> results;
  EXPECT_EQ(bus_.PublishBatch("c", messages, &results), messages.size());
  EXPECT_EQ(std::count(results.begin(), results.end(), MQ_OK), 300);
  std::set<std::string> heard;
  while (heard.size() < told.size()) {
    const Message message = Next(listener);
    ASSERT_TRUE(heard.emplace(message.payload()).second) << message.payload();
  }
  EXPECT_EQ(heard, told);
  EXPECT_EQ(bus_.Count(), 200);
  for (int i = 0; i < 300; ++i) EXPECT_FALSE(messages[static_cast<size_t>(i)].id().empty());
}

TEST_P(ListenTest, AsynchronousPublishesAreToldToo) {
  Subscription listener = bus_.Listen("c");
  std::atomic<int> done{0};
  for (int i = 0; i < 100; ++i) {
    bus_.PublishAsync("c", Live(std::to_string(i), i % 2 == 0 ? MQ_MODE_PUBSUB : MQ_MODE_BOTH, "a"),
                      [&](mq_status status, std::string_view id) { done += status == MQ_OK && !id.empty() ? 1 : 0; });
  }
  EXPECT_TRUE(bus_.Flush(kPatience));
  EXPECT_EQ(done, 100);
  std::set<std::string> heard;
  while (heard.size() < 100) ASSERT_TRUE(heard.emplace(Next(listener).payload()).second);
  EXPECT_EQ(bus_.Count(), 50);
}

TEST_P(ListenTest, LargePayloadsAndAnyBytesAreTold) {
  Subscription listener = bus_.Listen("c");
  std::string large(300000, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7);
  for (const std::string& payload : {large, std::string(), std::string("\n\0\n", 3)}) {
    Tell("c", payload);
    EXPECT_EQ(Next(listener).payload(), payload);
    Tell("c", payload, MQ_MODE_BOTH);
    EXPECT_EQ(Next(listener).payload(), payload);
  }
}

TEST_P(ListenTest, BusesOfOtherNamespacesHearNothing) {
  if (GetParam() == "memory") GTEST_SKIP() << "the URL has no other namespace to say";
  Bus stranger{FreshUrl(GetParam())};
  Subscription strange = stranger.Listen("*");
  Subscription listener = bus_.Listen("*");
  Tell("c", "x");
  EXPECT_EQ(Next(listener).payload(), "x");
  stranger.Publish("d", Live("y"));
  EXPECT_EQ(Next(strange).payload(), "y");
}

TEST_P(ListenTest, ASlowListenerLosesTheOldestAndCountsThem) {
  Subscription listener = bus_.Listen("c", {{"listen_buffer", "10"}});
  Subscription all = bus_.Listen("c");
  for (int i = 0; i < 25; ++i) Tell("c", std::to_string(i));
  for (int i = 0; i < 25; ++i) EXPECT_EQ(Next(all).payload(), std::to_string(i));
  EXPECT_TRUE(Eventually(kPatience, [&] { return listener.Lost().dropped == 15; })) << listener.Lost().dropped;
  for (int i = 15; i < 25; ++i) EXPECT_EQ(Next(listener).payload(), std::to_string(i));
  EXPECT_FALSE(listener.Fetch(0ms));
  EXPECT_EQ(listener.Lost().gaps, 0);
  EXPECT_EQ(all.Lost().dropped, 0);
}

TEST_P(ListenTest, ItsBufferIsBoundInBytesTooButHoldsOneOfAnySize) {
  Subscription listener = bus_.Listen("c", {{"listen_buffer_bytes", "10KiB"}});
  const std::string payload(4000, 'x');
  for (int i = 0; i < 5; ++i) Tell("c", payload + std::to_string(i));
  EXPECT_TRUE(Eventually(kPatience, [&] { return listener.Lost().dropped == 3; })) << listener.Lost().dropped;
  EXPECT_EQ(Next(listener).payload().back(), '3');
  EXPECT_EQ(Next(listener).payload().back(), '4');
  Tell("c", std::string(100000, 'y'));
  EXPECT_EQ(Next(listener).payload().size(), 100000u);
  EXPECT_EQ(listener.Lost().dropped, 3);
}

TEST_P(ListenTest, FetchesWaitAndAreWokenEndedAndInterrupted) {
  Subscription listener = bus_.Listen("c");
  EXPECT_FALSE(listener.Fetch(0ms));
  std::atomic<int> got{0};
  std::vector<std::thread> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back([&] {
      while (got < 40) got += listener.Fetch(100ms) ? 1 : 0;
    });
  }
  for (int i = 0; i < 40; ++i) Tell("c", "x");
  for (std::thread& thread : waiting) thread.join();
  EXPECT_EQ(got, 40);

  Cancel cancel;
  std::thread firing([&] { cancel.Fire(); });
  EXPECT_EQ(StatusOf([&] { (void)listener.Fetch(kPatience, cancel); }), MQ_INTERRUPTED);
  firing.join();

  std::thread ending([&] { listener.Unsubscribe(); });
  EXPECT_EQ(StatusOf([&] { (void)listener.Fetch(kForever); }), MQ_CLOSED);
  ending.join();
  EXPECT_EQ(StatusOf([&] { (void)listener.Fetch(0ms); }), MQ_CLOSED);
}

TEST_P(ListenTest, ItsDescriptorIsReadableWhileThereIsSomething) {
  Subscription listener = bus_.Listen("c");
  const auto readable = [fd = listener.fd()](Milliseconds timeout) {
    pollfd waiting{fd, POLLIN, 0};
    return poll(&waiting, 1, static_cast<int>(timeout.count())) == 1;
  };
  EXPECT_FALSE(readable(0ms));
  Tell("c", "x");
  EXPECT_TRUE(readable(kPatience));
  EXPECT_TRUE(readable(0ms));
  ASSERT_TRUE(listener.Fetch(0ms));
  EXPECT_FALSE(readable(0ms));
  listener.Unsubscribe();
  EXPECT_TRUE(readable(kPatience)) << "a fetch would find the end";
}

TEST_P(ListenTest, AHandlerHearsOnSeveralThreadsWhateverItAnswers) {
  Subscription listener = bus_.Listen("c", {{"workers", "3"}});
  std::atomic<int> heard{0};
  listener.Consume([&](const MessageView&) {
    const int number = heard++;
    if (number % 5 == 4) throw Error(MQ_INTERNAL, "no verdict at all");
    return static_cast<mq_verdict>(number % 5);
  });
  EXPECT_EQ(StatusOf([&] { (void)listener.Fetch(0ms); }), MQ_INVALID);
  for (int i = 0; i < 50; ++i) Tell("c", "x");
  EXPECT_TRUE(Eventually(kPatience, [&] { return heard == 50; }));
  EXPECT_TRUE(listener.Drain(kPatience)) << "no verdict failed";
  EXPECT_EQ(heard, 50) << "each once";
}

TEST_P(ListenTest, DrainingLetsAHandlerFinishWhatWasHeard) {
  Subscription listener = bus_.Listen("c");
  Subscription probe = bus_.Listen("c");
  std::atomic<bool> go{false};
  std::atomic<int> heard{0};
  listener.Consume([&](const MessageView&) {
    while (!go) std::this_thread::yield();
    ++heard;
    return MQ_VERDICT_ACK;
  });
  for (int i = 0; i < 20; ++i) Tell("c", "x");
  for (int i = 0; i < 20; ++i) Next(probe);
  // What the one has heard, the other of this bus has too.
  std::thread draining([&] { EXPECT_TRUE(listener.Drain(kPatience)); });
  go = true;
  draining.join();
  EXPECT_EQ(heard, 20);
}

TEST_P(ListenTest, ThereIsNothingToSettle) {
  Subscription listener = bus_.Listen("c");
  Tell("c", "x", MQ_MODE_BOTH);
  const Message heard = Next(listener);
  EXPECT_EQ(StatusOf([&] { bus_.Ack(heard); }), MQ_INVALID);
  EXPECT_TRUE(ErrorSays("listener"));
  EXPECT_EQ(StatusOf([&] { bus_.AckAsync(heard); }), MQ_INVALID);
  EXPECT_EQ(StatusOf([&] { bus_.Nack(heard, MQ_FAILURE_TRANSIENT); }), MQ_INVALID);
  EXPECT_EQ(StatusOf([&] { bus_.Extend(heard, 1s); }), MQ_INVALID);
  EXPECT_EQ(bus_.Count(), 1) << "what is stored is there still";
  // A copy may be published as any other.
  bus_.Publish("d", Message::Copy(heard));
  EXPECT_EQ(bus_.Count(), 2);
}

TEST_P(ListenTest, WhatIsToldAtOnceHasNoDelay) {
  Subscription listener = bus_.Listen("c");
  for (const mq_mode mode : {MQ_MODE_PUBSUB, MQ_MODE_BOTH}) {
    const Message message = Text("x", "a");
    ASSERT_STATUS(MQ_OK, mq_message_set_mode(message.get(), mode));
    ASSERT_STATUS(MQ_OK, mq_message_set_delay(message.get(), 1000));
    EXPECT_STATUS(MQ_INVALID, mq_publish(bus_.get(), "c", message.get()));
    EXPECT_TRUE(ErrorSays("delay"));
  }
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_FALSE(listener.Fetch(kMoment));
}

TEST_P(ListenTest, WrongPatternsAreRefusedWithASentence) {
  const std::string long_one(257, 'x');
  for (const char* pattern :
       {"", "a[", "a[b", "[]", "[^]", "[z-a]", "a\\", "[a\\", "a\nb", "\x7f", "\xff", long_one.c_str()}) {
    mq_subscription* subscription = nullptr;
    EXPECT_STATUS(MQ_INVALID, mq_listen(bus_.get(), pattern, nullptr, &subscription)) << pattern;
    EXPECT_TRUE(ErrorSays("pattern")) << pattern;
    EXPECT_EQ(subscription, nullptr);
  }
  EXPECT_EQ(StatusOf([&] { (void)bus_.Listen("c", {{"listen_buffer", "0"}}); }), MQ_INVALID);
  EXPECT_EQ(StatusOf([&] { (void)bus_.Listen("c", {{"ttl", "1s"}}); }), MQ_INVALID);
}

TEST_P(ListenTest, WrongCallsAreRefusedWithASentence) {
  mq_subscription* subscription = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_listen(nullptr, "c", nullptr, &subscription));
  EXPECT_STATUS(MQ_INVALID, mq_listen(bus_.get(), nullptr, nullptr, &subscription));
  EXPECT_STATUS(MQ_INVALID, mq_listen(bus_.get(), "c", nullptr, nullptr));
  Subscription listener = bus_.Listen("c");
  EXPECT_STATUS(MQ_INVALID, mq_subscription_add(listener.get(), "d"));
  EXPECT_STATUS(MQ_INVALID, mq_subscription_remove(listener.get(), "c"));
  EXPECT_STATUS(MQ_INVALID, mq_subscription_lost(nullptr, nullptr, nullptr));
  EXPECT_STATUS(MQ_OK, mq_subscription_lost(listener.get(), nullptr, nullptr));
  Subscription reader = bus_.Subscribe("c", "a");
  int64_t dropped = 1;
  EXPECT_STATUS(MQ_INVALID, mq_subscription_lost(reader.get(), &dropped, nullptr));
  EXPECT_EQ(dropped, 0);

  Message message("x");
  EXPECT_STATUS(MQ_INVALID, mq_message_set_mode(message.get(), static_cast<mq_mode>(3)));
  EXPECT_STATUS(MQ_INVALID, mq_publish(bus_.get(), "c", message.get()));
  EXPECT_TRUE(ErrorSays("mode"));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_mode(nullptr, MQ_MODE_BOTH));
  EXPECT_EQ(mq_message_receivers(nullptr), 0);
  EXPECT_EQ(StatusOf([&] { bus_.SendTo("a", Live("x", MQ_MODE_BOTH)); }), MQ_INVALID);
  EXPECT_EQ(StatusOf([&] { bus_.SendTo("a", Live("x")); }), MQ_INVALID);
  EXPECT_EQ(StatusOf([&] { bus_.Publish("c", Live("x").SetMinReplicas(1)); }), MQ_INVALID);
  EXPECT_EQ(StatusOf([&] { bus_.Publish("c", Live("x").SetFsync(true)); }), MQ_INVALID);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(ListenTest, MessagesArePublishedInTheModeOfTheirOriginal) {
  Subscription listener = bus_.Listen("c");
  bus_.PublishMany("c", Live("x"), {"a", "b"});
  EXPECT_EQ(Next(listener).target(), "a");
  EXPECT_EQ(Next(listener).target(), "b");
  bus_.Publish("c", Message::Copy(Live("copy")));
  EXPECT_EQ(Next(listener).payload(), "copy");
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(ListenTest, ListenersComeAndGoWhileOthersTell) {
  std::atomic<bool> stop{false};
  std::thread telling([&] {
    while (!stop) Tell("c:x", "x");
  });
  for (int i = 0; i < 30; ++i) {
    Subscription listener = bus_.Listen(i % 2 == 0 ? "c:*" : "c:x");
    Next(listener);
    if (i % 3 == 0) listener.Unsubscribe();
  }
  stop = true;
  telling.join();
}

TEST_P(ListenTest, ListenersEndWithTheirBusAndOutliveIt) {
  auto bus = std::make_unique<Bus>(Open());
  Subscription listener = bus->Listen("c");
  Tell("c", "x");
  Next(listener);
  std::thread closing([&] { bus->Close(); });
  EXPECT_EQ(StatusOf([&] { (void)listener.Fetch(kForever); }), MQ_CLOSED);
  closing.join();
  Tell("c", "y");
  EXPECT_EQ(StatusOf([&] { (void)listener.Fetch(0ms); }), MQ_CLOSED);
  EXPECT_EQ(listener.Lost().gaps, 0);
}

TEST_P(ListenTest, AHealthReportTellsOfListeners) {
  Subscription listener = bus_.Listen("c:*");
  Tell("c:x", "x");
  EXPECT_TRUE(Eventually(kPatience, [&] {
    std::string report;
    bus_.Health(&report);
    const auto json = nlohmann::json::parse(report).at("subscriptions").at(0);
    return json.at("pattern") == "c:*" && json.at("unseen") == 1 && json.at("dropped") == 0 && json.at("gaps") == 0;
  }));
}

}  // namespace
}  // namespace agentmq::test
