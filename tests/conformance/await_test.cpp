// mq_await: what becomes of a message.
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class AwaitTest : public BusTest {
 protected:
  // What a waiter hears who waits while `happens` runs.
  mq_status Hear(const std::string& id, mq_state wanted, mq_state* reached, const std::function<void()>& happens) {
    Bus waiting_bus = Open();
    mq_status status = MQ_INTERNAL;
    std::thread waiting([&] {
      status = mq_await(waiting_bus.get(), id.c_str(), wanted, std::chrono::milliseconds(kPatience).count(), reached);
    });
    EXPECT_TRUE(Always(2 * kMoment, [] { return true; }));  // it has looked meanwhile
    happens();
    waiting.join();
    return status;
  }
};
AGENTMQ_ON_EVERY_BACKEND(AwaitTest);

TEST_P(AwaitTest, WhatIsStoredIsSaidToBe) {
  const std::string id = Put(bus_, "c", "a", "x");
  mq_state reached = MQ_STATE_DELETED;
  EXPECT_STATUS(MQ_OK, mq_await(bus_.get(), id.c_str(), MQ_STATE_QUEUED, 0, &reached));
  EXPECT_EQ(reached, MQ_STATE_QUEUED);
  EXPECT_STATUS(MQ_OK, mq_await(bus_.get(), id.c_str(), MQ_STATE_QUEUED, -1, nullptr));
}

TEST_P(AwaitTest, ItTimesOutWhereNothingHappens) {
  const std::string id = Put(bus_, "c", "a", "x");
  mq_state reached = MQ_STATE_DELETED;
  EXPECT_STATUS(MQ_TIMEOUT, mq_await(bus_.get(), id.c_str(), MQ_STATE_ACKED, 50, &reached));
  EXPECT_EQ(reached, MQ_STATE_QUEUED);
  EXPECT_STATUS(MQ_TIMEOUT, mq_await(bus_.get(), id.c_str(), MQ_STATE_RESERVED, 0, &reached));
}

TEST_P(AwaitTest, DeliveryIsHeard) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  mq_state reached = MQ_STATE_QUEUED;
  Message held("");
  EXPECT_STATUS(MQ_OK, Hear(id, MQ_STATE_RESERVED, &reached, [&] { held = Next(subscription); }));
  EXPECT_EQ(reached, MQ_STATE_RESERVED);
  bus_.Nack(held, MQ_FAILURE_TRANSIENT, 1h);
  EXPECT_STATUS(MQ_OK, mq_await(bus_.get(), id.c_str(), MQ_STATE_RESERVED, 0, nullptr)) << "it was delivered once";
  EXPECT_STATUS(MQ_OK, mq_await(bus_.get(), id.c_str(), MQ_STATE_RETRYING, 0, &reached));
  EXPECT_EQ(reached, MQ_STATE_RETRYING);
}

TEST_P(AwaitTest, AnAcknowledgementIsHeard) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  mq_state reached = MQ_STATE_QUEUED;
  EXPECT_STATUS(MQ_OK, Hear(id, MQ_STATE_ACKED, &reached, [&] { bus_.Ack(Next(subscription)); }));
  EXPECT_EQ(reached, MQ_STATE_ACKED);
}

TEST_P(AwaitTest, AnAcknowledgementByIdIsHeard) {
  const std::string id = Put(bus_, "c", "a", "x");
  mq_state reached = MQ_STATE_QUEUED;
  EXPECT_STATUS(MQ_OK, Hear(id, MQ_STATE_ACKED, &reached, [&] { bus_.AckId("a", id.c_str()); }));
  EXPECT_EQ(reached, MQ_STATE_ACKED);
}

// Others of the queue are lost at the same time: it is told apart all the same.
TEST_P(AwaitTest, AnAcknowledgementAmongLossesIsHeard) {
  bus_.Configure("c", {{"max_items", "20"}, {"overflow", "drop_oldest"}});
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  const std::string id = Put(bus_, "c", "a", "x");
  mq_state reached = MQ_STATE_QUEUED;
  EXPECT_STATUS(MQ_OK, Hear(id, MQ_STATE_ACKED, &reached, [&] {
                  const Message message = Next(subscription);
                  for (int i = 0; i < 100; ++i) Put(bus_, "c", "a", "y");
                  bus_.Ack(message);
                  for (int i = 0; i < 100; ++i) Put(bus_, "c", "a", "y");
                }));
  EXPECT_EQ(reached, MQ_STATE_ACKED);
}

TEST_P(AwaitTest, ABatchOfAcknowledgementsIsHeard) {
  std::vector<Message> messages = Texts(200, "a");
  bus_.PublishBatch("c", messages);
  const std::string id(messages[117].id());
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "200"}});
  mq_state reached = MQ_STATE_QUEUED;
  EXPECT_STATUS(MQ_OK, Hear(id, MQ_STATE_ACKED, &reached, [&] { Take(bus_, subscription, 200); }));
  EXPECT_EQ(reached, MQ_STATE_ACKED);
}

TEST_P(AwaitTest, ABroadcastIsAcknowledgedByAll) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  const std::string id = Put(bus_, "c", nullptr, "x");
  Take(bus_, a, 1);
  mq_state reached = MQ_STATE_ACKED;
  EXPECT_STATUS(MQ_TIMEOUT, mq_await(bus_.get(), id.c_str(), MQ_STATE_ACKED, 50, &reached));
  EXPECT_STATUS(MQ_OK, Hear(id, MQ_STATE_ACKED, &reached, [&] { Take(bus_, b, 1); }));
  EXPECT_EQ(reached, MQ_STATE_ACKED);
}

