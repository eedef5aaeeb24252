// The helpers of these tests, tried on a real server: what they report is relied on.
#include <gtest/gtest.h>

#include "support/eventually.hpp"
#include "support/proxy.hpp"
#include "support/redis_server.hpp"

namespace agentmq::test {
namespace {

using namespace std::chrono_literals;

TEST(Support, AServerKeepsItsDataOverARestartWithAof) {
  RedisServer::Options options;
  options.config = {{"appendonly", "yes"}, {"appendfsync", "always"}};
  RedisServer server(options);
  server.Client().Must({"SET", "a", std::string("x\0y\r\n", 5)});
  server.Kill9();
  EXPECT_THROW(server.Client(), std::runtime_error);
  server.Start();
  EXPECT_EQ(server.Client().Text({"GET", "a"}), std::string("x\0y\r\n", 5));
  server.Restart();
  EXPECT_EQ(server.Client().Number({"DBSIZE"}), 1);
}

TEST(Support, APasswordIsAsked) {
  RedisServer::Options options;
  options.tcp = true;
  options.config = {{"requirepass", "secret"}};
  RedisServer server(options);
  EXPECT_TRUE(RespClient(server.address()).Do({"GET", "a"}).error());
  EXPECT_TRUE(server.Client().Must({"GET", "a"}).nil());
}

TEST(Support, TheMonitorLeavesOutWhatScriptsDo) {
  RedisServer server;
  Monitor monitor(server.address());
  RespClient client = server.Client();
  client.Must({"EVAL", "redis.call('set', KEYS[1], '1') return {1, false, 'x'}", "1", "k"});
  client.Must({"GET", "k"});
  EXPECT_EQ(monitor.Take().size(), 2u);
  EXPECT_EQ(client.Calls()["set"], 1);
  EXPECT_EQ(client.Connections(), 1u);
}

TEST(Support, AProxyCutsRepliesAtTheByte) {
  RedisServer server;
  Proxy proxy(server.address());
  const std::string address = "127.0.0.1:" + std::to_string(proxy.port());
  RespClient first(address);
  first.Must({"SET", "k", "v"});
  EXPECT_EQ(proxy.round_trips(), 1);
  proxy.CutRepliesAfter([] { return size_t{7}; });
  EXPECT_EQ(first.Must({"SET", "k", "w"}).text, "OK");  // 5 bytes
  EXPECT_THROW(first.Do({"INCR", "n"}), std::runtime_error);
  EXPECT_EQ(server.Client().Text({"GET", "n"}), "1");
}

TEST(Support, AProxyDeliversALateCopyAfterItsConnectionWasDropped) {
  RedisServer server;
  Proxy proxy(server.address());
  const std::string address = "127.0.0.1:" + std::to_string(proxy.port());
  for (const bool also_now : {false, true}) {
    server.Client().Must({"DEL", "n"});
    proxy.HoldNext("INCR", also_now);
    RespClient client(address);
    client.Must({"PING"});
    EXPECT_THROW(client.Do({"INCR", "n"}), std::runtime_error);
    EXPECT_TRUE(proxy.Holding());
    EXPECT_TRUE(Eventually(5s, [&] { return server.Client().Do({"GET", "n"}).nil() != also_now; }));
    EXPECT_EQ(proxy.DeliverHeld(), also_now ? ":2\r\n" : ":1\r\n");
    EXPECT_FALSE(proxy.Holding());
  }
}

TEST(Support, AProxyDelaysAndSwallowsAndRefuses) {
  RedisServer server;
  Proxy proxy(server.address());
  const std::string address = "127.0.0.1:" + std::to_string(proxy.port());
  RespClient client(address);
  proxy.DelayReplies(300ms);
  const auto start = std::chrono::steady_clock::now();
  client.Must({"PING"});
  EXPECT_GE(std::chrono::steady_clock::now() - start, 300ms);
  proxy.Refuse(true);
  EXPECT_THROW(client.Do({"PING"}), std::runtime_error);
  EXPECT_THROW(RespClient(address).Do({"PING"}), std::runtime_error);
  proxy.Refuse(false);
  proxy.BlackHole(true);
  EXPECT_EQ(server.Client().Number({"DBSIZE"}), 0);
  RespClient waiting(address);
  std::thread later([&] { proxy.BlackHole(false); });
  EXPECT_EQ(waiting.Must({"PING"}).text, "PONG");
  later.join();
}

TEST(Support, AStoppedServerAnswersAgainAfterwards) {
  RedisServer server;
  RespClient client = server.Client();
  server.SigStop();
  std::thread later([&] { server.SigCont(); });
  EXPECT_EQ(client.Must({"PING"}).text, "PONG");
  later.join();
}

}  // namespace
}  // namespace agentmq::test
