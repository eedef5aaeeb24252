// Audit trails on a server: what tampering with them leaves, what they cost, and what happens while the server is away.
#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

using Json = nlohmann::json;

constexpr const char* kTrail = "agentmq:default:audit:decisions";

class AuditServerTest : public RedisTest {
 protected:
  AuditServerTest() : RedisTest(Durable()) {}

  void Fill(int count) {
    for (int i = 0; i < count; ++i) bus_.Audit("decisions", "x", std::to_string(i));
  }
  Json Verify(const char* kind = "decisions") { return Json::parse(bus_.AuditVerify(kind)); }
  // The id and the fields of a record.
  Reply Entry(const std::string& number) {
    for (Reply& entry : client_.Must({"XRANGE", kTrail, "-", "+"}).items) {
      if (entry.items[1].items[1].text == number) return entry;
    }
    ADD_FAILURE() << "no record " << number;
    return {};
  }
  // Writes the trail anew, with what `change` makes of it.
  void Rewrite(const std::function<void(std::vector<Reply>&)>& change) {
    auto entries = client_.Must({"XRANGE", kTrail, "-", "+"}).items;
    change(entries);
    client_.Must({"DEL", kTrail});
    for (const Reply& entry : entries) {
      std::vector<std::string> add = {"XADD", kTrail, entry.items[0].text};
      for (const Reply& field : entry.items[1].items) add.push_back(field.text);
      client_.Must(add);
    }
  }
  void ExpectBreakAt(int number) {
    const Json report = Verify();
    EXPECT_FALSE(report["intact"]) << report;
    ASSERT_GE(report["breaks"].size(), 1u) << report;
    EXPECT_EQ(report["breaks"][0]["n"], number) << report;
    EXPECT_NE(report["breaks"][0]["why"], "");
  }

  Bus bus_{Url()};
  RespClient client_ = server_.Client();
};

TEST_F(AuditServerTest, AnAlteredRecordIsFound) {
  Fill(20);
  EXPECT_TRUE(Verify()["intact"]);
  Rewrite([](auto& entries) {
    std::string& text = entries[9].items[1].items[5].text;
    text.replace(text.find("\"data\":9"), 8, "\"data\":8");
  });
  ExpectBreakAt(10);
}

TEST_F(AuditServerTest, AnAlteredRecordWithAHashThatFitsBreaksTheNextOne) {
  Fill(20);
  Rewrite([](auto& entries) { entries[9].items[1].items[3].text = std::string(64, '0'); });
  const Json report = Verify();
  ASSERT_EQ(report["breaks"].size(), 2u) << report;
  EXPECT_EQ(report["breaks"][0]["n"], 10);
  EXPECT_EQ(report["breaks"][1]["n"], 11);
}

TEST_F(AuditServerTest, AMissingRecordIsFound) {
  Fill(20);
  client_.Must({"XDEL", kTrail, Entry("12").items[0].text});
  ExpectBreakAt(13);
  Fill(5);
  EXPECT_EQ(Verify()["breaks"].size(), 1u);
}

TEST_F(AuditServerTest, ExchangedAndMadeUpRecordsAreFound) {
  Fill(20);
  Rewrite([](auto& entries) { std::swap(entries[4].items[1], entries[5].items[1]); });
  ExpectBreakAt(6);
  client_.Must({"DEL", kTrail});
  Fill(5);
  client_.Must({"XADD", kTrail, "*", "n", "6", "h", std::string(64, 'a'), "r", "{\"made\":\"up\"}"});
  ExpectBreakAt(6);
  client_.Must({"XADD", kTrail, "*", "foreign", "entry"});
  EXPECT_FALSE(Verify()["intact"]);
  EXPECT_EQ(StatusOf([&] { Fill(3); }), MQ_OK) << "the trail goes on";
}

TEST_F(AuditServerTest, WhatIsTrimmedIsWhereVerifyingBegins) {
  Fill(20);
  client_.Must({"XTRIM", kTrail, "MAXLEN", "=", "5"});
  const Json report = Verify();
  EXPECT_TRUE(report["intact"]) << report;
  EXPECT_EQ(report["trimmed"], 15);
  EXPECT_EQ(report["records"], 5);
}

