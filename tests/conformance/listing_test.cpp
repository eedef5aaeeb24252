// mq_channels and mq_groups, and groups that end.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Json = nlohmann::json;

class ListingTest : public BusTest {
 protected:
  Json Groups(const char* channel = nullptr) { return Json::parse(bus_.Groups(channel)); }
  static Json Find(const Json& list, const std::string& name, const Json& value) {
    for (const Json& one : list) {
      if (one[name] == value) return one;
    }
    return nullptr;
  }
};
AGENTMQ_ON_EVERY_BACKEND(ListingTest);

TEST_P(ListingTest, AnEmptyBusHasNothing) {
  EXPECT_EQ(bus_.Channels(), "[]");
  EXPECT_EQ(bus_.Groups(), "[]");
  EXPECT_EQ(bus_.Groups("nowhere"), "[]");
  bus_.Health();
  EXPECT_EQ(bus_.Channels(), "[]") << "health checks are no channel";
}

TEST_P(ListingTest, ChannelsAreListedWithTheirQueuesAndAgents) {
  Put(bus_, "c", "a", "x");
  Put(bus_, "c", "a", "y");
  Put(bus_, "d", "b", "x");
  bus_.SendTo("a", Message("direct"));
  Subscription reader = bus_.Subscribe("c", "reader");
  Put(bus_, "c", nullptr, "for all");
  const Json channels = Json::parse(bus_.Channels());
  ASSERT_EQ(channels.size(), 3u) << channels;
  const Json c = Find(channels, "channel", "c");
  EXPECT_EQ(c["agents"], Json({"a", "reader"})) << c;
  EXPECT_EQ(c["stored"], 3) << c;
  EXPECT_EQ(c["lag"], 3) << c;
  EXPECT_TRUE(c["paused"].is_null());
  ASSERT_EQ(c["queues"].size(), 3u) << c;  // of a and reader, and the broadcasts
  EXPECT_EQ(Find(c["queues"], "target", "a")["waiting"], 2) << c;
  EXPECT_EQ(Find(c["queues"], "broadcast", true)["groups"], 1) << c;
  EXPECT_EQ(Find(channels, "channel", "")["agents"], Json({"a"})) << "the direct channel";
}

TEST_P(ListingTest, AChannelThatIsPausedBeforeItIsUsedIsListed) {
  bus_.Pause("c", nullptr, "not yet");
  const Json channels = Json::parse(bus_.Channels());
  ASSERT_EQ(channels.size(), 1u) << channels;
  EXPECT_EQ(channels[0]["paused"]["reason"], "not yet");
  EXPECT_EQ(channels[0]["queues"], Json::array());
}

TEST_P(ListingTest, GroupsAreListedWithTheirConsumers) {
  bus_.PublishBatch("c", Texts(5, "a"));
  Subscription first = bus_.Subscribe("c", "a", {{"prefetch", "1"}, {"consumer", "first"}});
  Subscription second = bus_.Subscribe("c", "a", {{"prefetch", "1"}, {"consumer", "second"}});
  const Message held = Next(first);
  const Json inbox = Find(Groups("c"), "broadcast", false);
  EXPECT_EQ(inbox["channel"], "c");
  EXPECT_EQ(inbox["queue"], "c/a");
  EXPECT_EQ(inbox["agent"], "a");
  EXPECT_EQ(inbox["waiting"], 4) << inbox;
  EXPECT_EQ(inbox["reserved"], 1) << inbox;
  EXPECT_EQ(inbox["lag"], 5) << inbox;
  EXPECT_EQ(inbox["consumers"], 2) << inbox;
  EXPECT_TRUE(inbox["last_fetch_age"].is_number()) << inbox;
  ASSERT_EQ(inbox["members"].size(), 2u) << inbox;
  for (const Json& member : inbox["members"]) {
    const bool is_first = member["consumer"].get<std::string>().starts_with("first.");
    EXPECT_EQ(member["reserved"], is_first ? 1 : 0) << inbox;
    EXPECT_TRUE(member["last_seen_age"].is_number()) << inbox;
  }
  const Json broadcasts = Find(Groups("c"), "broadcast", true);
  EXPECT_EQ(broadcasts["agent"], "a");
  EXPECT_EQ(broadcasts["lag"], 0);
}

