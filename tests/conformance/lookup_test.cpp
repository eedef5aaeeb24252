// mq_get, mq_find and mq_count with their filters.
#include <algorithm>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class LookupTest : public BusTest {
 protected:
  // Payloads that fit, sorted.
  std::vector<std::string> Fits(const Config& filter) {
    std::vector<std::string> found = Payloads(bus_.Find(filter));
    EXPECT_EQ(bus_.Count(filter), static_cast<int64_t>(found.size()));
    std::sort(found.begin(), found.end());
    return found;
  }
  void Post(const char* channel, const char* target, const char* payload, const char* source, const char* type) {
    Message message = Text(payload, target);
    message.SetSource(source).SetType(type);
    bus_.Publish(channel, message);
  }
};
AGENTMQ_ON_EVERY_BACKEND(LookupTest);

using Strings = std::vector<std::string>;

TEST_P(LookupTest, AMessageIsFoundByItsId) {
  const std::string id = Put(bus_, "c", "a", "x", 7);
  const std::optional<Message> found = bus_.Get(id.c_str());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id(), id);
  EXPECT_EQ(found->payload(), "x");
  EXPECT_EQ(found->channel(), "c");
  EXPECT_EQ(found->target(), "a");
  EXPECT_EQ(found->priority(), 7);
  EXPECT_EQ(found->state(), MQ_STATE_QUEUED);
  bus_.Delete(id.c_str());
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_NOT_FOUND, mq_get(bus_.get(), id.c_str(), &message));
  EXPECT_EQ(message, nullptr);
}

TEST_P(LookupTest, AnIdOfAnotherNamespaceIsNotFound) {
  const std::string id = Put(bus_, "c", "a", "x");
  Bus other(FreshUrl(GetParam()));
  EXPECT_FALSE(other.Get(id.c_str()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_delete(other.get(), id.c_str()));
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(LookupTest, EachFieldOfAFilterChooses) {
  Post("c", "a", "1", "s", "t");
  Post("c", "b", "2", "s", "u");
  Post("d", "a", "3", "r", "t");
  Post("d", nullptr, "4", "r", "u");
  EXPECT_EQ(Fits({}), (Strings{"1", "2", "3", "4"}));
  EXPECT_EQ(Fits({{"channel", "c"}}), (Strings{"1", "2"}));
  EXPECT_EQ(Fits({{"target", "a"}}), (Strings{"1", "3"}));
  EXPECT_EQ(Fits({{"source", "r"}}), (Strings{"3", "4"}));
  EXPECT_EQ(Fits({{"type", "u"}}), (Strings{"2", "4"}));
  EXPECT_EQ(Fits({{"channel", "d"}, {"type", "t"}, {"source", "r"}}), Strings{"3"});
  EXPECT_EQ(Fits({{"channel", "d"}, {"type", "nothing"}}), Strings{});
  EXPECT_EQ(Fits({{"channel", "*"}}), Strings{}) << "a name, not a pattern";
}

TEST_P(LookupTest, StatesAreAListOrAllButOne) {
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "1"}});
  Put(bus_, "c", "a", "retrying");
  bus_.Nack(Next(subscription), MQ_FAILURE_TRANSIENT, 1h);
  Put(bus_, "c", "a", "reserved");
  const Message held = Next(subscription);
  Put(bus_, "c", "a", "queued");
  EXPECT_EQ(Fits({{"state", "queued"}}), Strings{"queued"});
  EXPECT_EQ(Fits({{"state", "reserved"}}), Strings{"reserved"});
  EXPECT_EQ(Fits({{"state", "retrying"}}), Strings{"retrying"});
  EXPECT_EQ(Fits({{"state", "queued,retrying"}}), (Strings{"queued", "retrying"}));
  EXPECT_EQ(Fits({{"state", "!queued"}}), (Strings{"reserved", "retrying"}));
  EXPECT_EQ(Fits({{"state", "!acked"}}), (Strings{"queued", "reserved", "retrying"}));
  EXPECT_EQ(Fits({{"state", "acked"}}), Strings{});
  const MessageList found = bus_.Find({{"state", "reserved"}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].state(), MQ_STATE_RESERVED);
}