TEST_F(AuditServerTest, AnAlteredTextThatIsNoJsonCanBeRead) {
  Fill(3);
  Rewrite([](auto& entries) { entries[1].items[1].items[5].text = "{broken \xff"; });
  const Json trail = Json::parse(bus_.AuditRead("decisions"));
  EXPECT_TRUE(trail["records"][1]["record"].is_string());
  ExpectBreakAt(2);
}

TEST_F(AuditServerTest, ManyMessagesAreRecordedByFewCommands) {
  Bus audited(Url("audit=messages"));
  Subscription subscription = audited.Subscribe("c", "a", {{"prefetch", "1000"}});
  audited.Flush(kPatience);
  client_.ResetStats();
  const auto began = std::chrono::steady_clock::now();
  audited.PublishBatch("c", Texts(1000, "a"));
  audited.Flush(kPatience);
  const MessageList list = subscription.FetchBatch(1000, kPatience);
  ASSERT_EQ(list.size(), 1000u);
  audited.Flush(kPatience);
  audited.AckBatch(list);
  audited.Flush(kPatience);
  const auto took = std::chrono::steady_clock::now() - began;
  auto calls = client_.Calls();
  EXPECT_EQ(calls["xadd"], 3000);
  // An append for a thousand records or for what came in 20 ms, and what a flush hurries.
  EXPECT_LE(calls["xrevrange"], took / 20ms + 6) << "appends in " << took / 1ms << " ms";
  client_.ResetStats();
  bus_.PublishBatch("c", Texts(1000, "a"));
  Subscription plain = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, plain, 1000).size(), 1000u);
  calls = client_.Calls();
  EXPECT_EQ(calls["xadd"], 0);
  EXPECT_EQ(calls["xrevrange"], 0);
}

TEST_F(AuditServerTest, WhatIsDoneWhileTheServerIsAwayIsRecordedOnce) {
  Bus audited(Url("audit=messages"));
  for (int round = 0; round < 5; ++round) {
    Put(audited, "c", "a", "x");
    server_.Kill9();
    server_.Start();
    EXPECT_TRUE(Eventually(kPatience, [&] { return mq_flush(audited.get(), 1000) == MQ_OK; }));
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return StatusOf([&] { bus_.Stats(); }) == MQ_OK; }));
  const Json trail = Json::parse(bus_.AuditRead("messages"));
  EXPECT_EQ(trail["records"].size(), 5u) << trail;
  EXPECT_TRUE(Verify("messages")["intact"]);
}

TEST_F(AuditServerTest, AServerThatStaysAwayLosesRecordsAndSaysSo) {
  Bus audited(Url("audit=messages&close_timeout=200ms"));
  Put(audited, "c", "a", "x");
  server_.Kill9();
  EXPECT_EQ(mq_flush(audited.get(), 200), MQ_TIMEOUT);
  EXPECT_FALSE(audited.Close()) << "nothing was lost";
}

TEST_F(AuditServerTest, WhatADeadConsumerLeftIsRecorded) {
  Bus audited(Url("audit=messages&liveness_timeout=200ms"));
  Put(audited, "c", "a", "x");
  Subscription subscription = audited.Subscribe("c", "a");
  const std::string queue = "{agentmq:default:c/a}:-:";
  // As if a process had died that had it.
  const Message held = Next(subscription);
  const std::string id(held.id());
  client_.Must({"HSET", queue + "hand:dead.0123456789abcdef", "1", id.substr(id.rfind('/') + 1)});
  client_.Must({"HSET", queue + "lease", "dead.0123456789abcdef", "1 0123456789abcdef 1000"});
  EXPECT_TRUE(Eventually(kPatience, [&] {
    mq_flush(audited.get(), 1000);
    return audited.AuditRead("messages").find("\"recover\"") != std::string::npos;
  })) << audited.AuditRead("messages");
}

}  // namespace
}  // namespace agentmq::test
