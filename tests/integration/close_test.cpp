// Closing against everything at once, and what a library may do to its program: threads, signals, descriptors.
#include <dirent.h>
#include <signal.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class CloseTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(CloseTest);

struct Thread {
  std::string name;
  uint64_t blocked = 0;  // signals
};

std::vector<std::string> Entries(const char* folder) {
  std::vector<std::string> names;
  DIR* dir = opendir(folder);
  while (const dirent* entry = readdir(dir)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(dir);
  return names;
}

std::vector<Thread> Threads() {
  std::vector<Thread> threads;
  for (const std::string& id : Entries("/proc/self/task")) {
    std::ifstream file("/proc/self/task/" + id + "/status");
    Thread thread;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("Name:\t")) thread.name = line.substr(6);
      if (line.starts_with("SigBlk:\t")) thread.blocked = std::stoull(line.substr(8), nullptr, 16);
    }
    threads.push_back(thread);
  }
  return threads;
}

size_t LibraryThreads() {
  size_t count = 0;
  for (const Thread& thread : Threads()) count += thread.name.starts_with("amq-") ? 1 : 0;
  return count;
}

bool Expected(mq_status status) { return status == MQ_OK || status == MQ_CLOSED || status == MQ_FULL; }

// Blocked and busy calls of eight threads on one bus, and a close in the middle of them. The calls hold what belongs
// to the bus, not the bus: shut down first, as a program must whose threads still use the handle.
TEST_P(CloseTest, TwoHundredRoundsAgainstBlockedCallsOfEightThreads) {
  for (int round = 0; round < 200; ++round) {
    Bus bus = Open({{"max_items", "2"}, {"overflow", "block"}, {"publish_timeout", "1h"}, {"close_timeout", "10s"}});
    Subscription mine = bus.Subscribe("c", "a", {{"prefetch", "2"}});
    Subscription idle = bus.Subscribe("d", "a");
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        mq_status status = MQ_OK;
        while ((status = mq_publish(bus.get(), "c", Text("x", "a").get())) == MQ_OK) {
        }
        EXPECT_TRUE(Expected(status)) << mq_status_name(status) << ": " << mq_last_error();
      });
    }
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        mq_message* handle = nullptr;
        mq_status status = MQ_OK;
        while ((status = mq_fetch(mine.get(), -1, &handle)) == MQ_OK) {
          const Message message(handle);
          const mq_status acked = mq_ack(bus.get(), message.get());
          EXPECT_TRUE(Expected(acked)) << mq_status_name(acked) << ": " << mq_last_error();
        }
        EXPECT_STATUS(MQ_CLOSED, status);
      });
    }
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        mq_message* handle = nullptr;
        EXPECT_STATUS(MQ_CLOSED, mq_fetch(idle.get(), -1, &handle));
      });
    }
    if (round % 3 == 0) Put(bus_, "e", "a", "some time passes");
    bus.Shutdown();
    for (std::thread& thread : threads) thread.join();
    bus.Close();
    bus_.Clear("c");
  }
}

// A close without a shutdown before it ends the calls of subscriptions, which may outlive the bus.
TEST_P(CloseTest, TwoHundredRoundsOfCloseAgainstBlockedFetches) {
  for (int round = 0; round < 200; ++round) {
    Bus bus = Open();
    Subscription subscription = bus.Subscribe("c", "a");
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        mq_message* message = nullptr;
        EXPECT_STATUS(MQ_CLOSED, mq_fetch(subscription.get(), -1, &message));
      });
    }
    bus.Close();
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_P(CloseTest, ConsumersAndAsyncPublishesAreEndedByClose) {
  for (int round = 0; round < 30; ++round) {
    std::atomic<int> told{0};
    Bus bus = Open({{"max_items", "0"}});
    std::vector<Subscription> subscriptions;
    for (int i = 0; i < 4; ++i) {
      subscriptions.push_back(bus.Subscribe("c", "a", {{"workers", "2"}}));
      subscriptions.back().Consume([](const MessageView&) { return MQ_VERDICT_ACK; });
    }
    for (int i = 0; i < 100; ++i) bus.PublishAsync("c", Text("x", "a"), [&](mq_status, std::string_view) { ++told; });
    bus.Close();
    EXPECT_EQ(told, 100);
    bus_.Clear("*");
  }
}

TEST_P(CloseTest, ThreadsAreNamedBlockAllSignalsAndEndWithTheirBus) {
  const size_t before = LibraryThreads();
  {
    Bus bus = Open();
    Subscription subscription = bus.Subscribe("c", "a", {{"workers", "3"}});
    std::atomic<int> handled{0};
    subscription.Consume([&](const MessageView&) {
      ++handled;
      return MQ_VERDICT_ACK;
    });
    bus.PublishAsync("c", Text("x", "a"));
    EXPECT_TRUE(Eventually(kPatience, [&] { return handled == 1; }));
    EXPECT_GE(LibraryThreads(), before + 3);
    const uint64_t signals = (1ULL << (SIGINT - 1)) | (1ULL << (SIGTERM - 1)) | (1ULL << (SIGUSR1 - 1)) |
                             (1ULL << (SIGCHLD - 1)) | (1ULL << (SIGPIPE - 1)) | (1ULL << (SIGALRM - 1));
    for (const Thread& thread : Threads()) {
      if (!thread.name.starts_with("amq-")) continue;
      EXPECT_EQ(thread.blocked & signals, signals) << thread.name;
    }
  }
  bus_.Shutdown();
  EXPECT_TRUE(Eventually(kPatience, [&] { return LibraryThreads() <= before; }));
}

TEST_P(CloseTest, HundredBusesLeaveNoDescriptorBehind) {
  const auto use = [&] {
    Bus bus = Open();
    Subscription subscription = bus.Subscribe("c", "a");
    subscription.fd();
    Cancel cancel;
    Put(bus, "c", "a", "x");
    bus.Ack(Next(subscription));
  };
  use();
  const size_t before = Entries("/proc/self/fd").size();
  for (int i = 0; i < 100; ++i) use();
  EXPECT_TRUE(Eventually(kPatience, [&] { return Entries("/proc/self/fd").size() <= before + 2; }))
      << before << " -> " << Entries("/proc/self/fd").size();
}

}  // namespace
}  // namespace agentmq::test
