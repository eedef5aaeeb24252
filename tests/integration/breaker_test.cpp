// The circuit breaker: a server that keeps failing is left alone for a while, callers are told at once, and one attempt
// decides when it is back.
#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

class BreakerTest : public RedisTest {
 protected:
  static mq_status Publish(Bus& bus) { return mq_publish(bus.get(), "c", Text("x", "a").get()); }

  // Publishes until the breaker has opened.
  static void Trip(Bus& bus) {
    EXPECT_TRUE(Eventually(kPatience, [&] {
      return Publish(bus) == MQ_UNAVAILABLE &&
             std::string(mq_last_error()).find("circuit breaker") != std::string::npos;
    }));
  }

  Proxy proxy_{server_.address()};
};

TEST_F(BreakerTest, AfterItsFailuresCallsFailAtOnceAndSayWhyAndWhenToComeBack) {
  Bus bus(proxy_.Url("breaker_failures=3&breaker_reset=60s&reconnect_base=1ms&reconnect_max=5ms"));
  EXPECT_STATUS(MQ_OK, Publish(bus));
  EXPECT_EQ(mq_last_retry_after(), 0);
  proxy_.Refuse(true);
  Trip(bus);
  const std::string text = mq_last_error();
  EXPECT_NE(text.find("3 failures"), std::string::npos) << text;
  EXPECT_NE(text.find("127.0.0.1"), std::string::npos) << "the reason stays: " << text;
  EXPECT_GT(mq_last_retry_after(), 0);
  EXPECT_LE(mq_last_retry_after(), 60000);
  const int64_t attempts = proxy_.accepted();
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) EXPECT_STATUS(MQ_UNAVAILABLE, Publish(bus));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s) << "command_timeout is 5 s: nobody waited";
  EXPECT_EQ(proxy_.accepted(), attempts) << "the server is left alone";
  EXPECT_THROW(
      {
        try {
          Put(bus, "c", "a", "x");
        } catch (const Error& error) {
          EXPECT_EQ(error.status(), MQ_UNAVAILABLE);
          EXPECT_GT(error.retry_after(), 0ms);
          throw;
        }
      },
      Error);
  EXPECT_STATUS(MQ_INVALID, mq_publish(bus.get(), "c", nullptr));
  EXPECT_EQ(mq_last_retry_after(), 0) << "of the last failure, not of an older one";
}

TEST_F(BreakerTest, OneAttemptDecidesForAllAndClosesIt) {
  std::mutex mutex;
  std::vector<std::string> events;
  Config config{{"log_level", "info"}};
  config.SetLog([&](int, std::string_view json) {
    const std::lock_guard lock(mutex);
    events.push_back(nlohmann::json::parse(json).at("event").get<std::string>());
  });
  Bus bus(proxy_.Url("breaker_failures=2&breaker_reset=300ms&reconnect_base=1ms&reconnect_max=5ms"), config);
  EXPECT_STATUS(MQ_OK, Publish(bus));
  proxy_.Refuse(true);
  Trip(bus);
  const auto began = std::chrono::steady_clock::now();
  const int64_t attempts = proxy_.accepted();
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      while (!stop) static_cast<void>(Publish(bus));
    });
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return proxy_.accepted() >= attempts + 3; }));
  const int64_t made = proxy_.accepted() - attempts;  // the clock is read around it
  const auto took = std::chrono::steady_clock::now() - began;
  // Attempts of eight threads, of the waiter and of the ticker: one in each breaker_reset.
  EXPECT_LE(made, took / 300ms + 1);
  proxy_.Refuse(false);
  EXPECT_TRUE(Eventually(kPatience, [&] { return Publish(bus) == MQ_OK; }));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const std::lock_guard lock(mutex);
  const auto count = [&](const char* event) { return std::count(events.begin(), events.end(), event); };
  EXPECT_GE(count("breaker_opened"), 1);
  EXPECT_EQ(count("breaker_opened"), count("breaker_closed"));
}

// They make nobody wait, and whose process died may be back soon.
TEST_F(BreakerTest, WhereAttemptsFailAtOnceTheyAreMadeMoreOften) {
  const char* const settings = "breaker_failures=2&breaker_reset=60s&reconnect_base=1ms&reconnect_max=5ms";
  Bus refused(proxy_.Url(settings));
  EXPECT_STATUS(MQ_OK, Publish(refused));
  Bus ignored(proxy_.Url(std::string(settings) + "&connect_timeout=300ms&command_timeout=300ms"));
  EXPECT_STATUS(MQ_OK, Publish(ignored));
  proxy_.Refuse(true);
  Trip(refused);
  EXPECT_GT(mq_last_retry_after(), 0);
  EXPECT_LE(mq_last_retry_after(), 6000);
  proxy_.Refuse(false);
  proxy_.BlackHole(true);
  Trip(ignored);
  EXPECT_GT(mq_last_retry_after(), 6000);
  EXPECT_LE(mq_last_retry_after(), 60000);
}

TEST_F(BreakerTest, AServerThatIsBackIsFoundBeforeTheWholeResetIsOver) {
  Bus bus(Url("breaker_failures=2&breaker_reset=5s&reconnect_base=1ms&reconnect_max=5ms"));
  EXPECT_STATUS(MQ_OK, Publish(bus));
  server_.Kill9();
  Trip(bus);
  EXPECT_LE(mq_last_retry_after(), 500);
  server_.Start();
  EXPECT_TRUE(Eventually(2s, [&] { return Publish(bus) == MQ_OK; }));
}

TEST_F(BreakerTest, AWaitingFetchGoesOnByItselfWhenTheServerIsBack) {
  Bus bus(proxy_.Url("breaker_failures=2&breaker_reset=500ms&reconnect_base=1ms&reconnect_max=5ms"));
  Subscription subscription = bus.Subscribe("c", "a");
  std::optional<Message> message;
  std::thread waiting([&] { message = subscription.Fetch(30s); });
  proxy_.Refuse(true);
  Trip(bus);
  proxy_.Refuse(false);
  EXPECT_TRUE(Eventually(kPatience, [&] { return Publish(bus) == MQ_OK; }));
  waiting.join();
  EXPECT_TRUE(message);
}

TEST_F(BreakerTest, ZeroSwitchesItOff) {
  Bus bus(proxy_.Url("breaker_failures=0&breaker_reset=60s&reconnect_base=1ms&reconnect_max=5ms&command_timeout=2s"));
  EXPECT_STATUS(MQ_OK, Publish(bus));
  proxy_.Refuse(true);
  const int64_t attempts = proxy_.accepted();
  EXPECT_NE(Publish(bus), MQ_OK);
  EXPECT_GT(proxy_.accepted() - attempts, 50) << "a call tries for its command_timeout";
  proxy_.Refuse(false);
  EXPECT_STATUS(MQ_OK, Publish(bus));
}

TEST_F(BreakerTest, ABusThatWasNeverConnectedKeepsTrying) {
  const int port = proxy_.port();
  proxy_.Refuse(true);
  Bus bus("redis://127.0.0.1:" + std::to_string(port) +
          "/?open_timeout=0&command_timeout=300ms&breaker_failures=1&breaker_reset=60s&reconnect_base=1ms&reconnect_"
          "max=5ms");
  EXPECT_STATUS(MQ_UNAVAILABLE, Publish(bus));
  proxy_.Refuse(false);
  EXPECT_TRUE(Eventually(kPatience, [&] { return Publish(bus) == MQ_OK; }));
}

}  // namespace
}  // namespace agentmq::test
