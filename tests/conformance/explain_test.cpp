// mq_explain: where a message is, why it is not delivered, what happens next.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Json = nlohmann::json;

class ExplainTest : public BusTest {
 protected:
  Json Explain(const std::string& id) { return Json::parse(bus_.Explain(id.c_str())); }
  // Of an inbox.
  Json Causes(const std::string& id) { return Explain(id)["groups"][0]["causes"]; }
};
AGENTMQ_ON_EVERY_BACKEND(ExplainTest);

TEST_P(ExplainTest, OneThatNobodyReads) {
  const std::string id = Put(bus_, "c", "a", "x", 7);
  const Json said = Explain(id);
  EXPECT_EQ(said["id"], id);
  EXPECT_EQ(said["queue"], "c/a");
  EXPECT_EQ(said["channel"], "c");
  EXPECT_EQ(said["target"], "a");
  EXPECT_EQ(said["priority"], 7);
  EXPECT_GT(said["published"], 1600000000000);
  EXPECT_EQ(said["state"], "queued");
  EXPECT_NE(said["why"].get<std::string>().find("nobody reads"), std::string::npos) << said;
  EXPECT_NE(said["next"], "");
  ASSERT_EQ(said["groups"].size(), 1u) << said;
  EXPECT_EQ(said["groups"][0]["agent"], "a");
  EXPECT_EQ(Causes(id), Json({"no_consumer"}));
}

TEST_P(ExplainTest, OneThatIsNext) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string id = Put(bus_, "c", "a", "x");
  EXPECT_EQ(Causes(id), Json::array()) << Explain(id);
}

TEST_P(ExplainTest, OneBehindOthers) {
  Subscription subscription = bus_.Subscribe("c", "a");
  for (int i = 0; i < 150; ++i) Put(bus_, "c", "a", "older");
  const std::string id = Put(bus_, "c", "a", "x");
  bus_.PublishBatch("c", Texts(3, "a"));
  for (int i = 0; i < 4; ++i) Put(bus_, "c", "a", "urgent", MQ_PRIORITY_URGENT);
  Put(bus_, "c", "a", "low", MQ_PRIORITY_LOW);
  const Json group = Explain(id)["groups"][0];
  EXPECT_EQ(group["causes"], Json({"higher_priority", "older"})) << group;
  EXPECT_EQ(group["higher_priority"], 4);
  EXPECT_EQ(group["older"], 150);
  EXPECT_EQ(group["exact"], true);
}

// What is stored is held back by no rate; what is to come is.
TEST_P(ExplainTest, OneAfterWhichPublishersHaveToWait) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string free = Put(bus_, "c", "a", "x");
  EXPECT_TRUE(Explain(free)["rate_limited"].is_null()) << Explain(free);
  bus_.Configure("c", {{"rate_limit", "0.001"}});
  Bus limited = Open();
  const auto explain = [&] { return Json::parse(limited.Explain(free.c_str())); };
  EXPECT_TRUE(explain()["rate_limited"].is_null()) << "there is room for one";
  EXPECT_TRUE(explain()["rate_limited"].is_null()) << "to look takes nothing";
  Put(limited, "c", "a", "y");
  const Json said = explain();
  EXPECT_NE(said["rate_limited"]["why"].get<std::string>().find("rate_limit of channel 'c'"), std::string::npos)
      << said;
  EXPECT_GT(said["rate_limited"]["wait"], 100'000);
  EXPECT_LE(said["rate_limited"]["wait"], 1'000'000);
  EXPECT_EQ(said["groups"][0]["causes"], Json::array()) << "it is the next one";
  EXPECT_STATUS(MQ_RATE_LIMITED, mq_publish(limited.get(), "c", Text("z", "a").get()));
}

TEST_P(ExplainTest, OneWhoseSourceHasToWait) {
  bus_.Configure("c", {{"source_rate_limit", "0.001"}});
  Bus limited = Open();
  Message message = Text("x", "a");
  message.SetSource("billing");
  limited.Publish("c", message);
  const std::string id(message.id());
  const Json said = Json::parse(limited.Explain(id.c_str()))["rate_limited"];
  EXPECT_NE(said["why"].get<std::string>().find("'billing'"), std::string::npos) << said;
  Put(limited, "c", "a", "of another source");
}

