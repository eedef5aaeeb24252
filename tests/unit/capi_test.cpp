// The C boundary: NULL, exceptions, the last error, and handles that end while somebody is inside.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <agentmq/agentmq.h>

#include "capi/guard.hpp"
#include "capi/handles.hpp"

namespace agentmq::capi {
namespace {

std::string Error() { return mq_last_error(); }

bool Mentions(const std::string& word) { return Error().find(word) != std::string::npos; }

mq_bus* Open(const std::string& url) {
  mq_bus* bus = nullptr;
  EXPECT_EQ(agentmq_open(url.c_str(), nullptr, &bus), MQ_OK) << Error();
  return bus;
}

mq_message* For(const char* target, const char* payload = "x") {
  mq_message* message = mq_message_new(payload, 1);
  EXPECT_EQ(mq_message_set_target(message, target), MQ_OK);
  return message;
}

// ---- the guard ----

TEST(Guard, NoExceptionLeaves) {
  const auto thrown = [](auto exception) { return Guard({}, [&]() -> Status { throw exception; }); };
  EXPECT_EQ(thrown(std::bad_alloc()), MQ_NO_MEMORY);
  EXPECT_EQ(Error(), "out of memory");
  EXPECT_EQ(thrown(std::length_error("x")), MQ_NO_MEMORY);
  EXPECT_EQ(thrown(std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again))), MQ_NO_MEMORY);
  EXPECT_TRUE(Mentions("threads")) << Error();
  EXPECT_EQ(thrown(std::system_error(std::make_error_code(std::errc::io_error))), MQ_INTERNAL);
  EXPECT_EQ(thrown(std::runtime_error("this is why")), MQ_INTERNAL);
  EXPECT_EQ(Error(), "a bug in the library: this is why");
  EXPECT_EQ(thrown(42), MQ_INTERNAL);
  EXPECT_EQ(Error(), "a bug in the library");
  EXPECT_EQ(GuardOr(-1, {}, []() -> Result<int> { throw std::bad_alloc(); }), -1);
  EXPECT_EQ(Error(), "out of memory");
}

TEST(Guard, LooksAndEndsLeaveTheLastErrorAlone) {
  ASSERT_EQ(Guard({}, [] { return Status::Invalid("before"); }), MQ_INVALID);
  EXPECT_EQ(Look(7, []() -> int { throw std::bad_alloc(); }), 7);
  Quietly([] { throw std::bad_alloc(); });
  EXPECT_EQ(Error(), "before");
}

TEST(Guard, AMissingArgumentIsNamedAndTheBodyDoesNotRun) {
  const int* missing = nullptr;
  const int given = 1;
  bool ran = false;
  const auto body = [&] {
    ran = true;
    return Status::Ok();
  };
  EXPECT_EQ(Guard({{"one", &given}, {"other", missing}}, body), MQ_INVALID);
  EXPECT_EQ(Error(), "other must not be NULL");
  EXPECT_FALSE(ran);
}

