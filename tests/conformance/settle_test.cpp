// Acks in all their forms, extensions, and who may still settle.
#include <atomic>
#include <thread>

#include "support/bus_test.hpp"

namespace agentmq::test {
namespace {

class SettleTest : public BusTest {
 protected:
  // Fetches a message and lets its reservation lapse; another consumer may have it then.
  Message Lapsed(Subscription& subscription) {
    Message message = Next(subscription);
    EXPECT_TRUE(Eventually(kPatience, [&] {
      bus_.RecoverPending();
      return bus_.Count({{"state", "reserved"}}) == 0;
    }));
    return message;
  }
  const Config short_{{"visibility_timeout", "100ms"}, {"auto_extend", "false"}, {"prefetch", "1"}};
};
AGENTMQ_ON_EVERY_BACKEND(SettleTest);

TEST_P(SettleTest, ReceiptsKnowTheirSubscription) {
  // Its retry settings, and that what was extended or settled is no longer to be let go.
  Subscription subscription = bus_.Subscribe("c", "a", {{"retry_attempts", "1"}, {"auto_extend_max", "300ms"}});
  Put(bus_, "c", "a", "given up");
  bus_.NackReceipt(std::string(Next(subscription).receipt()).c_str(), MQ_FAILURE_TRANSIENT, kForever, "no");
  EXPECT_EQ(bus_.DeadLetters().size(), 1u) << "its only attempt";
  Put(bus_, "c", "a", "extended");
  const std::string receipt(Next(subscription).receipt());
  bus_.ExtendReceipt(receipt.c_str(), 1h);
  EXPECT_FALSE(subscription.Fetch(800ms)) << "it has an hour now";
  EXPECT_EQ(bus_.AckReceipts({receipt}), 1u);
  bus_.PublishBatch("c", Texts(3, "a"));
  std::vector<std::string> receipts;
  for (int i = 0; i < 3; ++i) receipts.emplace_back(Next(subscription).receipt());
  receipts.insert(receipts.begin() + 1, "nonsense");
  receipts.insert(receipts.begin() + 3, receipts[2].substr(0, receipts[2].size() - 1) + "x");
  std::vector<mq_status> results;
  EXPECT_EQ(bus_.AckReceipts(receipts, &results), 3u);
  EXPECT_EQ(results, (std::vector<mq_status>{MQ_OK, MQ_INVALID, MQ_OK, MQ_INVALID, MQ_OK}));
  EXPECT_EQ(bus_.Count(), 0);
}

// Deliveries are numbered from 1 on: a receipt of none would settle whatever is in whosever hand.
TEST_P(SettleTest, AReceiptOfNoDeliverySettlesNothing) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  const std::string receipt(message.receipt());
  for (const char* number : {"0", "00", "-1", ""}) {
    const std::string forged = receipt.substr(0, receipt.rfind('|') + 1) + number;
    const char* const one = forged.c_str();
    int32_t result = MQ_OK;
    EXPECT_STATUS(MQ_INVALID, mq_ack_receipts(bus_.get(), &one, 1, &result, nullptr));
    EXPECT_STATUS(MQ_INVALID, mq_nack_receipt(bus_.get(), one, MQ_FAILURE_PERMANENT, 0, nullptr));
    EXPECT_STATUS(MQ_INVALID, mq_extend_receipt(bus_.get(), one, 1000));
  }
  EXPECT_EQ(bus_.Count({{"state", "reserved"}}), 1);
  bus_.Ack(message);
}

TEST_P(SettleTest, AnAckRemovesTheMessage) {
  const std::string id = Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), message.get()));
  EXPECT_FALSE(bus_.Get(id.c_str()));
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(bus_.get(), message.get()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_nack(bus_.get(), message.get(), MQ_FAILURE_TRANSIENT, 0, nullptr));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_extend(bus_.get(), message.get(), 1000));
}

TEST_P(SettleTest, ALapsedReservationIsStaleWhenAnotherHasIt) {
  Put(bus_, "c", "a", "x");
  Subscription slow = bus_.Subscribe("c", "a", short_);
  const Message late = Lapsed(slow);
  Subscription quick = bus_.Subscribe("c", "a");
  const Message again = Next(quick);
  EXPECT_EQ(again.id(), late.id());
  EXPECT_EQ(again.deliveries(), 2);
  EXPECT_NE(again.receipt(), late.receipt());
  EXPECT_STATUS(MQ_STALE, mq_ack(bus_.get(), late.get()));
  EXPECT_STATUS(MQ_STALE, mq_nack(bus_.get(), late.get(), MQ_FAILURE_PERMANENT, -1, nullptr));
  EXPECT_STATUS(MQ_STALE, mq_extend(bus_.get(), late.get(), 1000));
  EXPECT_EQ(bus_.Count({{"state", "reserved"}}), 1) << "nothing has changed";
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), again.get()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(bus_.get(), late.get()));
}

