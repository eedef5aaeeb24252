// Request and reply: mq_request, mq_request_many, mq_reply.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "conformance/request_test.hpp"

namespace agentmq::test {
namespace {

// This process' threads of that name.
int Threads(const std::string& name) {
  int count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    std::string comm;
    std::getline(file, comm);
    count += comm == name ? 1 : 0;
  }
  return count;
}

class RequestTest : public RequestingTest {};
AGENTMQ_ON_EVERY_BACKEND(RequestTest);

// ---- one request ----------------------------------------------------------------------------------------------------

TEST_P(RequestTest, ARequestGetsItsReply) {
  Bus asking = Open({{"source", "asker"}});
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  std::string id, correlation_id, reply_to;
  std::thread working([&] {
    const Message request = Next(worker);
    id = request.id();
    correlation_id = request.correlation_id();
    reply_to = request.reply_to();
    EXPECT_EQ(request.payload(), "how much?");
    EXPECT_EQ(request.source(), "asker");
    EXPECT_EQ(request.type(), MQ_TYPE_REQUEST);
    bus_.Reply(request, Message("42").SetSource("worker"));
    bus_.Ack(request);
  });
  const Message question("how much?");
  const std::optional<Message> reply = asking.Request("worker", question, kPatience);
  working.join();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->payload(), "42");
  EXPECT_EQ(reply->source(), "worker");
  EXPECT_EQ(reply->type(), MQ_TYPE_RESPONSE);
  EXPECT_EQ(reply->correlation_id(), correlation_id);
  EXPECT_EQ(reply->target(), reply_to);
  EXPECT_EQ(reply->header("agentmq-in-reply-to"), id);
  EXPECT_EQ(question.id(), id);
  EXPECT_EQ(question.target(), "worker");
  EXPECT_EQ(question.correlation_id(), correlation_id);
  EXPECT_EQ(question.reply_to(), reply_to);
  EXPECT_NE(correlation_id, "");
  EXPECT_TRUE(NothingIsLeft());
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(asking.get(), reply->get())) << "it is acknowledged already";
}

TEST_P(RequestTest, TheApplicationsCorrelationIdIsKeptAndOthersAreUnique) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const Message question("?");
    EXPECT_STATUS(MQ_TIMEOUT, Request(bus_, question, 0ms));
    ids.emplace(question.correlation_id());
  }
  EXPECT_EQ(ids.size(), 100u);
  const Message question = std::move(Message("?").SetCorrelationId("order 7"));
  EXPECT_STATUS(MQ_TIMEOUT, Request(bus_, question, 0ms));
  EXPECT_EQ(question.correlation_id(), "order 7");
  EXPECT_TRUE(ErrorSays("order 7"));
}

TEST_P(RequestTest, TypesOfOnesOwnAreKept) {
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  EXPECT_STATUS(MQ_TIMEOUT, Request(bus_, std::move(Message("?").SetType(MQ_TYPE_TASK_REQUEST)), 0ms));
  const Message request = Next(worker);
  EXPECT_EQ(request.type(), "task_request");
  const Message reply = std::move(Message("!").SetType(MQ_TYPE_TASK_RESULT));
  bus_.Reply(request, reply);
  EXPECT_EQ(reply.type(), "task_result");
}

TEST_P(RequestTest, ARequestIsAnOrdinaryMessageToItsTarget) {
  EXPECT_STATUS(MQ_TIMEOUT, Request(bus_, std::move(Message("?").SetPriority(9).SetTtl(1h)), 0ms));
  const MessageList found = bus_.Find({{"channel", ""}, {"target", "worker"}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].priority(), 9);
  EXPECT_GT(found[0].expires(), 0);
}

TEST_P(RequestTest, AHandlerAsksOthersOnItsOwnBus) {
  Subscription expert = Answering(bus_, "expert");
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  worker.Consume([&](const MessageView& request) {
    const std::optional<Message> advice = bus_.Request("expert", Message(request.payload()), kPatience);
    bus_.Reply(request, Message(advice ? advice->payload() : "no advice"));
    return MQ_VERDICT_ACK;
  });
  const std::optional<Message> reply = bus_.Request("worker", Message("?"), kPatience);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->payload(), "re: ?");
}

