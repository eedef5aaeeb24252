#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/bus.hpp"
#include "memory/open.hpp"
#include "util/thread.hpp"

namespace agentmq {

// A consumer whose fetches can be made to fail, or to lose its lease.
struct Faults {
  std::atomic<Code> fetch{Code::kOk};
  std::atomic<Code> publish{Code::kOk};
  std::atomic<Code> ack{Code::kOk};
  std::atomic<Code> audit{Code::kOk};
  std::atomic<bool> lease_lost{false};
  std::atomic<bool> gone{false};        // the next fetch makes another incarnation, and goes on as it is told to
  std::atomic<bool> hold_fetch{false};  // a fetch does not return before it falls
  std::atomic<int> fetches{0};
  std::atomic<int> publishes{0};
  std::atomic<size_t> batches{0};
  std::atomic<int> acks{0};
  std::atomic<int> audits{0};

  Status Of(const std::atomic<Code>& code) const {
    return code == Code::kOk ? Status::Ok() : Status(code.load(), "made to fail");
  }
};

class FaultyConsumer : public Consumer {
 public:
  FaultyConsumer(std::unique_ptr<Consumer> real, std::shared_ptr<Faults> faults)
      : real_(std::move(real)), faults_(std::move(faults)) {}

  Result<Fetched> Fetch(size_t room, const Patience& patience) override {
    ++faults_->fetches;
    while (faults_->hold_fetch) {
      if (patience.cancelled()) return Status(Code::kInterrupted, "the cancel token was fired");
      std::this_thread::yield();
    }
    if (faults_->gone.exchange(false)) ++incarnations_;
    if (Status status = faults_->Of(faults_->fetch); !status.ok()) return status;
    auto fetched = real_->Fetch(room, patience);
    faults_->lease_lost = false;
    return fetched;
  }
  void Arm(std::function<void()> wake) override { real_->Arm(std::move(wake)); }
  void Disarm() override { real_->Disarm(); }
  bool LeaseHeld() const override { return !faults_->lease_lost && real_->LeaseHeld(); }
  Status GiveBack(std::span<const ShortId> unseen) override { return real_->GiveBack(unseen); }
  Status Close(std::span<const ShortId> unseen) override { return real_->Close(unseen); }
  std::string incarnation() const override {
    return real_->incarnation() + std::string(static_cast<size_t>(incarnations_), '+');
  }

 private:
  int incarnations_ = 0;
  const std::unique_ptr<Consumer> real_;
  const std::shared_ptr<Faults> faults_;
};

// The embedded backend, with faults.
class FaultyBackend : public Backend {
 public:
  FaultyBackend(std::shared_ptr<Backend> real, std::shared_ptr<Faults> faults)
      : real_(std::move(real)), faults_(std::move(faults)) {}

