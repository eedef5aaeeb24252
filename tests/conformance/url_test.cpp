// URLs: what is refused before anybody is asked, and where a bus is found without one.
#include <cstdlib>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class UrlTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(UrlTest);

TEST(Url, AnUnknownSchemeIsRefusedAndTheNearestToldInTheError) {
  const std::pair<const char*, const char*> urls[] = {
      {"redi://x", "redis"}, {"memori://x", "memory"}, {"valky://x", "valkey"}, {"redis+unx:///x", "redis+unix"}};
  for (const auto& [url, nearest] : urls) {
    mq_bus* bus = nullptr;
    EXPECT_STATUS(MQ_INVALID, mq_open(url, nullptr, &bus));
    EXPECT_NE(std::string(mq_last_error()).find(nearest), std::string::npos) << url << ": " << mq_last_error();
    EXPECT_EQ(bus, nullptr);
  }
}

TEST(Url, AMalformedOneIsRefusedWithASentence) {
  for (const char* url : {"",
                          "redis",
                          "://",
                          "redis://",
                          "redis:///",
                          "redis://host:port",
                          "redis://host:0",
                          "redis://host:65536",
                          "redis://host:-1",
                          "redis://host/notanumber",
                          "redis://host/-1",
                          "redis://[::1",
                          "redis://a%zz@h",
                          "redis+unix://",
                          "redis://h?prefetch",
                          "redis://h?=1",
                          "memory://",
                          "\xff\xfe://x",
                          "redis://h\x01st",
                          "http://localhost"}) {
    mq_bus* bus = nullptr;
    EXPECT_STATUS(MQ_INVALID, mq_open(url, Config{{"open_timeout", "100ms"}}.get(), &bus)) << " for " << url;
    EXPECT_STRNE(mq_last_error(), "");
    EXPECT_EQ(bus, nullptr);
  }
}

TEST(Url, APasswordNeverStandsInAnError) {
  for (const char* url :
       {"redis://user:topsecret@127.0.0.1:1", "redis://:topsecret@127.0.0.1:1/x",
        "redis://user:topsecret@127.0.0.1:port", "redi://user:topsecret@h", "redis://127.0.0.1:1?password=topsecret",
        "redis://127.0.0.1:1?password=topsecret&prefech=1"}) {
    mq_bus* bus = nullptr;
    EXPECT_NE(mq_open(url, Config{{"open_timeout", "50ms"}}.get(), &bus), MQ_OK);
    EXPECT_EQ(std::string(mq_last_error()).find("topsecret"), std::string::npos) << mq_last_error();
  }
}

TEST(Url, MemoryNamesArePercentEncoded) {
  Bus one("memory://a%2Fb%20c");
  Bus same("memory://a%2fb%20c");
  Put(one, "c", "a", "x");
  EXPECT_EQ(same.Count(), 1);
  Bus other("memory://a%252Fb%20c");
  EXPECT_EQ(other.Count(), 0);
}

TEST(Url, AMemoryBusEndsWithItsLastHandle) {
  {
    Bus first("memory://ends");
    {
      Bus second("memory://ends");
      Put(second, "c", "a", "x");
    }
    EXPECT_EQ(first.Count(), 1);
  }
  EXPECT_EQ(Bus("memory://ends").Count(), 0);
}

TEST_P(UrlTest, WithoutAUrlTheEnvironmentIsAsked) {
  Put(bus_, "c", "a", "x");
  ASSERT_EQ(setenv("AGENTMQ_URL", url().c_str(), 1), 0);
  {
    Bus bus(nullptr);
    EXPECT_EQ(bus.Count(), 1);
  }
  ASSERT_EQ(setenv("AGENTMQ_URL", "redi://x", 1), 0);
  mq_bus* bus = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_open(nullptr, nullptr, &bus));
  unsetenv("AGENTMQ_URL");
}

TEST_P(UrlTest, NamespacesAndPrefixesStayApart) {
  const std::string base = GetParam() == "memory" ? "memory://" + UniqueName("apart") : SharedUrl(GetParam());
  const std::string unique = UniqueName("n");
  // prefix, namespace, channel, target: each pair of neighbours joins to the same text with some separator.
  const std::string ways[][4] = {
      {"p", unique + ":b", "c", "t"}, {"p", unique, "b:c", "t"},     {"p:" + unique, "b", "c", "t"},
      {"p", unique, "b", "c/t"},      {"p", unique, "b/c", "t"},     {"p", unique, "b%2Fc", "t"},
      {"p", unique, "{b}", "t"},      {"p", unique, "b", "{t}"},     {"p", unique, "*", "t"},
      {"p", unique, "b", "*"},        {"p", unique + "}", "b", "t"}, {"p", unique + "%7D", "b", "t"},
  };
  std::vector<Bus> buses;
  for (const auto& way : ways) {
    buses.emplace_back(base, Config{{"prefix", way[0]}, {"namespace", way[1]}});
    Put(buses.back(), way[2].c_str(), way[3].c_str(), way[0] + "|" + way[1] + "|" + way[2] + "|" + way[3]);
  }
  for (size_t i = 0; i < buses.size(); ++i) {
    const auto& way = ways[i];
    Subscription subscription = buses[i].Subscribe(way[2].c_str(), way[3].c_str());
    const Message message = Next(subscription);
    EXPECT_EQ(message.payload(), way[0] + "|" + way[1] + "|" + way[2] + "|" + way[3]);
    EXPECT_EQ(message.channel(), way[2]);
    EXPECT_EQ(message.target(), way[3]);
    EXPECT_FALSE(subscription.Fetch(0ms)) << i;
    buses[i].Ack(message);
  }
  for (Bus& bus : buses) EXPECT_EQ(bus.Count(), 0);
}

}  // namespace
}  // namespace agentmq::test
