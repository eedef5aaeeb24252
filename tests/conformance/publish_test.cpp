// mq_publish and mq_send_to: what is stored, where, and what is refused.
#include <atomic>
#include <set>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class PublishTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(PublishTest);

std::string Bytes(size_t size) {
  std::string bytes(size, '\0');
  uint32_t x = 2463534242U;
  for (char& c : bytes) {
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    c = static_cast<char>(x);
  }
  return bytes;
}

TEST_P(PublishTest, APublishedMessageIsStoredForItsTarget) {
  Message message("hello");
  message.SetTarget("worker");
  EXPECT_EQ(message.id(), "");
  EXPECT_EQ(message.timestamp(), 0);
  bus_.Publish("jobs", message);
  EXPECT_NE(message.id(), "");
  EXPECT_GT(message.timestamp(), 1'600'000'000'000);
  EXPECT_EQ(message.expires(), 0);

  Subscription subscription = bus_.Subscribe("jobs", "worker");
  const Message received = Next(subscription);
  EXPECT_EQ(received.payload(), "hello");
  EXPECT_EQ(received.id(), message.id());
  EXPECT_EQ(received.timestamp(), message.timestamp());
  EXPECT_EQ(received.channel(), "jobs");
  EXPECT_EQ(received.target(), "worker");
  EXPECT_EQ(received.agent(), "worker");
}

TEST_P(PublishTest, AnotherHandleOfTheSameBusSeesIt) {
  const std::string id = Put(bus_, "jobs", "worker", "x");
  Bus other = Open();
  ASSERT_TRUE(other.Get(id.c_str()));
  Subscription subscription = other.Subscribe("jobs", "worker");
  const Message message = Next(subscription);
  EXPECT_EQ(message.id(), id);
  bus_.Ack(message);  // settled by a handle that did not fetch it
  EXPECT_EQ(other.Count(), 0);
}

TEST_P(PublishTest, PayloadsOfAnySizeAndBytesSurvive) {
  Subscription subscription = bus_.Subscribe("c", "a");
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{65535}, size_t{65536}, size_t{65537}, size_t{1048577}, size_t{5 << 20}}) {
    const std::string payload = Bytes(size);
    bus_.Publish("c", Text(payload, "a"));
    const Message message = Next(subscription);
    EXPECT_TRUE(message.payload() == payload) << size << " bytes came as " << message.payload().size();
    EXPECT_EQ(message.payload().data()[size], '\0') << "no 0 byte behind " << size;
    bus_.Ack(message);
  }
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(PublishTest, NullOfSizeZeroIsAnEmptyPayload) {
  const Message message(mq_message_new(nullptr, 0));
  ASSERT_NE(message.get(), nullptr);
  ASSERT_STATUS(MQ_OK, mq_message_set_target(message.get(), "a"));
  bus_.Publish("c", message);
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message received = Next(subscription);
  size_t size = 99;
  ASSERT_NE(mq_message_payload(received.get(), &size), nullptr);
  EXPECT_EQ(size, 0u);
}

TEST_P(PublishTest, APayloadAboveTheLimitIsTooLargeAndNotStored) {
  Bus small = Open({{"max_payload", "1KiB"}});
  const Message fits = Text(std::string(1024, 'x'), "a");
  EXPECT_STATUS(MQ_OK, mq_publish(small.get(), "c", fits.get()));
  const Message large = Text(std::string(1025, 'x'), "a");
  EXPECT_STATUS(MQ_TOO_LARGE, mq_publish(small.get(), "c", large.get()));
  EXPECT_EQ(large.id(), "");
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(PublishTest, AMessageMayBePublishedAgainAndIsAnotherOneThen) {
  const Message message = Text("again", "a");
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    bus_.Publish("c", message);
    EXPECT_TRUE(ids.emplace(message.id()).second);
  }
  EXPECT_EQ(bus_.Count(), 3);
}

TEST_P(PublishTest, IdsSayTimeAndAreUnique) {
  std::set<std::string> ids;
  for (int i = 0; i < 200; ++i) ids.insert(Put(bus_, "c", i % 2 == 0 ? "a" : "b", "x"));
  EXPECT_EQ(ids.size(), 200u);
}

TEST_P(PublishTest, TheSourceIsTheBusOwnWhereTheMessageNamesNone) {
  Bus named = Open({{"source", "planner"}});
  Put(named, "c", "a", "1");
  Message other("2");
  other.SetTarget("a").SetSource("someone");
  named.Publish("c", other);
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Next(subscription).source(), "planner");
  EXPECT_EQ(Next(subscription).source(), "someone");
}