  void Shutdown() override { real_->Shutdown(); }
  void Publish(std::span<PublishBatch> batches, const Patience& patience) override {
    ++faults_->publishes;
    faults_->batches += batches.size();
    for (PublishBatch& batch : batches) batch.status = faults_->Of(faults_->publish);
    if (faults_->publish == Code::kOk) real_->Publish(batches, patience);
  }
  Status TakeTokens(std::span<const Bucket> buckets, std::span<Take> takes, const Patience& patience) override {
    return real_->TakeTokens(buckets, takes, patience);
  }
  void Tell(std::span<Telling> tellings, const Patience& patience) override { real_->Tell(tellings, patience); }
  Status Listen(const std::shared_ptr<Ear>& ear, const Patience& patience) override {
    return real_->Listen(ear, patience);
  }
  void Unlisten(const Ear* ear) override { real_->Unlisten(ear); }
  Result<std::unique_ptr<Consumer>> Subscribe(const Source& source, const ConsumerOptions& options,
                                              const Patience& patience) override {
    auto consumer = real_->Subscribe(source, options, patience);
    if (!consumer.ok()) return consumer.status();
    return std::unique_ptr<Consumer>(std::make_unique<FaultyConsumer>(std::move(*consumer), faults_));
  }
  void Ack(std::span<SettleBatch> batches, const Patience& patience) override {
    ++faults_->acks;
    if (faults_->ack == Code::kOk) return real_->Ack(batches, patience);
    for (SettleBatch& batch : batches) {
      for (Settlement& settlement : batch.settlements) settlement.status = faults_->Of(faults_->ack);
    }
  }
  Result<std::vector<bool>> Done(const Source& source, std::span<const std::string> keys,
                                 const Patience& patience) override {
    return real_->Done(source, keys, patience);
  }
  Status AckId(const Source& source, const ShortId& id, const Retention& retention) override {
    return real_->AckId(source, id, retention);
  }
  Status Seek(const Source& source, bool from_start, std::string_view from, const Patience& patience) override {
    return real_->Seek(source, from_start, from, patience);
  }
  Status GiveUp(const Source& source, std::string_view consumer, const Nack& nack, bool* dead) override {
    return real_->GiveUp(source, consumer, nack, dead);
  }
  Status Extend(const Source& source, std::string_view consumer, const Settlement& settlement,
                int64_t visibility_timeout, int64_t* reserved_until) override {
    return real_->Extend(source, consumer, settlement, visibility_timeout, reserved_until);
  }
  Result<std::vector<Found>> Pending(const Source& source, size_t limit) override {
    return real_->Pending(source, limit);
  }
  Result<Found> Get(const QueueName& queue, const ShortId& id) override { return real_->Get(queue, id); }
  Result<int64_t> Count(const QueueName& queue) override { return real_->Count(queue); }
  Status Walk(const QueueName& queue, const std::function<bool(Found&&)>& visit) override {
    return real_->Walk(queue, visit);
  }
  Status WalkKept(const QueueName& queue, const std::function<bool(Found&&)>& visit) override {
    return real_->WalkKept(queue, visit);
  }
  Status Delete(const QueueName& queue, const ShortId& id) override { return real_->Delete(queue, id); }
  Result<bool> IsDeleted(const QueueName& queue, const ShortId& id, const Patience& patience) override {
    return real_->IsDeleted(queue, id, patience);
  }
  Result<int64_t> Clear(const QueueName& queue) override { return real_->Clear(queue); }
  Result<int64_t> Recover(const QueueName& queue, const std::optional<std::string>& group) override {
    return real_->Recover(queue, group);
  }
  Result<Found> GetDead(const QueueName& queue, const ShortId& id, std::string_view group) override {
    return real_->GetDead(queue, id, group);
  }
  Status WalkDead(const QueueName& queue, const std::function<bool(Found&&)>& visit) override {
    return real_->WalkDead(queue, visit);
  }
  Result<ShortId> Replay(const QueueName& queue, const ShortId& id, std::string_view group, const Limits& limits,
                         bool keep_attempts) override {
    return real_->Replay(queue, id, group, limits, keep_attempts);
  }
  Status PurgeDead(const QueueName& queue, const ShortId& id, std::string_view group) override {
    return real_->PurgeDead(queue, id, group);
  }
  Result<std::vector<QueueName>> Queues() override { return real_->Queues(); }
  Result<State> Await(const QueueName& queue, const ShortId& id, Look look) override {
    return real_->Await(queue, id, look);
  }
  Result<std::vector<Standing>> Standings(const QueueName& queue, const ShortId& id) override {
    return real_->Standings(queue, id);
  }
  Status Announce(const std::string& agent, const std::string& description, int64_t lease) override {
    return real_->Announce(agent, description, lease);
  }
  Status NoteAgents(std::span<const std::string> agents) override { return real_->NoteAgents(agents); }
  Result<bool> KnowsAgent(const std::string& agent) override { return real_->KnowsAgent(agent); }
  Result<std::vector<AgentRecord>> Agents(int64_t* now) override { return real_->Agents(now); }
  Result<QueueStats> Stats(const QueueName& queue) override { return real_->Stats(queue); }
  Status Pause(const QueueName& place, agentmq::Pause pause) override { return real_->Pause(place, std::move(pause)); }
  Status Resume(const QueueName& place) override { return real_->Resume(place); }
  Result<std::map<QueueName, agentmq::Pause>> Pauses() override { return real_->Pauses(); }
  Status AppendAudit(std::string_view kind, int64_t most, AuditHead* head, std::span<const AuditRecord> records,
                     const Patience& patience) override {
    ++faults_->audits;
    if (faults_->audit == Code::kOk) return real_->AppendAudit(kind, most, head, records, patience);
    return faults_->Of(faults_->audit);
  }
  Result<std::vector<AuditRecord>> ReadAudit(std::string_view kind, std::string_view after, size_t limit) override {
    return real_->ReadAudit(kind, after, limit);
  }
  Result<std::map<std::string, std::string>> ReadChannel(std::string_view channel) override {
    return real_->ReadChannel(channel);
  }
  Status WriteChannel(std::string_view channel, const std::map<std::string, std::string>& settings) override {
    return real_->WriteChannel(channel, settings);
  }
  Status Ping() override { return faults_->Of(faults_->publish); }
  Status WriteAndReadBack() override { return real_->WriteAndReadBack(); }
  Result<std::vector<ServerReport>> Report() override { return real_->Report(); }

