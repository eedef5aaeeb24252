#include <poll.h>

#include "bus_fixture.hpp"

namespace agentmq {
namespace {

class SubscriptionTest : public BusTest {
 protected:
  static bool Readable(int fd, int timeout = 0) {
    pollfd waits{fd, POLLIN, 0};
    return poll(&waits, 1, timeout) == 1;
  }
};

TEST_F(SubscriptionTest, HandsOutByPriorityThenAge) {
  const auto bus = Open();
  Publish(*bus, "c", "a", "low 1", 1);
  Publish(*bus, "c", "a", "high 1", 9);
  Publish(*bus, "c", "a", "low 2", 1);
  Publish(*bus, "c", "a", "high 2", 9);
  const auto reader = Subscribe(*bus, "c", "a");
  for (const char* expected : {"high 1", "high 2", "low 1", "low 2"}) EXPECT_EQ(Next(*reader), expected);
  EXPECT_EQ(Next(*reader), StatusText(Code::kTimeout));
}

TEST_F(SubscriptionTest, MergesInboxTypeAndBroadcastByPriority) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "worker:1");
  Publish(*bus, "c", "worker:1", "own", 1);
  Publish(*bus, "c", "worker", "type", 9);
  Publish(*bus, "c", nullptr, "all", 5);
  Publish(*bus, "c", "worker:2", "not mine", 9);
  for (const char* expected : {"type", "all", "own"}) EXPECT_EQ(Next(*reader), expected);
  EXPECT_EQ(Next(*reader), StatusText(Code::kTimeout));
}

TEST_F(SubscriptionTest, TheDirectChannelHasInboxesOnly) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "", "a");
  Publish(*bus, "", "a", "hello");
  EXPECT_EQ(Next(*reader), "hello");
}

TEST_F(SubscriptionTest, PrefetchOneReservesOne) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "", "a", {{"prefetch", "1"}});
  for (int priority : {1, 5, 9}) Publish(*bus, "", "a", "x", priority);
  const auto message = reader->FetchOne(Within(0));
  ASSERT_TRUE(message.ok());
  EXPECT_EQ((*message)->priority(), 9);
  EXPECT_EQ(*bus->Count(std::make_unique<Config>(ConfigOf({{"state", "reserved"}})).get()), 1);
}

TEST_F(SubscriptionTest, ABatchIsWhatThereIs) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  for (int i = 0; i < 5; ++i) Publish(*bus, "c", "a", std::to_string(i));
  Messages messages;
  ASSERT_TRUE(reader->Fetch(3, Within(0), &messages).ok());
  EXPECT_EQ(messages.size(), 3U);
  ASSERT_TRUE(reader->Fetch(1000, Within(0), &messages).ok());
  EXPECT_EQ(messages.size(), 2U);
  EXPECT_EQ(reader->Fetch(0, Within(0), &messages).code(), Code::kInvalid);
  EXPECT_EQ(reader->Fetch(1001, Within(0), &messages).code(), Code::kInvalid);
}

TEST_F(SubscriptionTest, AMessageWakesAWaitingFetch) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  std::string got;
  Thread waiter("amq-test", [&] { got = Next(*reader, 10000); });
  EXPECT_TRUE(Eventually([&] { return faults_->fetches >= 2; }));
  Publish(*bus, "c", "a", "hello");
  waiter.Join();
  EXPECT_EQ(got, "hello");
}

TEST_F(SubscriptionTest, EachOfManyWaitersGetsOne) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a", {{"prefetch", "3"}});
  constexpr int kWaiters = 8;
  std::atomic<int> got{0};
  std::vector<Thread> waiters;
  for (int i = 0; i < kWaiters; ++i) {
    waiters.emplace_back("amq-test", [&] { got += reader->FetchOne(Within(10000)).ok() ? 1 : 0; });
  }
  for (int i = 0; i < kWaiters; ++i) Publish(*bus, "c", "a", "x");
  for (Thread& waiter : waiters) waiter.Join();
  EXPECT_EQ(got, kWaiters);
}

TEST_F(SubscriptionTest, WhileNothingComesNothingIsAsked) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  EXPECT_EQ(Next(*reader, 300), StatusText(Code::kTimeout));
  EXPECT_EQ(faults_->fetches, 2);
}