TEST_P(ListingTest, TheAgeOfTheLastFetchGrowsAndBeginsAnew) {
  Subscription subscription = bus_.Subscribe("c", "a");
  subscription.Fetch(0ms);
  const auto age = [&] { return Find(Groups("c"), "broadcast", false)["last_fetch_age"].get<int64_t>(); };
  // Longer than a renewal of the lease, which is no fetch.
  EXPECT_TRUE(Eventually(kPatience, [&] { return age() > 1500; })) << bus_.Groups("c");
  const int64_t before = age();
  subscription.Fetch(0ms);
  EXPECT_LT(age(), before);
}

TEST_P(ListingTest, WhoLeftIsListedWhileItHoldsSomething) {
  Put(bus_, "c", "a", "x");
  Message held("");
  {
    Subscription subscription = bus_.Subscribe("c", "a");
    held = Next(subscription);
  }
  Json inbox = Find(Groups("c"), "broadcast", false);
  EXPECT_EQ(inbox["consumers"], 0) << inbox;
  ASSERT_EQ(inbox["members"].size(), 1u) << inbox;
  EXPECT_TRUE(inbox["members"][0]["last_seen_age"].is_null()) << inbox;
  bus_.Ack(held);
  inbox = Find(Groups("c"), "broadcast", false);
  EXPECT_EQ(inbox["lag"], 0) << inbox;
}

TEST_P(ListingTest, NumbersAreThoseOfStats) {
  bus_.PublishBatch("c", Texts(7, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "2"}});
  bus_.Ack(Next(subscription));
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 1h);
  const Json stats = Json::parse(bus_.Stats("c"));
  const Json of_queue = Find(stats["queues"], "target", "a")["groups"][0];
  const Json group = Find(Groups("c"), "broadcast", false);
  for (const char* name : {"waiting", "scheduled", "reserved", "lag", "consumers", "delivered", "acked", "retried"}) {
    EXPECT_EQ(group[name], of_queue[name]) << name;
  }
}

TEST_P(ListingTest, AnAbandonedGroupEndsAfterGroupTtl) {
  Bus bus = Open();
  // Whoever finds it says so.
  std::string log;
  const auto listen = [&] {
    for (Bus* each : {&bus_, &bus}) {
      while (const auto event = each->NextLog(0ms)) log += *event + "\n";
    }
  };
  listen();
  bus.Configure("c", {{"group_ttl", "1s"}});
  Subscription stays = bus.Subscribe("c", "stays");
  { Subscription leaves = bus.Subscribe("c", "leaves"); }
  bus.PublishBatch("c", Texts(3, nullptr));
  Take(bus, stays, 3);
  EXPECT_EQ(bus.Count(), 3) << "kept for who left";
  constexpr auto kLong = 40s;  // a walk over few queues
  EXPECT_TRUE(Eventually(kLong, [&] { return bus.Count() == 0; })) << bus.Groups("c");
  EXPECT_TRUE(Find(Json::parse(bus.Groups("c")), "agent", "leaves")["broadcast"] != true) << bus.Groups("c");
  EXPECT_TRUE(Eventually(kPatience, [&] { return Stat(bus, "c", "groups_removed") == 1; })) << bus.Stats("c");
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           listen();
                           const size_t at = log.find("group_removed");
                           return at != std::string::npos && log.find("leaves", at) != std::string::npos;
                         }))
      << "no log line tells of it: " << log;
  Put(bus, "c", nullptr, "last");
  EXPECT_EQ(Take(bus, stays, 1).size(), 1u) << "the other one lives";
}

}  // namespace
}  // namespace agentmq::test
