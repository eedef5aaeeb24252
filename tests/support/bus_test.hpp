#pragma once

#include <gtest/gtest.h>

#include <agentmq/agentmq.hpp>
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/backends.hpp"
#include "support/eventually.hpp"

namespace agentmq::test {

using namespace std::chrono_literals;

// How long a test waits for what must come; it fails after that.
inline constexpr Milliseconds kPatience = 10s;
// How long a test watches that something does not come.
inline constexpr Milliseconds kMoment = 150ms;

// A status prints as its name.
inline std::string Name(mq_status status) { return mq_status_name(status); }
#define EXPECT_STATUS(expected, call) \
  EXPECT_EQ(std::string(#expected), ::agentmq::test::Name(call)) << "last error: " << mq_last_error()
#define ASSERT_STATUS(expected, call) \
  ASSERT_EQ(std::string(#expected), ::agentmq::test::Name(call)) << "last error: " << mq_last_error()

// The status of what a C++ call throws; MQ_OK where it throws nothing.
template <typename Call>
mq_status StatusOf(Call&& call) {
  try {
    std::forward<Call>(call)();
  } catch (const Error& error) {
    EXPECT_STRNE(error.what(), "") << "no sentence";
    return error.status();
  }
  return MQ_OK;
}

inline Message Text(std::string_view payload, const char* target = nullptr, int priority = MQ_PRIORITY_NORMAL) {
  Message message(payload);
  message.SetTarget(target).SetPriority(priority);
  return message;
}

// Publishes and answers the id.
inline std::string Put(Bus& bus, const char* channel, const char* target, std::string_view payload,
                       int priority = MQ_PRIORITY_NORMAL) {
  const Message message = Text(payload, target, priority);
  bus.Publish(channel, message);
  return std::string(message.id());
}

inline std::vector<Message> Texts(size_t count, const char* target, const std::string& start = "m") {
  std::vector<Message> messages;
  messages.reserve(count);
  for (size_t i = 0; i < count; ++i) messages.push_back(Text(start + std::to_string(i), target));
  return messages;
}

// Whether the last error holds this word.
inline testing::AssertionResult ErrorSays(const std::string& word) {
  const std::string error = mq_last_error();
  if (error.find(word) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no '" << word << "' in: " << error;
}

// The next message, which must come.
inline Message Next(Subscription& subscription) {
  std::optional<Message> message = subscription.Fetch(kPatience);
  if (!message) {
    ADD_FAILURE() << "no message came";
    return Message("<no message>");
  }
  return std::move(*message);
}

// Takes `count` messages, acks them and answers their payloads.
inline std::vector<std::string> Take(Bus& bus, Subscription& subscription, size_t count) {
  std::vector<std::string> payloads;
  while (payloads.size() < count) {
    const MessageList list = subscription.FetchBatch(std::min<size_t>(count - payloads.size(), 1000), kPatience);
    if (list.empty()) {
      ADD_FAILURE() << "only " << payloads.size() << " of " << count << " messages came";
      break;
    }
    for (size_t i = 0; i < list.size(); ++i) payloads.emplace_back(list[i].payload());
    bus.AckBatch(list);
  }
  return payloads;
}

// Publishes so many to c/a, and gives all of them up.
inline void BuryMany(Bus& bus, size_t count) {
  bus.PublishBatch("c", Texts(count, "a"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "1000"}});
  for (size_t buried = 0; buried < count;) {
    const MessageList list = subscription.FetchBatch(1000, kPatience);
    ASSERT_FALSE(list.empty());
    for (size_t i = 0; i < list.size(); ++i) bus.Nack(list[i], MQ_FAILURE_PERMANENT);
    buried += list.size();
  }
}

// A thread that waits for a message, without end, until this goes.
class IdleFetch {
 public:
  explicit IdleFetch(Subscription& subscription)
      : thread_([this, handle = subscription.get()] {
          mq_message* message = nullptr;
          EXPECT_STATUS(MQ_INTERRUPTED, mq_fetch_with(handle, -1, cancel_.get(), &message));
        }) {}
  ~IdleFetch() {
    cancel_.Fire();
    thread_.join();
  }
  IdleFetch(const IdleFetch&) = delete;
  IdleFetch& operator=(const IdleFetch&) = delete;

 private:
  Cancel cancel_;
  std::thread thread_;
};

// Acknowledges until it is known whether that is done: a circuit breaker that is open refuses at once, and what nobody
// acknowledged stays in hand for visibility_timeout.
inline bool AckSurely(const Bus& bus, const Message& message, const std::atomic<bool>& stop) {
  for (bool doubt = false;; doubt = true) {
    const mq_status status = mq_ack(bus.get(), message.get());
    if (status == MQ_OK || (doubt && status == MQ_NOT_FOUND)) return true;
    if (stop || (status != MQ_UNAVAILABLE && status != MQ_UNKNOWN)) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::max<int64_t>(mq_last_retry_after(), 5)));
  }
}

inline std::vector<std::string> Payloads(const MessageList& list) {
  std::vector<std::string> payloads;
  for (size_t i = 0; i < list.size(); ++i) payloads.emplace_back(list[i].payload());
  return payloads;
}

// Sum of every number of this name, anywhere in a JSON text: of all queues and groups of mq_stats().
inline int64_t SumOf(const nlohmann::json& json, const std::string& name) {
  int64_t sum = 0;
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      sum += key == name && value.is_number() ? value.get<int64_t>() : SumOf(value, name);
    }
  } else if (json.is_array()) {
    for (const auto& value : json) sum += SumOf(value, name);
  }
  return sum;
}

// Whether a JSON text has a member of this name anywhere.
inline bool HasMember(const nlohmann::json& json, const std::string& name) {
  if (json.is_object() && json.contains(name)) return true;
  if (!json.is_structured()) return false;
  for (const auto& value : json) {
    if (HasMember(value, name)) return true;
  }
  return false;
}

inline int64_t Stat(Bus& bus, const char* channel, const std::string& name) {
  return nlohmann::json::parse(bus.Stats(channel)).at("totals").at(name).get<int64_t>();
}

// A fresh bus over the backend of the parameter.
class BusTest : public ::testing::TestWithParam<std::string> {
 protected:
  // Another handle of the same bus, as another process has it.
  Bus Open(const Config& config = {}) const { return Bus(url_, config); }
  const std::string& url() const { return url_; }
  // The server's clock now, as its scripts read it: they tell when a message is due. (Its timestamp is the publisher's
  // estimate of that clock, which may be a millisecond off.)
  int64_t ServerNow() {
    constexpr Milliseconds kLater = 1h;
    Message tick = Text("tick", "clock");
    tick.SetDelay(kLater);
    bus_.Publish("clock", tick);
    const std::string id(tick.id());
    const std::optional<Message> waiting = bus_.Get(id.c_str());
    bus_.Delete(id.c_str());
    return waiting ? waiting->due() - kLater.count() : 0;
  }

  const std::string url_ = FreshUrl(GetParam());
  Bus bus_{url_};
};

}  // namespace agentmq::test
