// mq_publish_batch and mq_publish_many: all or nothing a queue, and what is told of each message.
#include <set>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class BatchTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(BatchTest);

TEST_P(BatchTest, ABatchIsStoredInItsOrder) {
  const std::vector<Message> messages = Texts(100, "a");
  std::vector<mq_status> results;
  EXPECT_EQ(bus_.PublishBatch("c", messages, &results), 100u);
  EXPECT_EQ(results, std::vector<mq_status>(100, MQ_OK));
  std::set<std::string_view> ids;
  for (const Message& message : messages) ids.insert(message.id());
  EXPECT_EQ(ids.size(), 100u);
  EXPECT_EQ(ids.count(""), 0u);
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::vector<std::string> taken = Take(bus_, subscription, 100);
  for (size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i], "m" + std::to_string(i));
}

TEST_P(BatchTest, ABatchOf2500IsStoredWholeAndInOrder) {
  EXPECT_EQ(bus_.PublishBatch("c", Texts(2500, "a")), 2500u);
  EXPECT_EQ(bus_.Count(), 2500);
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::vector<std::string> taken = Take(bus_, subscription, 2500);
  for (size_t i = 0; i < taken.size(); ++i) ASSERT_EQ(taken[i], "m" + std::to_string(i));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(BatchTest, ABatchOfMoreThanAMebibyteIsStored) {
  std::vector<Message> messages;
  for (int i = 0; i < 60; ++i) messages.push_back(Text(std::string(50'000, static_cast<char>('a' + i % 26)), "a"));
  messages.push_back(Text(std::string(200'000, 'x'), "a"));
  EXPECT_EQ(bus_.PublishBatch("c", messages), messages.size());
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::vector<std::string> taken = Take(bus_, subscription, messages.size());
  for (size_t i = 0; i < taken.size(); ++i) EXPECT_TRUE(taken[i] == messages[i].payload()) << i;
}

TEST_P(BatchTest, ABatchThatDoesNotFitIsRefusedWhole) {
  bus_.Configure("c", {{"max_items", "10"}});
  const std::vector<Message> messages = Texts(11, "a");
  std::vector<mq_message*> handles;
  for (const Message& message : messages) handles.push_back(message.get());
  std::vector<int32_t> results(11, -1);
  size_t published = 99;
  EXPECT_STATUS(MQ_FULL, mq_publish_batch(bus_.get(), "c", handles.data(), 11, results.data(), &published));
  EXPECT_EQ(published, 0u);
  EXPECT_EQ(results, std::vector<int32_t>(11, MQ_FULL));
  for (const Message& message : messages) EXPECT_EQ(message.id(), "");
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_STATUS(MQ_OK, mq_publish_batch(bus_.get(), "c", handles.data(), 10, nullptr, nullptr));
  EXPECT_EQ(bus_.Count(), 10);
}

TEST_P(BatchTest, OneFullQueueDoesNotHoldTheOthersBack) {
  bus_.Configure("c", {{"max_items", "3"}});
  bus_.PublishBatch("c", Texts(2, "full"));
  std::vector<Message> messages;
  for (int i = 0; i < 3; ++i) {
    messages.push_back(Text("f", "full"));
    messages.push_back(Text("e", "empty"));
  }
  std::vector<mq_status> results;
  EXPECT_EQ(bus_.PublishBatch("c", messages, &results), 3u);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(results[i], i % 2 == 0 ? MQ_FULL : MQ_OK) << i;
    EXPECT_EQ(messages[i].id().empty(), i % 2 == 0) << i;
  }
  EXPECT_EQ(bus_.Count({{"target", "full"}}), 2);
  EXPECT_EQ(bus_.Count({{"target", "empty"}}), 3);
  mq_message* both[] = {messages[0].get(), messages[1].get()};
  size_t published = 9;
  Put(bus_, "c", "full", "f");  // now both are
  EXPECT_STATUS(MQ_FULL, mq_publish_batch(bus_.get(), "c", both, 2, nullptr, &published));
  EXPECT_EQ(published, 0u);
}

TEST_P(BatchTest, ABatchMixesBroadcastsAndTargets) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  std::vector<Message> messages;
  messages.push_back(Text("to a", "a"));
  messages.push_back(Text("to all"));
  messages.push_back(Text("to b", "b"));
  EXPECT_EQ(bus_.PublishBatch("c", messages), 3u);
  const auto of_a = Take(bus_, a, 2);
  const auto of_b = Take(bus_, b, 2);
  EXPECT_EQ(std::set<std::string>(of_a.begin(), of_a.end()), (std::set<std::string>{"to a", "to all"}));
  EXPECT_EQ(std::set<std::string>(of_b.begin(), of_b.end()), (std::set<std::string>{"to b", "to all"}));
}

TEST_P(BatchTest, NullAmongTheMessagesIsInvalidAndNothingIsStored) {
  const Message good = Text("x", "a");
  mq_message* handles[] = {good.get(), nullptr, good.get()};
  size_t published = 9;
  EXPECT_STATUS(MQ_INVALID, mq_publish_batch(bus_.get(), "c", handles, 3, nullptr, &published));
  EXPECT_EQ(published, 0u);
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(BatchTest, AMessageThatCanNotBePublishedIsToldApart) {
  Bus small = Open({{"max_payload", "1KiB"}});
  std::vector<Message> messages;
  messages.push_back(Text("x", "a"));
  messages.push_back(Text(std::string(2000, 'x'), "b"));
  std::vector<mq_message*> handles{messages[0].get(), messages[1].get()};
  std::vector<int32_t> results(2, -1);
  size_t published = 9;
  const mq_status status = mq_publish_batch(small.get(), "c", handles.data(), 2, results.data(), &published);
  EXPECT_NE(status, MQ_OK);
  EXPECT_EQ(results[1], MQ_TOO_LARGE);
  EXPECT_EQ(messages[1].id(), "");
  // Ids are set on exactly those that were stored, and counted so.
  EXPECT_EQ(published, messages[0].id().empty() ? 0u : 1u);
  EXPECT_EQ(bus_.Count(), static_cast<int64_t>(published));
  EXPECT_EQ(status == MQ_PARTIAL, published == 1);
}

TEST_P(BatchTest, ManyTargetsGetAMessageOfTheirOwn) {
  Message message("for each");
  message.SetTarget("left aside").SetType("t");
  const MessageList sent = bus_.PublishMany("c", message, {"a", "b", "c:1"});
  ASSERT_EQ(sent.size(), 3u);
  const char* targets[] = {"a", "b", "c:1"};
  std::set<std::string_view> ids;
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sent[i].target(), targets[i]);
    EXPECT_EQ(sent[i].status(), MQ_OK);
    ids.insert(sent[i].id());
    Subscription subscription = bus_.Subscribe("c", targets[i]);
    const Message got = Next(subscription);
    EXPECT_EQ(got.id(), sent[i].id());
    EXPECT_EQ(got.payload(), "for each");
    EXPECT_EQ(got.type(), "t");
    bus_.Ack(got);
  }
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(message.id(), "");
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(BatchTest, ManyTellsWhichOnesWereFull) {
  bus_.Configure("c", {{"max_items", "1"}});
  Put(bus_, "c", "b", "already there");
  const char* targets[] = {"a", "b", "d"};
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_PARTIAL, mq_publish_many(bus_.get(), "c", Message("x").get(), targets, 3, &list));
  const MessageList sent(list);
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].status(), MQ_OK);
  EXPECT_EQ(sent[1].status(), MQ_FULL);
  EXPECT_EQ(sent[2].status(), MQ_OK);
  EXPECT_NE(sent[0].id(), "");
  EXPECT_EQ(sent[1].id(), "");
  EXPECT_NE(sent[2].id(), "");
  EXPECT_EQ(sent[1].target(), "b");
}

TEST_P(BatchTest, ManyNeedsNoList) {
  const char* targets[] = {"a", "b"};
  EXPECT_STATUS(MQ_OK, mq_publish_many(bus_.get(), "c", Message("x").get(), targets, 2, nullptr));
  EXPECT_EQ(bus_.Count(), 2);
}

TEST_P(BatchTest, ManyWithABadTargetStoresNothing) {
  const char* targets[] = {"a", nullptr, "b"};
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_publish_many(bus_.get(), "c", Message("x").get(), targets, 3, &list));
  EXPECT_EQ(list, nullptr);
  const char* control[] = {"a", "b\n"};
  EXPECT_STATUS(MQ_INVALID, mq_publish_many(bus_.get(), "c", Message("x").get(), control, 2, &list));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(BatchTest, AThousandTargets) {
  std::vector<std::string> names;
  std::vector<const char*> targets;
  for (int i = 0; i < 1000; ++i) names.push_back("agent-" + std::to_string(i));
  for (const std::string& name : names) targets.push_back(name.c_str());
  const MessageList sent = bus_.PublishMany("c", Message("x"), targets);
  ASSERT_EQ(sent.size(), 1000u);
  for (size_t i = 0; i < 1000; ++i) EXPECT_EQ(sent[i].status(), MQ_OK);
  EXPECT_EQ(bus_.Count(), 1000);
}

}  // namespace
}  // namespace agentmq::test
