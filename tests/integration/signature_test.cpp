// What somebody who can write to the server, and has no key, achieves: dead letters.
#include <functional>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

constexpr const char* kKey = "signing_key=k:MDEyMzQ1Njc4OWFiY2RlZg==";
constexpr const char* kMessages = "{agentmq:default:c/a}:msg";

class TamperTest : public RedisTest {
 protected:
  static std::string Short(const std::string& id) { return id.substr(id.rfind('/') + 1); }
  static void Replace(std::string* text, const std::string& from, const std::string& to) {
    const size_t at = text->find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text->replace(at, from.size(), to);
  }
  std::string PutSigned() {
    Message message = Text("pay 100 to Bob", "a");
    message.SetType("command").SetSource("boss").SetHeader("tenant", "blue").SetTtl(1h);
    bus_.Publish("c", message);
    return std::string(message.id());
  }
  // The queue's next message is refused; a good one behind it comes.
  void ExpectRefused(const char* channel, const char* agent) {
    Put(bus_, channel, agent, "good");
    Subscription subscription = bus_.Subscribe(channel, agent);
    EXPECT_EQ(Take(bus_, subscription, 1), std::vector<std::string>{"good"});
    EXPECT_FALSE(subscription.Fetch(0ms));
    ASSERT_TRUE(Eventually(kPatience, [&] { return bus_.DeadLetters().size() == 1; }));
    const MessageList dead = bus_.DeadLetters();
    EXPECT_EQ(Name(dead[0].status()), "MQ_SIGNATURE") << dead[0].reason();
    EXPECT_EQ(dead[0].signed_by(), "");
    EXPECT_EQ(bus_.PurgeDeadLetters(), 1);
  }

  Bus bus_{Url(std::string(kKey) + "&require_signature=true")};
  RespClient client_ = server_.Client();
};

TEST_F(TamperTest, NothingOfARecordCanBeAltered) {
  using Alter = std::function<void(std::string*)>;
  const std::vector<std::pair<std::string, Alter>> alterations = {
      {"a byte of the payload", [](std::string* record) { Replace(record, "pay 100", "pay 900"); }},
      {"the payload's length", [](std::string* record) { *record += "by"; }},
      {"a header", [](std::string* record) { Replace(record, "blue", "gray"); }},
      {"the type", [](std::string* record) { Replace(record, "command", "comment"); }},
      {"the source", [](std::string* record) { Replace(record, "boss", "Bob!"); }},
      {"the time to live", [](std::string* record) { Replace(record, "3600000", "9600000"); }},
      {"the key's name", [](std::string* record) { Replace(record, "k 1", "j 1"); }},
      {"the time of signing", [](std::string* record) { Replace(record, "k 1", "k 2"); }},
      {"one more header", [](std::string* record) { record->insert(1, std::string("h\x03x\0y\0", 6)); }},
      {"the signature, gone", [](std::string* record) {
         const size_t at = record->find("g");
         ASSERT_NE(at, std::string::npos);
         const size_t end = record->find('\0', at);
         record->erase(at, end + 1 - at);
       }}};
  for (const auto& [what, alter] : alterations) {
    SCOPED_TRACE(what);
    const std::string id = PutSigned();
    std::string record = client_.Text({"HGET", kMessages, Short(id)});
    alter(&record);
    client_.Must({"HSET", kMessages, Short(id), record});
    ExpectRefused("c", "a");
  }
}

