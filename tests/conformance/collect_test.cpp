// mq_collect: replies that came too late, to a process that is gone, or beyond those that were waited for.
#include <set>
#include <thread>

#include "conformance/request_test.hpp"

namespace agentmq::test {
namespace {

class CollectTest : public RequestingTest {};
AGENTMQ_ON_EVERY_BACKEND(CollectTest);

TEST_P(CollectTest, ALateReplyIsCollected) {
  Bus asking = Open({{"source", "asker"}});
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  const Message question("?");
  EXPECT_STATUS(MQ_TIMEOUT, Request(asking, question, 20ms));
  const std::string correlation_id(question.correlation_id());
  EXPECT_FALSE(asking.Collect("asker", correlation_id.c_str(), 20ms)) << "it is not there yet";
  AnswerOne(worker, "late");
  const std::optional<Message> reply = asking.Collect("asker", correlation_id.c_str(), kPatience);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->payload(), "late");
  EXPECT_EQ(reply->correlation_id(), correlation_id);
  EXPECT_FALSE(asking.Collect("asker", correlation_id.c_str(), 0ms)) << "it is taken only once";
  EXPECT_TRUE(NothingIsLeft());
}

TEST_P(CollectTest, ALateReplyThatWasPutAsideIsCollected) {
  Bus asking = Open({{"source", "asker"}});
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  const Message question = std::move(Message("?").SetCorrelationId("7"));
  EXPECT_STATUS(MQ_TIMEOUT, Request(asking, question, 0ms));
  AnswerOne(worker, "late");
  ASSERT_TRUE(Eventually(kPatience, [&] { return bus_.Count({{"state", "retrying"}}) == 1; }));
  EXPECT_TRUE(asking.Collect("asker", "7", 0ms));
  EXPECT_TRUE(NothingIsLeft());
}

TEST_P(CollectTest, CollectingWaitsForAReplyThatIsStillToCome) {
  Bus asking = Open({{"source", "asker"}});
  Bus other = Open({{"source", "asker"}});
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  for (Bus* collecting : {&asking, &other}) {
    EXPECT_STATUS(MQ_TIMEOUT, Request(asking, std::move(Message("?").SetCorrelationId("7")), 0ms));
    std::thread working([&] {
      EXPECT_TRUE(Always(30ms, [] { return true; }));
      AnswerOne(worker, "there");
    });
    EXPECT_TRUE(collecting->Collect("asker", "7", kPatience));
    working.join();
  }
  EXPECT_TRUE(NothingIsLeft());
}

TEST_P(CollectTest, ARequesterThatRestartsCollectsTheReply) {
  for (const bool before : {true, false}) {
    Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
    {
      Bus asking = Open({{"source", "asker"}});
      EXPECT_STATUS(MQ_TIMEOUT, Request(asking, std::move(Message("?").SetCorrelationId("7")), 0ms));
      if (before) AnswerOne(worker, "durable");
    }
    if (!before) AnswerOne(worker, "durable");
    Bus restarted = Open({{"source", "asker"}});
    EXPECT_FALSE(restarted.Collect("asker", "8", 0ms));
    EXPECT_FALSE(restarted.Collect("another", "7", 0ms));
    const std::optional<Message> reply = restarted.Collect("asker", "7", kPatience);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->payload(), "durable");
    EXPECT_TRUE(NothingIsLeft());
  }
}

TEST_P(CollectTest, WhoAsksWithoutANameCollectsByReplyTo) {
  const Message question("?");
  {
    Bus asking = Open();
    EXPECT_STATUS(MQ_TIMEOUT, Request(asking, question, 0ms));
  }
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  AnswerOne(worker, "for nobody by name");
  const std::string correlation_id(question.correlation_id());
  const std::optional<Message> reply =
      bus_.Collect(std::string(question.reply_to()).c_str(), correlation_id.c_str(), kPatience);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->payload(), "for nobody by name");
}

