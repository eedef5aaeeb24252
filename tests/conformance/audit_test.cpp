// Audit trails: what is recorded, read, and verified.
#include <set>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

using Json = nlohmann::json;

class AuditTest : public BusTest {
 protected:
  static Json Read(Bus& bus, const char* kind = "messages", const char* after = nullptr, size_t limit = 10000) {
    return Json::parse(bus.AuditRead(kind, after, limit));
  }
  static Json Verify(Bus& bus, const char* kind = "messages") { return Json::parse(bus.AuditVerify(kind)); }
  // The records of an action, once what was done is written.
  static std::vector<Json> Of(Bus& bus, const std::string& action) {
    bus.Flush(kPatience);
    std::vector<Json> found;
    const Json trail = Read(bus);
    for (const Json& one : trail["records"]) {
      if (one["record"]["action"] == action) found.push_back(one["record"]);
    }
    return found;
  }

  Bus audited_ = Open({{"audit", "messages"}, {"source", "planner"}});
};
AGENTMQ_ON_EVERY_BACKEND(AuditTest);

TEST_P(AuditTest, TheLifeOfAMessageIsRecorded) {
  const std::string id = Put(audited_, "c", "a", "x");
  Subscription subscription = audited_.Subscribe("c", "a", {{"consumer", "worker-1"}, {"prefetch", "1"}});
  audited_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 0ms, "not yet");
  audited_.Ack(Next(subscription));

  const auto published = Of(audited_, "publish");
  ASSERT_EQ(published.size(), 1u);
  EXPECT_EQ(published[0]["id"], id);
  EXPECT_EQ(published[0]["source"], "planner");
  EXPECT_TRUE(published[0]["by"].get<std::string>().starts_with("planner@")) << published[0];
  EXPECT_GT(published[0]["time"].get<int64_t>(), 1'700'000'000'000);
  const auto delivered = Of(audited_, "deliver");
  ASSERT_EQ(delivered.size(), 2u);
  EXPECT_EQ(delivered[0]["id"], id);
  EXPECT_EQ(delivered[0]["agent"], "a");
  EXPECT_TRUE(delivered[0]["consumer"].get<std::string>().starts_with("worker-1."));
  EXPECT_EQ(delivered[1]["delivery"], "2");
  const auto nacked = Of(audited_, "nack");
  ASSERT_EQ(nacked.size(), 1u);
  EXPECT_EQ(nacked[0]["reason"], "not yet");
  EXPECT_EQ(nacked[0]["agent"], "a");
  const auto acked = Of(audited_, "ack");
  ASSERT_EQ(acked.size(), 1u);
  EXPECT_EQ(acked[0]["id"], id);
  EXPECT_EQ(acked[0]["agent"], "a");
  EXPECT_TRUE(Verify(audited_)["intact"]);
}

TEST_P(AuditTest, WhatOperatorsDoIsRecorded) {
  Subscription subscription = audited_.Subscribe("c", "a");
  const std::string id = Put(audited_, "c", "a", "x");
  audited_.Nack(Next(subscription), MQ_FAILURE_PERMANENT, kForever, "no good");
  const std::string letter(audited_.DeadLetters()[0].id());
  const std::string again = audited_.Replay(letter.c_str());
  audited_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  audited_.PurgeDeadLetters();
  const std::string gone = Put(audited_, "c", "b", "x");
  audited_.Delete(gone.c_str());
  audited_.Configure("c", {{"max_items", "50"}});
  audited_.Pause("c", "a", "maintenance");
  audited_.Resume("c", "a");
  Put(audited_, "c", "b", "x");
  audited_.Clear("c");
  const auto dead = Of(audited_, "dead");
  ASSERT_EQ(dead.size(), 2u);
  EXPECT_EQ(dead[0]["id"], id);
  EXPECT_EQ(dead[0]["reason"], "no good");
  ASSERT_EQ(Of(audited_, "replay").size(), 1u);
  EXPECT_EQ(Of(audited_, "replay")[0]["id"], letter);
  EXPECT_EQ(Of(audited_, "replay")[0]["as"], again);
  EXPECT_EQ(Of(audited_, "purge").size(), 1u);
  ASSERT_EQ(Of(audited_, "delete").size(), 1u);
  EXPECT_EQ(Of(audited_, "delete")[0]["id"], gone);
  ASSERT_EQ(Of(audited_, "configure").size(), 1u);
  EXPECT_EQ(Of(audited_, "configure")[0]["settings"], "max_items=50");
  ASSERT_EQ(Of(audited_, "pause").size(), 1u);
  EXPECT_EQ(Of(audited_, "pause")[0]["reason"], "maintenance");
  EXPECT_EQ(Of(audited_, "resume").size(), 1u);
  ASSERT_EQ(Of(audited_, "clear").size(), 1u);
  EXPECT_EQ(Of(audited_, "clear")[0]["messages"], "1");
  EXPECT_TRUE(Verify(audited_)["intact"]);
}

