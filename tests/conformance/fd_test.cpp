// mq_subscription_fd: readable while a fetch would find something.
#include <poll.h>

#include <atomic>
#include <set>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class FdTest : public BusTest {
 protected:
  static bool Readable(int fd, Milliseconds timeout) {
    pollfd waiting{fd, POLLIN, 0};
    return poll(&waiting, 1, static_cast<int>(timeout.count())) == 1 && (waiting.revents & POLLIN) != 0;
  }
};
AGENTMQ_ON_EVERY_BACKEND(FdTest);

TEST_P(FdTest, ItIsReadableWhenAMessageComes) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const int fd = subscription.fd();
  EXPECT_FALSE(Readable(fd, kMoment));
  Put(bus_, "c", "a", "x");
  ASSERT_TRUE(Readable(fd, kPatience));
  EXPECT_TRUE(Readable(fd, 0ms)) << "it stays so until a fetch";
  const std::optional<Message> message = subscription.Fetch(0ms);
  ASSERT_TRUE(message);
  bus_.Ack(*message);
  EXPECT_FALSE(subscription.Fetch(0ms));
  EXPECT_FALSE(Readable(fd, kMoment));
}

TEST_P(FdTest, ItIsReadableForWhatWasThereBefore) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  EXPECT_TRUE(Readable(subscription.fd(), kPatience));
}

TEST_P(FdTest, EveryMessageIsFoundByPollingAlone) {
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "4"}});
  const int fd = subscription.fd();
  std::thread publisher([&] {
    for (int i = 0; i < 100; ++i) Put(bus_, "c", "a", std::to_string(i));
  });
  int got = 0;
  while (got < 100 && Readable(fd, kPatience)) {
    while (const std::optional<Message> message = subscription.Fetch(0ms)) {
      EXPECT_EQ(message->payload(), std::to_string(got++));
      bus_.Ack(*message);
    }
  }
  publisher.join();
  EXPECT_EQ(got, 100);
}

TEST_P(FdTest, EachSubscriptionHasOneOfItsOwn) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  EXPECT_NE(a.fd(), b.fd());
  EXPECT_EQ(a.fd(), a.fd());
  Put(bus_, "c", "b", "x");
  EXPECT_TRUE(Readable(b.fd(), kPatience));
  EXPECT_FALSE(Readable(a.fd(), kMoment));
}

TEST_P(FdTest, ARetryThatIsDueMakesItReadable) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const int fd = subscription.fd();
  ASSERT_TRUE(Readable(fd, kPatience));
  bus_.Nack(*subscription.Fetch(0ms), MQ_FAILURE_TRANSIENT, 200ms);
  ASSERT_TRUE(Readable(fd, kPatience));
  EXPECT_EQ(subscription.Fetch(0ms)->deliveries(), 2);
}

TEST_P(FdTest, AnEndedSubscriptionIsReadableSoThatAPollerNotices) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const int fd = subscription.fd();
  subscription.Unsubscribe();
  EXPECT_TRUE(Readable(fd, kPatience));
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_CLOSED, mq_fetch(subscription.get(), 0, &message));
}

TEST_P(FdTest, AFetchStillWaitsWhileItIsPolled) {
  Subscription subscription = bus_.Subscribe("c", "a");
  const int fd = subscription.fd();
  std::thread publisher([&] { Put(bus_, "c", "a", "x"); });
  EXPECT_EQ(Next(subscription).payload(), "x");
  publisher.join();
  EXPECT_FALSE(Readable(fd, kMoment));
}

}  // namespace
}  // namespace agentmq::test
