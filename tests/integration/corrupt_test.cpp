// Foreign and damaged entries in a queue's keys: set aside, counted, and consumption goes on.
#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

class CorruptTest : public RedisTest {
 protected:
  // The one key that ends so.
  std::string Key(const std::string& end) {
    std::vector<std::string> found;
    for (const std::string& key : server_.Client().Keys("*")) {
      if (key.ends_with(end)) found.push_back(key);
    }
    EXPECT_EQ(found.size(), 1u) << "keys that end in " << end;
    return found.empty() ? "" : found[0];
  }
  static std::string Short(const std::string& id) { return id.substr(id.rfind('/') + 1); }
  void ExpectOneCorrupt(Bus& bus) {
    EXPECT_TRUE(Eventually(kPatience, [&] { return bus.DeadLetters().size() == 1; }));
    const MessageList dead = bus.DeadLetters();
    ASSERT_EQ(dead.size(), 1u);
    EXPECT_EQ(dead[0].status(), MQ_CORRUPT);
    EXPECT_NE(dead[0].reason(), "");
    EXPECT_EQ(Stat(bus, nullptr, "corrupt"), 1) << bus.Stats();
    EXPECT_EQ(bus.PurgeDeadLetters(), 1);
  }

  Bus bus_{Url()};
};

TEST_F(CorruptTest, ADamagedRecordIsSetAside) {
  for (const std::string& damage : {std::string("damaged"), std::string(), std::string("1"), std::string(200, '\xff'),
                                    std::string("9=new major")}) {
    const std::string id = Put(bus_, "c", "a", "first");
    Put(bus_, "c", "a", "second");
    server_.Client().Must({"HSET", Key(":msg"), Short(id), damage});
    Subscription subscription = bus_.Subscribe("c", "a");
    EXPECT_EQ(Take(bus_, subscription, 1), std::vector<std::string>{"second"});
    EXPECT_FALSE(subscription.Fetch(0ms));
    EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.DeadLetters().size() == 1; })) << damage;
    const MessageList dead = bus_.DeadLetters();
    ASSERT_EQ(dead.size(), 1u);
    EXPECT_EQ(dead[0].status(), MQ_CORRUPT);
    EXPECT_EQ(bus_.PurgeDeadLetters(), 1);
    EXPECT_EQ(bus_.Count(), 0);
  }
}

TEST_F(CorruptTest, AForeignEntryIsSetAside) {
  Put(bus_, "c", "a", "ours");
  RespClient client = server_.Client();
  client.Must({"HSET", Key(":msg"), "foreign", "somebody's"});
  client.Must({"LPUSH", Key(":ready:5"), "foreign"});
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 1), std::vector<std::string>{"ours"});
  ExpectOneCorrupt(bus_);
}

TEST_F(CorruptTest, AForeignEntryAsLongAsAnIdIsSetAside) {
  Put(bus_, "c", "a", "ours");
  server_.Client().Must({"LPUSH", Key(":ready:5"), "hello world 1234"});
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 1), std::vector<std::string>{"ours"});
  ExpectOneCorrupt(bus_);
}

TEST_F(CorruptTest, AForeignEntryInADeadConsumersHandKeepsNothingBack) {
  Put(bus_, "c", "a", "ours");
  Subscription subscription = bus_.Subscribe("c", "a", {{"consumer", "it"}});
  const Message held = Next(subscription);
  RespClient client = server_.Client();
  const std::string queue = "{agentmq:default:c/a}:-:";
  // As if a process had died that had both.
  client.Must({"HSET", queue + "hand:dead.0123456789abcdef", "1", "hello world 1234" + Short(std::string(held.id()))});
  client.Must({"HSET", queue + "lease", "dead.0123456789abcdef", "1 0123456789abcdef 1000"});
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return client.Must({"HGET", queue + "lease", "dead.0123456789abcdef"}).nil();
  }));
  EXPECT_EQ(client.Number({"EXISTS", queue + "hand:dead.0123456789abcdef"}), 0);
}

TEST_F(CorruptTest, AnIdWithoutAMessageIsPassedOver) {
  Put(bus_, "c", "a", "ours");
  RespClient client = server_.Client();
  for (const char* junk : {"junk", "", "a|b", "0123456789abcdef"}) client.Must({"LPUSH", Key(":ready:5"), junk});
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 1), std::vector<std::string>{"ours"});
}

TEST_F(CorruptTest, ALargePayloadThatIsGoneIsSetAside) {
  bus_.Publish("c", Text(std::string(200'000, 'b'), "a"));
  Put(bus_, "c", "a", "second");
  RespClient client = server_.Client();
  for (const std::string& key : client.Keys("*:blob:*")) client.Must({"DEL", key});
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 1), std::vector<std::string>{"second"});
  ExpectOneCorrupt(bus_);
}

TEST_F(CorruptTest, LookingAtADamagedRecordIsCorrupt) {
  const std::string id = Put(bus_, "c", "a", "x");
  server_.Client().Must({"HSET", Key(":msg"), Short(id), "damaged"});
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_CORRUPT, mq_get(bus_.get(), id.c_str(), &message));
  EXPECT_EQ(message, nullptr);
  // Lists go on without it, or show it without what can't be read; they do not fail.
  EXPECT_EQ(StatusOf([&] { bus_.Find(); }), MQ_OK);
  EXPECT_EQ(StatusOf([&] { bus_.GetPending("c", "a"); }), MQ_OK);
  EXPECT_STATUS(MQ_OK, mq_delete(bus_.get(), id.c_str()));
}

TEST_F(CorruptTest, ADamagedDeadLetterHarmsNoOther) {
  Subscription subscription = bus_.Subscribe("c", "a");
  for (const char* payload : {"one", "two"}) {
    Put(bus_, "c", "a", payload);
    bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  }
  RespClient client = server_.Client();
  const std::string field = client.Must({"HKEYS", Key(":dead")}).items.at(0).text;
  client.Must({"HSET", Key(":dead"), field, "damaged"});
  EXPECT_EQ(StatusOf([&] { EXPECT_GE(bus_.DeadLetters().size(), 1u); }), MQ_OK);
  EXPECT_EQ(StatusOf([&] { EXPECT_GE(bus_.PurgeDeadLetters(), 1); }), MQ_OK);
}

TEST_F(CorruptTest, AKeyOfTheWrongTypeIsAFailureWithASentence) {
  Put(bus_, "c", "a", "x");
  const std::string key = Key(":msg");
  RespClient client = server_.Client();
  client.Must({"DEL", key});
  client.Must({"SET", key, "somebody's"});
  const mq_status status = mq_publish(bus_.get(), "c", Text("y", "a").get());
  EXPECT_NE(status, MQ_OK);
  EXPECT_NE(status, MQ_INTERNAL);
  EXPECT_STRNE(mq_last_error(), "");
  Put(bus_, "c", "b", "other queues go on");
}

TEST_F(CorruptTest, ForeignKeysInTheNamespaceAreNoHarm) {
  RespClient client = server_.Client();
  client.Must({"SET", "{agentmq:default:c/a}:foreign", "x"});
  client.Must({"SADD", "agentmq:default:queues:00", "nonsense", "a/b/c/d", "%zz/x", "\xff"});
  Put(bus_, "c", "a", "x");
  EXPECT_EQ(bus_.Count(), 1);
  EXPECT_EQ(StatusOf([&] { bus_.Stats(); }), MQ_OK);
  EXPECT_EQ(bus_.Clear("*"), 1);
}

}  // namespace
}  // namespace agentmq::test