TEST_F(SubscriptionTest, ARetryComesWhenItIsDue) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  Publish(*bus, "c", "a", "x");
  const auto first = reader->FetchOne(Within(0));
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(bus->Nack(**first, Failure::kTransient, 50, "not yet").ok());
  EXPECT_EQ(Next(*reader, 0), StatusText(Code::kTimeout));
  const auto second = reader->FetchOne(Within(10000));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->deliveries(), 2);
  EXPECT_STREQ((*second)->reason(), "not yet");
}

TEST_F(SubscriptionTest, CancelUnsubscribeAndShutdownEndAWaitingFetch) {
  const auto bus = Open();
  const auto one = Subscribe(*bus, "c", "a");
  const auto two = Subscribe(*bus, "c", "b");
  Cancel cancel;
  std::atomic<Code> cancelled{Code::kOk};
  std::atomic<Code> ended{Code::kOk};
  std::atomic<Code> shut{Code::kOk};
  Thread first("amq-test", [&] { cancelled = one->FetchOne({Deadline::Never(), &cancel}).code(); });
  Thread second("amq-test", [&] { ended = one->FetchOne({}).code(); });
  Thread third("amq-test", [&] { shut = two->FetchOne({}).code(); });
  EXPECT_TRUE(Eventually([&] { return faults_->fetches >= 4; }));
  cancel.Fire();
  first.Join();
  EXPECT_TRUE(one->Unsubscribe().ok());
  second.Join();
  bus->Shutdown();
  third.Join();
  EXPECT_EQ(cancelled, Code::kInterrupted);
  EXPECT_EQ(ended, Code::kClosed);
  EXPECT_EQ(shut, Code::kClosed);
  EXPECT_EQ(two->FetchOne({Deadline::Never(), &cancel}).code(), Code::kClosed);
}

TEST_F(SubscriptionTest, UnseenMessagesGoBackAndHandedOutOnesCanStillBeSettled) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  Publish(*bus, "c", "a", "1");
  Publish(*bus, "c", "a", "2");
  const auto held = reader->FetchOne(Within(0));
  ASSERT_TRUE(held.ok());
  EXPECT_TRUE(reader->Unsubscribe().ok());
  const auto other = Subscribe(*bus, "c", "a");
  const auto second = other->FetchOne(Within(0));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->payload(), "2");
  EXPECT_EQ((*second)->deliveries(), 1);
  EXPECT_TRUE(bus->Ack(**held).ok());
  EXPECT_EQ(bus->Ack(**held).code(), Code::kNotFound);
  EXPECT_EQ(Next(*other), StatusText(Code::kTimeout));
}

TEST_F(SubscriptionTest, ChannelsCanBeAddedAndRemoved) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "one", "a");
  std::string got;
  Thread waiter("amq-test", [&] { got = Next(*reader, 10000); });
  EXPECT_TRUE(reader->Add("two").ok());
  EXPECT_TRUE(reader->Add("two").ok());
  Publish(*bus, "two", "a", "from two");
  waiter.Join();
  EXPECT_EQ(got, "from two");
  Publish(*bus, "two", "a", "first");
  Publish(*bus, "two", "a", "second");
  EXPECT_EQ(Next(*reader), "first");
  EXPECT_TRUE(reader->Remove("two").ok());
  EXPECT_EQ(reader->Remove("two").code(), Code::kNotFound);
  EXPECT_EQ(Next(*reader), StatusText(Code::kTimeout));
  EXPECT_EQ(Next(*Subscribe(*bus, "two", "a")), "second");
  EXPECT_EQ(reader->Add("bad\nname").code(), Code::kInvalid);
}

TEST_F(SubscriptionTest, EqualSourcesTakeTurns) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "one", "a", {{"prefetch", "2"}});
  ASSERT_TRUE(reader->Add("two").ok());
  for (int i = 0; i < 20; ++i) {
    Publish(*bus, "one", "a", "one");
    Publish(*bus, "two", "a", "two");
  }
  int ones = 0;
  for (int i = 0; i < 10; ++i) ones += Next(*reader) == "one" ? 1 : 0;
  EXPECT_GE(ones, 4);
  EXPECT_LE(ones, 6);
}

