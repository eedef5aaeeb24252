// The cancel token ends each call that can wait.
#include <signal.h>

#include <mutex>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class CancelTest : public BusTest {
 protected:
  // Runs a call that waits without end, fires meanwhile, and expects MQ_INTERRUPTED.
  template <typename Call>
  void ExpectInterrupted(Call&& call) {
    Cancel cancel;
    std::thread firing([&] {
      EXPECT_TRUE(Always(20ms, [] { return true; }));
      cancel.Fire();
    });
    EXPECT_STATUS(MQ_INTERRUPTED, call(cancel.get()));
    firing.join();
    EXPECT_STATUS(MQ_INTERRUPTED, call(cancel.get())) << "it stays fired";
  }
};
AGENTMQ_ON_EVERY_BACKEND(CancelTest);

TEST_P(CancelTest, AFetchIsInterrupted) {
  Subscription subscription = bus_.Subscribe("c", "a");
  ExpectInterrupted([&](mq_cancel* cancel) {
    mq_message* message = reinterpret_cast<mq_message*>(&subscription);
    const mq_status status = mq_fetch_with(subscription.get(), -1, cancel, &message);
    EXPECT_EQ(message, nullptr);
    return status;
  });
  Put(bus_, "c", "a", "x");
  EXPECT_EQ(Next(subscription).payload(), "x");
}

TEST_P(CancelTest, ABatchedFetchIsInterrupted) {
  Subscription subscription = bus_.Subscribe("c", "a");
  ExpectInterrupted([&](mq_cancel* cancel) {
    mq_list* list = nullptr;
    return mq_fetch_batch_with(subscription.get(), 10, -1, cancel, &list);
  });
}

TEST_P(CancelTest, ABlockedPublishIsInterruptedAndSaysWhetherItWasStored) {
  bus_.Configure("c", {{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "1h"}});
  Put(bus_, "c", "a", "1");
  const Message message = Text("2", "a");
  ExpectInterrupted([&](mq_cancel* cancel) { return mq_publish_with(bus_.get(), "c", message.get(), cancel); });
  EXPECT_STRNE(mq_last_error(), "");
  EXPECT_EQ(message.id(), "");
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(CancelTest, ABlockedBatchIsInterrupted) {
  bus_.Configure("c", {{"max_items", "1"}, {"overflow", "block"}, {"publish_timeout", "1h"}});
  Put(bus_, "c", "a", "1");
  const Message message = Text("2", "a");
  mq_message* messages[] = {message.get()};
  ExpectInterrupted([&](mq_cancel* cancel) {
    size_t published = 7;
    const mq_status status = mq_publish_batch_with(bus_.get(), "c", messages, 1, nullptr, cancel, &published);
    EXPECT_EQ(published, 0u);
    return status;
  });
}

TEST_P(CancelTest, AFlushIsInterrupted) {
  std::mutex gate;
  std::unique_lock closed(gate);
  bus_.PublishAsync("c", Text("x", "a"), [&](mq_status, std::string_view) { const std::lock_guard wait(gate); });
  ExpectInterrupted([&](mq_cancel* cancel) { return mq_flush_with(bus_.get(), -1, cancel); });
  closed.unlock();
  EXPECT_TRUE(bus_.Flush(kPatience));  // the callback has left the gate then
}

TEST_P(CancelTest, WaitingForALogEventIsInterrupted) {
  ExpectInterrupted([&](mq_cancel* cancel) {
    char* json = nullptr;
    mq_status status = MQ_OK;
    while ((status = mq_next_log_with(bus_.get(), -1, cancel, &json)) == MQ_OK) mq_free(json);
    return status;
  });
}

TEST_P(CancelTest, FiredBeforehandItEndsTheCallAtOnce) {
  Subscription subscription = bus_.Subscribe("c", "a");
  Cancel cancel;
  cancel.Fire();
  cancel.Fire();
  EXPECT_EQ(StatusOf([&] { subscription.Fetch(kForever, cancel); }), MQ_INTERRUPTED);
  const Message message = Text("x", "a");
  EXPECT_EQ(StatusOf([&] { bus_.Publish("c", message, cancel); }), MQ_INTERRUPTED);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(CancelTest, OneTokenEndsManyCallsAndNoOther) {
  Subscription subscription = bus_.Subscribe("c", "a");
  Cancel cancel;
  std::vector<std::thread> threads;
  for (int i = 0; i < 7; ++i) {
    threads.emplace_back([&] {
      mq_message* message = nullptr;
      EXPECT_STATUS(MQ_INTERRUPTED, mq_fetch_with(subscription.get(), -1, cancel.get(), &message));
    });
  }
  std::thread other([&] { EXPECT_EQ(Next(subscription).payload(), "x"); });
  cancel.Fire();
  for (std::thread& thread : threads) thread.join();
  Put(bus_, "c", "a", "x");
  other.join();
}

TEST_P(CancelTest, ATokenThatIsNotFiredChangesNothing) {
  Cancel cancel;
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_TRUE(subscription.Fetch(kPatience, cancel));
  EXPECT_FALSE(subscription.Fetch(0ms, cancel));
  bus_.Publish("c", Text("y", "a"), cancel);
  EXPECT_TRUE(bus_.Flush(kPatience, cancel));
}

TEST_P(CancelTest, ANullTokenIsNone) {
  Subscription subscription = bus_.Subscribe("c", "a");
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_TIMEOUT, mq_fetch_with(subscription.get(), 0, nullptr, &message));
  EXPECT_STATUS(MQ_OK, mq_publish_with(bus_.get(), "c", Text("x", "a").get(), nullptr));
  EXPECT_EQ(Take(bus_, subscription, 1), std::vector<std::string>{"x"});
}

mq_cancel* fired_by_signal = nullptr;

TEST_P(CancelTest, ASignalHandlerMayFire) {
  Subscription subscription = bus_.Subscribe("c", "a");
  Cancel cancel;
  fired_by_signal = cancel.get();
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { mq_cancel_fire(fired_by_signal); };
  sigaction(SIGUSR1, &action, &before);
  const pthread_t waiting = pthread_self();
  std::thread firing([&] {
    EXPECT_TRUE(Always(20ms, [] { return true; }));
    pthread_kill(waiting, SIGUSR1);
  });
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_INTERRUPTED, mq_fetch_with(subscription.get(), -1, cancel.get(), &message));
  firing.join();
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_P(CancelTest, ASignalAloneEndsNoWait) {
  Subscription subscription = bus_.Subscribe("c", "a");
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, &before);  // without SA_RESTART
  const pthread_t waiting = pthread_self();
  std::thread disturbing([&] {
    for (int i = 0; i < 20; ++i) {
      pthread_kill(waiting, SIGUSR1);
      EXPECT_TRUE(Always(5ms, [] { return true; }));
    }
    Put(bus_, "c", "a", "x");
  });
  EXPECT_EQ(Next(subscription).payload(), "x");
  disturbing.join();
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace agentmq::test