TEST_P(ExplainTest, OneThatIsPaused) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string id = Put(bus_, "c", "a", "x");
  bus_.Pause("c", nullptr, "the database is moved");
  const Json said = Explain(id);
  EXPECT_EQ(Causes(id), Json({"paused"})) << said;
  EXPECT_NE(said["why"].get<std::string>().find("the database is moved"), std::string::npos) << said;
  EXPECT_EQ(said["groups"][0]["paused"]["scope"], "channel");
  bus_.Resume("c");
  EXPECT_EQ(Causes(id), Json::array());
}

TEST_P(ExplainTest, OneInHand) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a", {{"consumer", "me"}, {"auto_extend", "false"}});
  const Message held = Next(subscription);
  const Json said = Explain(id);
  EXPECT_EQ(said["state"], "reserved") << said;
  const Json group = said["groups"][0];
  EXPECT_TRUE(group["reserved_by"].get<std::string>().starts_with("me.")) << said;
  EXPECT_GT(group["reserved_until"], 1600000000000) << said;
  EXPECT_EQ(group["deliveries"], 1);
}

TEST_P(ExplainTest, OneThatIsDueLater) {
  Subscription subscription = bus_.Subscribe("c", "a");
  Message message = Text("x", "a");
  message.SetDelay(1h);
  bus_.Publish("c", message);
  const Json scheduled = Explain(std::string(message.id()));
  EXPECT_EQ(scheduled["state"], "scheduled") << scheduled;
  EXPECT_EQ(scheduled["groups"][0]["causes"], Json({"due_later"}));
  EXPECT_GT(scheduled["groups"][0]["due"], scheduled["published"]);
  const std::string id = Put(bus_, "c", "a", "y");
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 1h, "no paper");
  const Json retrying = Explain(id);
  EXPECT_EQ(retrying["state"], "retrying") << retrying;
  EXPECT_NE(retrying["why"].get<std::string>().find("no paper"), std::string::npos) << retrying;
  EXPECT_EQ(retrying["groups"][0]["deliveries"], 1);
}

TEST_P(ExplainTest, OneThatWasGivenUp) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT, 0ms, "no such order");
  for (const std::string& name : {id, std::string(bus_.DeadLetters()[0].id())}) {
    const Json said = Explain(name);
    EXPECT_EQ(said["state"], "dead") << said;
    EXPECT_NE(said["why"].get<std::string>().find("no such order"), std::string::npos) << said;
    EXPECT_NE(said["next"].get<std::string>().find("replayed"), std::string::npos) << said;
  }
}

TEST_P(ExplainTest, OneThatIsGone) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  Take(bus_, subscription, 1);
  Json said = Explain(id);
  EXPECT_EQ(said["state"], "acked") << said;
  EXPECT_EQ(said["groups"], Json::array());
  const std::string deleted = Put(bus_, "c", "a", "x");
  bus_.Delete(deleted.c_str());
  said = Explain(deleted);
  EXPECT_EQ(said["state"], "unknown") << "nothing is kept of it: " << said;
  std::string nowhere = id;
  nowhere.replace(nowhere.find("c/a"), 3, "d/b");
  EXPECT_EQ(Explain(nowhere)["state"], "unknown");
}

TEST_P(ExplainTest, ABroadcastIsExplainedForEachAgent) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  Subscription done = bus_.Subscribe("c", "done");
  Subscription gives_up = bus_.Subscribe("c", "gives-up");
  const std::string id = Put(bus_, "c", nullptr, "x");
  const Message held = Next(a);
  Take(bus_, done, 1);
  bus_.Nack(Next(gives_up), MQ_FAILURE_PERMANENT);
  bus_.Pause("c", "b", "later");
  const Json said = Explain(id);
  EXPECT_TRUE(said["target"].is_null());
  EXPECT_EQ(said["state"], "queued") << "of the one that has most left to do";
  std::map<std::string, std::string> states;
  for (const Json& group : said["groups"]) states[group["agent"]] = group["state"];
  EXPECT_EQ(states, (std::map<std::string, std::string>{{"a", "reserved"}, {"b", "queued"}, {"gives-up", "dead"}}));
  EXPECT_NE(said["why"].get<std::string>().find("later"), std::string::npos) << said;
}

TEST_P(ExplainTest, ABroadcastThatNobodyReadsYet) {
  const std::string id = Put(bus_, "c", nullptr, "x");
  const Json said = Explain(id);
  EXPECT_EQ(said["state"], "queued") << said;
  EXPECT_EQ(said["groups"], Json::array());
  EXPECT_NE(said["next"].get<std::string>().find("kept"), std::string::npos) << said;
}

}  // namespace
}  // namespace agentmq::test
