// What needs no bus: version, names of statuses, errors, the table of settings.
#include <gtest/gtest.h>

#include <agentmq/agentmq.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>

namespace agentmq::test {
namespace {

TEST(Library, TheVersionIsThatOfTheHeader) {
  EXPECT_STREQ(mq_version(), MQ_VERSION_STRING);
  EXPECT_EQ(std::string(mq_version()), std::to_string(MQ_VERSION_MAJOR) + "." + std::to_string(MQ_VERSION_MINOR) + "." +
                                           std::to_string(MQ_VERSION_PATCH));
}

TEST(Library, EachStatusHasItsNumberAndName) {
  const char* names[] = {"MQ_OK",           "MQ_TIMEOUT",     "MQ_CLOSED",      "MQ_INVALID",     "MQ_NOT_FOUND",
                         "MQ_STALE",        "MQ_FULL",        "MQ_TOO_LARGE",   "MQ_UNAVAILABLE", "MQ_AUTH",
                         "MQ_TLS",          "MQ_UNSUPPORTED", "MQ_PROTOCOL",    "MQ_CORRUPT",     "MQ_SIGNATURE",
                         "MQ_RATE_LIMITED", "MQ_NO_MEMORY",   "MQ_INTERRUPTED", "MQ_INTERNAL",    "MQ_PARTIAL",
                         "MQ_UNKNOWN"};
  for (int i = 0; i < 21; ++i) EXPECT_STREQ(mq_status_name(static_cast<mq_status>(i)), names[i]);
  EXPECT_STREQ(mq_status_name(static_cast<mq_status>(21)), "MQ_?");
  // Above what the enumeration's type is sure to hold nothing may be cast; 31 is its last value.
  EXPECT_STREQ(mq_status_name(static_cast<mq_status>(31)), "MQ_?");
}

TEST(Library, WhatMayBeTriedAgainIsSaid) {
  for (const mq_status again : {MQ_UNAVAILABLE, MQ_TIMEOUT, MQ_FULL, MQ_RATE_LIMITED}) {
    EXPECT_EQ(mq_status_is_retriable(again), 1) << mq_status_name(again);
  }
  for (const mq_status never : {MQ_OK, MQ_UNKNOWN, MQ_INVALID, MQ_AUTH, MQ_TOO_LARGE, MQ_CORRUPT, MQ_CLOSED, MQ_STALE,
                                MQ_NOT_FOUND, MQ_UNSUPPORTED, MQ_SIGNATURE}) {
    EXPECT_EQ(mq_status_is_retriable(never), 0) << mq_status_name(never);
  }
}

TEST(Library, EachThreadHasItsOwnLastError) {
  mq_bus* bus = nullptr;
  ASSERT_EQ(mq_open("redi://x", nullptr, &bus), MQ_INVALID);
  EXPECT_EQ(bus, nullptr);
  const std::string mine = mq_last_error();
  EXPECT_NE(mine, "");
  std::thread other([] {
    EXPECT_STREQ(mq_last_error(), "");
    EXPECT_EQ(mq_message_new(nullptr, 1), nullptr);
    EXPECT_STRNE(mq_last_error(), "");
  });
  other.join();
  EXPECT_EQ(mq_last_error(), mine);
}

TEST(Library, FreeingLeavesTheLastErrorAlone) {
  ASSERT_EQ(mq_message_new(nullptr, 1), nullptr);
  const std::string text = mq_last_error();
  ASSERT_NE(text, "");
  mq_config* config = mq_config_new();
  mq_message* message = mq_message_new("x", 1);
  mq_cancel* cancel = mq_cancel_new();
  mq_config_free(config);
  mq_message_free(message);
  mq_cancel_free(cancel);
  mq_config_free(nullptr);
  mq_message_free(nullptr);
  mq_list_free(nullptr);
  mq_subscription_free(nullptr);
  mq_cancel_free(nullptr);
  mq_free(nullptr);
  EXPECT_EQ(mq_close(nullptr), MQ_OK);
  EXPECT_EQ(mq_last_error(), text);
}

TEST(Library, ASuccessLeavesTheLastErrorOfThisThread) {
  ASSERT_EQ(mq_message_new(nullptr, 1), nullptr);
  const char* text = mq_last_error();
  const std::string before = text;
  mq_config* config = mq_config_new();
  ASSERT_EQ(mq_config_set(config, "prefetch", "8"), MQ_OK);
  EXPECT_EQ(text, before);  // borrowed until the next call that fails
  mq_config_free(config);
}

TEST(Library, TheTableOfSettingsHoldsEverySettingOfThisVersion) {
  char* text = nullptr;
  ASSERT_EQ(mq_settings(&text), MQ_OK);
  const nlohmann::json table = nlohmann::json::parse(text);
  mq_free(text);
  std::map<std::string, std::set<std::string>> by_kind;
  for (const auto& row : table) {
    for (const char* member : {"name", "kind", "type", "default", "min", "max", "help"}) {
      EXPECT_TRUE(row.contains(member)) << row.dump() << " lacks " << member;
    }
    EXPECT_NE(row["help"], "") << row["name"];
    EXPECT_TRUE(by_kind[row["kind"]].insert(row["name"]).second) << row["name"] << " stands there twice";
  }
  const std::map<std::string, std::set<std::string>> expected{
      {"bus",
       {"user",
        "password",
        "database",
        "prefix",
        "namespace",
        "source",
        "pool_size",
        "connect_timeout",
        "command_timeout",
        "open_timeout",
        "close_timeout",
        "keepalive",
        "health_interval",
        "health_degraded",
        "health_unhealthy",
        "reconnect_base",
        "reconnect_max",
        "async_max",
        "ack_interval",
        "liveness_timeout",
        "max_payload",
        "log_level",
        "bus_rate_limit",
        "breaker_failures",
        "breaker_reset",
        "outbox_max",
        "outbox_bytes",
        "min_replicas",
        "fsync",
        "durability_timeout",
        "tls",
        "tls_ca",
        "tls_cert",
        "tls_key",
        "tls_verify",
        "sentinel_user",
        "sentinel_password",
        "reply_ttl",
        "trace",
        "compress_above",
        "signing_key",
        "verify_keys",
        "require_signature",
        "audit",
        "audit_max"}},
      {"channel",
       {"ttl", "max_items", "overflow", "publish_timeout", "retain", "retain_count", "dedup_window", "group_ttl",
        "rate_limit", "source_rate_limit", "require_agent"}},
      {"subscription",
       {"consumer", "listen_buffer", "listen_buffer_bytes", "prefetch", "visibility_timeout", "auto_extend",
        "auto_extend_max", "retry_attempts", "backoff_base", "backoff_factor", "backoff_max", "backoff_jitter", "start",
        "skip_done", "types", "workers"}},
      {"filter", {"channel", "agent", "source", "target", "type", "state", "status", "since", "until"}},
      {"replay", {"rate", "limit", "dry_run", "keep_attempts"}}};
  EXPECT_EQ(by_kind, expected);
}

TEST(Library, TheDefaultsAreThoseOfTheContract) {
  const Config config;
  const std::pair<const char*, const char*> expected[] = {{"prefix", "agentmq"},
                                                          {"namespace", "default"},
                                                          {"pool_size", "50"},
                                                          {"connect_timeout", "5s"},
                                                          {"command_timeout", "5s"},
                                                          {"open_timeout", "5s"},
                                                          {"close_timeout", "5s"},
                                                          {"keepalive", "true"},
                                                          {"health_interval", "30s"},
                                                          {"health_degraded", "50ms"},
                                                          {"health_unhealthy", "200ms"},
                                                          {"reconnect_base", "50ms"},
                                                          {"reconnect_max", "2s"},
                                                          {"breaker_failures", "5"},
                                                          {"breaker_reset", "5s"},
                                                          {"min_replicas", "0"},
                                                          {"fsync", "false"},
                                                          {"durability_timeout", "1s"},
                                                          {"outbox_max", "0"},
                                                          {"outbox_bytes", "64MiB"},
                                                          {"async_max", "10000"},
                                                          {"ack_interval", "2ms"},
                                                          {"liveness_timeout", "3s"},
                                                          {"max_payload", "64MiB"},
                                                          {"log_level", "warn"},
                                                          {"ttl", "0"},
                                                          {"max_items", "10000"},
                                                          {"overflow", "reject"},
                                                          {"publish_timeout", "0"},
                                                          {"group_ttl", "7d"},
                                                          {"dedup_window", "5m"},
                                                          {"retain", "0"},
                                                          {"retain_count", "0"},
                                                          {"require_agent", "false"},
                                                          {"prefetch", "32"},
                                                          {"visibility_timeout", "30s"},
                                                          {"auto_extend", "true"},
                                                          {"auto_extend_max", "1h"},
                                                          {"retry_attempts", "5"},
                                                          {"backoff_base", "1s"},
                                                          {"backoff_factor", "2"},
                                                          {"backoff_max", "5m"},
                                                          {"backoff_jitter", "0.1"},
                                                          {"start", "all"},
                                                          {"skip_done", "false"},
                                                          {"workers", "1"}};
  for (const auto& [name, value] : expected) EXPECT_EQ(config.Get(name), value) << name;
}

}  // namespace
}  // namespace agentmq::test
