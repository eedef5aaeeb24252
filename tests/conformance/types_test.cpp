// Types of messages: in filters, and consumers that take some of them.
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class TypesTest : public BusTest {
 protected:
  static Message Typed(const std::string& type, std::string_view payload, const char* target = "a", int priority = 5) {
    Message message = Text(payload, target, priority);
    message.SetType(type.empty() ? nullptr : type.c_str());
    return message;
  }
  std::string PutTyped(const std::string& type, std::string_view payload, const char* target = "a", int priority = 5) {
    const Message message = Typed(type, payload, target, priority);
    bus_.Publish("c", message);
    return std::string(message.id());
  }
  Subscription Of(const char* types, const Config& more = {}) {
    Config config;
    for (const char* name : {"prefetch", "retry_attempts", "backoff_base"}) {
      if (const auto value = more.Get(name)) config.Set(name, value->c_str());
    }
    config.Set("types", types);
    return bus_.Subscribe("c", "a", config);
  }
};
AGENTMQ_ON_EVERY_BACKEND(TypesTest);

// ---- filters --------------------------------------------------------------------------------------------------------

TEST_P(TypesTest, FiltersTakeAListOfTypes) {
  for (const char* type : {MQ_TYPE_TASK_REQUEST, MQ_TYPE_TASK_RESULT, MQ_TYPE_EVENT, MQ_TYPE_REQUEST, MQ_TYPE_RESPONSE,
                           MQ_TYPE_NOTIFICATION, MQ_TYPE_COMMAND, "my own", ""}) {
    PutTyped(type, type);
  }
  EXPECT_EQ(bus_.Count({{"type", "event"}}), 1);
  EXPECT_EQ(bus_.Count({{"type", "event,command,my own"}}), 3);
  EXPECT_EQ(bus_.Count({{"type", "even,Event"}}), 0);
  EXPECT_EQ(bus_.Count({{"type", ""}}), 9) << "any";
  EXPECT_EQ(Payloads(bus_.Find({{"type", "response,request"}})), (std::vector<std::string>{"request", "response"}));
  Subscription subscription = bus_.Subscribe("c", "a");
  for (int i = 0; i < 9; ++i) bus_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  EXPECT_EQ(bus_.DeadLetters({{"type", "task_result,notification"}}).size(), 2u);
  EXPECT_EQ(bus_.ReplayAll({{"type", "task_result"}}), 1);
  EXPECT_EQ(bus_.PurgeDeadLetters({{"type", "my own,event"}}), 2);
  EXPECT_EQ(bus_.DeadLetters().size(), 6u);
}

TEST_P(TypesTest, AListThatIsNoneIsRefused) {
  const std::vector<std::string> values = {",", "a,", ",a", "a,,b", "a\nb", std::string(257, 'x')};
  for (const std::string& value : values) {
    for (const char* name : {"types", "type"}) {
      EXPECT_EQ(StatusOf([&] { Config().Set(name, value.c_str()); }), MQ_INVALID) << value;
      EXPECT_TRUE(ErrorSays(name));
    }
  }
}

// ---- consumers ------------------------------------------------------------------------------------------------------

