// Limits on how fast messages are published: of a channel, of each source on it, of a bus.
#include <atomic>
#include <cmath>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Clock = std::chrono::steady_clock;
using Strings = std::vector<std::string>;

class RateLimitTest : public BusTest {
 protected:
  static mq_status Try(Bus& bus, const char* channel, const char* source = nullptr) {
    const Message message = Text("x", "a");
    mq_message_set_source(message.get(), source);
    return mq_publish(bus.get(), channel, message.get());
  }
  // How many go until one is refused, a thousand at most.
  static int Burst(Bus& bus, const char* channel, const char* source = nullptr) {
    for (int stored = 0; stored < 1000; ++stored) {
      const mq_status status = Try(bus, channel, source);
      if (status == MQ_OK) continue;
      EXPECT_STATUS(MQ_RATE_LIMITED, status);
      return stored;
    }
    return 1000;
  }
  static double SecondsSince(Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
  }
  // Whether so many are what a bucket that was full at `began` gave until it was empty: what it holds, and whole tokens
  // that dripped in since then, however long that was.
  static testing::AssertionResult Emptied(int stored, int size, double rate, Clock::time_point began) {
    constexpr double kRounding = 0.01;  // of a token: the server's clock is another one
    const int most = size + static_cast<int>(rate * SecondsSince(began) + kRounding);
    if (stored >= size && stored <= most) return testing::AssertionSuccess();
    return testing::AssertionFailure() << stored << " were stored, not " << size << " to " << most;
  }
  static void PassTime(int64_t millis) {
    EXPECT_TRUE(Always(Milliseconds(millis), [] { return true; }));
  }
};
AGENTMQ_ON_EVERY_BACKEND(RateLimitTest);

TEST_P(RateLimitTest, ItHoldsForAllWhoPublishOnTheChannel) {
  constexpr double kRate = 50;
  bus_.Configure("c", {{"rate_limit", "50"}});
  std::vector<Bus> buses;
  for (int i = 0; i < 3; ++i) buses.push_back(Open());
  std::atomic<int> stored{0};
  std::atomic<bool> stop{false};
  const auto began = Clock::now();
  std::vector<std::thread> threads;
  for (Bus& bus : buses) {
    threads.emplace_back([&] {
      while (!stop) {
        const mq_status status = Try(bus, "c");
        if (status == MQ_OK) ++stored;
        if (status != MQ_OK && status != MQ_RATE_LIMITED) ADD_FAILURE() << mq_status_name(status);
      }
    });
  }
  PassTime(2500);
  const int by_then = stored;
  const double least = std::chrono::duration<double>(Clock::now() - began).count();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const double most = std::chrono::duration<double>(Clock::now() - began).count();
  EXPECT_LE(stored, std::ceil(kRate + kRate * most) + 1);
  EXPECT_GE(by_then, kRate + 0.7 * kRate * least) << "a second's worth at once, and what dripped in";
  EXPECT_EQ(bus_.Count(), stored);
}

TEST_P(RateLimitTest, WhoIsRefusedIsToldWhenToComeBack) {
  bus_.Configure("c", {{"rate_limit", "2"}});
  const auto began = Clock::now();
  int stored = Burst(bus_, "c");
  EXPECT_TRUE(Emptied(stored, 2, 2, began));
  for (int i = 0; i < 3; ++i) {
    stored += Burst(bus_, "c");  // up to the refusal that is looked at
    EXPECT_TRUE(ErrorSays("rate_limit of channel 'c'"));
    const int64_t wait = mq_last_retry_after();
    EXPECT_GT(wait, 0);
    EXPECT_LE(wait, 500);
    PassTime(wait);
    EXPECT_STATUS(MQ_OK, Try(bus_, "c")) << "after " << wait << " ms";
    ++stored;
  }
  EXPECT_TRUE(Emptied(stored, 2, 2, began)) << "one for each wait";
  EXPECT_EQ(mq_status_is_retriable(MQ_RATE_LIMITED), 1);
}

TEST_P(RateLimitTest, FractionsAreRates) {
  bus_.Configure("c", {{"rate_limit", "0.5"}});
  EXPECT_EQ(Burst(bus_, "c"), 1);
  EXPECT_STATUS(MQ_RATE_LIMITED, Try(bus_, "c"));
  EXPECT_GT(mq_last_retry_after(), 1000);
  EXPECT_LE(mq_last_retry_after(), 2000);
}

