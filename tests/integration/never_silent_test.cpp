// Consumers never stop for good: whatever the connection or the server went through, consumption resumes by itself within
// command_timeout + 2 s of the server's return, and until then the health report says that something is wrong.
#include <poll.h>

#include <atomic>
#include <sstream>
#include <thread>

#include "integration/redis_test.hpp"

namespace agentmq::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kCommandTimeout = 1s;
constexpr auto kBound = kCommandTimeout + 2s;

RedisServer::Options Listening() {
  RedisServer::Options options;
  options.tcp = true;
  return options;
}

class NeverSilentTest : public RedisTest {
 protected:
  NeverSilentTest() : RedisTest(Listening()) {}

  // Consumes all the time, as an application with so many waiting threads does.
  class Consumption {
   public:
    Consumption(Bus& bus, int threads) : subscription_(bus.Subscribe("c", "a")) {
      for (int i = 0; i < threads; ++i) {
        threads_.emplace_back([this, &bus] {
          while (!stop_) {
            mq_message* handle = nullptr;
            if (mq_fetch(subscription_.get(), 30000, &handle) != MQ_OK) continue;
            const Message message(handle);
            if (message.payload() == "the last one") stop_ = true;
            ++got_;
            static_cast<void>(mq_ack(bus.get(), message.get()));
          }
        });
      }
    }
    ~Consumption() {
      stop_ = true;
      subscription_.Unsubscribe();
      for (std::thread& thread : threads_) thread.join();
    }
    int got() const { return got_; }

   private:
    Subscription subscription_;
    std::atomic<bool> stop_{false};
    std::atomic<int> got_{0};
    std::vector<std::thread> threads_;
  };

  static mq_health_state Health(Bus& bus) {
    mq_health_state state = MQ_HEALTHY;
    static_cast<void>(mq_health(bus.get(), &state, nullptr));
    return state;
  }

  // Several faults in turn, each as long as given; after each a message must come within the bound.
  void ExpectToResume(const std::string& url, const std::function<void()>& fault, const std::function<void()>& heal,
                      std::chrono::milliseconds length, bool shows, std::chrono::milliseconds bound = kBound) {
    for (const int threads : {1, 3}) {
      Bus bus(url);
      Consumption consumption(bus, threads);
      Bus(Url()).Publish("c", Text("before", "a"));
      ASSERT_TRUE(Eventually(kPatience, [&] { return consumption.got() == 1; }));
      Eventually(300ms, [] { return false; });  // it waits
      fault();
      const auto began = Clock::now();
      if (shows) {
        EXPECT_EQ(Health(bus), MQ_UNHEALTHY);
      }
      const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
      if (spent < length) Eventually(length - spent, [] { return false; });
      heal();
      const auto healed = Clock::now();
      Bus(Url()).Publish("c", Text("after", "a"));
      EXPECT_TRUE(Eventually(20s, [&] { return consumption.got() >= 2; }));
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - healed);
      EXPECT_LT(took, bound) << threads << " threads";
      RecordProperty("resumed_after_ms_" + std::to_string(threads), std::to_string(took.count()));
      EXPECT_TRUE(Eventually(kPatience, [&] { return Health(bus) == MQ_HEALTHY; }));
    }
  }

  static constexpr const char* kQuery = "command_timeout=1s&health_degraded=0&health_unhealthy=0";
  Proxy proxy_{server_.address()};
};

TEST_F(NeverSilentTest, AServerThatWasStopped) {
  for (const auto length : {500ms, 4000ms}) {
    ExpectToResume(
        Url(kQuery), [&] { server_.SigStop(); }, [&] { server_.SigCont(); }, length, length > kBound);
  }
}

TEST_F(NeverSilentTest, AConnectionThatWasABlackHole) {
  ExpectToResume(
      proxy_.Url(kQuery), [&] { proxy_.BlackHole(true); }, [&] { proxy_.BlackHole(false); }, 4s, true);
}

TEST_F(NeverSilentTest, ConnectionsThatARouterForgot) {
  ExpectToResume(
      proxy_.Url(kQuery), [&] { proxy_.FreezeOpen(); }, [] {}, 0s, false);
}

// No tick looks for what is there, and nobody else on that way finds out: who waits has to.
TEST_F(NeverSilentTest, ConnectionsThatARouterForgotAndNobodyElseUses) {
  const std::string query = "command_timeout=3s&liveness_timeout=60s&health_degraded=0&health_unhealthy=0";
  ExpectToResume(
      proxy_.Url(query), [&] { proxy_.FreezeOpen(); }, [] {}, 0s, false, 3s + 2s);
}

