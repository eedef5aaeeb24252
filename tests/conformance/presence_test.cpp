// mq_announce, mq_agents, and the channel setting require_agent.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Json = nlohmann::json;

class PresenceTest : public BusTest {
 protected:
  Json Agents(const char* pattern = nullptr) { return Json::parse(bus_.Agents(pattern)); }
  static std::vector<std::string> Names(const Json& agents) {
    std::vector<std::string> names;
    for (const Json& agent : agents) names.push_back(agent["agent"]);
    return names;
  }
};
AGENTMQ_ON_EVERY_BACKEND(PresenceTest);

using Strings = std::vector<std::string>;

TEST_P(PresenceTest, WhoAnnouncesItselfIsListedUntilItWithdraws) {
  EXPECT_EQ(Agents(), Json::array());
  bus_.Announce("billing", "sends invoices", 60s);
  Json agents = Agents();
  ASSERT_EQ(agents.size(), 1u) << agents;
  EXPECT_EQ(agents[0]["agent"], "billing");
  EXPECT_EQ(agents[0]["announced"], true);
  EXPECT_EQ(agents[0]["description"], "sends invoices");
  EXPECT_EQ(agents[0]["consumers"], 0);
  EXPECT_GT(agents[0]["since"], 1600000000000);
  EXPECT_GT(agents[0]["until"], agents[0]["since"]);
  const int64_t since = agents[0]["since"];
  bus_.Announce("billing", "sends invoices\nand reminders", 120s);
  agents = Agents();
  EXPECT_EQ(agents[0]["description"], "sends invoices\nand reminders");
  EXPECT_EQ(agents[0]["since"], since) << "it was there all the time";
  bus_.Announce("billing", nullptr, 0s);
  EXPECT_EQ(Agents(), Json::array());
  bus_.Announce("never-there", nullptr, 0s);
}

TEST_P(PresenceTest, TheBusRenewsTheLease) {
  bus_.Announce("a", "short", 6s);  // renewed every two seconds: no stall ends it
  const int64_t first = Agents()[0]["until"];
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const Json agents = Agents();
    EXPECT_EQ(agents.size(), 1u) << "never gone meanwhile";
    return agents.empty() || agents[0]["until"].get<int64_t>() > first + 1000;
  }));
}

TEST_P(PresenceTest, ABusThatIsClosedTakesItsAgentsAlong) {
  {
    Bus other = Open();
    other.Announce("a", nullptr, 60s);
    other.Announce("b", nullptr, 60s);
    EXPECT_EQ(Names(Agents()), (Strings{"a", "b"}));
  }
  EXPECT_EQ(Agents(), Json::array());
}

TEST_P(PresenceTest, WhoReadsIsListedToo) {
  bus_.Announce("worker:1", "the first", 60s);
  {
    Subscription one = bus_.Subscribe("c", "worker:1");
    Subscription two = bus_.Subscribe("d", "worker:2");
    const Json agents = Agents();
    EXPECT_EQ(Names(agents), (Strings{"worker", "worker:1", "worker:2"})) << agents;
    EXPECT_EQ(agents[0]["announced"], false);
    EXPECT_EQ(agents[0]["consumers"], 2) << "both read the inbox of their type";
    EXPECT_EQ(agents[1]["announced"], true);
    EXPECT_TRUE(agents[2]["since"].is_null());
    EXPECT_TRUE(agents[2]["last_seen"].is_number());
  }
  EXPECT_EQ(Names(Agents()), Strings{"worker:1"});
}

TEST_P(PresenceTest, APatternChooses) {
  for (const char* name : {"worker:1", "worker:2", "billing"}) bus_.Announce(name, nullptr, 60s);
  EXPECT_EQ(Names(Agents("worker:*")), (Strings{"worker:1", "worker:2"}));
  EXPECT_EQ(Names(Agents("b?lling")), Strings{"billing"});
  EXPECT_EQ(Names(Agents("nobody")), Strings{});
}

