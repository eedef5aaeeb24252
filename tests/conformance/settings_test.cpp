// Settings by name: of a config, in a URL, and where each kind belongs.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class SettingsTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(SettingsTest);

testing::AssertionResult Refused(const char* name, const char* value, const char* word) {
  Config config;
  const mq_status status = mq_config_set(config.get(), name, value);
  const std::string text = mq_last_error();
  if (status != MQ_INVALID)
    return testing::AssertionFailure() << name << "=" << value << ": " << mq_status_name(status);
  if (text.find(word) == std::string::npos) return testing::AssertionFailure() << "no '" << word << "' in: " << text;
  return testing::AssertionSuccess();
}

TEST(Settings, AnUnknownNameIsRefusedAndTheNearestToldInTheError) {
  EXPECT_TRUE(Refused("prefech", "8", "prefetch"));
  EXPECT_TRUE(Refused("max-items", "8", "max_items"));
  EXPECT_TRUE(Refused("visibilty_timeout", "8s", "visibility_timeout"));
  EXPECT_TRUE(Refused("", "8", "setting"));
  EXPECT_EQ(Config().Get("prefech"), std::nullopt);
}

TEST(Settings, AValueOutOfItsRangeIsRefusedAndTheOldOneStays) {
  for (const char* value : {"-5", "0", "abc", "", "1e99", "99999999999999999999", "8x", "1.5"}) {
    EXPECT_TRUE(Refused("prefetch", value, "prefetch"));
  }
  for (const char* value : {"30 parsecs", "s", "-1s", "--1", "99999999999999999d", "1h30q"}) {
    EXPECT_TRUE(Refused("visibility_timeout", value, "visibility_timeout"));
  }
  EXPECT_TRUE(Refused("max_payload", "-1KiB", "max_payload"));
  EXPECT_TRUE(Refused("max_payload", "1XB", "max_payload"));
  EXPECT_TRUE(Refused("auto_extend", "perhaps", "auto_extend"));
  EXPECT_TRUE(Refused("overflow", "explode", "drop_oldest"));
  EXPECT_TRUE(Refused("backoff_jitter", "2", "backoff_jitter"));
  EXPECT_TRUE(Refused("backoff_jitter", "nan", "backoff_jitter"));
  EXPECT_TRUE(Refused("log_level", "loud", "log_level"));
  EXPECT_TRUE(Refused("start", "somewhere", "start"));
  EXPECT_TRUE(Refused("state", "sleeping", "state"));
  EXPECT_TRUE(Refused("since", "yesterday", "since"));
  EXPECT_TRUE(Refused("namespace", "a\x01", "namespace"));
  EXPECT_TRUE(Refused("namespace", "\xff\xfe", "namespace"));
  EXPECT_TRUE(Refused("namespace", std::string(257, 'n').c_str(), "namespace"));

  Config config{{"prefetch", "7"}};
  EXPECT_EQ(mq_config_set(config.get(), "prefetch", "-5"), MQ_INVALID);
  EXPECT_EQ(config.Get("prefetch"), "7");
}

TEST(Settings, NullUnsets) {
  Config config{{"prefetch", "7"}};
  config.Set("prefetch", nullptr);
  EXPECT_EQ(config.Get("prefetch"), "32");
  EXPECT_EQ(mq_config_set(config.get(), "prefech", nullptr), MQ_INVALID);
}

TEST(Settings, UnitsAreUnderstood) {
  for (const char* value : {"250ms", "30s", "5m", "24h", "7d", "1500"}) {
    Config config;
    EXPECT_EQ(mq_config_set(config.get(), "visibility_timeout", value), MQ_OK) << value << ": " << mq_last_error();
  }
  for (const char* value : {"64KiB", "1MiB", "65536"}) {
    Config config;
    EXPECT_EQ(mq_config_set(config.get(), "max_payload", value), MQ_OK) << value << ": " << mq_last_error();
  }
  for (const char* value : {"2026-01-02T03:04:05Z", "1767323045000", "-1h"}) {
    Config config;
    EXPECT_EQ(mq_config_set(config.get(), "since", value), MQ_OK) << value << ": " << mq_last_error();
  }
  for (const char* value : {"queued", "queued,reserved", "!acked", "dead"}) {
    Config config;
    EXPECT_EQ(mq_config_set(config.get(), "state", value), MQ_OK) << value << ": " << mq_last_error();
  }
}

TEST(Settings, ASecretIsNotToldBack) {
  Config config{{"password", "open sesame"}};
  EXPECT_EQ(config.Get("password"), "***");
}

TEST_P(SettingsTest, ASettingOfTheWrongKindIsRefused) {
  mq_bus* bus = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_open(url().c_str(), Config{{"state", "queued"}}.get(), &bus));
  EXPECT_NE(std::string(mq_last_error()).find("state"), std::string::npos) << mq_last_error();
  EXPECT_STATUS(MQ_INVALID, mq_configure(bus_.get(), "c", Config{{"prefetch", "4"}}.get()));
  EXPECT_STATUS(MQ_INVALID, mq_configure(bus_.get(), "c", Config{{"pool_size", "4"}}.get()));
  mq_subscription* subscription = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_subscribe(bus_.get(), "c", "a", Config{{"max_items", "4"}}.get(), &subscription));
  EXPECT_EQ(subscription, nullptr);
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_find(bus_.get(), Config{{"prefetch", "4"}}.get(), 10, 0, &list));
  int64_t count = 7;
  EXPECT_STATUS(MQ_INVALID, mq_count(bus_.get(), Config{{"workers", "4"}}.get(), &count));
  EXPECT_EQ(count, 0);
}

TEST_P(SettingsTest, SubscriptionAndChannelSettingsOfABusAreDefaults) {
  Bus bus = Open({{"retry_attempts", "1"}, {"max_items", "2"}});
  bus.Publish("c", Text("1", "a"));
  bus.Publish("c", Text("2", "a"));
  EXPECT_STATUS(MQ_FULL, mq_publish(bus.get(), "c", Text("3", "a").get()));
  Subscription subscription = bus.Subscribe("c", "a");
  bus.Nack(Next(subscription), MQ_FAILURE_TRANSIENT);
  EXPECT_EQ(bus.DeadLetters().size(), 1u);
}

TEST_P(SettingsTest, ASettingMayStandInTheUrl) {
  Bus bus(With(url(), "retry_attempts=1"));
  Put(bus, "c", "a", "x");
  Subscription subscription = bus.Subscribe("c", "a");
  bus.Nack(Next(subscription), MQ_FAILURE_TRANSIENT);
  EXPECT_EQ(bus.DeadLetters().size(), 1u);
}

TEST_P(SettingsTest, AnUnknownSettingInTheUrlIsRefusedWithTheNearest) {
  mq_bus* bus = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_open(With(url(), "prefech=4").c_str(), nullptr, &bus));
  EXPECT_NE(std::string(mq_last_error()).find("prefetch"), std::string::npos) << mq_last_error();
  EXPECT_EQ(bus, nullptr);
  EXPECT_STATUS(MQ_INVALID, mq_open(With(url(), "prefetch=many").c_str(), nullptr, &bus));
}

TEST_P(SettingsTest, TheConfigIsCopied) {
  Config config{{"retry_attempts", "1"}};
  Subscription subscription = bus_.Subscribe("c", "a", config);
  config.Set("retry_attempts", "5");
  Put(bus_, "c", "a", "x");
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms);
  EXPECT_EQ(bus_.DeadLetters().size(), 1u);
}

}  // namespace
}  // namespace agentmq::test