TEST_F(SubscriptionTest, AnOutageIsWaitedOut) {
  const auto bus = Open({{"reconnect_base", "5ms"}, {"reconnect_max", "20ms"}});
  const auto reader = Subscribe(*bus, "c", "a");
  faults_->fetch = Code::kUnavailable;
  EXPECT_EQ(Next(*reader, 0), StatusText(Code::kUnavailable));
  EXPECT_EQ(Next(*reader, 50), StatusText(Code::kUnavailable));
  std::string got;
  Thread waiter("amq-test", [&] { got = Next(*reader, 10000); });
  Publish(*bus, "c", "a", "after");
  faults_->fetches = 0;
  EXPECT_TRUE(Eventually([&] { return faults_->fetches >= 4; }));
  faults_->fetch = Code::kOk;
  waiter.Join();
  EXPECT_EQ(got, "after");
}

TEST_F(SubscriptionTest, WhatDoesNotMendIsToldAtOnce) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  faults_->fetch = Code::kAuth;
  EXPECT_EQ(Next(*reader, 60000), StatusText(Code::kAuth));
}

TEST_F(SubscriptionTest, NothingIsHandedOutOnALeaseInDoubt) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "", "a");
  for (int i = 0; i < 3; ++i) Publish(*bus, "", "a", std::to_string(i));
  EXPECT_EQ(Next(*reader), "0");
  EXPECT_EQ(faults_->fetches, 1);
  faults_->lease_lost = true;
  EXPECT_EQ(Next(*reader), "1");  // it was renewed, and is still ours
  EXPECT_EQ(faults_->fetches, 2);
  faults_->lease_lost = true;
  faults_->fetch = Code::kUnavailable;
  EXPECT_EQ(Next(*reader, 20), StatusText(Code::kUnavailable));
  faults_->fetch = Code::kOk;
  faults_->gone = true;  // what was read ahead belongs to others now
  EXPECT_EQ(Next(*reader, 20), StatusText(Code::kTimeout));
}

TEST_F(SubscriptionTest, ANewIncarnationDropsWhatWasReadAheadAlsoWhereItsFetchFailed) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "", "a");
  for (int i = 0; i < 3; ++i) Publish(*bus, "", "a", std::to_string(i));
  EXPECT_EQ(Next(*reader), "0");
  faults_->lease_lost = true;
  faults_->gone = true;
  faults_->fetch = Code::kUnavailable;
  EXPECT_EQ(Next(*reader, 20), StatusText(Code::kUnavailable));
  faults_->lease_lost = false;
  faults_->fetch = Code::kOk;
  EXPECT_EQ(Next(*reader, 20), StatusText(Code::kTimeout));
}

TEST_F(SubscriptionTest, ARecordThatCanNotBeReadIsSetAside) {
  const auto bus = Open();
  auto backend = memory::Open("SubscriptionTest.ARecordThatCanNotBeReadIsSetAside", {"agentmq", "default", {}});
  ASSERT_TRUE(backend.ok());
  const QueueName queue = QueueName::Inbox("c", "a");
  Outgoing foreign;
  foreign.head = "?";
  foreign.payload = "not a record";
  PublishBatch batch;
  batch.queue = &queue;
  batch.messages = std::span(&foreign, 1);
  (*backend)->Publish(std::span(&batch, 1), {});
  ASSERT_TRUE(batch.status.ok());
  Publish(*bus, "c", "a", "good");
  const auto reader = Subscribe(*bus, "c", "a");
  EXPECT_EQ(Next(*reader), "good");
  const auto dead = bus->DeadLetters(nullptr, 10, 0);
  ASSERT_TRUE(dead.ok());
  ASSERT_EQ(dead->size(), 1U);
  EXPECT_EQ((*dead)[0]->status(), Code::kCorrupt);
  EXPECT_EQ(Logged("corrupt"), 1U);
}

TEST_F(SubscriptionTest, AForgottenMessageLapses) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a", {{"auto_extend_max", "50ms"}, {"backoff_base", "1ms"}});
  Publish(*bus, "c", "a", "x");
  const auto forgotten = reader->FetchOne(Within(0));
  ASSERT_TRUE(forgotten.ok());
  const auto again = reader->FetchOne(Within(10000));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->deliveries(), 2);
  EXPECT_EQ(bus->Ack(**forgotten).code(), Code::kStale);
  EXPECT_TRUE(bus->Ack(**again).ok());
}