TEST(LastError, IsKeptWholeOnOneLineOfUtf8) {
  Fail(Status::Invalid(std::string(30'000, 'x')));
  EXPECT_EQ(Error(), std::string(30'000, 'x'));
  Fail(Status::Invalid(std::string("a\nb\0c\xff", 6)));
  EXPECT_EQ(Error(), "a\\x0ab\\x00c\\xff");
}

TEST(LastError, MayStillBeAskedForWhenAThreadEnds) {
  struct AtExit {
    ~AtExit() {
      mq_message_new(nullptr, 1);
      *told = mq_last_error();
    }
    std::string* told;
  };
  std::string told = "nothing";
  std::thread([&] {
    thread_local AtExit at_exit{&told};  // made first: ends last
    EXPECT_EQ(at_exit.told, &told);
    mq_message_new(nullptr, 1);
  }).join();
  EXPECT_EQ(told, "");
}

// ---- NULL ----

// Each function with each of its pointers missing in turn.
TEST(Null, IsInvalidWhereItHasNoMeaning) {
  mq_bus* bus = Open("memory://null");
  mq_config* config = mq_config_new();
  mq_cancel* cancel = mq_cancel_new();
  mq_message* message = For("a");
  mq_subscription* sub = nullptr;
  ASSERT_EQ(mq_subscribe(bus, "c", "a", nullptr, &sub), MQ_OK);
  const auto handler = [](const mq_message*, void*) { return MQ_VERDICT_ACK; };
  mq_message* const messages[] = {message};
  void* payload = nullptr;
  mq_message* out = nullptr;
  mq_list* list = nullptr;
  mq_subscription* other = nullptr;
  char* json = nullptr;
  int64_t number = 0;
  const std::vector<std::function<mq_status()>> calls = {
      [&] { return mq_settings(nullptr); },
      [&] { return mq_config_set(nullptr, "prefetch", "1"); },
      [&] { return mq_config_set(config, nullptr, "1"); },
      [&] { return mq_config_set_log(nullptr, nullptr, nullptr); },
      [&] { return agentmq_open("memory://x", nullptr, nullptr); },
      [&] { return mq_configure(nullptr, "c", config); },
      [&] { return mq_configure(bus, nullptr, config); },
      [&] { return mq_configure(bus, "c", nullptr); },
      [&] { return mq_shutdown(nullptr); },
      [&] { return mq_message_allocate(1, nullptr, &out); },
      [&] { return mq_message_allocate(1, &payload, nullptr); },
      [&] { return mq_message_set_source(nullptr, "x"); },
      [&] { return mq_message_set_target(nullptr, "x"); },
      [&] { return mq_message_set_type(nullptr, "x"); },
      [&] { return mq_message_set_correlation_id(nullptr, "x"); },
      [&] { return mq_message_set_reply_to(nullptr, "x"); },
      [&] { return mq_message_set_content_type(nullptr, "x"); },
      [&] { return mq_message_set_dedup_key(nullptr, "x"); },
      [&] { return mq_message_set_header(nullptr, "x", "x"); },
      [&] { return mq_message_set_priority(nullptr, 1); },
      [&] { return mq_message_set_ttl(nullptr, 1); },
      [&] { return mq_publish(nullptr, "c", message); },
      [&] { return mq_publish(bus, nullptr, message); },
      [&] { return mq_publish(bus, "c", nullptr); },
      [&] { return mq_publish_with(nullptr, "c", message, cancel); },
      [&] { return mq_publish_batch(nullptr, "c", messages, 1, nullptr, nullptr); },
      [&] { return mq_publish_batch(bus, nullptr, messages, 1, nullptr, nullptr); },
      [&] { return mq_publish_batch(bus, "c", nullptr, 1, nullptr, nullptr); },
      [&] { return mq_publish_many(nullptr, "c", message, nullptr, 0, &list); },
      [&] { return mq_publish_many(bus, nullptr, message, nullptr, 0, &list); },
      [&] { return mq_publish_many(bus, "c", nullptr, nullptr, 0, &list); },
      [&] { return mq_publish_many(bus, "c", message, nullptr, 1, &list); },
      [&] { return mq_publish_async(nullptr, "c", For("a"), nullptr, nullptr); },
      [&] { return mq_publish_async(bus, nullptr, For("a"), nullptr, nullptr); },
      [&] { return mq_publish_async(bus, "c", nullptr, nullptr, nullptr); },
      [&] { return mq_flush(nullptr, 0); },
      [&] { return mq_send_to(nullptr, "a", message); },
      [&] { return mq_send_to(bus, nullptr, message); },
      [&] { return mq_send_to(bus, "a", nullptr); },
      [&] { return mq_subscribe(nullptr, "c", "a", nullptr, &other); },
      [&] { return mq_subscribe(bus, nullptr, "a", nullptr, &other); },
      [&] { return mq_subscribe(bus, "c", nullptr, nullptr, &other); },
      [&] { return mq_subscribe(bus, "c", "a", nullptr, nullptr); },
      [&] { return mq_subscription_add(nullptr, "d"); },
      [&] { return mq_subscription_add(sub, nullptr); },
      [&] { return mq_subscription_remove(nullptr, "d"); },
      [&] { return mq_subscription_remove(sub, nullptr); },
      [&] { return mq_fetch(nullptr, 0, &out); },
      [&] { return mq_fetch(sub, 0, nullptr); },
      [&] { return mq_fetch_batch(nullptr, 1, 0, &list); },
      [&] { return mq_fetch_batch(sub, 1, 0, nullptr); },
      [&] { return mq_consume(nullptr, handler, nullptr); },
      [&] { return mq_consume(sub, nullptr, nullptr); },
      [&] { return mq_drain(nullptr, 0); },
      [&] { return mq_unsubscribe(nullptr); },
      [&] { return mq_ack(nullptr, message); },
      [&] { return mq_ack(bus, nullptr); },
      [&] { return mq_ack_batch(bus, nullptr, nullptr, nullptr); },
      [&] { return mq_ack_receipts(nullptr, nullptr, 0, nullptr, nullptr); },
      [&] { return mq_ack_receipts(bus, nullptr, 1, nullptr, nullptr); },
      [&] { return mq_ack_id(bus, "a", nullptr); },
      [&] { return mq_ack_async(bus, nullptr); },
      [&] { return mq_nack(bus, nullptr, MQ_FAILURE_TRANSIENT, 0, nullptr); },
      [&] { return mq_nack_receipt(bus, nullptr, MQ_FAILURE_TRANSIENT, 0, nullptr); },
      [&] { return mq_extend(bus, nullptr, 1); },
      [&] { return mq_extend_receipt(bus, nullptr, 1); },
      [&] { return mq_get_pending(nullptr, "c", "a", 1, &list); },
      [&] { return mq_get_pending(bus, "c", "a", 1, nullptr); },
      [&] { return mq_get(bus, nullptr, &out); },
      [&] { return mq_get(bus, "x", nullptr); },
      [&] { return mq_find(nullptr, nullptr, 1, 0, &list); },
      [&] { return mq_find(bus, nullptr, 1, 0, nullptr); },
      [&] { return mq_count(nullptr, nullptr, &number); },
      [&] { return mq_count(bus, nullptr, nullptr); },
      [&] { return mq_delete(bus, nullptr); },
      [&] { return mq_clear(bus, nullptr, &number); },
      [&] { return mq_recover_pending(nullptr, nullptr, &number); },
      [&] { return mq_dead_letters(bus, nullptr, 1, 0, nullptr); },
      [&] { return mq_replay(bus, nullptr, &json); },
      [&] { return mq_replay_all(nullptr, nullptr, &number); },
      [&] { return mq_purge_dead_letters(nullptr, nullptr, &number); },
      [&] { return mq_stats(bus, nullptr, nullptr); },
      [&] { return mq_health(bus, nullptr, &json); },
      [&] { return mq_next_log(bus, 0, nullptr); },
  };
  for (size_t i = 0; i < calls.size(); ++i) {
    Fail(Status::Invalid("nothing said"));
    EXPECT_EQ(calls[i](), MQ_INVALID) << i << ": " << Error();
    EXPECT_TRUE(Mentions("NULL")) << i << ": " << Error();
  }
  EXPECT_EQ(mq_subscription_fd(nullptr), -1);
  EXPECT_EQ(mq_message_copy(nullptr), nullptr);
  EXPECT_EQ(mq_config_get(nullptr, "prefetch"), nullptr);
  EXPECT_EQ(mq_config_get(config, nullptr), nullptr);
  mq_cancel_fire(nullptr);
  ASSERT_EQ(mq_count(bus, nullptr, &number), MQ_OK);
  EXPECT_EQ(number, 0) << "nothing has changed";
  mq_subscription_free(sub);
  mq_message_free(message);
  mq_cancel_free(cancel);
  mq_config_free(config);
  EXPECT_EQ(agentmq_close(bus), MQ_OK);
}

TEST(Null, ATokenOfNullIsNone) {
  mq_bus* bus = Open("memory://tokens");
  mq_subscription* subscription = nullptr;
  ASSERT_EQ(mq_subscribe(bus, "c", "a", nullptr, &subscription), MQ_OK);
  mq_message* message = For("a");
  mq_message* const messages[] = {message};
  mq_message* out = nullptr;
  mq_list* list = nullptr;
  char* json = nullptr;
  EXPECT_EQ(mq_fetch_with(subscription, 0, nullptr, &out), MQ_TIMEOUT);
  EXPECT_EQ(mq_fetch_batch_with(subscription, 1, 0, nullptr, &list), MQ_TIMEOUT);
  EXPECT_EQ(mq_next_log_with(bus, 0, nullptr, &json), MQ_TIMEOUT);
  EXPECT_EQ(mq_publish_with(bus, "c", message, nullptr), MQ_OK) << Error();
  EXPECT_EQ(mq_publish_batch_with(bus, "c", messages, 1, nullptr, nullptr, nullptr), MQ_OK) << Error();
  EXPECT_EQ(mq_flush_with(bus, 0, nullptr), MQ_OK) << Error();
  mq_message_free(message);
  mq_subscription_free(subscription);
  EXPECT_EQ(agentmq_close(bus), MQ_OK);
}

TEST(Null, OutParametersAreClearedByAFailure) {
  auto* const garbage = reinterpret_cast<char*>(8);
  auto* bus = reinterpret_cast<mq_bus*>(garbage);
  auto* message = reinterpret_cast<mq_message*>(garbage);
  auto* list = reinterpret_cast<mq_list*>(garbage);
  auto* subscription = reinterpret_cast<mq_subscription*>(garbage);
  char* json = garbage;
  void* payload = garbage;
  int64_t number = 7;
  size_t size = 7;
  mq_health_state state = MQ_UNHEALTHY;
  EXPECT_EQ(agentmq_open("redi://x", nullptr, &bus), MQ_INVALID);
  EXPECT_EQ(bus, nullptr);
  EXPECT_EQ(mq_fetch(nullptr, 0, &message), MQ_INVALID);
  EXPECT_EQ(message, nullptr);
  EXPECT_EQ(mq_find(nullptr, nullptr, 1, 0, &list), MQ_INVALID);
  EXPECT_EQ(list, nullptr);
  EXPECT_EQ(mq_subscribe(nullptr, "c", "a", nullptr, &subscription), MQ_INVALID);
  EXPECT_EQ(subscription, nullptr);
  EXPECT_EQ(mq_health(nullptr, &state, &json), MQ_INVALID);
  EXPECT_EQ(json, nullptr);
  EXPECT_EQ(state, MQ_HEALTHY);
  EXPECT_EQ(mq_message_allocate(SIZE_MAX, &payload, &message), MQ_INVALID);
  EXPECT_EQ(payload, nullptr);
  EXPECT_EQ(mq_clear(nullptr, "c", &number), MQ_INVALID);
  EXPECT_EQ(number, 0);
  EXPECT_EQ(mq_publish_batch(nullptr, "c", nullptr, 0, nullptr, &size), MQ_INVALID);
  EXPECT_EQ(size, 0u);
}

TEST(Null, ALookAtNothingIsEmpty) {
  size_t size = 7;
  EXPECT_EQ(mq_message_payload(nullptr, &size), nullptr);
  EXPECT_EQ(size, 0u);
  EXPECT_EQ(mq_message_payload(nullptr, nullptr), nullptr);
  EXPECT_EQ(mq_message_header(nullptr, "x"), nullptr);
  EXPECT_EQ(mq_message_header_count(nullptr), 0u);
  EXPECT_EQ(mq_message_header_name(nullptr, 0), nullptr);
  EXPECT_EQ(mq_message_state(nullptr), MQ_STATE_QUEUED);
  EXPECT_EQ(mq_message_status(nullptr), MQ_OK);
  EXPECT_EQ(mq_list_size(nullptr), 0u);
  EXPECT_EQ(mq_list_at(nullptr, 0), nullptr);
  EXPECT_EQ(mq_list_take(nullptr, 0), nullptr);
}

// ---- arguments of a wrong size ----

TEST(Arguments, HugeSizesAreRefused) {
  EXPECT_EQ(mq_message_new("x", SIZE_MAX), nullptr);
  EXPECT_TRUE(Mentions("512 MiB")) << Error();
  mq_bus* bus = Open("memory://huge");
  mq_message* message = For("a");
  mq_message* const messages[] = {message};
  const char* const texts[] = {"a"};
  EXPECT_EQ(mq_publish_batch(bus, "c", messages, SIZE_MAX, nullptr, nullptr), MQ_INVALID);
  EXPECT_EQ(mq_publish_many(bus, "c", message, texts, SIZE_MAX, nullptr), MQ_INVALID);
  EXPECT_EQ(mq_ack_receipts(bus, texts, SIZE_MAX, nullptr, nullptr), MQ_INVALID);
  EXPECT_TRUE(Mentions("1000000")) << Error();
  mq_message_free(message);
  EXPECT_EQ(agentmq_close(bus), MQ_OK);
}

TEST(Arguments, ATimeoutIsAtLeastMinusOne) {
  mq_bus* bus = Open("memory://timeouts");
  mq_subscription* subscription = nullptr;
  ASSERT_EQ(mq_subscribe(bus, "c", "a", nullptr, &subscription), MQ_OK);
  mq_message* message = nullptr;
  mq_list* list = nullptr;
  char* json = nullptr;
  for (const int64_t timeout : {int64_t{-2}, INT64_MIN}) {
    EXPECT_EQ(mq_fetch(subscription, timeout, &message), MQ_INVALID);
    EXPECT_EQ(mq_fetch_batch(subscription, 1, timeout, &list), MQ_INVALID);
    EXPECT_EQ(mq_flush(bus, timeout), MQ_INVALID);
    EXPECT_EQ(mq_next_log(bus, timeout, &json), MQ_INVALID);
    EXPECT_EQ(mq_drain(subscription, timeout), MQ_INVALID);
    EXPECT_TRUE(Mentions("timeout")) << Error();
  }
  EXPECT_EQ(mq_flush(bus, INT64_MAX), MQ_OK);
  mq_subscription_free(subscription);
  EXPECT_EQ(agentmq_close(bus), MQ_OK);
}

TEST(Arguments, ABadTargetOfSendToLeavesTheMessageAsItWas) {
  mq_bus* bus = Open("memory://send-to");
  mq_message* message = For("a");
  EXPECT_EQ(mq_send_to(bus, "", message), MQ_INVALID);
  EXPECT_EQ(mq_send_to(bus, "a\n", message), MQ_INVALID);
  EXPECT_STREQ(mq_message_target(message), "a");
  EXPECT_EQ(mq_send_to(bus, "b", message), MQ_OK) << Error();
  EXPECT_STREQ(mq_message_target(message), "b");
  mq_message_free(message);
  EXPECT_EQ(agentmq_close(bus), MQ_OK);
}

// ---- lists ----

TEST(List, AMessageThatIsTakenLeavesItsPlaceEmpty) {
  auto* list = new mq_list;
  list->messages.push_back(std::make_unique<Message>("1"));
  list->messages.push_back(std::make_unique<Message>("2"));
  mq_message* second = mq_list_at(list, 1);
  EXPECT_EQ(mq_list_take(list, 1), second);
  EXPECT_EQ(mq_list_size(list), 2u);
  EXPECT_EQ(mq_list_at(list, 1), nullptr);
  EXPECT_EQ(mq_list_take(list, 1), nullptr);
  EXPECT_EQ(mq_list_take(list, 2), nullptr);
  EXPECT_EQ(mq_list_at(list, SIZE_MAX), nullptr);
  mq_list_free(list);
  size_t size = 0;
  EXPECT_STREQ(static_cast<const char*>(mq_message_payload(second, &size)), "2");
  mq_message_free(second);
}

// ---- opening ----

TEST(Opening, TheUrlCountsOverTheConfig) {
  mq_config* config = mq_config_new();
  ASSERT_EQ(mq_config_set(config, "max_payload", "1"), MQ_OK);
  mq_bus* bus = nullptr;
  ASSERT_EQ(agentmq_open("memory://over?max_payload=2", config, &bus), MQ_OK) << Error();
  mq_config_free(config);
  for (const auto& [payload, status] : {std::pair("12", MQ_OK), std::pair("123", MQ_TOO_LARGE)}) {
    mq_message* message = mq_message_new(payload, std::string(payload).size());
    EXPECT_EQ(mq_publish(bus, "c", message), status) << Error();
    mq_message_free(message);
  }
  EXPECT_EQ(agentmq_close(bus), MQ_OK);
}

TEST(Opening, WhatCanNotBeIsRefused) {
  const std::pair<std::string, const char*> urls[] = {{"memory://x?state=queued", "state"},
                                                      {"memory://x?prefix=a&prefix=b", "twice"},
                                                      {"redis://h/1?database=2", "twice"},
                                                      {"redis://h/1?db=2", "twice"},
                                                      {"redis://u@h?user=v", "twice"},
                                                      {"redis://h/x", "database"},
                                                      {"redis://h/16384", "database"},
                                                      {"memory://x?db=1", "'db'"},
                                                      {"memory://x?perfix=a", "'prefix'"},
                                                      {"memory://x?prefetch=0", "between 1 and 10000"},
                                                      {"memory://" + std::string(300, 'n'), "256"},
                                                      {"redis+unix:///" + std::string(200, 'p'), "107"}};
  for (const auto& [url, word] : urls) {
    mq_bus* bus = nullptr;
    EXPECT_EQ(agentmq_open(url.c_str(), nullptr, &bus), MQ_INVALID) << url;
    EXPECT_TRUE(Mentions(word)) << url << ": " << Error();
  }
}

TEST(Opening, TheEnvironmentIsNamedInItsError) {
  ASSERT_EQ(setenv("AGENTMQ_URL", "redi://x", 1), 0);
  mq_bus* bus = nullptr;
  EXPECT_EQ(agentmq_open(nullptr, nullptr, &bus), MQ_INVALID);
  EXPECT_TRUE(Mentions("AGENTMQ_URL")) << Error();
  ASSERT_EQ(setenv("AGENTMQ_URL", "memory://environment", 1), 0);
  EXPECT_EQ(agentmq_open(nullptr, nullptr, &bus), MQ_OK) << Error();
  EXPECT_EQ(agentmq_close(bus), MQ_OK);
  unsetenv("AGENTMQ_URL");
}

TEST(Opening, AFailureIsToldToTheLog) {
  mq_config* config = mq_config_new();
  std::string told;
  const auto tell = [](int level, const char* json, void* context) {
    *static_cast<std::string*>(context) += std::to_string(level) + json;
  };
  ASSERT_EQ(mq_config_set_log(config, tell, &told), MQ_OK);
  mq_bus* bus = nullptr;
  EXPECT_EQ(agentmq_open("redi://u:secret@x", config, &bus), MQ_INVALID);
  mq_config_free(config);
  EXPECT_NE(told.find("open_failed"), std::string::npos) << told;
  EXPECT_NE(told.find("MQ_INVALID"), std::string::npos) << told;
  EXPECT_EQ(told.find("secret"), std::string::npos) << told;
}

// ---- ending ----

TEST(Ending, ACallThatWaitsOutlivesItsBus) {
  for (int round = 0; round < 20; ++round) {
    mq_bus* bus = Open("memory://ending");
    std::promise<void> inside;
    std::thread waiter([&] {
      char* json = nullptr;
      inside.set_value();
      const mq_status status = mq_next_log(bus, 10'000, &json);
      EXPECT_EQ(status, MQ_CLOSED) << Error();
      mq_free(json);
    });
    inside.get_future().wait();
    while (bus->users.load() < 2) std::this_thread::yield();
    EXPECT_EQ(agentmq_close(bus), MQ_OK);
    waiter.join();
  }
}

TEST(Ending, AFetchThatWaitsOutlivesItsSubscription) {
  mq_bus* bus = Open("memory://ending");
  for (int round = 0; round < 20; ++round) {
    mq_subscription* subscription = nullptr;
    ASSERT_EQ(mq_subscribe(bus, "c", "a", nullptr, &subscription), MQ_OK);
    std::thread waiter([&, subscription] {
      mq_message* message = nullptr;
      EXPECT_EQ(mq_fetch(subscription, -1, &message), MQ_CLOSED) << Error();
    });
    while (subscription->users.load() < 2) std::this_thread::yield();
    mq_subscription_free(subscription);
    waiter.join();
  }
  EXPECT_EQ(agentmq_close(bus), MQ_OK);
}

struct Scene {
  mq_bus* bus = nullptr;
  mq_subscription* subscription = nullptr;
  std::atomic<int> calls{0};
};

TEST(Ending, FromInsideAHandlerNothingEnds) {
  Scene scene;
  scene.bus = Open("memory://inside");
  ASSERT_EQ(mq_subscribe(scene.bus, "c", "a", nullptr, &scene.subscription), MQ_OK);
  const auto handler = [](const mq_message*, void* context) {
    auto& at = *static_cast<Scene*>(context);
    EXPECT_EQ(agentmq_close(at.bus), MQ_INVALID);
    EXPECT_EQ(mq_drain(at.subscription, 0), MQ_INVALID);
    mq_subscription_free(at.subscription);
    ++at.calls;
    return MQ_VERDICT_ACK;
  };
  ASSERT_EQ(mq_consume(scene.subscription, handler, &scene), MQ_OK) << Error();
  mq_message* message = For("a");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(mq_publish(scene.bus, "c", message), MQ_OK) << Error();
  mq_message_free(message);
  while (scene.calls.load() < 2) std::this_thread::yield();
  EXPECT_EQ(mq_drain(scene.subscription, 10'000), MQ_OK) << Error();
  mq_subscription_free(scene.subscription);
  EXPECT_EQ(agentmq_close(scene.bus), MQ_OK);
}

// ---- callbacks ----

TEST(Callbacks, AHandlerThatThrowsMeansRetry) {
  mq_bus* bus = Open("memory://callbacks");
  mq_config* config = mq_config_new();
  ASSERT_EQ(mq_config_set(config, "backoff_base", "0"), MQ_OK);
  mq_subscription* subscription = nullptr;
  ASSERT_EQ(mq_subscribe(bus, "c", "a", config, &subscription), MQ_OK);
  mq_config_free(config);
  std::atomic<int> deliveries{0};
  const auto handler = [](const mq_message* message, void* context) {
    const int delivery = mq_message_deliveries(message);
    static_cast<std::atomic<int>*>(context)->store(delivery);
    if (delivery < 3) throw std::runtime_error("not my day");
    return MQ_VERDICT_ACK;
  };
  ASSERT_EQ(mq_consume(subscription, handler, &deliveries), MQ_OK) << Error();
  mq_message* message = For("a");
  EXPECT_EQ(mq_publish(bus, "c", message), MQ_OK) << Error();
  mq_message_free(message);
  while (deliveries.load() < 3) std::this_thread::yield();
  EXPECT_EQ(mq_drain(subscription, 10'000), MQ_OK) << Error();
  int64_t left = -1;
  EXPECT_EQ(mq_count(bus, nullptr, &left), MQ_OK);
  EXPECT_EQ(left, 0);
  mq_subscription_free(subscription);
  EXPECT_EQ(agentmq_close(bus), MQ_OK);
}

TEST(Callbacks, APublishCallbackHearsTheIdAndMayThrow) {
  mq_bus* bus = Open("memory://callbacks");
  std::promise<std::string> id;
  const auto callback = [](mq_status status, const char* text, void* context) {
    EXPECT_EQ(status, MQ_OK);
    static_cast<std::promise<std::string>*>(context)->set_value(text);
    throw std::runtime_error("not my day");
  };
  EXPECT_EQ(mq_publish_async(bus, "c", For("a"), callback, &id), MQ_OK) << Error();
  EXPECT_NE(id.get_future().get(), "");
  EXPECT_EQ(mq_flush(bus, 10'000), MQ_OK) << Error();
  EXPECT_EQ(agentmq_close(bus), MQ_OK);
}

}  // namespace
}  // namespace agentmq::capi
