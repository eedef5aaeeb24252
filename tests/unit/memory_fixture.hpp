#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "memory/open.hpp"
#include "memory/store.hpp"

namespace agentmq {

// A store of its own for each test, whose time the test moves on.
class MemoryTest : public testing::Test {
 protected:
  using Ids = std::vector<ShortId>;

  static std::shared_ptr<Backend> Open(const std::string& name, const std::string& name_space = "n") {
    return *memory::Open(name, {"p", name_space, [](int, std::string_view, const Details&) {}});
  }

  MemoryTest() : store_(memory::Store::Open(TestName(), "p", "n")) {
    const EventSink sink = [this](int, std::string_view event, const Details& details) {
      events_.emplace_back(event);
      for (const auto& [key, value] : details) events_.back() += " " + value;
    };
    backend_ = *memory::Open(TestName(), {"p", "n", sink});
  }

  static std::string TestName() { return testing::UnitTest::GetInstance()->current_test_info()->name(); }

  Status TryPublish(const QueueName& queue, std::vector<Outgoing> messages, const Limits& limits, Ids* ids = nullptr) {
    PublishBatch batch;
    batch.queue = &queue;
    batch.limits = limits;
    batch.messages = messages;
    backend_->Publish({&batch, 1}, {});
    dropped_ = batch.dropped;
    if (ids == nullptr || !batch.status.ok()) return batch.status;
    for (const Outgoing& message : messages) ids->push_back(message.id);
    return batch.status;
  }

  static Outgoing Text(std::string_view payload, int priority = 5, int64_t ttl = -1) {
    return {priority, ttl, "1=", payload, {}};
  }

  ShortId Publish(const QueueName& queue, std::string_view payload, int priority = 5, int64_t ttl = -1) {
    Ids ids;
    EXPECT_TRUE(TryPublish(queue, {Text(payload, priority, ttl)}, {}, &ids).ok());
    return ids.at(0);
  }

  std::unique_ptr<Consumer> Subscribe(const Source& source, ConsumerOptions options = {}) {
    if (options.name.empty()) options.name = "me";
    Result<std::unique_ptr<Consumer>> consumer = backend_->Subscribe(source, options, {});
    EXPECT_TRUE(consumer.ok()) << consumer.status().text();
    return std::move(*consumer);
  }

  static Fetched Fetch(Consumer& consumer, size_t room = 100) {
    Result<Fetched> fetched = consumer.Fetch(room, {});
    EXPECT_TRUE(fetched.ok()) << fetched.status().text();
    return std::move(*fetched);
  }

  // The payloads of what was fetched, joined.
  static std::string Texts(const Fetched& fetched) {
    std::string texts;
    for (const Delivery& message : fetched.messages) texts += (texts.empty() ? "" : " ") + message.record.substr(2);
    return texts;
  }
  static std::string FetchTexts(Consumer& consumer, size_t room = 100) { return Texts(Fetch(consumer, room)); }

  Code Ack(const Source& source, const std::string& consumer, const ShortId& id, int64_t delivery) {
    Settlement settlement{id, delivery, {}};
    SettleBatch batch{&source, consumer, {&settlement, 1}};
    backend_->Ack({&batch, 1}, {});
    return settlement.status.code();
  }
  Code Ack(const Source& source, const Consumer& consumer, const Delivery& message) {
    return Ack(source, consumer.incarnation(), message.id, message.delivery);
  }

  Code GiveUp(const Source& source, const Consumer& consumer, const Delivery& message, Nack nack, bool* dead) {
    nack.id = message.id;
    nack.delivery = message.delivery;
    return backend_->GiveUp(source, consumer.incarnation(), nack, dead).code();
  }
  // Straight into the dead letters.
  void Kill(const Source& source, const Consumer& consumer, const Delivery& message) {
    bool dead = false;
    Nack nack;
    nack.permanent = true;
    nack.reason = "bad";
    EXPECT_EQ(GiveUp(source, consumer, message, nack, &dead), Code::kOk);
    EXPECT_TRUE(dead);
  }

  QueueStats Stats(const QueueName& queue) { return *backend_->Stats(queue); }

  std::shared_ptr<memory::Store> store_;
  std::shared_ptr<Backend> backend_;
  std::vector<std::string> events_;
  std::atomic<int64_t> dropped_{0};  // by the last publish
  const QueueName inbox_ = QueueName::Inbox("c", "a");
  const Source source_{inbox_, "-"};
  const QueueName log_ = QueueName::Log("c");
};

}  // namespace agentmq