TEST_P(RequestTest, RepliesGoToNoSubscriptionOfWhoAsks) {
  Bus asking = Open({{"source", "asker:1"}});
  Subscription mine = asking.Subscribe(MQ_DIRECT, "asker:1");
  Subscription worker = Answering(bus_, "worker");
  asking.SendTo("asker", Message("for the type"));
  for (int i = 0; i < 20; ++i) {
    const std::optional<Message> reply = asking.Request("worker", Message(std::to_string(i)), kPatience);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->payload(), "re: " + std::to_string(i));
  }
  EXPECT_EQ(Take(asking, mine, 1), std::vector<std::string>{"for the type"});
  EXPECT_FALSE(mine.Fetch(0ms));
}

TEST_P(RequestTest, BusesOfOneSourceGetTheirOwnReplies) {
  Subscription worker = Answering(bus_, "worker");
  std::vector<std::thread> threads;
  for (int b = 0; b < 3; ++b) {
    threads.emplace_back([&, b] {
      Bus asking = Open({{"source", "asker"}});
      for (int i = 0; i < 20; ++i) {
        const std::string text = std::to_string(b) + "." + std::to_string(i);
        const std::optional<Message> reply = asking.Request("worker", Message(text), kPatience);
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->payload(), "re: " + text);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(NothingIsLeft());
}

TEST_P(RequestTest, AReplyMayBeMadeByHand) {
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  worker.Consume([&](const MessageView& request) {
    Message reply("by hand");
    reply.SetCorrelationId(std::string(request.correlation_id()).c_str());
    bus_.SendTo(std::string(request.reply_to()).c_str(), reply);
    return MQ_VERDICT_ACK;
  });
  const std::optional<Message> reply = bus_.Request("worker", Message("?"), kPatience);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->payload(), "by hand");
}

TEST_P(RequestTest, TheReplyToAPlainReplyToIsInThatAgentsInbox) {
  Subscription asker = bus_.Subscribe(MQ_DIRECT, "asker");
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  bus_.SendTo("worker", Message("?").SetReplyTo("asker").SetCorrelationId("7"));
  AnswerOne(worker, "yes");
  const Message reply = Next(asker);
  EXPECT_EQ(reply.payload(), "yes");
  EXPECT_EQ(reply.correlation_id(), "7");
  EXPECT_FALSE(bus_.Collect("asker", "7", 0ms)) << "it is in somebody's hand";
  bus_.Nack(reply, MQ_FAILURE_TRANSIENT, 1h);
  EXPECT_TRUE(bus_.Collect("asker", "7", 0ms));
  bus_.SendTo("asker", Message("no reply").SetCorrelationId("8"));
  EXPECT_FALSE(bus_.Collect("asker", "8", 0ms)) << "it answers nothing";
}

TEST_P(RequestTest, ReplyToNamesWhoAsks) {
  const Message question = std::move(Message("?").SetReplyTo("boss").SetSource("clerk").SetCorrelationId("7"));
  EXPECT_STATUS(MQ_TIMEOUT, Request(bus_, question, 0ms));
  const std::string inbox(question.reply_to());
  EXPECT_EQ(inbox.substr(0, 5), "boss+");
  EXPECT_STATUS(MQ_TIMEOUT, Request(bus_, question, 0ms)) << "the same message once more";
  EXPECT_EQ(question.reply_to(), inbox);
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  AnswerOne(worker, "yes");
  EXPECT_TRUE(bus_.Collect("boss", "7", kPatience));
}

// ---- many -----------------------------------------------------------------------------------------------------------

TEST_P(RequestTest, SixteenThreadsWithAThousandRequestsHaveOneSubscriptionAndOneThread) {
  constexpr size_t kThreads = 16;
  constexpr size_t kEach = 63;
  Bus asking = Open({{"source", "asker"}});
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker", {{"prefetch", "1000"}});
  const int threads_before = Threads("amq-worker") + Threads("amq-send");
  std::vector<std::thread> threads;
  const std::vector<const char*> targets(kEach, "worker");
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string text = std::to_string(t);
      const MessageList replies = asking.RequestMany(targets, Message(text), 0, 60s);
      EXPECT_EQ(Payloads(replies), std::vector<std::string>(kEach, "re: " + text));
    });
  }
  // Nobody is answered before all have asked.
  std::vector<Message> requests;
  while (requests.size() < kThreads * kEach && !HasFailure()) requests.push_back(Next(worker));
  EXPECT_EQ(Threads("amq-reply"), 1);
  EXPECT_EQ(Threads("amq-worker") + Threads("amq-send"), threads_before);
  std::string health;
  asking.Health(&health);
  EXPECT_EQ(nlohmann::json::parse(health).at("subscriptions").size(), 1u) << health;
  for (auto request = requests.rbegin(); request != requests.rend(); ++request) {
    bus_.Reply(*request, Message("re: " + std::string(request->payload())));
    bus_.AckAsync(*request);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(bus_.Flush(kPatience));
  EXPECT_TRUE(NothingIsLeft());
}