TEST_P(SettleTest, TheSameConsumersEarlierDeliveryIsStaleToo) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a", short_);
  const Message first = Lapsed(subscription);
  const Message second = Next(subscription);
  EXPECT_EQ(second.deliveries(), 2);
  EXPECT_STATUS(MQ_STALE, mq_ack(bus_.get(), first.get()));
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), second.get()));
}

TEST_P(SettleTest, ABatchOfAcksTellsOfEach) {
  bus_.PublishBatch("c", Texts(50, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "50"}});
  MessageList list = subscription.FetchBatch(50, kPatience);
  while (list.size() < 50) {
    bus_.AckBatch(list);
    bus_.PublishBatch("c", Texts(50, "a"));
    list = subscription.FetchBatch(50, kPatience);
  }
  bus_.Ack(list[7]);
  bus_.Ack(list[11]);
  std::vector<mq_status> results;
  EXPECT_EQ(bus_.AckBatch(list, &results), 48u);
  for (size_t i = 0; i < 50; ++i) EXPECT_EQ(results[i], i == 7 || i == 11 ? MQ_NOT_FOUND : MQ_OK) << i;
  size_t acked = 9;
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack_batch(bus_.get(), list.get(), nullptr, &acked));
  EXPECT_EQ(acked, 0u);
}

TEST_P(SettleTest, APartOfABatchIsPartial) {
  bus_.PublishBatch("c", Texts(2, "a"));
  Subscription subscription = bus_.Subscribe("c", "a");
  std::vector<std::string> receipts;
  while (receipts.size() < 2) receipts.emplace_back(Next(subscription).receipt());
  const char* texts[] = {receipts[0].c_str(), receipts[1].c_str()};
  EXPECT_STATUS(MQ_OK, mq_ack_receipts(bus_.get(), texts, 1, nullptr, nullptr));
  EXPECT_STATUS(MQ_PARTIAL, mq_ack_receipts(bus_.get(), texts, 2, nullptr, nullptr));
}

TEST_P(SettleTest, AReceiptPutTogetherFromTwoSettlesNothing) {
  Subscription one = bus_.Subscribe("c", "a");
  Subscription other = bus_.Subscribe("d", "a");
  bus_.Publish("c", Text("x", "a"));
  bus_.Publish("d", Text("y", "a"));
  const std::string first(Next(one).receipt());
  const std::string second(Next(other).receipt());
  const std::string mixed = first.substr(0, first.find('|')) + second.substr(second.find('|'));
  const char* texts[] = {mixed.c_str()};
  EXPECT_STATUS(MQ_STALE, mq_ack_receipts(bus_.get(), texts, 1, nullptr, nullptr));
  EXPECT_EQ(bus_.AckReceipts({first, second}), 2u);
}

TEST_P(SettleTest, ReceiptsSettleFromAnotherHandle) {
  bus_.PublishBatch("c", Texts(3, "a"));
  Subscription subscription = bus_.Subscribe("c", "a");
  std::vector<std::string> receipts;
  for (int i = 0; i < 3; ++i) receipts.emplace_back(Next(subscription).receipt());
  Bus other = Open();
  std::vector<mq_status> results;
  EXPECT_EQ(other.AckReceipts({receipts[0], receipts[1]}, &results), 2u);
  EXPECT_EQ(results, (std::vector<mq_status>{MQ_OK, MQ_OK}));
  EXPECT_EQ(other.AckReceipts({receipts[0], receipts[2]}, &results), 1u);
  EXPECT_EQ(results, (std::vector<mq_status>{MQ_NOT_FOUND, MQ_OK}));
  EXPECT_EQ(bus_.Count(), 0);
}