TEST_P(AwaitTest, ABroadcastThatOneGaveUpIsDead) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  const std::string id = Put(bus_, "c", nullptr, "x");
  mq_state reached = MQ_STATE_QUEUED;
  EXPECT_STATUS(MQ_NOT_FOUND, Hear(id, MQ_STATE_ACKED, &reached, [&] { bus_.Nack(Next(a), MQ_FAILURE_PERMANENT); }));
  EXPECT_EQ(reached, MQ_STATE_DEAD);
}

TEST_P(AwaitTest, AnEndOfAnotherKindIsTold) {
  Subscription subscription = bus_.Subscribe("c", "a");
  mq_state reached = MQ_STATE_QUEUED;
  const std::string given_up = Put(bus_, "c", "a", "x");
  EXPECT_STATUS(MQ_NOT_FOUND,
                Hear(given_up, MQ_STATE_ACKED, &reached, [&] { bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT); }));
  EXPECT_EQ(reached, MQ_STATE_DEAD);
  EXPECT_STATUS(MQ_OK, mq_await(bus_.get(), given_up.c_str(), MQ_STATE_DEAD, 0, &reached));
  EXPECT_EQ(reached, MQ_STATE_DEAD);
  const std::string deleted = Put(bus_, "c", "a", "x");
  EXPECT_STATUS(MQ_NOT_FOUND, Hear(deleted, MQ_STATE_ACKED, &reached, [&] { bus_.Delete(deleted.c_str()); }));
  EXPECT_EQ(reached, MQ_STATE_DELETED);
  const std::string cleared = Put(bus_, "c", "a", "x");
  EXPECT_STATUS(MQ_OK, Hear(cleared, MQ_STATE_DELETED, &reached, [&] { bus_.Clear("c"); }));
  EXPECT_EQ(reached, MQ_STATE_DELETED);
}

TEST_P(AwaitTest, ExpiryIsTold) {
  Message message = Text("x", "a");
  message.SetTtl(300ms);
  bus_.Publish("c", message);
  const std::string id(message.id());
  mq_state reached = MQ_STATE_QUEUED;
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Pause("c");
  EXPECT_STATUS(MQ_OK, Hear(id, MQ_STATE_EXPIRED, &reached, [&] {
                  EXPECT_TRUE(Always(300ms, [] { return true; }));
                  bus_.Resume("c");
                  EXPECT_FALSE(subscription.Fetch(0ms));
                }));
  EXPECT_EQ(reached, MQ_STATE_EXPIRED);
}

TEST_P(AwaitTest, WhatWasAcknowledgedBeforeAnybodyAskedIsKnownWhereNothingElseWasLost) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string id = Put(bus_, "c", "a", "x");
  Take(bus_, subscription, 1);
  mq_state reached = MQ_STATE_QUEUED;
  EXPECT_STATUS(MQ_OK, mq_await(bus_.get(), id.c_str(), MQ_STATE_ACKED, 1000, &reached));
  EXPECT_EQ(reached, MQ_STATE_ACKED);
  const std::string other = Put(bus_, "c", "a", "y");
  EXPECT_TRUE(bus_.Delete(other.c_str()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_await(bus_.get(), other.c_str(), MQ_STATE_ACKED, 1000, &reached));
  EXPECT_EQ(reached, MQ_STATE_QUEUED) << "nothing is known of it";
  EXPECT_STATUS(MQ_NOT_FOUND, mq_await(bus_.get(), id.c_str(), MQ_STATE_ACKED, 0, &reached)) << "no longer";
}

TEST_P(AwaitTest, OfWhatWasNeverThereNothingIsKnown) {
  const std::string id = Put(bus_, "c", "a", "x");
  std::string nowhere = id;
  nowhere.replace(nowhere.find("c/a"), 3, "d/b");
  mq_state reached = MQ_STATE_DELETED;
  EXPECT_STATUS(MQ_NOT_FOUND, mq_await(bus_.get(), nowhere.c_str(), MQ_STATE_QUEUED, 1000, &reached));
  EXPECT_EQ(reached, MQ_STATE_QUEUED);
}

TEST_P(AwaitTest, ManyMayWaitForOne) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  std::atomic<int> heard{0};
  std::vector<std::thread> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.emplace_back([&] { heard += bus_.Await(id.c_str(), MQ_STATE_ACKED, kPatience) ? 1 : 0; });
  }
  EXPECT_TRUE(Always(kMoment, [] { return true; }));
  Take(bus_, subscription, 1);
  for (std::thread& thread : waiting) thread.join();
  EXPECT_EQ(heard, 8);
}

TEST_P(AwaitTest, ATokenAndAShutdownEndIt) {
  const std::string id = Put(bus_, "c", "a", "x");
  Cancel cancel;
  std::thread firing([&] {
    EXPECT_TRUE(Always(kMoment, [] { return true; }));
    cancel.Fire();
  });
  EXPECT_STATUS(MQ_INTERRUPTED, mq_await_with(bus_.get(), id.c_str(), MQ_STATE_ACKED, -1, cancel.get(), nullptr));
  firing.join();
  Bus other = Open();
  std::thread closing([&] {
    EXPECT_TRUE(Always(kMoment, [] { return true; }));
    other.Shutdown();
  });
  EXPECT_STATUS(MQ_CLOSED, mq_await(other.get(), id.c_str(), MQ_STATE_ACKED, -1, nullptr));
  closing.join();
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, subscription, 1).size(), 1u) << "it is none the worse for it";
}

TEST_P(AwaitTest, ADeadLettersIdIsRefused) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  const std::string id(bus_.DeadLetters()[0].id());
  EXPECT_STATUS(MQ_INVALID, mq_await(bus_.get(), id.c_str(), MQ_STATE_DEAD, 0, nullptr));
}

}  // namespace
}  // namespace agentmq::test