TEST_F(TamperTest, ARecordCanNotBeMovedToAnotherQueueOrLane) {
  const std::string id = PutSigned();
  const std::string record = client_.Text({"HGET", kMessages, Short(id)});
  bus_.Delete(id.c_str());
  // In place of what somebody may publish there.
  const std::string other = Put(bus_, "c", "b", "x");
  client_.Must({"HSET", "{agentmq:default:c/b}:msg", Short(other), record});
  ExpectRefused("c", "b");
  const std::string elsewhere = Put(bus_, "d", "a", "x");
  client_.Must({"HSET", "{agentmq:default:d/a}:msg", Short(elsewhere), record});
  ExpectRefused("d", "a");
  const std::string urgent = Put(bus_, "c", "a", "x", MQ_PRIORITY_URGENT);
  client_.Must({"HSET", kMessages, Short(urgent), record});
  ExpectRefused("c", "a");

  Bus staging(Url(std::string(kKey) + "&require_signature=true&namespace=staging"));
  const std::string there = Put(staging, "c", "a", "x");
  client_.Must({"HSET", "{agentmq:staging:c/a}:msg", Short(there), record});
  Subscription subscription = staging.Subscribe("c", "a");
  EXPECT_FALSE(subscription.Fetch(0ms));
  EXPECT_TRUE(Eventually(kPatience, [&] { return staging.DeadLetters().size() == 1; }));
  EXPECT_EQ(Name(staging.DeadLetters()[0].status()), "MQ_SIGNATURE");
}

TEST_F(TamperTest, ALargePayloadCanNotBeAltered) {
  bus_.Publish("c", Text(std::string(200'000, 'b'), "a"));
  for (const std::string& key : client_.Keys("*:blob:*")) client_.Must({"SETRANGE", key, "100000", "x"});
  ExpectRefused("c", "a");
}

TEST_F(TamperTest, ADeadLetterThatWasAlteredIsRefusedWhenItIsSentAgain) {
  PutSigned();
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  const std::string key = "{agentmq:default:c/a}:dead";
  const std::string field = client_.Must({"HKEYS", key}).items.at(0).text;
  std::string letter = client_.Text({"HGET", key, field});
  Replace(&letter, "pay 100", "pay 900");
  client_.Must({"HSET", key, field, letter});
  EXPECT_EQ(bus_.DeadLetters()[0].signed_by(), "");
  mq_unsubscribe(subscription.get());
  EXPECT_EQ(bus_.ReplayAll(), 1);
  ExpectRefused("c", "a");
}

// What a signature does not prevent, and what shows it.
TEST_F(TamperTest, ACopyInTheSameQueueIsOneMoreMessageThatSaysWhenItWasSigned) {
  const std::string id = PutSigned();
  const std::string record = client_.Text({"HGET", kMessages, Short(id)});
  const std::string copy = Put(bus_, "c", "a", "x");
  client_.Must({"HSET", kMessages, Short(copy), record});
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message first = Next(subscription);
  const Message second = Next(subscription);
  EXPECT_EQ(second.payload(), first.payload());
  EXPECT_EQ(second.signed_at(), first.signed_at());
  EXPECT_NE(second.id(), first.id());
}

TEST_F(TamperTest, WhatIsToldToListenersCanNotBeMadeUp) {
  Subscription listener = bus_.Listen("c");
  const std::string id = PutSigned();
  const std::string record = client_.Text({"HGET", kMessages, Short(id)});
  client_.Must({"PUBLISH", "agentmq:default:live:0:c", "1c/a/OhqqeWv-4ewrj--6\n1=made up"});
  client_.Must({"PUBLISH", "agentmq:default:live:0:c", "1c/b/OhqqeWv-4ewrj--6\n" + record});
  Message message("good");
  message.SetMode(MQ_MODE_PUBSUB);
  bus_.Publish("c", message);
  EXPECT_EQ(Next(listener).payload(), "good");
  EXPECT_FALSE(listener.Fetch(0ms));
  EXPECT_EQ(listener.Lost().dropped, 2);
}

TEST_F(TamperTest, NoKeyIsOnTheServer) {
  PutSigned();
  for (const std::string& key : client_.Keys("*")) {
    const Reply dump = client_.Must({"DUMP", key});
    EXPECT_EQ(dump.text.find("MDEyMzQ1Njc4OWFiY2RlZg"), std::string::npos);
    EXPECT_EQ(dump.text.find("0123456789abcdef"), std::string::npos);
  }
}

}  // namespace
}  // namespace agentmq::test