TEST_F(SubscriptionTest, TheDescriptorIsReadableWhileThereIsSomething) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  Status status;
  const int fd = reader->Fd(&status);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(reader->Fd(&status), fd);
  EXPECT_FALSE(Readable(fd, 20));
  for (int round = 0; round < 3; ++round) {
    Publish(*bus, "c", "a", "x");
    EXPECT_TRUE(Readable(fd, 5000));
    EXPECT_EQ(Next(*reader), "x");
    EXPECT_EQ(Next(*reader), StatusText(Code::kTimeout));
    EXPECT_FALSE(Readable(fd));
  }
  EXPECT_TRUE(reader->Unsubscribe().ok());
  EXPECT_TRUE(Readable(fd));
}

TEST_F(SubscriptionTest, SubscriptionsOutliveTheirBus) {
  auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  Publish(*bus, "c", "a", "1");
  Publish(*bus, "c", "a", "2");
  auto held = reader->FetchOne(Within(0));
  const auto other = Open();
  EXPECT_TRUE(bus->Close().ok());
  EXPECT_EQ(bus->Ack(**held).code(), Code::kClosed);
  bus.reset();
  EXPECT_EQ(Next(*reader, 1000), StatusText(Code::kClosed));
  EXPECT_EQ(reader->Add("d").code(), Code::kClosed);
  EXPECT_TRUE(reader->Unsubscribe().ok());
  EXPECT_EQ(Next(*Subscribe(*other, "c", "a")), "2");
  EXPECT_STREQ((*held)->channel(), "c");
}

TEST_F(SubscriptionTest, ClosingMeetsFetchesInEveryState) {
  for (int round = 0; round < 50; ++round) {
    auto bus = Open({{"health_interval", "1ms"}});
    const auto reader = Subscribe(*bus, "c", "a", {{"prefetch", "2"}});
    std::vector<Thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back("amq-test", [&] {
        for (;;) {
          const auto message = reader->FetchOne({});
          if (!message.ok()) break;
          (void)bus->AckAsync(**message);
        }
      });
    }
    threads.emplace_back("amq-test", [&] {
      while (bus->Publish("c", *To("a", "x"), {}).code() != Code::kClosed) {
      }
    });
    EXPECT_TRUE(Eventually([&] { return faults_->acks > round; }));
    (void)bus->Close();
    threads.clear();
  }
}

TEST_F(SubscriptionTest, HandlersWorkAndTheirVerdictsSettle) {
  const auto bus = Open({{"log_level", "info"}});
  const auto reader = Subscribe(*bus, "c", "a", {{"workers", "4"}, {"backoff_base", "1ms"}, {"retry_attempts", "3"}});
  for (int i = 0; i < 50; ++i) Publish(*bus, "c", "a", "ack");
  Publish(*bus, "c", "a", "retry");
  Publish(*bus, "c", "a", "reject");
  Publish(*bus, "c", "a", "throw");
  std::atomic<int> calls{0};
  ASSERT_TRUE(reader
                  ->Consume([&](Message& message) {
                    ++calls;
                    if (message.payload() == "retry") return Verdict::kRetry;
                    if (message.payload() == "reject") return Verdict::kReject;
                    if (message.payload() == "throw") throw std::runtime_error("a C++ handler");
                    return Verdict::kAck;
                  })
                  .ok());
  EXPECT_EQ(reader->Consume([](Message&) { return Verdict::kAck; }).code(), Code::kInvalid);
  EXPECT_EQ(Next(*reader), StatusText(Code::kInvalid));
  EXPECT_TRUE(Eventually([&] { return Logged("dead_lettered") == 3; }));
  EXPECT_TRUE(reader->Drain(Within(5000)).ok());
  EXPECT_EQ(calls, 50 + 3 + 1 + 3);
  EXPECT_EQ(*bus->Count(nullptr), 0);
  const auto dead = bus->DeadLetters(nullptr, 10, 0);
  ASSERT_TRUE(dead.ok());
  EXPECT_EQ(dead->size(), 3U);
  EXPECT_EQ(Next(*reader), StatusText(Code::kClosed));
}