 private:
  const std::shared_ptr<Backend> real_;
  const std::shared_ptr<Faults> faults_;
};

// A bus over the embedded backend, in a store of the test's own.
class BusTest : public testing::Test {
 protected:
  static Config ConfigOf(const std::vector<std::pair<std::string, std::string>>& settings) {
    Config config;
    for (const auto& [name, value] : settings) {
      const Status status = config.Set(name, value);
      EXPECT_TRUE(status.ok()) << status.text();
    }
    return config;
  }

  std::shared_ptr<Bus> Open(const std::vector<std::pair<std::string, std::string>>& settings = {}) {
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    const std::string name = std::string(test->test_suite_name()) + "." + test->name();
    Config config = ConfigOf(settings);
    auto log = std::make_shared<EventLog>(LogLevelOf(config.Text("log_level")), [this](int, const char* json) {
      const std::lock_guard lock(log_mutex_);
      log_lines_.emplace_back(json);
    });
    auto backend = memory::Open(name, BackendOptions{"agentmq", "default", EventLog::Sink(log)});
    EXPECT_TRUE(backend.ok());
    auto faulty = std::make_shared<FaultyBackend>(std::move(*backend), faults_);
    return Bus::Make(std::move(faulty), std::move(config), std::move(log));
  }

  static std::unique_ptr<Message> To(const char* target, const std::string& payload, int priority = 5) {
    auto message = std::make_unique<Message>(payload);
    EXPECT_TRUE(message->SetTarget(target).ok());
    EXPECT_TRUE(message->SetPriority(priority).ok());
    return message;
  }
  static void Publish(Bus& bus, const char* channel, const char* target, const std::string& payload, int priority = 5) {
    const auto message = To(target, payload, priority);
    const Status status = bus.Publish(channel, *message, {});
    EXPECT_TRUE(status.ok()) << status.text();
  }
  static std::unique_ptr<Subscription> Subscribe(
      Bus& bus, const char* channel, const char* agent,
      const std::vector<std::pair<std::string, std::string>>& settings = {}) {
    const Config config = ConfigOf(settings);
    auto subscription = bus.Subscribe(channel, agent, &config);
    EXPECT_TRUE(subscription.ok()) << subscription.status().text();
    return std::move(*subscription);
  }
  static Patience Within(int64_t millis) { return {Deadline::After(millis), nullptr}; }
  // The payload of the next message, or the name of what came instead.
  static std::string Next(Subscription& subscription, int64_t timeout = 0) {
    const auto message = subscription.FetchOne(Within(timeout));
    if (!message.ok()) return "status " + std::to_string(static_cast<int>(message.code()));
    return std::string((*message)->payload());
  }
  static std::string StatusText(Code code) { return "status " + std::to_string(static_cast<int>(code)); }

  // Waits for a condition, with a deadline.
  static bool Eventually(const std::function<bool()>& condition, int64_t millis = 5000) {
    const Deadline deadline = Deadline::After(millis);
    while (!condition()) {
      if (deadline.Expired()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  size_t Logged(const std::string& event) {
    const std::lock_guard lock(log_mutex_);
    size_t count = 0;
    for (const std::string& line : log_lines_) {
      if (line.find("\"event\":\"" + event + "\"") != std::string::npos) ++count;
    }
    return count;
  }

  const std::shared_ptr<Faults> faults_ = std::make_shared<Faults>();
  std::mutex log_mutex_;
  std::vector<std::string> log_lines_;  // guarded by log_mutex_
};

}  // namespace agentmq