TEST_P(RequestTest, ManyAreAskedAndAllReplies) {
  const Subscription workers[] = {Answering(bus_, "a"), Answering(bus_, "b"), Answering(bus_, "c")};
  const Message question = std::move(Message("?").SetCorrelationId("7"));
  mq_list* list = nullptr;
  const char* const targets[] = {"a", "b", "c"};
  ASSERT_STATUS(MQ_OK, mq_request_many(bus_.get(), targets, 3, question.get(), 0, kPatience.count(), &list));
  const MessageList replies(list);
  EXPECT_EQ(Payloads(replies), std::vector<std::string>(3, "re: ?"));
  for (size_t i = 0; i < replies.size(); ++i) EXPECT_EQ(replies[i].correlation_id(), "7");
  EXPECT_EQ(question.id(), "");
  EXPECT_TRUE(NothingIsLeft());
}

TEST_P(RequestTest, TheFirstRepliesAreEnoughAndTheOthersCanBeCollected) {
  Bus asking = Open({{"source", "asker"}});
  Subscription slow = bus_.Subscribe(MQ_DIRECT, "slow");
  const Subscription quick[] = {Answering(bus_, "a"), Answering(bus_, "b")};
  const Message question = std::move(Message("?").SetCorrelationId("7"));
  const char* const targets[] = {"slow", "a", "b"};
  mq_list* list = nullptr;
  ASSERT_STATUS(MQ_OK, mq_request_many(asking.get(), targets, 3, question.get(), 2, kPatience.count(), &list));
  EXPECT_EQ(Payloads(MessageList(list)), std::vector<std::string>(2, "re: ?"));
  AnswerOne(slow, "at last");
  const std::optional<Message> late = asking.Collect("asker", "7", kPatience);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->payload(), "at last");
}

TEST_P(RequestTest, WhatCameUntilTheTimeoutIsThere) {
  const Subscription answering = Answering(bus_, "a");
  const char* const targets[] = {"a", "nobody"};
  mq_list* list = nullptr;
  ASSERT_STATUS(MQ_PARTIAL, mq_request_many(bus_.get(), targets, 2, Message("?").get(), 0, 1500, &list));
  EXPECT_TRUE(ErrorSays("1 of 2"));
  EXPECT_EQ(Payloads(MessageList(list)), std::vector<std::string>{"re: ?"});
  EXPECT_STATUS(MQ_TIMEOUT, mq_request_many(bus_.get(), targets + 1, 1, Message("?").get(), 1, 10, &list));
  EXPECT_EQ(list, nullptr);
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count() == 2; })) << "the requests to nobody";
}

TEST_P(RequestTest, TwoRepliesToOneRequestAreNotTwo) {
  Subscription both = bus_.Subscribe(MQ_DIRECT, "a");
  const Subscription other = Answering(bus_, "b");
  std::thread working([&] {
    const Message request = Next(both);
    bus_.Reply(request, Message("first"));
    bus_.Reply(request, Message("second"));
    bus_.Ack(request);
  });
  const MessageList replies = bus_.RequestMany({"a", "b"}, Message("?"), 0, kPatience);
  working.join();
  EXPECT_EQ(Set(replies), (std::set<std::string>{"first", "re: ?"}));
}