TEST_P(AuditTest, BroadcastsBatchesListenersAndReceiptsAreRecorded) {
  Subscription one = audited_.Subscribe("c", "one");
  Subscription two = audited_.Subscribe("c", "two");
  audited_.Publish("c", Message("to all"));
  const Message got = Next(one);
  const std::string receipt(got.receipt());
  audited_.AckReceipts({receipt});
  const Message other = Next(two);
  audited_.AckAsync(other);
  audited_.PublishBatch("c", Texts(30, "one"));
  Message live("live");
  live.SetMode(MQ_MODE_PUBSUB);
  audited_.Publish("c", live);
  const auto acked = Of(audited_, "ack");
  ASSERT_EQ(acked.size(), 2u);
  EXPECT_EQ((std::set<std::string>{acked[0]["agent"], acked[1]["agent"]}), (std::set<std::string>{"one", "two"}));
  const auto published = Of(audited_, "publish");
  ASSERT_EQ(published.size(), 32u);
  EXPECT_EQ(published.back()["mode"], "pubsub");
}

TEST_P(AuditTest, NothingIsRecordedUnlessTold) {
  Put(bus_, "c", "a", "x");
  bus_.Flush(kPatience);
  EXPECT_EQ(Read(bus_)["records"].size(), 0u);
  const Json report = Verify(bus_);
  EXPECT_TRUE(report["intact"]);
  EXPECT_EQ(report["records"], 0);
}

TEST_P(AuditTest, TheApplicationAddsRecordsOfItsOwn) {
  bus_.Audit("decisions", "judge:1",
             R"({"verdict": "yes", "score": 0.1234567890123456789, "nested": {"a": [1, null]}})");
  bus_.Audit("decisions", nullptr, "\"a text\"");
  bus_.Audit("other", "x", "1");
  const Json trail = Read(bus_, "decisions");
  EXPECT_EQ(trail["kind"], "decisions");
  ASSERT_EQ(trail["records"].size(), 2u);
  const Json first = trail["records"][0];
  EXPECT_EQ(first["n"], 1);
  EXPECT_EQ(first["hash"].get<std::string>().size(), 64u);
  EXPECT_EQ(first["record"]["actor"], "judge:1");
  EXPECT_EQ(first["record"]["data"]["verdict"], "yes");
  EXPECT_NE(bus_.AuditRead("decisions").find("0.1234567890123456789"), std::string::npos) << "not as it was given";
  EXPECT_FALSE(trail["records"][1]["record"].contains("actor"));
  EXPECT_EQ(trail["records"][1]["record"]["data"], "a text");
  const Json report = Verify(bus_, "decisions");
  EXPECT_TRUE(report["intact"]);
  EXPECT_EQ(report["records"], 2);
  EXPECT_EQ(report["trimmed"], 0);
  EXPECT_EQ(report["newest"]["hash"], trail["records"][1]["hash"]);
  EXPECT_EQ(report["breaks"], Json::array());
}