TEST_P(RateLimitTest, EachSourceHasItsOwn) {
  bus_.Configure("c", {{"source_rate_limit", "0.01"}});
  Bus other = Open({{"source", "one"}});
  EXPECT_EQ(Burst(bus_, "c", "one"), 1);
  EXPECT_EQ(Burst(bus_, "c", "two"), 1);
  EXPECT_EQ(Burst(bus_, "c"), 1) << "those without a source are one";
  EXPECT_EQ(Burst(other, "c"), 0) << "it is its bus' source";
  EXPECT_TRUE(ErrorSays("source 'one'"));
  EXPECT_EQ(Burst(bus_, "d", "one"), 1000);
  std::vector<Message> batch = Texts(3, "a");
  for (size_t i = 0; i < batch.size(); ++i) batch[i].SetSource(("s" + std::to_string(i)).c_str());
  EXPECT_EQ(bus_.PublishBatch("c", batch), 3u);
  const std::vector<Message> again = Texts(1, "a");
  mq_message_set_source(again[0].get(), "s2");
  EXPECT_STATUS(MQ_RATE_LIMITED, mq_publish(bus_.get(), "c", again[0].get()));
}

TEST_P(RateLimitTest, ABusSharesItsLimitWithTheOthersThatHaveOne) {
  Bus one = Open({{"bus_rate_limit", "3"}});
  Bus two = Open({{"bus_rate_limit", "3"}});
  const auto began = Clock::now();
  EXPECT_STATUS(MQ_OK, Try(one, "a"));
  EXPECT_STATUS(MQ_OK, Try(two, "b"));
  EXPECT_STATUS(MQ_OK, mq_send_to(one.get(), "a", Text("x").get()));
  EXPECT_TRUE(Emptied(3 + Burst(two, "c"), 3, 3, began));
  EXPECT_TRUE(ErrorSays("bus_rate_limit"));
  EXPECT_STATUS(MQ_OK, Try(bus_, "c")) << "it has none";
}

TEST_P(RateLimitTest, GivenToABusItIsOfEachChannelThatNobodyConfigured) {
  bus_.Configure("configured", {{"rate_limit", "5"}});
  Bus bus = Open({{"rate_limit", "0.02"}});
  EXPECT_EQ(Burst(bus, "c"), 1);
  EXPECT_EQ(Burst(bus, "d"), 1);
  const auto began = Clock::now();
  EXPECT_TRUE(Emptied(Burst(bus, "configured"), 5, 5, began));
  bus.Configure("configured", {{"rate_limit", "0"}});
  EXPECT_EQ(Burst(bus, "configured"), 1000);
}

TEST_P(RateLimitTest, TheStricterOfSeveralCounts) {
  Bus bus = Open({{"bus_rate_limit", "8"}});
  bus.Configure("c", {{"rate_limit", "4"}, {"source_rate_limit", "0.1"}});
  const auto began = Clock::now();
  EXPECT_EQ(Burst(bus, "c", "one"), 1);
  EXPECT_EQ(Burst(bus, "c", "one"), 0);
  EXPECT_EQ(Burst(bus, "c", "two"), 1) << "what was refused took nothing from the others";
  EXPECT_EQ(Burst(bus, "c", "three"), 1);
  EXPECT_EQ(Burst(bus, "c", "four"), 1);
  const int of_channel = 4 + Burst(bus, "c", "five");
  EXPECT_TRUE(Emptied(of_channel, 4, 4, began));
  EXPECT_TRUE(Emptied(of_channel + Burst(bus, "d"), 8, 8, began));
}

TEST_P(RateLimitTest, ABatchIsAllOrNothing) {
  bus_.Configure("c", {{"rate_limit", "10"}});
  EXPECT_EQ(bus_.PublishBatch("c", Texts(7, "a")), 7u);
  const std::vector<Message> batch = Texts(8, "a");
  std::vector<mq_message*> handles;
  for (const Message& message : batch) handles.push_back(message.get());
  std::vector<int32_t> results(8, -1);
  size_t published = 7;
  EXPECT_STATUS(MQ_RATE_LIMITED,
                mq_publish_batch(bus_.get(), "c", handles.data(), handles.size(), results.data(), &published));
  EXPECT_GT(mq_last_retry_after(), 0);
  EXPECT_EQ(published, 0u);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(results[i], MQ_RATE_LIMITED);
    EXPECT_EQ(batch[i].id(), "");
  }
  EXPECT_EQ(bus_.Count(), 7);
  EXPECT_EQ(bus_.PublishBatch("c", Texts(3, "a")), 3u);
}

