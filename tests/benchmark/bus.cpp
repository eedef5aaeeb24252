#include <agentmq/agentmq.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "contender.hpp"
#include "measure.hpp"

namespace agentmq::bench {
namespace {

constexpr int64_t kPatience = 10'000;

void Check(mq_status status) {
  if (status == MQ_OK) return;
  throw std::runtime_error(std::string("agentmq: ") + mq_status_name(status) + ": " + mq_last_error());
}

// A config of its own for each set of settings that differs from the defaults.
class Settings {
 public:
  Settings() : config_(mq_config_new()) {}
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;
  ~Settings() { mq_config_free(config_); }
  void Set(const char* name, const char* value) { Check(mq_config_set(config_, name, value)); }
  const mq_config* get() const { return config_; }

 private:
  mq_config* config_;
};

// The C API, used as its documentation says.
class Bus : public Contender {
 public:
  Bus(const std::string& url, size_t payload, Profile profile) : payload_(payload, 'x'), profile_(profile) {
    Settings settings;
    settings.Set("max_items", "0");  // the backlog is the benchmark's affair
    Check(agentmq_open(url.c_str(), settings.get(), &bus_));
  }
  ~Bus() override {
    mq_subscription_free(subscription_);
    agentmq_close(bus_);
  }

  void Publish(size_t count) override {
    std::array<mq_message*, kBatch> batch{};
    for (size_t done = 0; done < count; done += kBatch) {
      const size_t size = count - done < kBatch ? count - done : kBatch;
      for (size_t i = 0; i < size; ++i) batch.at(i) = Message();
      const mq_status status = mq_publish_batch(bus_, "bench", batch.data(), size, nullptr, nullptr);
      for (size_t i = 0; i < size; ++i) mq_message_free(batch.at(i));
      Check(status);
    }
  }

  void PublishSingly(size_t count) override {
    for (size_t i = 0; i < count; ++i) PublishOne();
  }

  void Drain(size_t count) override {
    Subscribe();
    for (size_t done = 0; done < count;) {
      mq_list* list = nullptr;
      Check(mq_fetch_batch(subscription_, kBatch, kPatience, &list));
      done += mq_list_size(list);
      const mq_status status = mq_ack_batch(bus_, list, nullptr, nullptr);
      mq_list_free(list);
      Check(status);
    }
  }

  void PublishStamped() override {
    const int64_t now = Nanoseconds();
    std::memcpy(payload_.data(), &now, sizeof now);
    PublishOne();
  }

  void ReceiveStamped(std::vector<int64_t>* latencies) override {
    Subscribe();
    mq_message* message = nullptr;
    Check(mq_fetch(subscription_, kPatience, &message));
    const int64_t now = Nanoseconds();
    int64_t sent = 0;
    std::memcpy(&sent, mq_message_payload(message, nullptr), sizeof sent);
    latencies->push_back(now - sent);
    const mq_status status = mq_ack(bus_, message);
    mq_message_free(message);
    Check(status);
  }

 private:
  mq_message* Message() const {
    mq_message* message = mq_message_new(payload_.data(), payload_.size());
    mq_message_set_target(message, "me");
    return message;
  }

  void PublishOne() {
    mq_message* message = Message();
    const mq_status status = mq_publish(bus_, "bench", message);
    mq_message_free(message);
    Check(status);
  }

  // On the receiving thread alone, and not before somebody receives.
  void Subscribe() {
    if (subscription_ != nullptr) return;
    Settings settings;
    // Two batches are on their way while one is settled.
    if (profile_ == Profile::kBatches) settings.Set("prefetch", "2000");
    Check(mq_subscribe(bus_, "bench", "me", settings.get(), &subscription_));
  }

  std::string payload_;
  Profile profile_;
  mq_bus* bus_ = nullptr;
  mq_subscription* subscription_ = nullptr;
};

}  // namespace

std::unique_ptr<Contender> MakeBus(const std::string& url, size_t payload, Profile profile) {
  return std::make_unique<Bus>(url, payload, profile);
}

}  // namespace agentmq::bench
