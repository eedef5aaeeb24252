// The rules of docs/operations.md for users of a server: each role does its work under its own, and nothing else.
#include <fstream>
#include <future>
#include <iterator>
#include <sstream>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

// The words of "ACL SETUSER <name> ...", as the document has them.
std::vector<std::string> Rule(const std::string& name) {
  std::ifstream file(std::string(AGENTMQ_SOURCE_DIR) + "/docs/operations.md");
  std::vector<std::string> rule;
  for (std::string line; std::getline(file, line);) {
    if (rule.empty() && !line.starts_with("ACL SETUSER " + name + " ")) continue;
    if (line == "```") break;
    std::istringstream words(line);
    for (std::string word; words >> word;) rule.push_back(word);
  }
  return rule;
}

testing::AssertionResult IsRefused(mq_status status, const std::string& word) {
  const std::string sentence = mq_last_error();
  if (status == MQ_AUTH && sentence.find(word) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << mq_status_name(status) << ": " << sentence;
}

class AccessTest : public RedisTest {
 protected:
  AccessTest() {
    for (const char* role : {"publisher", "consumer", "administrator"}) server_.Client().Must(Rule(role));
  }
  Bus As(const std::string& role, const std::string& query = "") {
    return Bus(Url("user=" + role + "&password=secret" + (query.empty() ? "" : "&" + query)));
  }
  // Everything that was refused, but the look at the registry with which house-keeping begins: who may not do it is
  // refused that after some seconds, and leaves it alone for an hour.
  std::string Refusals() {
    std::string refusals;
    for (const Reply& entry : server_.Client().Must({"ACL", "LOG"}).items) {
      if (entry.items.at(7).text == "sunion" || entry.items.at(7).text == "smembers") continue;
      refusals += entry.items.at(7).text + " (" + entry.items.at(3).text + ") of " + entry.items.at(9).text + "\n";
    }
    return refusals;
  }
  int64_t Dead(Bus& bus) { return Stat(bus, "orders", "dead"); }
};

// The pairs that stand in the document for audit trails.
TEST_F(AccessTest, WithAPairMoreAPublisherRecordsWhatItDoes) {
  std::ifstream file(AGENTMQ_SOURCE_DIR "/docs/operations.md");
  const std::string document{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::string records = "(+evalsha +xadd +xrevrange ~agentmq:default:audit:*)";
  const std::string reads = "(+xrange %R~agentmq:default:audit:*)";
  for (const std::string& pair : {records, reads}) ASSERT_NE(document.find(pair), std::string::npos) << pair;
  RespClient client = server_.Client();
  {
    Bus refused = As("publisher");
    EXPECT_TRUE(IsRefused(mq_audit(refused.get(), "decisions", "x", "1"), "audit.lua"));
  }
  client.Must({"ACL", "SETUSER", "publisher", records, reads});
  Bus publisher = As("publisher", "audit=messages");
  publisher.Audit("decisions", "x", "1");
  Put(publisher, "orders", "worker", "x");
  publisher.Flush(kPatience);
  EXPECT_NE(publisher.AuditRead("messages").find("publish"), std::string::npos);
}

TEST_F(AccessTest, PublishersStoreAndConsumersReceiveAndSettle) {
  Bus publisher = As("publisher");
  Bus consumer = As("consumer");
  Subscription worker = consumer.Subscribe("orders", "worker:1", {{"prefetch", "600"}});
  Subscription direct = consumer.Subscribe(MQ_DIRECT, "worker:1");
  for (const size_t size : {0, 100, 100'000}) {
    Put(publisher, "orders", "worker", std::string(size, 'x'));
    Put(publisher, "orders", "worker:1", std::string(size, 'x'), MQ_PRIORITY_URGENT);
    Put(publisher, "orders", nullptr, std::string(size, 'x'));
  }
  Put(publisher, MQ_DIRECT, "worker:1", "x");
  EXPECT_EQ(Take(consumer, worker, 9).size(), 9u);
  EXPECT_EQ(Take(consumer, direct, 1).size(), 1u);
  // Batches travel beside the scripts, those that expire are swept.
  const std::vector<Message> batch = Texts(500, "worker");
  const std::vector<Message> broadcast = Texts(500, nullptr);
  publisher.PublishBatch("orders", batch);
  publisher.PublishBatch("orders", broadcast);
  EXPECT_EQ(Take(consumer, worker, 1000).size(), 1000u);
  // What is due later, for one and for all, those who come later included.
  Message later = Text("later", "worker");
  later.SetDelay(300ms);
  Message later_for_all = Text("later", nullptr);
  later_for_all.SetDelay(300ms);
  publisher.Publish("orders", later);
  publisher.Publish("orders", later_for_all);
  Subscription newcomer = consumer.Subscribe("orders", "newcomer");
  const Message held = Next(worker);
  EXPECT_FALSE(held.is_deleted());
  consumer.Ack(held);
  EXPECT_EQ(Take(consumer, worker, 1).size(), 1u);
  EXPECT_EQ(Take(consumer, newcomer, 1).size(), 1u);
  newcomer.Unsubscribe();
  Message brief = Text("x", "worker");
  brief.SetTtl(1ms);
  publisher.Publish("orders", brief);
  EXPECT_TRUE(Always(20ms, [] { return true; }));  // a quick fetch might have it in time
  EXPECT_FALSE(worker.Fetch(100ms));
  // One waits alone, and many wait together.
  std::vector<std::future<std::string>> waiting;
  std::vector<Subscription> waiters;
  for (int i = 0; i < 5; ++i) waiters.push_back(consumer.Subscribe("orders", ("waiter-" + std::to_string(i)).c_str()));
  for (Subscription& waiter : waiters) {
    waiting.push_back(std::async(std::launch::async, [&] {
      const Message message = Next(waiter);
      consumer.Ack(message);
      return std::string(message.payload());
    }));
  }
  Put(publisher, "orders", nullptr, "all");
  for (auto& one : waiting) EXPECT_EQ(one.get(), "all");
  EXPECT_EQ(Refusals(), "");
}

TEST_F(AccessTest, KeysAndWhatIsKeptNeedNoOtherUsers) {
  As("administrator").Configure("orders", {{"retain", "500ms"}});
  Bus publisher = As("publisher");
  Bus consumer = As("consumer");
  Subscription worker = consumer.Subscribe("orders", "worker", {{"skip_done", "true"}});
  for (const char* target : {"worker", static_cast<const char*>(nullptr)}) {
    Message message = Text("x", target);
    message.SetDedupKey("k");
    publisher.Publish("orders", message);
    publisher.Publish("orders", message);
  }
  Message failing = Text("failing", "worker");
  failing.SetDedupKey("l");
  publisher.Publish("orders", failing);
  for (int i = 0; i < 3; ++i) {
    const Message message = Next(worker);
    if (message.payload() == "x") {
      consumer.Ack(message);
    } else {
      consumer.Nack(message, MQ_FAILURE_PERMANENT, 0ms, "no");
    }
  }
  worker.Seek("all");
  EXPECT_EQ(Take(consumer, worker, 1).size(), 1u);
  RespClient client = server_.Client();
  EXPECT_TRUE(Eventually(kPatience, [&] { return client.Keys("*:kept").empty(); }));
  EXPECT_EQ(Refusals(), "");
}

TEST_F(AccessTest, PublishersTellAndConsumersListen) {
  Bus publisher = As("publisher");
  Bus consumer = As("consumer");
  Subscription all = consumer.Listen("*");
  Subscription news = consumer.Listen("news");
  for (const mq_mode mode : {MQ_MODE_PUBSUB, MQ_MODE_BOTH}) {
    Message message("x");
    message.SetMode(mode).SetTarget("worker");
    publisher.Publish("news", message);
    EXPECT_EQ(Next(all).id(), message.id());
    EXPECT_EQ(Next(news).id(), message.id());
  }
  std::vector<Message> batch = Texts(100, "worker");
  for (Message& message : batch) message.SetMode(MQ_MODE_BOTH);
  EXPECT_EQ(publisher.PublishBatch("news", batch), 100u);
  for (int i = 0; i < 100; ++i) Next(news);
  EXPECT_EQ(Refusals(), "");
  // A pattern has to stand in the rule as it is asked for.
  mq_subscription* subscription = nullptr;
  EXPECT_TRUE(IsRefused(mq_listen(consumer.get(), "events:content:*", nullptr, &subscription), "may not"));
  server_.Client().Must({"ACL", "SETUSER", "consumer", "&agentmq:default:live:0:events%3Acontent%3A*"});
  Subscription events = consumer.Listen("events:content:*");
  // And each keeps to its own.
  EXPECT_TRUE(IsRefused(mq_listen(publisher.get(), "news", nullptr, &subscription), "may not"));
  Message told("x");
  told.SetMode(MQ_MODE_PUBSUB);
  EXPECT_EQ(StatusOf([&] { consumer.Publish("news", told); }), MQ_AUTH);
  Bus administrator = As("administrator");
  Subscription watched = administrator.Listen("*");
  administrator.Publish("news", told);
  EXPECT_EQ(Next(watched).payload(), "x");
}

TEST_F(AccessTest, ConsumersRetryGiveUpAndRecover) {
  Bus publisher = As("publisher");
  Bus administrator = As("administrator");
  Bus consumer = As("consumer", "liveness_timeout=600ms&retry_attempts=2&backoff_base=10ms");
  Subscription worker = consumer.Subscribe("orders", "worker");
  for (const size_t size : {10, 100'000}) {
    Put(publisher, "orders", "worker", std::string(size, 'x'));
    consumer.Nack(Next(worker), MQ_FAILURE_TRANSIENT);
    consumer.Nack(Next(worker), MQ_FAILURE_TRANSIENT);
    Put(publisher, "orders", "worker", std::string(size, 'x'));
    consumer.Nack(Next(worker), MQ_FAILURE_PERMANENT);
  }
  EXPECT_EQ(Dead(administrator), 4);
  Put(publisher, "orders", "worker", "x");
  const Message extended = Next(worker);
  EXPECT_STATUS(MQ_OK, mq_extend(consumer.get(), extended.get(), 60'000));
  consumer.Ack(extended);
  const std::string id = Put(publisher, "orders", "worker", "y");
  EXPECT_STATUS(MQ_OK, mq_ack_id(consumer.get(), "worker", id.c_str()));
  Put(publisher, "orders", "worker", "z");
  mq_list* pending = nullptr;
  EXPECT_STATUS(MQ_OK, mq_get_pending(consumer.get(), "orders", "worker", 10, &pending));
  EXPECT_EQ(mq_list_size(pending), 1u);
  mq_list_free(pending);
  // A reservation that nobody extends lapses, and what a consumer had that is gone goes to another.
  {
    Bus brief = As("consumer");
    Subscription lapsing =
        brief.Subscribe("orders", "worker", {{"auto_extend", "false"}, {"visibility_timeout", "100ms"}});
    EXPECT_EQ(Next(lapsing).payload(), "z");
    EXPECT_EQ(Next(worker).payload(), "z");
  }
  EXPECT_EQ(Refusals(), "");
}

TEST_F(AccessTest, FullQueuesAreKeptWithinTheirLimits) {
  Bus administrator = As("administrator");
  administrator.Configure("orders", {{"max_items", "100"}, {"overflow", "drop_oldest"}});
  administrator.Configure("bounded", {{"max_items", "100"}});
  Bus publisher = As("publisher");
  Bus consumer = As("consumer");
  Subscription worker = consumer.Subscribe("orders", "worker");
  for (const char* target : {"worker", static_cast<const char*>(nullptr)}) {
    const std::vector<Message> first = Texts(100, target);
    const std::vector<Message> second = Texts(50, target);
    publisher.PublishBatch("orders", first);
    publisher.PublishBatch("orders", second);
    Put(publisher, "orders", target, "x");
  }
  const std::vector<Message> bounded = Texts(100, "worker");
  publisher.PublishBatch("bounded", bounded);
  EXPECT_STATUS(MQ_FULL, mq_publish(publisher.get(), "bounded", Text("x", "worker").get()));
  EXPECT_EQ(Refusals(), "");
}

TEST_F(AccessTest, PublishersKeepRateLimits) {
  Bus administrator = As("administrator");
  // A bucket holds one at least, and hardly fills up again.
  administrator.Configure("orders", {{"rate_limit", "100"}, {"source_rate_limit", "0.01"}});
  administrator.Configure("bounded", {{"rate_limit", "0.01"}});
  Bus publisher = As("publisher", "bus_rate_limit=100");
  for (const char* source : {"one", "two"}) {
    Message message = Text("x", "worker");
    message.SetSource(source);
    publisher.Publish("orders", message);
  }
  Message again = Text("x", "worker");
  again.SetSource("two");
  EXPECT_STATUS(MQ_RATE_LIMITED, mq_publish(publisher.get(), "orders", again.get()));
  Put(publisher, "bounded", "worker", "x");
  EXPECT_STATUS(MQ_RATE_LIMITED, mq_publish(publisher.get(), "bounded", Text("x", "worker").get()));
  EXPECT_EQ(Refusals(), "");
}

TEST_F(AccessTest, AdministratorsDoAllThatTheLibraryDoes) {
  Bus publisher = As("publisher");
  Bus consumer = As("consumer");
  Bus administrator = As("administrator", "health_degraded=20s&health_unhealthy=30s");
  Subscription worker = consumer.Subscribe("orders", "worker");
  for (int i = 0; i < 3; ++i) {
    Put(publisher, "orders", "worker", "x");
    consumer.Nack(Next(worker), MQ_FAILURE_PERMANENT);
  }
  EXPECT_EQ(Dead(administrator), 3);
  mq_list* dead = nullptr;
  ASSERT_STATUS(MQ_OK, mq_dead_letters(administrator.get(), nullptr, 10, 0, &dead));
  char* replayed = nullptr;
  EXPECT_STATUS(MQ_OK, mq_replay(administrator.get(), mq_message_id(mq_list_at(dead, 0)), &replayed));
  mq_free(replayed);
  mq_list_free(dead);
  int64_t count = 0;
  EXPECT_STATUS(MQ_OK, mq_purge_dead_letters(administrator.get(), nullptr, &count));
  EXPECT_EQ(count, 2);
  const std::string id = Put(publisher, "orders", "nobody", std::string(100'000, 'x'));
  EXPECT_EQ(administrator.Count(), 2);
  EXPECT_STATUS(MQ_OK, mq_delete(administrator.get(), id.c_str()));
  EXPECT_STATUS(MQ_OK, mq_recover_pending(administrator.get(), "worker", &count));
  mq_health_state state = MQ_UNHEALTHY;
  char* json = nullptr;
  ASSERT_STATUS(MQ_OK, mq_health(administrator.get(), &state, &json));
  EXPECT_EQ(state, MQ_HEALTHY) << json;
  mq_free(json);
  EXPECT_STATUS(MQ_OK, mq_clear(administrator.get(), "*", &count));
  Put(administrator, "orders", "other", "x");
  Subscription other = administrator.Subscribe("orders", "other");
  EXPECT_EQ(Take(administrator, other, 1).size(), 1u);
  EXPECT_EQ(Refusals(), "");
}

TEST_F(AccessTest, PublishersDoNothingElse) {
  Bus administrator = As("administrator");
  Subscription inbox = administrator.Subscribe("orders", "worker");
  Bus publisher = As("publisher");
  const std::string id = Put(publisher, "orders", "worker", "x");
  const Message held = Next(inbox);
  mq_subscription* subscription = nullptr;
  EXPECT_TRUE(IsRefused(mq_subscribe(publisher.get(), "orders", "worker", nullptr, &subscription), "subscribe.lua"));
  mq_message* message = nullptr;
  EXPECT_TRUE(IsRefused(mq_get(publisher.get(), id.c_str(), &message), "HMGET"));
  EXPECT_TRUE(IsRefused(mq_ack(publisher.get(), held.get()), "ack.lua"));
  EXPECT_TRUE(IsRefused(mq_nack(publisher.get(), held.get(), MQ_FAILURE_PERMANENT, -1, "x"), "nack.lua"));
  EXPECT_TRUE(IsRefused(mq_delete(publisher.get(), id.c_str()), "delete.lua"));
  int64_t count = 0;
  EXPECT_TRUE(IsRefused(mq_clear(publisher.get(), "orders", &count), "'smembers'"));
  EXPECT_TRUE(IsRefused(mq_configure(publisher.get(), "orders", Config{{"max_items", "1"}}.get()), "DEL"));
  administrator.Ack(held);
  EXPECT_EQ(administrator.Count(), 0) << "nothing of it was done";
}

TEST_F(AccessTest, ConsumersDoNotPublishOrManage) {
  Bus administrator = As("administrator");
  const std::string id = Put(administrator, "orders", "worker", "x");
  Bus consumer = As("consumer");
  EXPECT_TRUE(IsRefused(mq_publish(consumer.get(), "orders", Text("x", "worker").get()), "publish.lua"));
  EXPECT_TRUE(IsRefused(mq_publish(consumer.get(), "orders", Text("x").get()), "publish.lua"));
  EXPECT_TRUE(
      IsRefused(mq_publish(consumer.get(), "orders", Text(std::string(100'000, 'x'), "worker").get()), "'set'"));
  const std::vector<Message> batch = Texts(500, "worker");
  std::vector<mq_message*> pointers;
  for (const Message& one : batch) pointers.push_back(one.get());
  EXPECT_TRUE(IsRefused(mq_publish_batch(consumer.get(), "orders", pointers.data(), pointers.size(), nullptr, nullptr),
                        "publish.lua"));
  EXPECT_TRUE(IsRefused(mq_configure(consumer.get(), "orders", Config{{"max_items", "1"}}.get()), "DEL"));
  int64_t count = 0;
  EXPECT_TRUE(IsRefused(mq_clear(consumer.get(), "*", &count), "SMEMBERS"));
  mq_list* list = nullptr;
  EXPECT_TRUE(IsRefused(mq_find(consumer.get(), nullptr, 10, 0, &list), "SMEMBERS"));
  EXPECT_EQ(administrator.Count(), 1) << "nothing of it was done";
  Subscription worker = consumer.Subscribe("orders", "worker");
  EXPECT_EQ(Take(consumer, worker, 1).size(), 1u);
}

TEST_F(AccessTest, AdministratorsDoNotAdministerTheServer) {
  RespClient client = server_.Client();
  client.Must({"SET", "elsewhere", "x"});
  client.Must({"AUTH", "administrator", "secret"});
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"FLUSHALL"},
                                             {"KEYS", "*"},
                                             {"CONFIG", "SET", "maxmemory", "1"},
                                             {"ACL", "LIST"},
                                             {"SHUTDOWN"},
                                             {"GET", "elsewhere"},

                                             {"REPLICAOF", "NO", "ONE"},
                                             {"CLIENT", "LIST"}}) {
    EXPECT_TRUE(client.Do(command).text.starts_with("NOPERM")) << command[0];
  }
}

TEST_F(AccessTest, AUserMayHaveTwoRules) {
  std::vector<std::string> both{"ACL", "SETUSER", "agent", "reset", "on", ">secret"};
  for (const char* role : {"publisher", "consumer"}) {
    const std::vector<std::string> rule = Rule(role);
    const auto root = rule.begin() + 6;
    const auto selectors = std::find_if(root, rule.end(), [](const std::string& word) { return word[0] == '('; });
    std::string outside = "(";
    for (auto word = root; word != selectors; ++word) outside += (outside.size() > 1 ? " " : "") + *word;
    both.push_back(outside + ")");
    both.insert(both.end(), selectors, rule.end());
  }
  server_.Client().Must(both);
  Bus agent = As("agent");
  Subscription inbox = agent.Subscribe("orders", "worker");
  const std::vector<Message> batch = Texts(500, "worker");
  agent.PublishBatch("orders", batch);
  Put(agent, "orders", "worker", std::string(100'000, 'x'));
  Put(agent, "orders", nullptr, "x");
  EXPECT_EQ(Take(agent, inbox, 502).size(), 502u);
  EXPECT_EQ(Refusals(), "");
  EXPECT_TRUE(IsRefused(mq_configure(agent.get(), "orders", Config{{"max_items", "1"}}.get()), "DEL"));
}

TEST_F(AccessTest, AUserMayHaveSomeQueuesOnly) {
  std::vector<std::string> rule = Rule("publisher");
  for (std::string& word : rule) {
    const size_t at = word.find("default:*}");
    if (at != std::string::npos) word.replace(at, 10, "default:orders/*}");
  }
  server_.Client().Must(rule);
  Bus publisher = As("publisher");
  Put(publisher, "orders", "worker", "x");
  Put(publisher, "orders", nullptr, "x");
  EXPECT_TRUE(IsRefused(mq_publish(publisher.get(), "payments", Text("x", "worker").get()), "lanes.lua"));
}

}  // namespace
}  // namespace agentmq::test