TEST_F(SubscriptionTest, WhatWouldWaitForItsOwnHandlerIsRefused) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  std::atomic<Code> close{Code::kOk};
  std::atomic<Code> drain{Code::kOk};
  std::atomic<Code> end{Code::kOk};
  std::atomic<Code> unsubscribe{Code::kInternal};
  Event done;
  ASSERT_TRUE(reader
                  ->Consume([&](Message&) {
                    close = bus->Close().code();
                    drain = reader->Drain({}).code();
                    end = reader->End().code();
                    unsubscribe = reader->Unsubscribe().code();
                    done.Set();
                    return Verdict::kAck;
                  })
                  .ok());
  Publish(*bus, "c", "a", "x");
  (void)done.Wait({});
  EXPECT_TRUE(reader->End().ok());
  EXPECT_EQ(close, Code::kInvalid);
  EXPECT_EQ(drain, Code::kInvalid);
  EXPECT_EQ(end, Code::kInvalid);
  EXPECT_EQ(unsubscribe, Code::kOk);
  EXPECT_TRUE(bus->Flush(Within(5000)).ok());
  EXPECT_EQ(*bus->Count(nullptr), 0);
}

TEST_F(SubscriptionTest, DrainTimesOutOnASlowHandlerAndCanBeRepeated) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  std::atomic<bool> go_on{false};
  Event began;
  ASSERT_TRUE(reader
                  ->Consume([&](Message&) {
                    began.Set();
                    while (!go_on) std::this_thread::yield();
                    return Verdict::kAck;
                  })
                  .ok());
  Publish(*bus, "c", "a", "1");
  Publish(*bus, "c", "a", "2");
  (void)began.Wait({});
  EXPECT_EQ(reader->Drain(Within(20)).code(), Code::kTimeout);
  EXPECT_EQ(Next(*Subscribe(*bus, "c", "a")), "2");
  go_on = true;
  EXPECT_TRUE(reader->Drain(Within(5000)).ok());
  EXPECT_EQ(*bus->Count(nullptr), 0 + 1);
}

TEST_F(SubscriptionTest, GatheredAcksOutlastAnOutage) {
  const auto bus = Open();
  const auto reader = Subscribe(*bus, "c", "a");
  Publish(*bus, "c", "a", "x");
  const auto message = reader->FetchOne(Within(0));
  ASSERT_TRUE(message.ok());
  faults_->ack = Code::kUnavailable;
  EXPECT_TRUE(bus->AckAsync(**message).ok());
  EXPECT_TRUE(Eventually([&] { return faults_->acks >= 2; }));
  EXPECT_EQ(bus->Flush(Within(10)).code(), Code::kTimeout);
  faults_->ack = Code::kOk;
  EXPECT_TRUE(bus->Flush(Within(10000)).ok());
  EXPECT_EQ(*bus->Count(nullptr), 0);
}

TEST_F(SubscriptionTest, AFetchThatHangsDoesNotHoldUpClosing) {
  auto bus = Open({{"close_timeout", "50ms"}});
  const auto reader = Subscribe(*bus, "", "a");
  faults_->hold_fetch = true;
  std::atomic<Code> fetched{Code::kOk};
  Thread waiter("amq-test", [&] { fetched = reader->FetchOne({}).code(); });
  EXPECT_TRUE(Eventually([&] { return faults_->fetches == 1; }));
  (void)bus->Close();
  bus.reset();
  faults_->hold_fetch = false;
  waiter.Join();
  EXPECT_EQ(fetched, Code::kClosed);
}

TEST_F(SubscriptionTest, WrongArgumentsAreRefused) {
  const auto bus = Open();
  EXPECT_EQ(bus->Subscribe("c", "", nullptr).code(), Code::kInvalid);
  EXPECT_EQ(bus->Subscribe("c\n", "a", nullptr).code(), Code::kInvalid);
  const Config wrong = ConfigOf({{"max_items", "1"}});
  EXPECT_EQ(bus->Subscribe("c", "a", &wrong).code(), Code::kInvalid);
  EXPECT_EQ(Subscribe(*bus, "c", "a")->Consume(nullptr).code(), Code::kInvalid);
}

}  // namespace
}  // namespace agentmq