TEST_P(RateLimitTest, ABatchOfMoreThanASecondsWorthIsPaidOffAfterwards) {
  bus_.Configure("c", {{"rate_limit", "10"}, {"max_items", "0"}});
  EXPECT_EQ(bus_.PublishBatch("c", Texts(25, "a")), 25u);
  EXPECT_STATUS(MQ_RATE_LIMITED, Try(bus_, "c"));
  EXPECT_GT(mq_last_retry_after(), 1000);
  EXPECT_LE(mq_last_retry_after(), 1600) << "fifteen are owed, one is wanted";
}

TEST_P(RateLimitTest, OfManyTargetsSomeAreRefused) {
  bus_.Configure("c", {{"rate_limit", "3"}});
  const MessageList sent = bus_.PublishMany("c", Message("x"), {"t1", "t2", "t3", "t4", "t5"});
  EXPECT_GT(mq_last_retry_after(), 0);
  ASSERT_EQ(sent.size(), 5u);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(sent[i].status(), i < 3 ? MQ_OK : MQ_RATE_LIMITED) << i;
  EXPECT_EQ(bus_.Count(), 3);
}

TEST_P(RateLimitTest, BlockWaitsForRoom) {
  bus_.Configure("c", {{"rate_limit", "10"}, {"overflow", "block"}, {"publish_timeout", "20s"}});
  const auto began = Clock::now();
  for (int i = 0; i < 20; ++i) ASSERT_STATUS(MQ_OK, Try(bus_, "c"));
  EXPECT_GE(Clock::now() - began, 900ms) << "the last ten came one by one";
  EXPECT_EQ(bus_.PublishMany("c", Message("x"), {"t1", "t2", "t3"}).size(), 3u);
  EXPECT_GE(Clock::now() - began, 1200ms);
  EXPECT_EQ(bus_.Count(), 23);
}