TEST_P(PublishTest, SendToReachesTheDirectInbox) {
  Message message("for you");
  message.SetTarget("somebody else");
  bus_.SendTo("worker", message);
  Subscription subscription = bus_.Subscribe(MQ_DIRECT, "worker");
  const Message received = Next(subscription);
  EXPECT_EQ(received.payload(), "for you");
  EXPECT_EQ(received.channel(), "");
  EXPECT_EQ(received.target(), "worker");
  bus_.Publish(MQ_DIRECT, Text("too", "worker"));
  EXPECT_EQ(Next(subscription).payload(), "too");
}

TEST_P(PublishTest, TheDirectChannelNeedsATarget) {
  EXPECT_STATUS(MQ_INVALID, mq_publish(bus_.get(), MQ_DIRECT, Message("x").get()));
  EXPECT_STATUS(MQ_INVALID, mq_send_to(bus_.get(), "", Message("x").get()));
  EXPECT_STATUS(MQ_INVALID, mq_send_to(bus_.get(), nullptr, Message("x").get()));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(PublishTest, NamesThatLookAlikeStayApart) {
  const std::vector<std::string> names{"a",
                                       "A",
                                       "a:b",
                                       "a/b",
                                       "a%2Fb",
                                       "a%2fb",
                                       "{a}",
                                       "{",
                                       "}",
                                       "*",
                                       "a*",
                                       "[a]",
                                       "a?",
                                       "%",
                                       "%2A",
                                       "-",
                                       "a|b",
                                       " ",
                                       "a b",
                                       "ä",
                                       "a\xCC\x88",
                                       "日本語",
                                       "a,b",
                                       "..",
                                       "\\",
                                       "'",
                                       "\"",
                                       "$1",
                                       "a\xE2\x80\xAE"
                                       "b",
                                       std::string(256, 'n')};
  for (const std::string& channel : names) Put(bus_, channel.c_str(), "t", "channel " + channel);
  for (const std::string& target : names) Put(bus_, "c", target.c_str(), "target " + target);
  for (const std::string& name : names) {
    Subscription by_channel = bus_.Subscribe(name.c_str(), "t");
    EXPECT_EQ(Take(bus_, by_channel, 1), std::vector<std::string>{"channel " + name});
    EXPECT_FALSE(by_channel.Fetch(0ms)) << name;
    Subscription by_target = bus_.Subscribe("c", name.c_str());
    EXPECT_EQ(Take(bus_, by_target, 1), std::vector<std::string>{"target " + name});
    EXPECT_FALSE(by_target.Fetch(0ms)) << name;
  }
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(PublishTest, NamesThatAreNoneAreRefusedAndNothingIsStored) {
  const std::string names[] = {"a\nb",          std::string("\x7f"),    "\x01",    "\xff", "\xc3",
                               "a\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "\xc0\xaf"};
  for (const std::string& name : names) {
    EXPECT_STATUS(MQ_INVALID, mq_publish(bus_.get(), name.c_str(), Text("x", "a").get()));
    EXPECT_STATUS(MQ_INVALID, mq_send_to(bus_.get(), name.c_str(), Message("x").get()));
  }
  const std::string over(257, 'n');
  EXPECT_STATUS(MQ_INVALID, mq_publish(bus_.get(), over.c_str(), Text("x", "a").get()));
  EXPECT_STATUS(MQ_INVALID, mq_send_to(bus_.get(), over.c_str(), Message("x").get()));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(PublishTest, EightThreadsAtOnceLoseAndDoubleNothingAndKeepTheirOrder) {
  constexpr int kThreads = 8;
  constexpr int kEach = 250;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i) Put(bus_, "c", "a", std::to_string(t) + ":" + std::to_string(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  Subscription subscription = bus_.Subscribe("c", "a");
  std::vector<int> next(kThreads, 0);
  for (const std::string& payload : Take(bus_, subscription, kThreads * kEach)) {
    const size_t thread = static_cast<size_t>(payload[0] - '0');
    EXPECT_EQ(payload.substr(2), std::to_string(next[thread]++));
  }
  EXPECT_FALSE(subscription.Fetch(0ms));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(PublishTest, EightThreadsPublishAndEightConsumeAtOnce) {
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::atomic<int> left{kThreads * kEach};
  std::mutex mutex;
  std::multiset<std::string> seen;
  Cancel done;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) Put(bus_, "c", "a", std::to_string(t) + ":" + std::to_string(i), i % 11);
    });
    threads.emplace_back([&] {
      Subscription subscription = bus_.Subscribe("c", "a");
      mq_message* handle = nullptr;
      while (mq_fetch_with(subscription.get(), 60000, done.get(), &handle) == MQ_OK) {
        const Message message(handle);
        bus_.Ack(message);
        const std::lock_guard lock(mutex);
        seen.emplace(message.payload());
        if (--left == 0) done.Fire();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), size_t{kThreads * kEach});
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), size_t{kThreads * kEach});
  EXPECT_EQ(bus_.Count(), 0);
}

}  // namespace
}  // namespace agentmq::test
