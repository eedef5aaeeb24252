// mq_nack: back-off, attempts, and what a retry tells.
#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class RetryTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(RetryTest);

TEST_P(RetryTest, AMessageGivenBackComesAgainWithItsReason) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  for (int i = 1; i <= 3; ++i) {
    const Message message = Next(subscription);
    EXPECT_EQ(message.id(), id);
    EXPECT_EQ(message.deliveries(), i);
    EXPECT_EQ(message.reason(), i == 1 ? "" : "no luck " + std::to_string(i - 1));
    bus_.Nack(message, MQ_FAILURE_TRANSIENT, 0ms, ("no luck " + std::to_string(i)).c_str());
  }
}

TEST_P(RetryTest, AnotherConsumerMayGetIt) {
  Put(bus_, "c", "a", "x");
  Subscription one = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  const Message message = Next(one);
  Bus other_bus = Open();
  Subscription two = other_bus.Subscribe("c", "a", {{"prefetch", "1"}});
  bus_.Nack(message, MQ_FAILURE_TRANSIENT, 0ms);
  EXPECT_EQ(Next(two).deliveries(), 2);
  EXPECT_STATUS(MQ_STALE, mq_ack(bus_.get(), message.get()));
}

TEST_P(RetryTest, ADelayOfTheCallersIsKept) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a", {{"backoff_base", "1h"}});
  const Message message = Next(subscription);
  const int64_t before = ServerNow();
  bus_.Nack(message, MQ_FAILURE_TRANSIENT, 1s);
  EXPECT_FALSE(subscription.Fetch(0ms));
  Next(subscription);
  EXPECT_GE(ServerNow(), before + 1000);
}

TEST_P(RetryTest, TheBackOffGrowsByItsFactorUpToItsMaximum) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a",
                                             {{"backoff_base", "100ms"},
                                              {"backoff_factor", "3"},
                                              {"backoff_max", "500ms"},
                                              {"backoff_jitter", "0"},
                                              {"retry_attempts", "10"}});
  Message message = Next(subscription);
  for (const int64_t expected : {100, 300, 500, 500}) {
    const int64_t before = ServerNow();
    bus_.Nack(message, MQ_FAILURE_TRANSIENT);
    const std::optional<Message> waiting = bus_.Get(std::string(message.id()).c_str());
    ASSERT_TRUE(waiting);
    EXPECT_EQ(waiting->state(), MQ_STATE_RETRYING);
    message = Next(subscription);
    EXPECT_GE(ServerNow(), before + expected);
  }
}

TEST_P(RetryTest, JitterNeverTakesMoreThanItsPart) {
  bus_.PublishBatch("c", Texts(50, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"backoff_base", "10s"}, {"backoff_jitter", "0.5"}});
  for (int i = 0; i < 50; ++i) bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT);
  EXPECT_TRUE(Always(300ms, [&] { return bus_.Count({{"channel", "c"}, {"state", "retrying"}}) == 50; }));
}

TEST_P(RetryTest, OutOfAttemptsItIsADeadLetter) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a", {{"retry_attempts", "3"}});
  for (int i = 1; i <= 3; ++i) {
    const Message message = Next(subscription);
    EXPECT_EQ(message.deliveries(), i);
    EXPECT_STATUS(MQ_OK, mq_nack(bus_.get(), message.get(), MQ_FAILURE_TRANSIENT, 0, "again"));
  }
  EXPECT_FALSE(subscription.Fetch(0ms));
  EXPECT_EQ(bus_.DeadLetters().size(), 1u);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(RetryTest, APermanentFailureIsADeadLetterAtOnce) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  EXPECT_STATUS(MQ_OK, mq_nack(bus_.get(), message.get(), MQ_FAILURE_PERMANENT, -1, "never"));
  EXPECT_EQ(bus_.DeadLetters().size(), 1u);
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(bus_.get(), message.get()));
}

TEST_P(RetryTest, ALapseCountsAsAnAttempt) {
  Put(bus_, "c", "a", "x");
  Subscription subscription =
      bus_.Subscribe("c", "a", {{"visibility_timeout", "100ms"}, {"auto_extend", "false"}, {"retry_attempts", "2"}});
  EXPECT_EQ(Next(subscription).deliveries(), 1);
  EXPECT_EQ(Next(subscription).deliveries(), 2);
  ASSERT_TRUE(Eventually(kPatience, [&] {
    bus_.RecoverPending();
    return bus_.DeadLetters().size() == 1;
  }));
  EXPECT_FALSE(subscription.Fetch(0ms));
}

TEST_P(RetryTest, ARetryThatWaitsCanBeAckedById) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 1h);
  bus_.AckId("a", id.c_str());
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(RetryTest, WrongArgumentsChangeNothing) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  EXPECT_STATUS(MQ_INVALID, mq_nack(bus_.get(), message.get(), MQ_FAILURE_PERMANENT, -2, nullptr));
  EXPECT_STATUS(MQ_INVALID, mq_nack(bus_.get(), message.get(), MQ_FAILURE_TRANSIENT, INT64_MAX, nullptr));
  EXPECT_STATUS(MQ_INVALID, mq_nack(bus_.get(), message.get(), MQ_FAILURE_TRANSIENT, 0, "\xff"));
  EXPECT_STATUS(MQ_INVALID, mq_extend(bus_.get(), message.get(), -5));
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), message.get()));
}

TEST_P(RetryTest, ALongReasonIsNoHarm) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  const std::string reason(100'000, 'r');
  const mq_status status = mq_nack(bus_.get(), message.get(), MQ_FAILURE_PERMANENT, -1, reason.c_str());
  if (status == MQ_OK) {
    const MessageList dead = bus_.DeadLetters();
    ASSERT_EQ(dead.size(), 1u);
    EXPECT_EQ(dead[0].reason().substr(0, 1000), reason.substr(0, 1000));
  } else {
    EXPECT_STATUS(MQ_TOO_LARGE, status);
    EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), message.get()));
  }
}

}  // namespace
}  // namespace agentmq::test