TEST_P(RequestTest, WhatCanNotBeSentIsNotWaitedFor) {
  bus_.Configure(MQ_DIRECT, {{"max_items", "1"}});
  bus_.SendTo("full", Message("x"));
  EXPECT_STATUS(MQ_FULL, Request(bus_, Message("?"), kForever, "full"));
  const char* const targets[] = {"full", "a"};
  mq_list* list = nullptr;
  const Subscription answering = Answering(bus_, "a");
  ASSERT_STATUS(MQ_PARTIAL, mq_request_many(bus_.get(), targets, 2, Message("?").get(), 0, -1, &list));
  EXPECT_EQ(Payloads(MessageList(list)), std::vector<std::string>{"re: ?"});
  EXPECT_STATUS(MQ_FULL, mq_request_many(bus_.get(), targets, 1, Message("?").get(), 0, -1, &list));
}

// ---- ends of waits --------------------------------------------------------------------------------------------------

TEST_P(RequestTest, ATokenEndsTheWaitAndTheReplyCanBeCollected) {
  Bus asking = Open({{"source", "asker"}});
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  const Message question = std::move(Message("?").SetCorrelationId("7"));
  Cancel cancel;
  std::optional<Message> request;
  std::thread firing([&] {
    request = Next(worker);
    cancel.Fire();
  });
  mq_message* reply = nullptr;
  EXPECT_STATUS(MQ_INTERRUPTED, mq_request_with(asking.get(), "worker", question.get(), -1, cancel.get(), &reply));
  EXPECT_EQ(reply, nullptr);
  firing.join();
  bus_.Reply(*request, Message("after all"));
  EXPECT_TRUE(asking.Collect("asker", "7", kPatience));
  EXPECT_STATUS(MQ_INTERRUPTED, mq_request_with(asking.get(), "worker", question.get(), -1, cancel.get(), &reply));
  EXPECT_FALSE(worker.Fetch(0ms)) << "not sent: the token had been fired";
}

TEST_P(RequestTest, ATokenEndsTheWaitForManyAndForALateReply) {
  Bus asking = Open({{"source", "asker"}});
  const Subscription answering = Answering(bus_, "quick");
  Subscription slow = bus_.Subscribe(MQ_DIRECT, "slow");
  const Message question = std::move(Message("?").SetCorrelationId("7"));
  Cancel cancel;
  std::thread firing([&] {
    const Message request = Next(slow);
    cancel.Fire();
  });
  const char* targets[] = {"quick", "slow"};
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_INTERRUPTED,
                mq_request_many_with(asking.get(), targets, 2, question.get(), 0, -1, cancel.get(), &list));
  EXPECT_EQ(list, nullptr);
  firing.join();
  EXPECT_TRUE(asking.Collect("asker", "7", kPatience, Cancel())) << "of the one that answered";
  mq_message* reply = nullptr;
  EXPECT_STATUS(MQ_INTERRUPTED, mq_collect_with(asking.get(), "asker", "8", -1, cancel.get(), &reply));
  EXPECT_EQ(reply, nullptr);
}

TEST_P(RequestTest, ATokenThatIsNotFiredChangesNothing) {
  const Subscription answering = Answering(bus_, "worker");
  const Cancel cancel;
  EXPECT_TRUE(bus_.Request("worker", Message("?"), kPatience, cancel));
}