// Its sources read ahead on a connection each: who finds the first one dead need not find out of each of the others.
TEST_F(NeverSilentTest, ManyConnectionsThatARouterForgot) {
  constexpr size_t kChannels = 6;
  Bus bus(proxy_.Url("command_timeout=3s&pool_size=32"));
  Subscription subscription = bus.Subscribe("c0", "a", {{"prefetch", "4"}});
  for (size_t i = 1; i < kChannels; ++i) subscription.Add(("c" + std::to_string(i)).c_str());
  Bus publisher(Url());
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < kChannels; ++i) Put(publisher, ("c" + std::to_string(i)).c_str(), "a", "x");
  }
  proxy_.DelayReplies(100ms);
  std::vector<std::thread> warm;  // so many connections at once, idle afterwards
  for (size_t i = 0; i < 2 * kChannels; ++i) warm.emplace_back([&] { bus.Count(); });
  for (std::thread& thread : warm) thread.join();
  for (size_t i = 0; i < 3 * kChannels; ++i) static_cast<void>(Next(subscription));
  proxy_.FreezeOpen();
  proxy_.DelayReplies(0ms);
  const auto healed = Clock::now();
  for (size_t i = 0; i < 5 * kChannels && Clock::now() - healed < 3s + 2s; ++i) {
    EXPECT_TRUE(subscription.Fetch(20s));
    EXPECT_LT(Clock::now() - healed, 3s + 2s) << "message " << i;
  }
}

// After one connection was cut the others' answers are as late as before, and they are used.
TEST_F(NeverSilentTest, ASlowWayIsNotTakenForADeadOne) {
  Bus bus(proxy_.Url("command_timeout=2s"));
  Bus publisher(Url());
  for (int i = 0; i < 2000; ++i) Put(publisher, "c", "reader", "x");
  Subscription waiting = bus.Subscribe("c", "waiting");
  EXPECT_GE(waiting.fd(), 0);
  Subscription reader = bus.Subscribe("c", "reader", {{"prefetch", "8"}});
  static_cast<void>(Next(reader));
  RespClient client = server_.Client();
  ASSERT_TRUE(Eventually(kPatience, [&] { return client.InfoNumber("clients", "blocked_clients") == 1; }));
  proxy_.DelayReplies(200ms);
  std::string blocked;  // "id=7 addr=... cmd=blpop ..."
  std::istringstream clients(client.Text({"CLIENT", "LIST"}));
  for (std::string line; std::getline(clients, line);) {
    if (line.find("cmd=blpop") != std::string::npos) blocked = line;
  }
  ASSERT_TRUE(blocked.starts_with("id="));
  client.Must({"CLIENT", "KILL", "ID", blocked.substr(3, blocked.find(' ') - 3)});
  const auto read = [&](std::chrono::seconds time) {
    for (const auto end = Clock::now() + time; Clock::now() < end;) {
      const Message message = Next(reader);
      EXPECT_STATUS(MQ_OK, mq_ack(bus.get(), message.get()));
    }
  };
  read(3s);
  const int64_t before = proxy_.accepted();
  read(6s);  // and waits end, and begin anew
  EXPECT_LE(proxy_.accepted() - before, 1);
}

TEST_F(NeverSilentTest, AServerThatRefusesForLong) {
  ExpectToResume(
      proxy_.Url(kQuery), [&] { proxy_.Refuse(true); }, [&] { proxy_.Refuse(false); }, 5s, true);
}

// It shares the blocked connection of who waits already, which has to begin anew, also where nothing can be written.
TEST_F(NeverSilentTest, WhoBeginsToWaitWhileTheServerIsOutOfMemory) {
  const auto readable = [](const Subscription& subscription, Milliseconds timeout) {
    pollfd waiting{subscription.fd(), POLLIN, 0};
    return poll(&waiting, 1, static_cast<int>(timeout.count())) == 1;
  };
  Bus bus(Url("liveness_timeout=60s"));  // its ticks, which look for what is there, are 20 s apart
  Subscription first = bus.Subscribe("c", "first");
  Subscription second = bus.Subscribe("c", "second");
  EXPECT_FALSE(readable(first, 0ms));
  RespClient client = server_.Client();
  ASSERT_TRUE(Eventually(kPatience, [&] { return client.InfoNumber("clients", "blocked_clients") == 1; }));
  Bus publisher(Url());
  Put(publisher, "c", "warm up", "x");
  client.Must({"CONFIG", "SET", "maxmemory", "1mb"});
  EXPECT_STATUS(MQ_FULL, mq_publish(publisher.get(), "c", Text("y", "warm up").get()));
  EXPECT_FALSE(readable(second, 500ms));
  client.Must({"CONFIG", "SET", "maxmemory", "0"});
  Put(publisher, "c", "second", "x");
  EXPECT_TRUE(readable(second, kBound));
}

TEST_F(NeverSilentTest, AMasterThatWasAReplicaForAWhile) {
  RedisServer other(Listening());
  const auto become = [&](const std::string& host, const std::string& port) {
    server_.Client().Must({"REPLICAOF", host, port});
  };
  // Its new master holds what it had: the queue goes along.
  other.Client().Must({"REPLICAOF", "127.0.0.1", std::to_string(server_.port())});
  EXPECT_TRUE(Eventually(20s, [&] {
    return other.Client().Must({"INFO", "replication"}).text.find("master_link_status:up") != std::string::npos;
  }));
  ExpectToResume(
      Url(kQuery),
      [&] {
        other.Client().Must({"REPLICAOF", "NO", "ONE"});
        become("127.0.0.1", std::to_string(other.port()));
      },
      [&] {
        become("NO", "ONE");
        other.Client().Must({"REPLICAOF", "127.0.0.1", std::to_string(server_.port())});
      },
      3s, true);
}

}  // namespace
}  // namespace agentmq::test
