// The role of a consumer: receives by each of the ways that there are, and acknowledges until it has an answer.
#include <signal.h>
#include <unistd.h>

#include <agentmq/agentmq.hpp>
#include <iostream>

#include "journal.hpp"
#include "roles.hpp"

namespace agentmq::chaos {
namespace {

using namespace std::chrono_literals;

constexpr auto kWait = 300ms;
constexpr auto kDrain = 10s;
constexpr size_t kBatch = 50;

class Consumer {
 public:
  explicit Consumer(const Role& role)
      : role_(role),
        journal_(role.journal),
        bus_(role.url),
        subscription_(bus_.Subscribe(kNews, role.agent.c_str(), {{"workers", "2"}})) {
    if (role.agent != kWorker) return;
    subscription_.Add(kOrders);
    subscription_.Add(kEvents);
  }

  void Run(const StopLine& stop) {
    if (role_.style == 2) {
      subscription_.Consume([this](const MessageView& message) { return Handle(message); });
      while (!stop.Stopped()) std::this_thread::sleep_for(10ms);
      // MQ_PARTIAL: a verdict could not be carried out, and its message comes again.
      const mq_status status = mq_drain(subscription_.get(), std::chrono::milliseconds(kDrain).count());
      if (status != MQ_OK && status != MQ_PARTIAL) journal_.Write(Note::kFailed, "mq_drain", status);
    } else {
      while (!stop.Stopped()) role_.style == 1 ? Many() : One();
      subscription_.Unsubscribe();
    }
  }

 private:
  void One() {
    mq_message* handle = nullptr;
    if (!Fetched("mq_fetch", mq_fetch(subscription_.get(), kWait.count(), &handle))) return;
    const Message message(handle);
    Receive(message);
    Ack(message);
  }

  void Many() {
    mq_list* handle = nullptr;
    if (!Fetched("mq_fetch_batch", mq_fetch_batch(subscription_.get(), kBatch, kWait.count(), &handle))) return;
    const MessageList list(handle);
    for (size_t i = 0; i < list.size(); ++i) Receive(list[i]);
    Lines begun;
    for (size_t i = 0; i < list.size(); ++i) begun.Add(Note::kAcking, KeyOf(list[i].payload()));
    journal_.Write(begun);
    std::vector<int32_t> results(list.size(), MQ_INTERNAL);
    mq_ack_batch(bus_.get(), list.get(), results.data(), nullptr);
    Lines done;
    for (size_t i = 0; i < list.size(); ++i) done.Add(Note::kAcked, KeyOf(list[i].payload()), results[i]);
    journal_.Write(done);
    for (size_t i = 0; i < list.size(); ++i) {
      if (Open(results[i])) Ack(list[i]);
    }
  }

  // By its own acknowledgement and by its verdict in turn.
  mq_verdict Handle(const MessageView& message) {
    Receive(message);
    if (turn_++ % 2 == 0) {
      Ack(message);
      return MQ_VERDICT_SETTLED;
    }
    journal_.Write(Note::kAcking, KeyOf(message.payload()));
    return MQ_VERDICT_ACK;
  }

  void Receive(const MessageView& message) {
    const std::string_view key = KeyOf(message.payload());
    journal_.Write(Note::kReceived, key, message.deliveries(), message.id());
    if (key.starts_with(kPoison)) kill(getpid(), SIGKILL);
    if (role_.work_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(role_.work_ms));
  }

  // Whoever gave up here would hold the message for auto_extend_max.
  void Ack(const MessageView& message) {
    const std::string_view key = KeyOf(message.payload());
    for (;;) {
      journal_.Write(Note::kAcking, key);
      const mq_status status = mq_ack(bus_.get(), message.get());
      journal_.Write(Note::kAcked, key, status);
      if (!Open(status)) return;
      std::this_thread::sleep_for(20ms);
    }
  }

  static bool Open(int32_t status) { return status == MQ_UNAVAILABLE || status == MQ_UNKNOWN; }

  bool Fetched(const char* call, mq_status status) {
    if (status == MQ_OK) return true;
    if (status != MQ_TIMEOUT) journal_.Write(Note::kFailed, call, status);
    if (status != MQ_TIMEOUT) std::this_thread::sleep_for(10ms);
    return false;
  }

  const Role role_;
  Journal journal_;
  std::atomic<unsigned> turn_{0};
  Bus bus_;
  Subscription subscription_;
};

}  // namespace

int RunConsumer(const Role& role) {
  Consumer consumer(role);
  const StopLine stop;
  std::cout << "ready" << std::endl;
  consumer.Run(stop);
  return 0;
}

}  // namespace agentmq::chaos