TEST_P(SettleTest, AReceiptNacksAndExtends) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string first(Next(subscription).receipt());
  Bus other = Open();
  EXPECT_STATUS(MQ_OK, mq_extend_receipt(other.get(), first.c_str(), 60000));
  EXPECT_STATUS(MQ_OK, mq_nack_receipt(other.get(), first.c_str(), MQ_FAILURE_TRANSIENT, 0, "not now"));
  const Message again = Next(subscription);
  EXPECT_EQ(again.deliveries(), 2);
  EXPECT_EQ(again.reason(), "not now");
  EXPECT_STATUS(MQ_STALE, mq_nack_receipt(other.get(), first.c_str(), MQ_FAILURE_TRANSIENT, 0, nullptr));
  EXPECT_STATUS(MQ_STALE, mq_extend_receipt(other.get(), first.c_str(), 1000));
  EXPECT_STATUS(MQ_OK,
                mq_nack_receipt(other.get(), std::string(again.receipt()).c_str(), MQ_FAILURE_PERMANENT, -1, "no"));
  EXPECT_EQ(bus_.DeadLetters().size(), 1u);
}

TEST_P(SettleTest, TextsThatAreNoReceiptsAreInvalid) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  const std::string good(Next(subscription).receipt());
  for (const std::string& bad : {std::string("nonsense"), std::string("|||"), good.substr(0, good.size() / 2),
                                 good + "|1", std::string(100'000, 'r'), std::string("\xff")}) {
    const char* texts[] = {bad.c_str()};
    int32_t result = -1;
    EXPECT_STATUS(MQ_INVALID, mq_ack_receipts(bus_.get(), texts, 1, &result, nullptr)) << bad.substr(0, 80);
    EXPECT_STATUS(MQ_INVALID, mq_nack_receipt(bus_.get(), bad.c_str(), MQ_FAILURE_TRANSIENT, 0, nullptr));
    EXPECT_STATUS(MQ_INVALID, mq_extend_receipt(bus_.get(), bad.c_str(), 1000));
  }
  EXPECT_EQ(bus_.Count({{"state", "reserved"}}), 1);
}

TEST_P(SettleTest, AnIdSettlesWhoeverHoldsIt) {
  const std::string waiting = Put(bus_, "c", "a", "waiting");
  EXPECT_STATUS(MQ_OK, mq_ack_id(bus_.get(), "a", waiting.c_str()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack_id(bus_.get(), "a", waiting.c_str()));
  const std::string held = Put(bus_, "c", "a", "held");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  EXPECT_EQ(message.id(), held);
  EXPECT_STATUS(MQ_OK, mq_ack_id(bus_.get(), nullptr, held.c_str()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack(bus_.get(), message.get()));
  EXPECT_EQ(bus_.Count(), 0);
  EXPECT_FALSE(subscription.Fetch(0ms));
}

TEST_P(SettleTest, AnIdOfABroadcastSettlesForOneAgent) {
  Subscription a = bus_.Subscribe("c", "a");
  Subscription b = bus_.Subscribe("c", "b");
  const std::string id = Put(bus_, "c", nullptr, "x");
  EXPECT_STATUS(MQ_OK, mq_ack_id(bus_.get(), "a", id.c_str()));
  EXPECT_STATUS(MQ_NOT_FOUND, mq_ack_id(bus_.get(), "a", id.c_str()));
  EXPECT_STATUS(MQ_INVALID, mq_ack_id(bus_.get(), nullptr, id.c_str())) << "a broadcast has no target";
  EXPECT_FALSE(a.Fetch(kMoment));
  EXPECT_EQ(Next(b).payload(), "x");
}

TEST_P(SettleTest, TextsThatAreNoIdsAreInvalid) {
  for (const char* id : {"nonsense", "", "1c/a", "1c/a/short", "\xff"}) {
    EXPECT_STATUS(MQ_INVALID, mq_ack_id(bus_.get(), "a", id)) << id;
    mq_message* message = nullptr;
    EXPECT_STATUS(MQ_INVALID, mq_get(bus_.get(), id, &message)) << id;
    EXPECT_STATUS(MQ_INVALID, mq_delete(bus_.get(), id)) << id;
    char* new_id = nullptr;
    EXPECT_STATUS(MQ_INVALID, mq_replay(bus_.get(), id, &new_id)) << id;
  }
}

TEST_P(SettleTest, WhatWasNotFetchedCanNotBeSettled) {
  const Message mine = Text("x", "a");
  EXPECT_STATUS(MQ_INVALID, mq_ack(bus_.get(), mine.get()));
  bus_.Publish("c", mine);
  EXPECT_STATUS(MQ_INVALID, mq_ack(bus_.get(), mine.get()));
  EXPECT_STATUS(MQ_INVALID, mq_nack(bus_.get(), mine.get(), MQ_FAILURE_TRANSIENT, 0, nullptr));
  EXPECT_STATUS(MQ_INVALID, mq_extend(bus_.get(), mine.get(), 1000));
  EXPECT_STATUS(MQ_INVALID, mq_ack_async(bus_.get(), mine.get()));
  EXPECT_EQ(bus_.Count(), 1);
}

TEST_P(SettleTest, WithoutExtensionAReservationLapses) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a", short_);
  Next(subscription);
  const Message again = Next(subscription);
  EXPECT_EQ(again.deliveries(), 2);
  EXPECT_EQ(again.payload(), "x");
}

TEST_P(SettleTest, AutomaticExtensionKeepsWhatIsInHand) {
  Put(bus_, "c", "a", "x");
  Subscription holder = bus_.Subscribe("c", "a", {{"visibility_timeout", "1s"}});
  Subscription other = bus_.Subscribe("c", "a", {{"visibility_timeout", "1s"}});
  const Message message = Next(holder);
  EXPECT_FALSE(other.Fetch(3s));
  EXPECT_STATUS(MQ_OK, mq_ack(bus_.get(), message.get()));
}

TEST_P(SettleTest, AForgottenMessageLapsesAfterAutoExtendMax) {
  Put(bus_, "c", "a", "x");
  Subscription holder = bus_.Subscribe("c", "a", {{"visibility_timeout", "500ms"}, {"auto_extend_max", "1s"}});
  Subscription other = bus_.Subscribe("c", "a");
  const Message forgotten = Next(holder);
  const Message again = Next(other);
  EXPECT_EQ(again.id(), forgotten.id());
  EXPECT_STATUS(MQ_STALE, mq_ack(bus_.get(), forgotten.get()));
}

TEST_P(SettleTest, AnExtensionCountsFromNow) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a", short_);
  Subscription other = bus_.Subscribe("c", "a", short_);
  const Message message = Next(subscription);
  bus_.Extend(message, 60s);
  EXPECT_GE(message.reserved_until(), message.timestamp() + 60'000);
  EXPECT_FALSE(other.Fetch(400ms));
  // A shorter one ends it sooner, automatic extension or not.
  bus_.Extend(message, 1ms);
  EXPECT_EQ(Next(other).deliveries(), 2);
}

TEST_P(SettleTest, AnExtensionTurnsAutomaticExtensionOff) {
  Put(bus_, "c", "a", "x");
  Subscription subscription = bus_.Subscribe("c", "a");
  Subscription other = bus_.Subscribe("c", "a");
  const Message message = Next(subscription);
  bus_.Extend(message, 100ms);
  EXPECT_EQ(Next(other).deliveries(), 2);
  EXPECT_STATUS(MQ_STALE, mq_ack(bus_.get(), message.get()));
}

TEST_P(SettleTest, RecoverPendingPutsLapsedReservationsBackNow) {
  bus_.PublishBatch("c", Texts(3, "a"));
  Subscription a = bus_.Subscribe("c", "a", {{"visibility_timeout", "200ms"}, {"auto_extend", "false"}});
  Put(bus_, "c", "b", "x");
  Subscription b = bus_.Subscribe("c", "b");
  for (int i = 0; i < 3; ++i) Next(a);
  Next(b);
  int64_t recovered = 0;
  EXPECT_TRUE(Eventually(kPatience, [&] {
    recovered += bus_.RecoverPending("a");
    return bus_.Count({{"target", "a"}, {"state", "queued"}}) == 3;
  }));
  EXPECT_LE(recovered, 3);
  EXPECT_EQ(bus_.RecoverPending("b"), 0) << "it has not lapsed";
  EXPECT_EQ(bus_.RecoverPending(), 0);
}

TEST_P(SettleTest, EightThreadsSettleEachMessageOnce) {
  bus_.PublishBatch("c", Texts(200, "a"));
  Subscription subscription = bus_.Subscribe("c", "a", {{"prefetch", "200"}});
  std::vector<std::string> receipts;
  for (int i = 0; i < 200; ++i) receipts.emplace_back(Next(subscription).receipt());
  std::atomic<int> acked{0};
  std::atomic<int> gone{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (const std::string& receipt : receipts) {
        const char* texts[] = {receipt.c_str()};
        const mq_status status = mq_ack_receipts(bus_.get(), texts, 1, nullptr, nullptr);
        if (status == MQ_OK) ++acked;
        if (status == MQ_NOT_FOUND) ++gone;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(acked, 200);
  EXPECT_EQ(gone, 1400);
}

}  // namespace
}  // namespace agentmq::test
