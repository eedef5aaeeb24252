// What a server may be like: a status and a sentence for each.
#include <thread>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

class ServerTest : public RedisTest {};

mq_status OpenStatus(const std::string& url, const Config& config = {}) {
  mq_bus* bus = nullptr;
  const mq_status status = mq_open(url.c_str(), config.get(), &bus);
  EXPECT_EQ(status == MQ_OK, bus != nullptr);
  if (status != MQ_OK) {
    EXPECT_STRNE(mq_last_error(), "");
  }
  mq_close(bus);
  return status;
}

TEST(ServerWithPassword, AWrongOrMissingPasswordIsAuth) {
  RedisServer::Options options;
  options.tcp = true;
  options.config = {{"requirepass", "open-sesame"}};
  RedisServer server(options);
  EXPECT_STATUS(MQ_AUTH, OpenStatus(server.Url()));
  EXPECT_STATUS(MQ_AUTH, OpenStatus(server.Url(), {{"password", "wrong-sesame"}}));
  EXPECT_EQ(std::string(mq_last_error()).find("wrong-sesame"), std::string::npos) << mq_last_error();
  EXPECT_STATUS(MQ_OK, OpenStatus(server.Url(), {{"password", "open-sesame"}}));
  const std::string port = std::to_string(server.port());
  EXPECT_STATUS(MQ_OK, OpenStatus("redis://:open-sesame@127.0.0.1:" + port));
  EXPECT_STATUS(MQ_OK, OpenStatus("redis://default:open%2Dsesame@127.0.0.1:" + port + "/2"));
  EXPECT_STATUS(MQ_AUTH, OpenStatus("redis://nobody:open-sesame@127.0.0.1:" + port));
}

TEST_F(ServerTest, AUserWhoMayNotIsAuth) {
  server_.Client().Must(
      {"ACL", "SETUSER", "reader", "on", ">pw", "~*", "&*", "+@read", "+@connection", "+info", "+config"});
  server_.Client().Must({"ACL", "SETUSER", "writer", "on", ">pw", "~*", "&*", "+@all"});
  const Config reader{{"user", "reader"}, {"password", "pw"}};
  mq_bus* bus = nullptr;
  mq_status status = mq_open(Url().c_str(), reader.get(), &bus);
  if (status == MQ_OK) status = mq_publish(bus, "c", Text("x", "a").get());
  EXPECT_STATUS(MQ_AUTH, status);
  mq_close(bus);
  Bus writer(Url(), {{"user", "writer"}, {"password", "pw"}});
  Put(writer, "c", "a", "x");
}

TEST_F(ServerTest, AUserWhoMayNotWaitIsToldSo) {
  RespClient client = server_.Client();
  client.Must({"ACL", "SETUSER", "hasty", "on", ">secret", "~*", "&*", "+@all", "-blpop"});
  Bus bus(Url("user=hasty&password=secret"));
  Subscription subscription = bus.Subscribe("c", "a");
  client.ResetStats();
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_AUTH, mq_fetch(subscription.get(), 2000, &message));
  EXPECT_LT(client.Calls()["evalsha"], 20) << "and not by asking as fast as can be";
}

TEST_F(ServerTest, ADatabaseThatDoesNotExistIsSaid) {
  EXPECT_STATUS(MQ_INVALID, OpenStatus(Url("db=99")));
  EXPECT_TRUE(ErrorSays("99"));
  EXPECT_STATUS(MQ_INVALID, OpenStatus(Url(), {{"database", "99"}}));
}

TEST_F(ServerTest, ADatabaseIsAnotherBus) {
  Bus zero(Url());
  Bus three(Url("db=3"));
  Put(three, "c", "a", "x");
  EXPECT_EQ(zero.Count(), 0);
  EXPECT_EQ(three.Count(), 1);
  RespClient client = server_.Client();
  client.Must({"SELECT", "3"});
  EXPECT_GT(client.Number({"DBSIZE"}), 0);
}