TEST_P(PresenceTest, ADescriptionHasABound) {
  const std::string text(size_t{64} * 1024, 'x');
  EXPECT_STATUS(MQ_OK, mq_announce(bus_.get(), "a", text.c_str(), 60000));
  EXPECT_STATUS(MQ_TOO_LARGE, mq_announce(bus_.get(), "a", (text + "x").c_str(), 60000));
}

TEST_P(PresenceTest, RequireAgentRefusesWhoHasNeverBeen) {
  bus_.Configure("c", {{"require_agent", "true"}});
  const Message message = Text("x", "nobody");
  EXPECT_STATUS(MQ_NOT_FOUND, mq_publish(bus_.get(), "c", message.get()));
  EXPECT_TRUE(ErrorSays("nobody"));
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_NE(Put(bus_, "c", nullptr, "for all"), "") << "broadcasts go to whoever is there";
  EXPECT_NE(Put(bus_, "d", "nobody", "x"), "") << "another channel";
}

TEST_P(PresenceTest, RequireAgentTakesWhoEverSubscribedOrWasAnnounced) {
  bus_.Configure("c", {{"require_agent", "true"}});
  { Subscription elsewhere = bus_.Subscribe("d", "reader:1"); }
  {
    Bus other = Open();
    other.Announce("speaker", nullptr, 60s);
  }
  EXPECT_NE(Put(bus_, "c", "reader:1", "x"), "");
  EXPECT_NE(Put(bus_, "c", "reader", "x"), "") << "its type";
  EXPECT_NE(Put(bus_, "c", "speaker", "x"), "");
  EXPECT_STATUS(MQ_NOT_FOUND, mq_publish(bus_.get(), "c", Text("x", "reader:2").get()));
  Subscription late = bus_.Subscribe("c", "reader:2");
  EXPECT_NE(Put(bus_, "c", "reader:2", "x"), "") << "from now on";
}

TEST_P(PresenceTest, RequireAgentTellsOfEachInABatch) {
  bus_.Announce("a", nullptr, 60s);
  bus_.Configure("c", {{"require_agent", "true"}});
  std::vector<Message> messages;
  for (const char* target : {"a", "nobody", "a"}) messages.push_back(Text("x", target));
  std::vector<mq_message*> handles;
  for (Message& message : messages) handles.push_back(message.get());
  int32_t results[3] = {-1, -1, -1};
  size_t published = 0;
  EXPECT_STATUS(MQ_PARTIAL, mq_publish_batch(bus_.get(), "c", handles.data(), 3, results, &published));
  EXPECT_EQ(published, 2u);
  EXPECT_EQ(results[0], MQ_OK);
  EXPECT_EQ(results[1], MQ_NOT_FOUND);
  EXPECT_EQ(results[2], MQ_OK);
}

TEST_P(PresenceTest, RequireAgentLetsRepliesThrough) {
  bus_.Configure(MQ_DIRECT, {{"require_agent", "true"}});
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  worker.Consume([&](const MessageView& request) {
    bus_.Reply(request, Message("yes"));
    return MQ_VERDICT_ACK;
  });
  const std::optional<Message> reply = bus_.Request("worker", Message("there?"), kPatience);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->payload(), "yes");
}

TEST_P(PresenceTest, RequireAgentHoldsForDirectMessagesAndAsynchronousOnes) {
  bus_.Configure(MQ_DIRECT, {{"require_agent", "true"}});
  const Message direct("x");
  EXPECT_STATUS(MQ_NOT_FOUND, mq_send_to(bus_.get(), "nobody", direct.get()));
  std::atomic<int> told{-1};
  bus_.PublishAsync(MQ_DIRECT, Text("x", "nobody"), [&](mq_status status, std::string_view) { told = status; });
  bus_.Announce("somebody", nullptr, 60s);
  bus_.SendTo("somebody", Message("y"));
  EXPECT_TRUE(Eventually(kPatience, [&] { return told == MQ_NOT_FOUND; })) << told;
  EXPECT_EQ(bus_.Count(), 1);
}

}  // namespace
}  // namespace agentmq::test