TEST_P(RateLimitTest, BlockDoesNotWaitInVain) {
  bus_.Configure("c", {{"rate_limit", "0.01"}, {"overflow", "block"}, {"publish_timeout", "10s"}});
  EXPECT_STATUS(MQ_OK, Try(bus_, "c"));
  const auto began = Clock::now();
  EXPECT_STATUS(MQ_RATE_LIMITED, Try(bus_, "c"));
  EXPECT_LT(Clock::now() - began, 5s) << "there is room in 100 s";
  EXPECT_GT(mq_last_retry_after(), 50'000);
}

TEST_P(RateLimitTest, AShutdownAndATokenEndTheWait) {
  bus_.Configure("c", {{"rate_limit", "0.1"}, {"overflow", "block"}, {"publish_timeout", "1h"}});
  EXPECT_STATUS(MQ_OK, Try(bus_, "c"));
  Bus other = Open();
  Cancel cancel;
  std::thread cancelled([&] {
    const Message message = Text("x", "a");
    EXPECT_STATUS(MQ_INTERRUPTED, mq_publish_with(bus_.get(), "c", message.get(), cancel.get()));
  });
  std::thread shut_down([&] { EXPECT_STATUS(MQ_CLOSED, Try(other, "c")); });
  PassTime(100);
  cancel.Fire();
  cancelled.join();
  other.Shutdown();
  shut_down.join();
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(RateLimitTest, WhatWaitsForAFullQueueIsPaidForOnce) {
  bus_.Configure("c", {{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "30s"}, {"rate_limit", "2"}});
  EXPECT_STATUS(MQ_OK, Try(bus_, "c"));
  std::thread publisher([&] { EXPECT_STATUS(MQ_OK, Try(bus_, "c")); });
  PassTime(1200);  // the queue is asked again many times, the bucket fills anew
  Bus other = Open();
  Subscription subscription = other.Subscribe("c", "a");
  Take(other, subscription, 2);
  publisher.join();
  bus_.Configure("c", {{"rate_limit", "2"}});
  const auto began = Clock::now();
  EXPECT_TRUE(Emptied(Burst(bus_, "c"), 2, 2, began));
}

TEST_P(RateLimitTest, AsyncPublishesAreRefusedOneByOne) {
  bus_.Configure("c", {{"rate_limit", "5"}});
  std::atomic<int> stored{0};
  std::atomic<int> refused{0};
  for (int i = 0; i < 50; ++i) {
    bus_.PublishAsync("c", Text("x", "a"), [&](mq_status status, std::string_view id) {
      EXPECT_EQ(status == MQ_OK, !id.empty());
      EXPECT_TRUE(status == MQ_OK || status == MQ_RATE_LIMITED) << mq_status_name(status);
      (status == MQ_OK ? stored : refused)++;
    });
  }
  EXPECT_STATUS(MQ_PARTIAL, mq_flush(bus_.get(), 10000));
  EXPECT_GE(stored, 5);
  EXPECT_LE(stored, 15) << "no more than there were tokens, though they were gathered";
  EXPECT_EQ(stored + refused, 50);
  EXPECT_EQ(bus_.Count(), stored);
}

TEST_P(RateLimitTest, AsyncPublishesWaitWithBlock) {
  bus_.Configure("c", {{"rate_limit", "20"}, {"overflow", "block"}, {"publish_timeout", "30s"}});
  const auto began = Clock::now();
  for (int i = 0; i < 45; ++i) {
    Message message = Text(std::to_string(i), "a");
    message.SetSource(i % 3 == 0 ? "one" : "two");
    bus_.PublishAsync("c", std::move(message));
  }
  EXPECT_TRUE(bus_.Flush(kPatience));
  EXPECT_GE(Clock::now() - began, 1200ms) << "25 of them dripped in";
  Subscription subscription = bus_.Subscribe("c", "a");
  const Strings taken = Take(bus_, subscription, 45);
  for (size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i], std::to_string(i)) << "in order";
}

TEST_P(RateLimitTest, AsyncPublishesThatWaitTooLongAreRefused) {
  bus_.Configure("c", {{"rate_limit", "0.05"}, {"overflow", "block"}, {"publish_timeout", "300ms"}});
  std::atomic<int> refused{0};
  const auto began = Clock::now();
  for (int i = 0; i < 3; ++i) {
    bus_.PublishAsync("c", Text("x", "a"), [&](mq_status status, std::string_view) {
      if (status == MQ_RATE_LIMITED) ++refused;
    });
  }
  EXPECT_STATUS(MQ_PARTIAL, mq_flush(bus_.get(), 10000));
  EXPECT_GE(Clock::now() - began, 200ms);
  EXPECT_EQ(refused, 2);
}

TEST_P(RateLimitTest, WhatIsToldCountsToo) {
  bus_.Configure("news", {{"rate_limit", "3"}});
  Subscription listener = bus_.Listen("news");
  int told = 0;
  for (int i = 0; i < 10; ++i) {
    Message message("x");
    message.SetMode(MQ_MODE_PUBSUB);
    told += mq_publish(bus_.get(), "news", message.get()) == MQ_OK ? 1 : 0;
  }
  EXPECT_GE(told, 3);
  EXPECT_LE(told, 6);
  for (int i = 0; i < told; ++i) Next(listener);
  EXPECT_FALSE(listener.Fetch(kMoment));
}

TEST_P(RateLimitTest, WrongOnesAreRefused) {
  const Config config;
  for (const char* name : {"rate_limit", "source_rate_limit", "bus_rate_limit"}) {
    for (const char* value : {"-1", "fast", "", "1e9", "nan"}) {
      EXPECT_STATUS(MQ_INVALID, mq_config_set(config.get(), name, value)) << name << "=" << value;
      EXPECT_TRUE(ErrorSays(name));
    }
  }
  const Config bus_only{{"bus_rate_limit", "5"}};
  EXPECT_STATUS(MQ_INVALID, mq_configure(bus_.get(), "c", bus_only.get()));
  EXPECT_TRUE(ErrorSays("bus_rate_limit"));
}

}  // namespace
}  // namespace agentmq::test