TEST_P(TypesTest, AConsumerIsHandedItsTypesAloneAndTheOthersStay) {
  for (const char* type : {"x", "y", "", "z", "xy", "x", "y"}) PutTyped(type, type);
  Subscription some = Of("x,z");
  EXPECT_EQ(Take(bus_, some, 3), (std::vector<std::string>{"x", "z", "x"}));
  EXPECT_FALSE(some.Fetch(0ms));
  EXPECT_FALSE(some.Fetch(kMoment));
  EXPECT_EQ(bus_.Count({{"state", "queued"}}), 4);
  Subscription all = bus_.Subscribe("c", "a");
  const std::vector<std::string> rest = {"y", "", "xy", "y"};
  for (const std::string& payload : rest) {
    const Message message = Next(all);
    EXPECT_EQ(message.payload(), payload);
    EXPECT_EQ(message.deliveries(), 1) << "nobody else had it";
    bus_.Ack(message);
  }
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(TypesTest, PriorityAndOrderHoldWithinItsTypes) {
  std::map<int, std::vector<std::string>> expected;
  for (int i = 0; i < 300; ++i) {
    const int priority = i % 7 == 0 ? 9 : 5;
    const std::string type = i % 3 == 0 ? "x" : "y";
    PutTyped(type, std::to_string(i), "a", priority);
    if (type == "x") expected[-priority].push_back(std::to_string(i));
  }
  std::vector<std::string> all = expected[-9];
  all.insert(all.end(), expected[-5].begin(), expected[-5].end());
  Subscription some = Of("x", {{"prefetch", "7"}});
  EXPECT_EQ(Take(bus_, some, all.size()), all);
  Subscription others = Of("y");
  const std::vector<std::string> rest = Take(bus_, others, 200);
  std::vector<std::string> normal(rest.begin() + 29, rest.end());
  EXPECT_TRUE(
      std::is_sorted(normal.begin(), normal.end(), [](auto& a, auto& b) { return std::stoi(a) < std::stoi(b); }));
}

TEST_P(TypesTest, ABatchIsTakenApartAndItsOrderHolds) {
  std::vector<Message> messages;
  std::vector<std::string> xs, ys;
  for (int i = 0; i < 2000; ++i) {
    const bool x = i % 5 == 3;
    (x ? xs : ys).push_back(std::to_string(i));
    messages.push_back(Typed(x ? "x" : "y", std::to_string(i)));
  }
  EXPECT_EQ(bus_.PublishBatch("c", messages), 2000u);
  Subscription x = Of("x", {{"prefetch", "50"}});
  EXPECT_EQ(Take(bus_, x, 200), std::vector<std::string>(xs.begin(), xs.begin() + 200));
  bus_.PublishBatch("c", Texts(10, "a"));
  PutTyped("x", "last");
  xs.emplace_back("last");
  EXPECT_EQ(Take(bus_, x, 201), std::vector<std::string>(xs.begin() + 200, xs.end()));
  EXPECT_FALSE(x.Fetch(0ms));
  Subscription all = bus_.Subscribe("c", "a");
  std::vector<std::string> rest = Take(bus_, all, ys.size() + 10);
  rest.resize(ys.size());
  EXPECT_EQ(rest, ys);
}

TEST_P(TypesTest, MoreThanOneLookTakesIsLookedAtInTheEnd) {
  const std::string large(20'000, 'p');
  std::vector<Message> messages;
  for (int i = 0; i < 300; ++i) messages.push_back(Typed("y", large));
  messages.push_back(Typed("x", "behind six megabytes"));
  messages.push_back(Typed("y", std::string(100'000, 'b')));
  messages.push_back(Typed("x", std::string(100'000, 'x')));
  EXPECT_EQ(bus_.PublishBatch("c", messages), messages.size());
  Subscription some = Of("x");
  EXPECT_EQ(Take(bus_, some, 2), (std::vector<std::string>{"behind six megabytes", std::string(100'000, 'x')}));
  EXPECT_FALSE(some.Fetch(0ms));
  EXPECT_EQ(bus_.Count(), 301);
}

TEST_P(TypesTest, AWaitingConsumerWakesForItsTypeWhateverElseIsThere) {
  for (const bool crowded : {false, true}) {
    if (crowded) PutTyped("y", "in the way");
    Subscription some = Of("x");
    for (int i = 0; i < 5; ++i) {
      std::thread publishing([&] {
        EXPECT_TRUE(Always(20ms, [] { return true; }));
        PutTyped("x", "it");
      });
      const Message message = Next(some);
      publishing.join();
      EXPECT_EQ(message.payload(), "it");
      bus_.Ack(message);
    }
  }
}

TEST_P(TypesTest, WhoCanNotUseAWakeUpPassesItOn) {
  Subscription subscriptions[] = {Of("x"), Of("y"), Of("z"), bus_.Subscribe("c", "other")};
  const std::string types[] = {"x", "y", "z"};
  std::mutex mutex;
  std::map<std::string, int> came;
  std::vector<std::thread> threads;
  constexpr int kEach = 40;
  for (size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < kEach; ++n) {
        const Message message = Next(subscriptions[i]);
        EXPECT_EQ(message.type(), types[i]);
        bus_.Ack(message);
        const std::lock_guard lock(mutex);
        ++came[types[i]];
      }
    });
  }
  // One at a time: each wakes whoever has waited longest, and must reach the one that it is for.
  for (int n = 0; n < kEach; ++n) {
    for (const std::string type : {"z", "x", "y"}) {
      PutTyped(type, type);
      EXPECT_TRUE(Eventually(kPatience, [&] {
        const std::lock_guard lock(mutex);
        return came[type] == n + 1;
      }));
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(TypesTest, AConsumerOfAllTypesIsNotHeldUpByOneOfSome) {
  Subscription some = Of("x");
  Subscription all = bus_.Subscribe("c", "a");
  std::atomic<bool> stop{false};
  std::thread taking([&] {
    while (!stop) {
      const std::optional<Message> message = some.Fetch(100ms);
      if (!message) continue;
      EXPECT_EQ(message->type(), "x");
      bus_.Ack(*message);
    }
  });
  for (int i = 0; i < 50; ++i) {
    PutTyped("y", std::to_string(i));
    EXPECT_EQ(Take(bus_, all, 1), std::vector<std::string>{std::to_string(i)});
  }
  stop = true;
  taking.join();
}

TEST_P(TypesTest, RetriesSchedulesAndDeadLettersWorkAsEver) {
  PutTyped("y", "in front");
  bus_.Publish("c", std::move(Typed("x", "later").SetDelay(100ms)));
  PutTyped("x", "fails");
  Subscription some = Of("x", {{"retry_attempts", "2"}, {"backoff_base", "10ms"}});
  for (int attempt = 1; attempt <= 2; ++attempt) {
    for (;;) {
      const Message message = Next(some);
      if (message.payload() == "later") {
        bus_.Ack(message);
        continue;
      }
      EXPECT_EQ(message.payload(), "fails");
      EXPECT_EQ(message.deliveries(), attempt);
      bus_.Nack(message, MQ_FAILURE_TRANSIENT);
      break;
    }
  }
  EXPECT_EQ(bus_.DeadLetters().size(), 1u);
  if (bus_.Count() == 2) {
    EXPECT_EQ(Take(bus_, some, 1), std::vector<std::string>{"later"});
  }
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(TypesTest, WhatWasReadAheadGoesBackToItsPlace) {
  for (int i = 0; i < 20; ++i) PutTyped(i % 2 == 0 ? "x" : "y", std::to_string(i));
  {
    Subscription some = Of("x", {{"prefetch", "10"}});
    EXPECT_EQ(Take(bus_, some, 1), std::vector<std::string>{"0"});
  }
  Subscription all = bus_.Subscribe("c", "a");
  const std::vector<std::string> rest = Take(bus_, all, 19);
  EXPECT_EQ(std::set<std::string>(rest.begin(), rest.end()).size(), 19u);
}

TEST_P(TypesTest, DeletedAndExpiredOnesAreNotInTheWay) {
  const std::string id = PutTyped("x", "deleted");
  PutTyped("y", "stays");
  bus_.Publish("c", std::move(Typed("x", "expires").SetTtl(1ms)));
  PutTyped("x", "good");
  bus_.Delete(id.c_str());
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 2; }));
  Subscription some = Of("x");
  EXPECT_EQ(Take(bus_, some, 1), std::vector<std::string>{"good"});
  EXPECT_FALSE(some.Fetch(0ms));
  Subscription all = bus_.Subscribe("c", "a");
  EXPECT_EQ(Take(bus_, all, 1), std::vector<std::string>{"stays"});
}

TEST_P(TypesTest, OfBroadcastsTheOthersAreKeptForTheAgentsOtherConsumers) {
  Subscription some = Of("x");
  Subscription another = bus_.Subscribe("c", "b");
  for (const char* type : {"y", "x", "y", "x"}) PutTyped(type, type, nullptr);
  EXPECT_EQ(Take(bus_, some, 2), (std::vector<std::string>{"x", "x"}));
  EXPECT_FALSE(some.Fetch(0ms));
  EXPECT_EQ(Take(bus_, another, 4), (std::vector<std::string>{"y", "x", "y", "x"}));
  EXPECT_EQ(bus_.Count(), 2);
  Subscription others = Of("y");
  EXPECT_EQ(Take(bus_, others, 2), (std::vector<std::string>{"y", "y"}));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(TypesTest, ManyConsumersOfDifferentTypesLoseAndDoubleNothing) {
  constexpr int kMessages = 3000;
  const char* const lists[] = {"t0", "t1,t2", "t2,t3", nullptr};
  std::mutex mutex;
  std::map<std::string, int> came;
  std::atomic<int> left{kMessages};
  std::vector<std::thread> threads;
  for (const char* types : lists) {
    threads.emplace_back([&, types] {
      Subscription subscription = types == nullptr ? bus_.Subscribe("c", "a") : Of(types, {{"prefetch", "16"}});
      while (left > 0) {
        const std::optional<Message> message = subscription.Fetch(50ms);
        if (!message) continue;
        EXPECT_TRUE(types == nullptr || std::string(types).find(message->type()) != std::string::npos);
        bus_.Ack(*message);
        const std::lock_guard lock(mutex);
        ++came[std::string(message->payload())];
        --left;
      }
    });
  }
  for (int i = 0; i < kMessages; i += 100) {
    std::vector<Message> batch;
    for (int k = i; k < i + 100; ++k)
      batch.push_back(Typed("t" + std::to_string(k % 5), std::to_string(k), "a", k % 2));
    bus_.PublishBatch("c", batch);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(came.size(), static_cast<size_t>(kMessages));
  EXPECT_EQ(bus_.Count(), 0);
}

}  // namespace
}  // namespace agentmq::test
