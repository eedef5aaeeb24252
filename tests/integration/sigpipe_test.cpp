// Writing to a connection that is gone raises SIGPIPE unless the writer takes care: it must not reach the program.
#include <signal.h>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

std::atomic<int> raised{0};

// Publishes while the server comes and goes, on this thread, which takes all signals.
void OutliveServers(RedisServer& server) {
  struct sigaction before {};
  struct sigaction counting {};
  counting.sa_handler = [](int) { ++raised; };
  ASSERT_EQ(sigaction(SIGPIPE, &counting, &before), 0);
  raised = 0;
  {
    Bus bus(server.Url("command_timeout=100ms&reconnect_max=50ms&max_items=0"));
    for (int round = 0; round < 5; ++round) {
      EXPECT_TRUE(Eventually(kPatience, [&] { return mq_publish(bus.get(), "c", Text("x", "a").get()) == MQ_OK; }));
      server.Kill9();
      // A batch goes out in several writes.
      const std::vector<Message> batch = Texts(500, "a", std::string(1000, 'x'));
      EXPECT_NE(StatusOf([&] { bus.PublishBatch("c", batch); }), MQ_OK);
      server.Start();
    }
  }
  sigaction(SIGPIPE, &before, nullptr);
  EXPECT_EQ(raised, 0);
}

TEST(Sigpipe, NeverReachesTheProgramFromASocket) {
  RedisServer server;
  OutliveServers(server);
}

TEST(Sigpipe, NeverReachesTheProgramFromTcp) {
  RedisServer::Options options;
  options.tcp = true;
  RedisServer server(options);
  OutliveServers(server);
}

#if AGENTMQ_HIREDIS_SSL
TEST(Sigpipe, NeverReachesTheProgramFromTls) {
  RedisServer::Options options;
  options.tls = true;
  RedisServer server(options);
  OutliveServers(server);
}
#endif

}  // namespace
}  // namespace agentmq::test