TEST_P(CollectTest, ASecondReplyIsALateOne) {
  Bus asking = Open({{"source", "asker"}});
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  std::thread working([&] {
    const Message request = Next(worker);
    bus_.Reply(request, Message("first"));
    bus_.Reply(request, Message("second"));
    bus_.Ack(request);
  });
  const std::optional<Message> reply =
      asking.Request("worker", std::move(Message("?").SetCorrelationId("7")), kPatience);
  working.join();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->payload(), "first");
  const std::optional<Message> second = asking.Collect("asker", "7", kPatience);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->payload(), "second");
}

TEST_P(CollectTest, LateRepliesThatNobodyCollectsExpire) {
  Bus working = Open({{"reply_ttl", "300ms"}});
  Subscription worker = working.Subscribe(MQ_DIRECT, "worker");
  EXPECT_STATUS(MQ_TIMEOUT, Request(bus_, Message("?"), 0ms));
  const Message request = Next(worker);
  const Message reply("late");
  working.Reply(request, reply);
  working.Ack(request);
  EXPECT_GT(reply.expires(), 0);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_P(CollectTest, AReplysOwnTtlIsKept) {
  Subscription worker = bus_.Subscribe(MQ_DIRECT, "worker");
  EXPECT_STATUS(MQ_TIMEOUT, Request(bus_, Message("?"), 0ms));
  const Message request = Next(worker);
  const Message usual("1");
  const Message own = std::move(Message("2").SetTtl(1h));
  const Message everlasting = std::move(Message("3").SetTtl(kForever));
  for (const Message* reply : {&usual, &own, &everlasting}) bus_.Reply(request, *reply);
  EXPECT_EQ(usual.expires() - usual.timestamp(), int64_t{24} * 3600 * 1000);
  EXPECT_EQ(own.expires() - own.timestamp(), 3600 * 1000);
  EXPECT_EQ(everlasting.expires(), 0);
}

TEST_P(CollectTest, OfLateRepliesTheNewestThousandAreKept) {
  Bus asking = Open({{"source", "asker"}});
  const Message question = std::move(Message("?").SetCorrelationId("7"));
  EXPECT_STATUS(MQ_TIMEOUT, Request(asking, question, 0ms));
  const std::string inbox(question.reply_to());
  std::vector<Message> replies;
  for (int i = 0; i < 1010; ++i) {
    replies.push_back(std::move(Text(std::to_string(i), inbox.c_str()).SetCorrelationId(std::to_string(i).c_str())));
  }
  bus_.PublishBatch(MQ_DIRECT, replies);
  // Each is put aside before one is dropped for it.
  ASSERT_TRUE(Eventually(60s, [&] { return bus_.Count({{"channel", ""}, {"target", inbox}}) == 1000; }));
  EXPECT_EQ(bus_.Count({{"state", "retrying"}, {"target", inbox}}), 1000);
  EXPECT_FALSE(asking.Collect("asker", "9", 0ms));
  EXPECT_TRUE(asking.Collect("asker", "10", 0ms));
  EXPECT_TRUE(asking.Collect("asker", "1009", 0ms));
}

// While one is looked for another one comes.
TEST_P(CollectTest, EachOfManyLateRepliesIsCollectedOnce) {
  Bus asking = Open({{"source", "asker"}});
  std::vector<std::string> names;
  std::vector<Subscription> workers;
  for (int i = 0; i < 20; ++i) {
    names.push_back("w" + std::to_string(i));
    workers.push_back(bus_.Subscribe(MQ_DIRECT, names.back().c_str()));
  }
  std::vector<const char*> targets;
  for (const std::string& name : names) targets.push_back(name.c_str());
  const Message question = std::move(Message("?").SetCorrelationId("7"));
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_TIMEOUT, mq_request_many(asking.get(), targets.data(), targets.size(), question.get(),
                                            targets.size(), 0, &list));
  std::thread working([&] {
    for (size_t i = 0; i < workers.size(); ++i) AnswerOne(workers[i], names[i].c_str());
  });
  std::set<std::string> collected;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::optional<Message> reply = asking.Collect("asker", "7", kPatience);
    EXPECT_TRUE(reply) << "after " << i;
    if (!reply) break;
    collected.insert(std::string(reply->payload()));
  }
  working.join();
  EXPECT_EQ(collected.size(), names.size());
  EXPECT_TRUE(NothingIsLeft());
}

}  // namespace
}  // namespace agentmq::test