TEST_P(RequestTest, AShutdownEndsEveryWaitAndWhatCameIsNotLost) {
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  const Subscription answering = Answering(bus_, "quick");
  Bus asking = Open({{"source", "asker"}});
  std::vector<std::thread> threads;
  threads.emplace_back([&] { EXPECT_STATUS(MQ_CLOSED, Request(asking, Message("one"), kForever)); });
  threads.emplace_back([&] {
    const char* const targets[] = {"worker", "quick"};
    mq_list* list = nullptr;
    const Message question = std::move(Message("many").SetCorrelationId("7"));
    EXPECT_STATUS(MQ_CLOSED, mq_request_many(asking.get(), targets, 2, question.get(), 0, -1, &list));
    EXPECT_EQ(list, nullptr);
  });
  threads.emplace_back([&] {
    mq_message* reply = nullptr;
    EXPECT_STATUS(MQ_CLOSED, mq_collect(asking.get(), "asker", "8", -1, &reply));
  });
  Next(worker);
  Next(worker);
  // The quick one's reply has come.
  EXPECT_TRUE(Eventually(kPatience, [&] { return bus_.Count({{"state", "reserved"}}) == 3; }));
  asking.Shutdown();
  for (std::thread& thread : threads) thread.join();
  EXPECT_STATUS(MQ_CLOSED, Request(asking, Message("later"), kForever));
  mq_message* reply = nullptr;
  EXPECT_STATUS(MQ_CLOSED, mq_collect(asking.get(), "asker", "7", 0, &reply));
  EXPECT_STATUS(MQ_CLOSED, mq_reply(asking.get(), Message("x").SetReplyTo("a").get(), Message("y").get()));
  asking.Close();
  Bus restarted = Open({{"source", "asker"}});
  const std::optional<Message> kept = restarted.Collect("asker", "7", kPatience);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->payload(), "re: many");
}

// ---- bad input ------------------------------------------------------------------------------------------------------

TEST_P(RequestTest, AMessageWithoutReplyToCanNotBeAnswered) {
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  bus_.SendTo("worker", Message("no question"));
  const Message received = Next(worker);
  const Message reply("x");
  EXPECT_STATUS(MQ_INVALID, mq_reply(bus_.get(), received.get(), reply.get()));
  EXPECT_TRUE(ErrorSays("reply_to"));
  EXPECT_EQ(reply.target(), "");
  const Message question = std::move(Message("?").SetReplyTo("a"));
  EXPECT_STATUS(MQ_INVALID, mq_reply(bus_.get(), question.get(), received.get()));
  EXPECT_TRUE(ErrorSays("read-only"));
}

TEST_P(RequestTest, OneCallAtATimeWaitsForACorrelationId) {
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  std::optional<Message> reply;
  std::thread asking([&] {
    reply = bus_.Request("worker", std::move(Message("?").SetCorrelationId("7").SetReplyTo("asker")), kPatience);
  });
  const Message request = Next(worker);
  EXPECT_STATUS(MQ_INVALID, Request(bus_, std::move(Message("?").SetCorrelationId("7").SetReplyTo("asker")), 0ms));
  EXPECT_TRUE(ErrorSays("'7'"));
  EXPECT_STATUS(MQ_TIMEOUT, Request(bus_, std::move(Message("?").SetCorrelationId("7").SetReplyTo("other")), 0ms));
  bus_.Reply(request, Message("yes"));
  asking.join();
  EXPECT_TRUE(reply);
}

TEST_P(RequestTest, BadRequestsAreRefusedAndNothingIsSent) {
  const Message good("x");
  mq_list* list = nullptr;
  const char* targets[] = {"a", "", nullptr};
  EXPECT_STATUS(MQ_INVALID, Request(bus_, good, kForever, ""));
  EXPECT_STATUS(MQ_INVALID, Request(bus_, std::move(Message("x").SetMode(MQ_MODE_PUBSUB)), kForever));
  const std::string longest(250, 'n');
  EXPECT_STATUS(MQ_INVALID, Request(bus_, std::move(Message("x").SetReplyTo(longest.c_str())), kForever));
  EXPECT_STATUS(MQ_INVALID, mq_request_many(bus_.get(), targets, 0, good.get(), 0, -1, &list));
  EXPECT_STATUS(MQ_INVALID, mq_request_many(bus_.get(), targets, 2, good.get(), 0, -1, &list));
  EXPECT_STATUS(MQ_INVALID, mq_request_many(bus_.get(), targets + 2, 1, good.get(), 0, -1, &list));
  EXPECT_STATUS(MQ_INVALID, mq_request_many(bus_.get(), targets, 1, good.get(), 2, -1, &list));
  EXPECT_TRUE(ErrorSays("wanted"));
  EXPECT_EQ(bus_.Count(), 0);
  mq_message* reply = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_collect(bus_.get(), "a", "", 0, &reply));
  EXPECT_STATUS(MQ_INVALID, mq_collect(bus_.get(), "", "7", 0, &reply));
}

}  // namespace
}  // namespace agentmq::test