TEST_P(LookupTest, SinceAndUntilBoundTheTimestamp) {
  const Message first = Text("1", "a");
  bus_.Publish("c", first);
  Message second = Text("2", "a");
  ASSERT_TRUE(Eventually(kPatience, [&] {  // a later millisecond of the server's clock
    bus_.Publish("c", second);
    if (second.timestamp() > first.timestamp()) return true;
    bus_.Delete(std::string(second.id()).c_str());
    return false;
  }));
  const std::string later = std::to_string(second.timestamp());
  EXPECT_EQ(Fits({{"since", later}}), Strings{"2"});
  EXPECT_EQ(Fits({{"since", std::to_string(first.timestamp())}}), (Strings{"1", "2"}));
  EXPECT_EQ(Fits({{"until", std::to_string(first.timestamp() - 1)}}), Strings{});
  EXPECT_EQ(Fits({{"until", std::to_string(second.timestamp() + 1)}}), (Strings{"1", "2"}));
  EXPECT_EQ(Fits({{"since", "-1h"}}), (Strings{"1", "2"}));
  EXPECT_EQ(Fits({{"since", "2999-01-01T00:00:00Z"}}), Strings{});
  EXPECT_EQ(Fits({{"until", "2001-01-01T00:00:00Z"}}), Strings{});
}

TEST_P(LookupTest, TheOldestComeFirstWithLimitAndOffset) {
  for (int i = 0; i < 10; ++i) Put(bus_, "c", "a", std::to_string(i), i);
  const Config filter{{"channel", "c"}, {"target", "a"}};
  EXPECT_EQ(Payloads(bus_.Find(filter, 3)), (Strings{"0", "1", "2"}));
  EXPECT_EQ(Payloads(bus_.Find(filter, 3, 8)), (Strings{"8", "9"}));
  EXPECT_EQ(Payloads(bus_.Find(filter, 3, 10)), Strings{});
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_INVALID, mq_find(bus_.get(), nullptr, 0, 0, &list));
  EXPECT_STATUS(MQ_INVALID, mq_find(bus_.get(), nullptr, 10001, 0, &list));
  EXPECT_STATUS(MQ_OK, mq_find(bus_.get(), nullptr, 10000, SIZE_MAX, &list));
  EXPECT_EQ(mq_list_size(list), 0u);
  mq_list_free(list);
}

TEST_P(LookupTest, AFilterOfNullIsAll) {
  Put(bus_, "c", "a", "x");
  int64_t count = 0;
  EXPECT_STATUS(MQ_OK, mq_count(bus_.get(), nullptr, &count));
  EXPECT_EQ(count, 1);
  mq_list* list = nullptr;
  EXPECT_STATUS(MQ_OK, mq_find(bus_.get(), nullptr, 10, 0, &list));
  EXPECT_EQ(mq_list_size(list), 1u);
  mq_list_free(list);
}

TEST_P(LookupTest, FiveThousandAreCountedAndPaged) {
  bus_.PublishBatch("c", Texts(5000, "a"));
  EXPECT_EQ(bus_.Count({{"channel", "c"}}), 5000);
  EXPECT_EQ(Payloads(bus_.Find({{"channel", "c"}}, 2, 4321)), (Strings{"m4321", "m4322"}));
  EXPECT_EQ(bus_.Find({}, 10000).size(), 5000u);
}

TEST_P(LookupTest, WhatIsFoundIsReadOnlyAndMayBeCopied) {
  Put(bus_, "c", "a", "x");
  MessageList list = bus_.Find();
  std::optional<Message> found = list.Take(0);
  ASSERT_TRUE(found);
  EXPECT_STATUS(MQ_INVALID, mq_message_set_type(found->get(), "t"));
  Message copy = Message::Copy(*found);
  copy.SetTarget("b");
  bus_.Publish("c", copy);
  EXPECT_EQ(bus_.Count(), 2);
}

}  // namespace
}  // namespace agentmq::test
