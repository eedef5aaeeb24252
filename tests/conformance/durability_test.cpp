// What a publish waits for beyond the server's memory, where there is nothing more: it is stored, and says so.
#include <atomic>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class DurabilityTest : public BusTest {};
AGENTMQ_ON_EVERY_BACKEND(DurabilityTest);

TEST_P(DurabilityTest, WithoutReplicasItIsStoredAndPartial) {
  Bus bus = Open({{"durability_timeout", "10ms"}});
  Message message = Text("x", "a");
  message.SetMinReplicas(1);
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(bus.get(), "c", message.get()));
  EXPECT_TRUE(ErrorSays("0 of 1 replicas"));
  EXPECT_NE(std::string(message.id()), "");
  EXPECT_EQ(message.status(), MQ_PARTIAL);
  EXPECT_EQ(message.replicas(), 0);
  EXPECT_FALSE(message.fsynced());
  Subscription subscription = bus.Subscribe("c", "a");
  EXPECT_EQ(Take(bus, subscription, 1), std::vector<std::string>{"x"});
}

TEST_P(DurabilityTest, TheBusAsksForAllAndAMessageForItself) {
  Bus bus = Open({{"durability_timeout", "10ms"}, {"min_replicas", "1"}});
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(bus.get(), "c", Text("as the bus says", "a").get()));
  Message message = Text("as it says itself", "a");
  message.SetMinReplicas(0);
  EXPECT_STATUS(MQ_OK, mq_publish(bus.get(), "c", message.get()));
  EXPECT_EQ(bus.Count(), 2);
}

TEST_P(DurabilityTest, OfABatchEachSaysWhatBecameOfIt) {
  Bus bus = Open({{"durability_timeout", "10ms"}});
  std::vector<Message> batch = Texts(30, "a");
  batch[7].SetMinReplicas(2);
  std::vector<mq_message*> handles;
  for (Message& message : batch) handles.push_back(message.get());
  std::vector<int32_t> results(batch.size(), -1);
  size_t published = 0;
  EXPECT_STATUS(MQ_PARTIAL,
                mq_publish_batch(bus.get(), "c", handles.data(), handles.size(), results.data(), &published));
  EXPECT_TRUE(ErrorSays("0 of 2 replicas"));
  EXPECT_EQ(published, 30u);
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i], i == 7 ? MQ_PARTIAL : MQ_OK) << i;
  EXPECT_EQ(bus.Count(), 30);
}

TEST_P(DurabilityTest, AnAsynchronousOneIsToldWithItsId) {
  Bus bus = Open({{"durability_timeout", "10ms"}, {"min_replicas", "1"}});
  std::atomic<int> told{-1};
  std::string id;
  bus.PublishAsync("c", Text("x", "a"), [&](mq_status status, std::string_view stored) {
    id = stored;
    told = status;
  });
  EXPECT_STATUS(MQ_PARTIAL, mq_flush(bus.get(), 10000));
  EXPECT_EQ(told, MQ_PARTIAL);
  EXPECT_TRUE(bus.Get(id.c_str()));
}

TEST_P(DurabilityTest, WithoutADiskItIsStoredAndPartial) {
  Bus bus = Open({{"durability_timeout", "10ms"}});
  Message message = Text("x", "a");
  message.SetFsync(true);
  EXPECT_STATUS(MQ_PARTIAL, mq_publish(bus.get(), "c", message.get()));
  EXPECT_TRUE(ErrorSays("no disk"));
  EXPECT_EQ(bus.Count(), 1);
}

TEST_P(DurabilityTest, AnImpossibleNumberIsRefused) {
  Message message = Text("x", "a");
  EXPECT_STATUS(MQ_INVALID, mq_message_set_min_replicas(message.get(), -1));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_min_replicas(message.get(), 101));
  EXPECT_STATUS(MQ_INVALID, mq_publish(bus_.get(), "c", message.get()));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_min_replicas(nullptr, 1));
  EXPECT_STATUS(MQ_INVALID, mq_message_set_fsync(nullptr, 1));
  EXPECT_EQ(mq_message_replicas(nullptr), 0);
  EXPECT_EQ(mq_message_is_fsynced(nullptr), 0);
  EXPECT_EQ(bus_.Count(), 0);
}

}  // namespace
}  // namespace agentmq::test