TEST_P(AuditTest, JsonOfEveryDepthIsTakenAndTooMuchIsNot) {
  const std::string deep = std::string(30'000, '[') + std::string(30'000, ']');
  bus_.Audit("decisions", "x", deep);
  EXPECT_NE(bus_.AuditRead("decisions").find(deep), std::string::npos);
  EXPECT_STATUS(MQ_TOO_LARGE, mq_audit(bus_.get(), "decisions", "x", ('"' + std::string(65'536, 'x') + '"').c_str()));
}

TEST_P(AuditTest, ReadingGoesOnWhereItStopped) {
  for (int i = 0; i < 25; ++i) bus_.Audit("decisions", "x", std::to_string(i));
  std::vector<int> read;
  std::string after;
  for (;;) {
    const Json step = Read(bus_, "decisions", after.c_str(), 10);
    for (const Json& one : step["records"]) read.push_back(one["record"]["data"]);
    if (step["records"].empty()) break;
    after = step["next"];
  }
  ASSERT_EQ(read.size(), 25u);
  for (int i = 0; i < 25; ++i) EXPECT_EQ(read[static_cast<size_t>(i)], i);
  EXPECT_EQ(Read(bus_, "decisions", "-1h")["records"].size(), 25u);
  EXPECT_EQ(Read(bus_, "decisions", "2100-01-01T00:00:00Z")["records"].size(), 0u);
}

TEST_P(AuditTest, ManyWritersMakeOneChain) {
  constexpr int kBuses = 4;
  constexpr int kEach = 30;
  std::vector<std::thread> threads;
  for (int b = 0; b < kBuses; ++b) {
    threads.emplace_back([&] {
      Bus bus = Open();
      std::thread second([&] {
        for (int i = 0; i < kEach; ++i) bus.Audit("decisions", "x", std::to_string(i));
      });
      for (int i = 0; i < kEach; ++i) bus.Audit("decisions", "y", std::to_string(i));
      second.join();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Json report = Verify(bus_, "decisions");
  EXPECT_TRUE(report["intact"]) << report;
  EXPECT_EQ(report["records"], 2 * kBuses * kEach);
  EXPECT_EQ(report["newest"]["n"], 2 * kBuses * kEach);
}

TEST_P(AuditTest, ManyBusesRecordAllOfTheirMessages) {
  constexpr size_t kBuses = 4;
  constexpr size_t kEach = 500;
  std::vector<std::thread> threads;
  for (size_t b = 0; b < kBuses; ++b) {
    threads.emplace_back([&, b] {
      Bus bus = Open({{"audit", "messages"}, {"max_items", "0"}});
      const std::string agent = "a" + std::to_string(b);
      Subscription subscription = bus.Subscribe("c", agent.c_str());
      bus.PublishBatch("c", Texts(kEach, agent.c_str()));
      EXPECT_EQ(Take(bus, subscription, kEach).size(), kEach);
      bus.Close();  // writes what is left
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Of(audited_, "publish").size(), kBuses * kEach);
  EXPECT_EQ(Of(audited_, "deliver").size(), kBuses * kEach);
  EXPECT_EQ(Of(audited_, "ack").size(), kBuses * kEach);
  EXPECT_TRUE(Verify(audited_)["intact"]);
}

TEST_P(AuditTest, TrimmingIsNoBreak) {
  Bus modest = Open({{"audit_max", "100"}});
  for (int i = 0; i < 700; ++i) modest.Audit("decisions", "x", std::to_string(i));
  const Json report = Verify(modest, "decisions");
  EXPECT_TRUE(report["intact"]) << report;
  EXPECT_GE(report["records"], 100);
  EXPECT_LE(report["records"], 400);
  EXPECT_EQ(report["newest"]["n"], 700);
  EXPECT_EQ(report["trimmed"].get<int>() + report["records"].get<int>(), 700);
}

TEST_P(AuditTest, ClearingMessagesLeavesTheTrails) {
  bus_.Audit("decisions", "x", "1");
  bus_.Clear("*");
  EXPECT_EQ(Verify(bus_, "decisions")["records"], 1);
}

TEST_P(AuditTest, AClosedBusRecordsNothing) {
  Bus bus = Open();
  mq_shutdown(bus.get());
  EXPECT_STATUS(MQ_CLOSED, mq_audit(bus.get(), "decisions", "x", "1"));
  char* json = nullptr;
  EXPECT_STATUS(MQ_CLOSED, mq_audit_verify(bus.get(), "decisions", &json));
  EXPECT_EQ(json, nullptr);
}

TEST_P(AuditTest, TheSettingTakesItsChoicesAlone) {
  EXPECT_STATUS(MQ_INVALID, mq_config_set(Config().get(), "audit", "everything"));
  EXPECT_STATUS(MQ_INVALID, mq_config_set(Config().get(), "audit_max", "10"));
}

}  // namespace
}  // namespace agentmq::test
