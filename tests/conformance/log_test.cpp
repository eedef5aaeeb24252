// Log events: by callback and by polling, never with a payload or a secret.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class LogTest : public BusTest {
 protected:
  void Hear(Config& config) {
    config.SetLog([this](int level, std::string_view json) {
      if (++inside_ != 1) ADD_FAILURE() << "two calls at a time";
      const std::lock_guard lock(mutex_);
      levels_.insert(level);
      lines_.emplace_back(json);
      --inside_;
    });
  }
  std::set<std::string> Events() {
    const std::lock_guard lock(mutex_);
    std::set<std::string> events;
    for (const std::string& line : lines_) {
      EXPECT_EQ(line.find('\n'), std::string::npos) << line;
      events.insert(nlohmann::json::parse(line).at("event").get<std::string>());
    }
    return events;
  }
  bool Heard(const char* event) {
    return Eventually(kPatience, [&] { return Events().count(event) != 0; });
  }

  std::atomic<int> inside_{0};
  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::set<int> levels_;
};
AGENTMQ_ON_EVERY_BACKEND(LogTest);

TEST_P(LogTest, EachStepIsTold) {
  Config config{{"log_level", "debug"}, {"source", "me"}};
  Hear(config);
  {
    Bus bus(url(), config);
    EXPECT_TRUE(Heard("opened"));
    Subscription subscription = bus.Subscribe("c", "a", {{"visibility_timeout", "50ms"}, {"auto_extend", "false"}});
    Put(bus, "c", "a", "the payload");
    EXPECT_TRUE(Heard("published"));
    bus.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms);
    EXPECT_TRUE(Heard("nacked"));
    Next(subscription);
    EXPECT_TRUE(Eventually(kPatience, [&] {
      bus.RecoverPending();
      return bus.Count({{"state", "reserved"}}) == 0;
    }));
    EXPECT_TRUE(Heard("recovered"));
    bus.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
    EXPECT_TRUE(Heard("dead_lettered"));
    Put(bus, "c", "a", "the payload");
    bus.Ack(Next(subscription));
    EXPECT_TRUE(Heard("acked"));
    bus.Clear("c");
    EXPECT_TRUE(Heard("cleared"));
  }
  EXPECT_TRUE(Events().count("closed"));
  const std::lock_guard lock(mutex_);
  for (const std::string& line : lines_) EXPECT_EQ(line.find("the payload"), std::string::npos) << line;
}

TEST_P(LogTest, AFailedOpeningIsToldWithoutThePassword) {
  Config config{{"password", "topsecret"}, {"open_timeout", "100ms"}};
  Hear(config);
  mq_bus* bus = nullptr;
  EXPECT_NE(mq_open("redis://127.0.0.1:1", config.get(), &bus), MQ_OK);
  EXPECT_TRUE(Events().count("open_failed"));
  const std::lock_guard lock(mutex_);
  for (const std::string& line : lines_) EXPECT_EQ(line.find("topsecret"), std::string::npos) << line;
}

TEST_P(LogTest, TheLevelHoldsBackWhatIsBelow) {
  Config config{{"log_level", "error"}};
  Hear(config);
  {
    Bus bus(url(), config);
    Put(bus, "c", "a", "x");
    Subscription subscription = bus.Subscribe("c", "a");
    bus.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
    bus.Clear("*");
  }
  const std::lock_guard lock(mutex_);
  for (const int level : levels_) EXPECT_EQ(level, MQ_LOG_ERROR);
}

TEST_P(LogTest, EventsCanBePolled) {
  Bus bus = Open({{"log_level", "debug"}});
  EXPECT_FALSE(bus.NextLog(0ms)) << "they are kept from the first call on";
  Put(bus, "c", "a", "x");
  std::set<std::string> events;
  EXPECT_TRUE(Eventually(kPatience, [&] {
    while (const std::optional<std::string> json = bus.NextLog(0ms)) {
      events.insert(nlohmann::json::parse(*json).at("event").get<std::string>());
    }
    return events.count("published") != 0;
  }));
}

TEST_P(LogTest, TheNewestThousandAreKept) {
  Bus bus = Open({{"log_level", "debug"}});
  bus.NextLog(0ms);
  for (int i = 0; i < 1200; ++i) Put(bus, "c", "a", "x");
  int kept = 0;
  while (bus.NextLog(0ms)) ++kept;
  EXPECT_GE(kept, 900);
  EXPECT_LE(kept, 1100);
}

TEST_P(LogTest, TwoBusesHearTheirOwn) {
  Config config{{"log_level", "debug"}};
  Hear(config);
  Bus bus(url(), config);
  EXPECT_TRUE(Heard("opened"));
  Put(bus_, "c", "a", "by another handle");
  EXPECT_TRUE(Always(kMoment, [&] { return Events().count("published") == 0; }));
}

TEST_P(LogTest, EightThreadsAreHeardOneCallAtATime) {
  Config config{{"log_level", "debug"}};
  Hear(config);
  Bus bus(url(), config);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) Put(bus, "c", "a", "x");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(Heard("published"));
}

}  // namespace
}  // namespace agentmq::test