TEST_F(ServerTest, AllKeysAreBelowPrefixAndNamespace) {
  Bus bus(Url(), {{"prefix", "app"}, {"namespace", "n"}});
  bus.Configure("c", {{"max_items", "50"}});
  Subscription subscription = bus.Subscribe("c", "a");
  Put(bus, "c", "a", "x");
  Put(bus, "c", nullptr, std::string(100'000, 'b'));
  bus.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  RespClient client = server_.Client();
  for (const std::string& key : client.Keys("*")) {
    EXPECT_TRUE(key.starts_with("{app:n:") || key.starts_with("app:n:")) << key;
  }
}

TEST_F(ServerTest, AReplicaIsUnavailable) {
  RedisServer::Options options;
  options.tcp = true;
  RedisServer master(options);
  options.config = {{"replicaof", "127.0.0.1 " + std::to_string(master.port())}};
  RedisServer replica(options);
  EXPECT_STATUS(MQ_UNAVAILABLE, OpenStatus(replica.Url(), {{"open_timeout", "500ms"}}));
  EXPECT_TRUE(ErrorSays("replica"));
}

TEST_F(ServerTest, AServerThatBecomesAReplicaIsUnavailableUntilItIsPromoted) {
  RedisServer::Options options;
  options.tcp = true;
  RedisServer master(options);
  Bus bus(Url("command_timeout=1s"));
  Put(bus, "c", "a", "before");
  server_.Client().Must({"REPLICAOF", "127.0.0.1", std::to_string(master.port())});
  EXPECT_STATUS(MQ_UNAVAILABLE, mq_publish(bus.get(), "c", Text("x", "a").get()));
  EXPECT_EQ(mq_status_is_retriable(MQ_UNAVAILABLE), 1);
  server_.Client().Must({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(Eventually(kPatience, [&] { return mq_publish(bus.get(), "c", Text("y", "a").get()) == MQ_OK; }));
}

TEST_F(ServerTest, AServerOutOfMemoryIsFullAndCanStillBeDrained) {
  Bus bus(Url("max_items=0"));
  Subscription subscription = bus.Subscribe("c", "a");
  RespClient client = server_.Client();
  const int64_t used = client.InfoNumber("memory", "used_memory");
  client.Must({"CONFIG", "SET", "maxmemory", std::to_string(used + (4 << 20))});
  int64_t stored = 0;
  mq_status status = MQ_OK;
  while (stored < 100'000 && (status = mq_publish(bus.get(), "c", Text(std::string(10'000, 'x'), "a").get())) == MQ_OK)
    ++stored;
  EXPECT_STATUS(MQ_FULL, status);
  EXPECT_TRUE(ErrorSays("memory"));
  EXPECT_EQ(bus.Count(), stored);
  // Large payloads go another way.
  EXPECT_STATUS(MQ_FULL, mq_publish(bus.get(), "c", Text(std::string(200'000, 'x'), "a").get()));
  EXPECT_EQ(Take(bus, subscription, static_cast<size_t>(stored)).size(), static_cast<size_t>(stored));
  EXPECT_TRUE(Eventually(kPatience, [&] { return mq_publish(bus.get(), "c", Text("x", "a").get()) == MQ_OK; }));
}

TEST_F(ServerTest, WithoutAServerOpeningIsUnavailable) {
  const ReservedPort nowhere;
  EXPECT_STATUS(MQ_UNAVAILABLE, OpenStatus("redis://" + nowhere.address(), {{"open_timeout", "200ms"}}));
  EXPECT_STATUS(MQ_UNAVAILABLE, OpenStatus("redis+unix:///nonexistent/redis.sock", {{"open_timeout", "200ms"}}));
}

TEST_F(ServerTest, OpeningWaitsForAServerThatComesUp) {
  server_.Stop();
  // The server is this thread's: it would end with the thread that started it.
  std::thread opening([&] {
    mq_bus* bus = nullptr;
    EXPECT_STATUS(MQ_OK, mq_open(Url("open_timeout=20s").c_str(), nullptr, &bus));
    mq_close(bus);
  });
  server_.Start();
  opening.join();
}

TEST_F(ServerTest, WithOpenTimeoutZeroABusComesUpWithoutItsServer) {
  server_.Stop();
  Bus bus(Url("open_timeout=0"));
  EXPECT_STATUS(MQ_UNAVAILABLE, mq_publish(bus.get(), "c", Text("x", "a").get()));
  server_.Start();
  EXPECT_TRUE(Eventually(kPatience, [&] { return mq_publish(bus.get(), "c", Text("x", "a").get()) == MQ_OK; }));
  EXPECT_EQ(bus.Count(), 1);
}

TEST_F(ServerTest, AFetchWaitsOutAnOutageAndThenSaysThatThereIsNone) {
  Bus bus(Url());
  Subscription subscription = bus.Subscribe("c", "a");
  server_.Stop();
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_UNAVAILABLE, mq_fetch(subscription.get(), 500, &message));
  std::optional<Message> got;
  std::thread waiting([&] { got = subscription.Fetch(30s); });
  server_.Start();
  EXPECT_TRUE(Eventually(20s, [&] { return mq_publish(bus.get(), "c", Text("x", "a").get()) == MQ_OK; }));
  waiting.join();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->payload(), "x");
}

TEST_F(ServerTest, AServerThatSaysNothingEndsCallsAtTheirTimeout) {
  Bus bus(Url("command_timeout=1s&close_timeout=500ms"));
  Put(bus, "c", "a", "x");
  server_.SigStop();
  const auto start = std::chrono::steady_clock::now();
  const mq_status status = mq_publish(bus.get(), "c", Text("y", "a").get());
  EXPECT_TRUE(status == MQ_UNKNOWN || status == MQ_UNAVAILABLE) << mq_status_name(status);
  int64_t count = 0;
  EXPECT_STATUS(MQ_UNAVAILABLE, mq_count(bus.get(), nullptr, &count));
  EXPECT_STATUS(MQ_UNAVAILABLE, OpenStatus(Url("open_timeout=1s")));
  bus.Close();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
  server_.SigCont();
}

TEST_F(ServerTest, HealthTellsWhatItFoundAndAdvises) {
  server_.Client().Must({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  Bus bus(Url());
  std::string text;
  bus.Health(&text);
  EXPECT_NE(text.find("allkeys-lru"), std::string::npos) << text;
  EXPECT_NE(text.find("noeviction"), std::string::npos) << "no advice in: " << text;
  EXPECT_NE(text.find("appendonly"), std::string::npos) << "no word on persistence in: " << text;
}

TEST_F(ServerTest, HealthFollowsTheLatencyAndTheServer) {
  Proxy proxy(server_.address());
  Bus bus(proxy.Url("health_degraded=100ms&health_unhealthy=2s&command_timeout=10s"));
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus.Health() == MQ_HEALTHY; }));
  proxy.DelayReplies(300ms);
  Bus slow(proxy.Url("health_degraded=100ms&health_unhealthy=2s&command_timeout=10s"));
  EXPECT_EQ(slow.Health(), MQ_DEGRADED);
  Bus strict(proxy.Url("health_degraded=10ms&health_unhealthy=100ms&command_timeout=10s"));
  EXPECT_EQ(strict.Health(), MQ_UNHEALTHY);
  proxy.DelayReplies(0ms);
  proxy.Refuse(true);
  EXPECT_EQ(bus.Health(), MQ_UNHEALTHY);
  proxy.Refuse(false);
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus.Health() == MQ_HEALTHY; }));
}

}  // namespace
}  // namespace agentmq::test
