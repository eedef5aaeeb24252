#include "conformance/bad_input.hpp"

namespace agentmq::test {
namespace {

mq_verdict Handler(const mq_message*, void*) { return MQ_VERDICT_ACK; }

// One message that lasts, to be published where another argument is wrong.
mq_message* Good() {
  static const Message message = Text("x", "a");
  return message.get();
}

// Adds to the table under the name of the function that is called.
#define BAD(function, what, ...) \
  calls.push_back({#function, what, [=]() -> mq_status { return function(__VA_ARGS__); }})

void AddPublishing(const Things& t, std::vector<BadCall>& calls) {
  static mq_message* one[1];
  static const char* targets[] = {"a"};
  one[0] = Good();
  BAD(mq_publish, "bus", nullptr, "c", Good());
  BAD(mq_publish, "channel", t.bus, nullptr, Good());
  BAD(mq_publish, "message", t.bus, "c", nullptr);
  BAD(mq_publish_with, "bus", nullptr, "c", Good(), nullptr);
  BAD(mq_publish_with, "channel", t.bus, nullptr, Good(), nullptr);
  BAD(mq_publish_with, "message", t.bus, "c", nullptr, nullptr);
  BAD(mq_publish_batch, "bus", nullptr, "c", one, 1, nullptr, nullptr);
  BAD(mq_publish_batch, "channel", t.bus, nullptr, one, 1, nullptr, nullptr);
  BAD(mq_publish_batch, "messages", t.bus, "c", nullptr, 1, nullptr, nullptr);
  BAD(mq_publish_batch_with, "bus", nullptr, "c", one, 1, nullptr, nullptr, nullptr);
  BAD(mq_publish_batch_with, "messages", t.bus, "c", nullptr, 1, nullptr, nullptr, nullptr);
  BAD(mq_publish_many, "bus", nullptr, "c", Good(), targets, 1, nullptr);
  BAD(mq_publish_many, "channel", t.bus, nullptr, Good(), targets, 1, nullptr);
  BAD(mq_publish_many, "message", t.bus, "c", nullptr, targets, 1, nullptr);
  BAD(mq_publish_many, "targets", t.bus, "c", Good(), nullptr, 1, nullptr);
  static mq_list* sent;
  BAD(mq_publish_encoded, "bus", nullptr, "c", "", 0, &sent);
  BAD(mq_publish_encoded, "channel", t.bus, nullptr, "", 0, &sent);
  BAD(mq_publish_encoded, "buffer", t.bus, "c", nullptr, 16, &sent);
  BAD(mq_publish_encoded, "16 bytes", t.bus, "c", "abc", 3, &sent);
  BAD(mq_publish_encoded_with, "bus", nullptr, "c", "", 0, nullptr, &sent);
  BAD(mq_publish_encoded_with, "version", t.bus, "c", "0123456789abcdef", 16, nullptr, &sent);
  BAD(mq_publish_async, "bus", nullptr, "c", mq_message_new("x", 1), nullptr, nullptr);
  BAD(mq_publish_async, "channel", t.bus, nullptr, mq_message_new("x", 1), nullptr, nullptr);
  BAD(mq_publish_async, "message", t.bus, "c", nullptr, nullptr, nullptr);
  BAD(mq_flush, "bus", nullptr, 0);
  BAD(mq_flush, "timeout", t.bus, -2);
  BAD(mq_flush_with, "bus", nullptr, 0, nullptr);
  BAD(mq_flush_with, "timeout", t.bus, INT64_MIN, nullptr);
  BAD(mq_send_to, "bus", nullptr, "a", Good());
  BAD(mq_send_to, "target", t.bus, nullptr, Good());
  BAD(mq_send_to, "message", t.bus, "a", nullptr);
}

void AddAsking(const Things& t, std::vector<BadCall>& calls) {
  static mq_message* reply;
  static mq_list* replies;
  static const char* targets[] = {"a"};
  static const Message request = std::move(Message("x").SetReplyTo("a"));
  BAD(mq_request, "bus", nullptr, "a", Good(), 0, &reply);
  BAD(mq_request, "target", t.bus, nullptr, Good(), 0, &reply);
  BAD(mq_request, "message", t.bus, "a", nullptr, 0, &reply);
  BAD(mq_request, "timeout", t.bus, "a", Good(), -2, &reply);
  BAD(mq_request, "reply", t.bus, "a", Good(), 0, nullptr);
  BAD(mq_request_with, "bus", nullptr, "a", Good(), 0, nullptr, &reply);
  BAD(mq_request_with, "timeout", t.bus, "a", Good(), INT64_MIN, nullptr, &reply);
  BAD(mq_request_with, "reply", t.bus, "a", Good(), 0, nullptr, nullptr);
  BAD(mq_request_many, "bus", nullptr, targets, 1, Good(), 0, 0, &replies);
  BAD(mq_request_many, "targets", t.bus, nullptr, 1, Good(), 0, 0, &replies);
  BAD(mq_request_many, "no targets", t.bus, targets, 0, Good(), 0, 0, &replies);
  BAD(mq_request_many, "message", t.bus, targets, 1, nullptr, 0, 0, &replies);
  BAD(mq_request_many, "wanted", t.bus, targets, 1, Good(), 2, 0, &replies);
  BAD(mq_request_many, "timeout", t.bus, targets, 1, Good(), 0, -2, &replies);
  BAD(mq_request_many, "replies", t.bus, targets, 1, Good(), 0, 0, nullptr);
  BAD(mq_request_many_with, "bus", nullptr, targets, 1, Good(), 0, 0, nullptr, &replies);
  BAD(mq_request_many_with, "timeout", t.bus, targets, 1, Good(), 0, -2, nullptr, &replies);
  BAD(mq_request_many_with, "replies", t.bus, targets, 1, Good(), 0, 0, nullptr, nullptr);
  BAD(mq_reply, "bus", nullptr, request.get(), Good());
  BAD(mq_reply, "request", t.bus, nullptr, Good());
  BAD(mq_reply, "a request without reply_to", t.bus, Good(), Good());
  BAD(mq_reply, "reply", t.bus, request.get(), nullptr);
  BAD(mq_reply, "a received reply", t.bus, request.get(), const_cast<mq_message*>(t.message));
  BAD(mq_collect, "bus", nullptr, "a", "7", 0, &reply);
  BAD(mq_collect, "agent", t.bus, nullptr, "7", 0, &reply);
  BAD(mq_collect, "correlation_id", t.bus, "a", nullptr, 0, &reply);
  BAD(mq_collect, "an empty correlation_id", t.bus, "a", "", 0, &reply);
  BAD(mq_collect, "timeout", t.bus, "a", "7", -2, &reply);
  BAD(mq_collect, "reply", t.bus, "a", "7", 0, nullptr);
  BAD(mq_collect_with, "bus", nullptr, "a", "7", 0, nullptr, &reply);
  BAD(mq_collect_with, "timeout", t.bus, "a", "7", -2, nullptr, &reply);
  BAD(mq_collect_with, "reply", t.bus, "a", "7", 0, nullptr, nullptr);
}

void AddSubscribing(const Things& t, std::vector<BadCall>& calls) {
  static mq_subscription* subscription;
  static mq_message* message;
  static mq_list* list;
  BAD(mq_subscribe, "bus", nullptr, "c", "a", nullptr, &subscription);
  BAD(mq_subscribe, "channel", t.bus, nullptr, "a", nullptr, &subscription);
  BAD(mq_subscribe, "agent", t.bus, "c", nullptr, nullptr, &subscription);
  BAD(mq_subscribe, "an empty agent", t.bus, "c", "", nullptr, &subscription);
  BAD(mq_subscribe, "subscription", t.bus, "c", "a", nullptr, nullptr);
  BAD(mq_listen, "bus", nullptr, "c", nullptr, &subscription);
  BAD(mq_listen, "pattern", t.bus, nullptr, nullptr, &subscription);
  BAD(mq_listen, "an unclosed bracket", t.bus, "c[", nullptr, &subscription);
  BAD(mq_listen, "subscription", t.bus, "c", nullptr, nullptr);
  BAD(mq_subscription_lost, "subscription", nullptr, nullptr, nullptr);
  BAD(mq_subscription_lost, "no listener", t.subscription, nullptr, nullptr);
  BAD(mq_seek, "subscription", nullptr, "all");
  BAD(mq_seek, "position", t.subscription, nullptr);
  BAD(mq_seek, "a position that is none", t.subscription, "yesterday");
  BAD(mq_seek, "an empty position", t.subscription, "");
  BAD(mq_subscription_add, "subscription", nullptr, "c");
  BAD(mq_subscription_add, "channel", t.subscription, nullptr);
  BAD(mq_subscription_remove, "subscription", nullptr, "c");
  BAD(mq_subscription_remove, "channel", t.subscription, nullptr);
  BAD(mq_fetch, "subscription", nullptr, 0, &message);
  BAD(mq_fetch, "timeout", t.subscription, -2, &message);
  BAD(mq_fetch, "message", t.subscription, 0, nullptr);
  BAD(mq_fetch_with, "subscription", nullptr, 0, nullptr, &message);
  BAD(mq_fetch_with, "message", t.subscription, 0, nullptr, nullptr);
  BAD(mq_fetch_batch, "subscription", nullptr, 1, 0, &list);
  BAD(mq_fetch_batch, "max 0", t.subscription, 0, 0, &list);
  BAD(mq_fetch_batch, "max 1001", t.subscription, 1001, 0, &list);
  BAD(mq_fetch_batch, "list", t.subscription, 1, 0, nullptr);
  BAD(mq_fetch_batch_with, "subscription", nullptr, 1, 0, nullptr, &list);
  BAD(mq_fetch_batch_with, "list", t.subscription, 1, 0, nullptr, nullptr);
  BAD(mq_consume, "subscription", nullptr, Handler, nullptr);
  BAD(mq_consume, "handler", t.subscription, nullptr, nullptr);
  BAD(mq_drain, "subscription", nullptr, 0);
  BAD(mq_drain, "timeout", t.subscription, -2);
  BAD(mq_unsubscribe, "subscription", nullptr);
}

void AddSettling(const Things& t, std::vector<BadCall>& calls) {
  static const char* none[] = {nullptr};
  static const char* receipts[] = {"nonsense"};
  BAD(mq_ack, "bus", nullptr, t.message);
  BAD(mq_ack, "message", t.bus, nullptr);
  BAD(mq_ack, "a message that was not fetched", t.bus, Good());
  static size_t size;
  BAD(mq_list_encode, "list", nullptr, nullptr, 0, &size);
  BAD(mq_message_encode, "message", nullptr, nullptr, 0, &size);
  static mq_list* decoded;
  static const MessageList kept(mq_list_new());
  BAD(mq_list_decode, "buffer", nullptr, 16, &decoded);
  BAD(mq_list_decode, "a buffer too short", "nonsense", 8, &decoded);
  BAD(mq_list_decode, "list", "nonsense", 8, nullptr);
  BAD(mq_list_add, "list", nullptr, mq_message_new("x", 1));
  BAD(mq_list_add, "message", kept.get(), nullptr);
  BAD(mq_ack_batch, "bus", nullptr, nullptr, nullptr, nullptr);
  BAD(mq_ack_batch, "list", t.bus, nullptr, nullptr, nullptr);
  BAD(mq_ack_receipts, "bus", nullptr, receipts, 1, nullptr, nullptr);
  BAD(mq_ack_receipts, "receipts", t.bus, nullptr, 1, nullptr, nullptr);
  BAD(mq_ack_receipts, "a receipt of NULL", t.bus, none, 1, nullptr, nullptr);
  BAD(mq_ack_receipts, "a receipt of nonsense", t.bus, receipts, 1, nullptr, nullptr);
  BAD(mq_ack_id, "bus", nullptr, "a", "id");
  BAD(mq_ack_id, "id", t.bus, "a", nullptr);
  BAD(mq_ack_async, "bus", nullptr, t.message);
  BAD(mq_ack_async, "message", t.bus, nullptr);
  BAD(mq_nack, "bus", nullptr, t.message, MQ_FAILURE_TRANSIENT, 0, nullptr);
  BAD(mq_nack, "message", t.bus, nullptr, MQ_FAILURE_TRANSIENT, 0, nullptr);
  BAD(mq_nack, "delay", t.bus, t.message, MQ_FAILURE_TRANSIENT, -2, nullptr);
  BAD(mq_nack_receipt, "bus", nullptr, "r", MQ_FAILURE_TRANSIENT, 0, nullptr);
  BAD(mq_nack_receipt, "receipt", t.bus, nullptr, MQ_FAILURE_TRANSIENT, 0, nullptr);
  BAD(mq_extend, "bus", nullptr, t.message, 1000);
  BAD(mq_extend, "message", t.bus, nullptr, 1000);
  BAD(mq_extend, "visibility_timeout", t.bus, t.message, -2);
  BAD(mq_extend_receipt, "bus", nullptr, "r", 1000);
  BAD(mq_extend_receipt, "receipt", t.bus, nullptr, 1000);
}

void AddManaging(const Things& t, std::vector<BadCall>& calls) {
  static mq_list* list;
  static mq_message* message;
  static int64_t number;
  static char* text;
  BAD(mq_get_pending, "bus", nullptr, "c", "a", 1, &list);
  BAD(mq_get_pending, "limit 0", t.bus, "c", "a", 0, &list);
  BAD(mq_get_pending, "limit 10001", t.bus, "c", "a", 10001, &list);
  BAD(mq_get_pending, "list", t.bus, "c", "a", 1, nullptr);
  BAD(mq_get, "bus", nullptr, "id", &message);
  BAD(mq_get, "id", t.bus, nullptr, &message);
  BAD(mq_get, "message", t.bus, mq_message_id(t.message), nullptr);
  BAD(mq_find, "bus", nullptr, nullptr, 1, 0, &list);
  BAD(mq_find, "limit", t.bus, nullptr, SIZE_MAX, 0, &list);
  BAD(mq_find, "list", t.bus, nullptr, 1, 0, nullptr);
  BAD(mq_count, "bus", nullptr, nullptr, &number);
  BAD(mq_count, "count", t.bus, nullptr, nullptr);
  BAD(mq_delete, "bus", nullptr, "id");
  BAD(mq_delete, "id", t.bus, nullptr);
  static int deleted = 1;  // not captured
  BAD(mq_is_deleted, "bus", nullptr, "id", &deleted);
  BAD(mq_is_deleted, "id", t.bus, nullptr, &deleted);
  BAD(mq_is_deleted, "deleted", t.bus, "id", nullptr);
  BAD(mq_clear, "bus", nullptr, "c", &number);
  BAD(mq_clear, "channel", t.bus, nullptr, &number);
  BAD(mq_recover_pending, "bus", nullptr, nullptr, &number);
  BAD(mq_dead_letters, "bus", nullptr, nullptr, 1, 0, &list);
  BAD(mq_dead_letters, "limit", t.bus, nullptr, 0, 0, &list);
  BAD(mq_dead_letters, "list", t.bus, nullptr, 1, 0, nullptr);
  BAD(mq_replay, "bus", nullptr, "id", &text);
  BAD(mq_replay, "id", t.bus, nullptr, &text);
  BAD(mq_replay_all, "bus", nullptr, nullptr, &number);
  BAD(mq_purge_dead_letters, "bus", nullptr, nullptr, &number);
  BAD(mq_audit, "bus", nullptr, "k", "a", "{}");
  BAD(mq_audit, "kind", t.bus, nullptr, "a", "{}");
  BAD(mq_audit, "an empty kind", t.bus, "", "a", "{}");
  BAD(mq_audit, "the library's own kind", t.bus, "messages", "a", "{}");
  BAD(mq_audit, "an actor that is no name", t.bus, "k", "a\n", "{}");
  BAD(mq_audit, "json", t.bus, "k", "a", nullptr);
  BAD(mq_audit, "no JSON", t.bus, "k", "a", "{\"a\":}");
  BAD(mq_audit, "JSON and more", t.bus, "k", "a", "{} {}");
  BAD(mq_audit, "JSON that is not UTF-8", t.bus, "k", "a", "\"\xff\"");
  BAD(mq_audit_read, "bus", nullptr, "k", nullptr, 1, &text);
  BAD(mq_audit_read, "kind", t.bus, nullptr, nullptr, 1, &text);
  BAD(mq_audit_read, "a kind that is no name", t.bus, "\x01", nullptr, 1, &text);
  BAD(mq_audit_read, "after", t.bus, "k", "yesterday", 1, &text);
  BAD(mq_audit_read, "limit 0", t.bus, "k", nullptr, 0, &text);
  BAD(mq_audit_read, "limit 10001", t.bus, "k", nullptr, 10001, &text);
  BAD(mq_audit_read, "json", t.bus, "k", nullptr, 1, nullptr);
  BAD(mq_audit_verify, "bus", nullptr, "k", &text);
  BAD(mq_audit_verify, "kind", t.bus, nullptr, &text);
  BAD(mq_audit_verify, "json", t.bus, "k", nullptr);
  BAD(mq_stats, "bus", nullptr, "c", &text);
  BAD(mq_stats, "json", t.bus, "c", nullptr);
  BAD(mq_channels, "bus", nullptr, &text);
  BAD(mq_channels, "json", t.bus, nullptr);
  BAD(mq_groups, "bus", nullptr, "c", &text);
  BAD(mq_groups, "channel", t.bus, "c\n", &text);
  BAD(mq_groups, "json", t.bus, "c", nullptr);
  static mq_state reached;
  BAD(mq_agents, "bus", nullptr, "*", &text);
  BAD(mq_agents, "an unclosed bracket", t.bus, "a[", &text);
  BAD(mq_agents, "json", t.bus, "*", nullptr);
  BAD(mq_announce, "bus", nullptr, "a", "x", 1000);
  BAD(mq_announce, "agent", t.bus, nullptr, "x", 1000);
  BAD(mq_announce, "an empty agent", t.bus, "", "x", 1000);
  BAD(mq_announce, "a short lease", t.bus, "a", "x", 999);
  BAD(mq_announce, "a negative lease", t.bus, "a", "x", -1);
  BAD(mq_announce, "a description that is not UTF-8", t.bus, "a", "\xff", 1000);
  BAD(mq_await, "bus", nullptr, "id", MQ_STATE_ACKED, 0, &reached);
  BAD(mq_await, "id", t.bus, nullptr, MQ_STATE_ACKED, 0, &reached);
  BAD(mq_await, "an id of nonsense", t.bus, "nonsense", MQ_STATE_ACKED, 0, &reached);
  BAD(mq_await, "timeout", t.bus, mq_message_id(t.message), MQ_STATE_ACKED, -2, &reached);
  BAD(mq_await_with, "bus", nullptr, "id", MQ_STATE_ACKED, 0, nullptr, &reached);
  BAD(mq_await_with, "id", t.bus, nullptr, MQ_STATE_ACKED, 0, nullptr, &reached);
  BAD(mq_explain, "bus", nullptr, "id", &text);
  BAD(mq_explain, "id", t.bus, nullptr, &text);
  BAD(mq_explain, "an id of nonsense", t.bus, "nonsense", &text);
  BAD(mq_explain, "json", t.bus, mq_message_id(t.message), nullptr);
  BAD(mq_pause, "bus", nullptr, "c", "a", nullptr);
  BAD(mq_pause, "channel", t.bus, nullptr, "a", nullptr);
  BAD(mq_pause, "an empty agent", t.bus, "c", "", nullptr);
  BAD(mq_pause, "a reason that is not UTF-8", t.bus, "c", "a", "\xff");
  BAD(mq_resume, "bus", nullptr, "c", "a");
  BAD(mq_resume, "channel", t.bus, nullptr, "a");
  BAD(mq_resume, "an agent with a control character", t.bus, "c", "a\n");
  BAD(mq_health, "bus", nullptr, nullptr, &text);
  BAD(mq_health, "state", t.bus, nullptr, &text);
  BAD(mq_next_log, "bus", nullptr, 0, &text);
  BAD(mq_next_log, "timeout", t.bus, -2, &text);
  BAD(mq_next_log, "json", t.bus, 0, nullptr);
  BAD(mq_next_log_with, "bus", nullptr, 0, nullptr, &text);
  BAD(mq_next_log_with, "json", t.bus, 0, nullptr, nullptr);
}

void AddMessages(std::vector<BadCall>& calls) {
  static mq_message* message;
  static void* payload;
  BAD(mq_message_allocate, "payload", 1, nullptr, &message);
  BAD(mq_message_allocate, "message", 1, &payload, nullptr);
  BAD(mq_message_set_source, "message", nullptr, "x");
  BAD(mq_message_set_target, "message", nullptr, "x");
  BAD(mq_message_set_type, "message", nullptr, "x");
  BAD(mq_message_set_correlation_id, "message", nullptr, "x");
  BAD(mq_message_set_reply_to, "message", nullptr, "x");
  BAD(mq_message_set_content_type, "message", nullptr, "x");
  BAD(mq_message_set_dedup_key, "message", nullptr, "x");
  BAD(mq_message_set_header, "message", nullptr, "x", "y");
  BAD(mq_message_set_header, "name", Message("x").get(), nullptr, "y");
  BAD(mq_message_set_priority, "message", nullptr, 5);
  BAD(mq_message_set_ttl, "message", nullptr, 5);
  BAD(mq_message_set_delay, "message", nullptr, 5);
  BAD(mq_message_set_min_replicas, "message", nullptr, 1);
  BAD(mq_message_set_fsync, "message", nullptr, 1);
  BAD(mq_message_set_mode, "message", nullptr, MQ_MODE_BOTH);
  static char* json;
  BAD(mq_message_history, "message", nullptr, &json);
  BAD(mq_message_history, "json", Good(), nullptr);
}

void AddBuses(const Things& t, std::vector<BadCall>& calls) {
  static const Config config;
  static mq_bus* bus;
  BAD(mq_settings, "json", nullptr);
  BAD(mq_config_set, "config", nullptr, "prefetch", "1");
  BAD(mq_config_set, "name", config.get(), nullptr, "1");
  BAD(mq_config_set_log, "config", nullptr, nullptr, nullptr);
  BAD(agentmq_open, "bus", "memory://bad", nullptr, nullptr);
  static const char* const nodes[] = {"127.0.0.1:1"};
  static const char* const no_node[] = {nullptr};
  BAD(mq_open_cluster, "nodes", nullptr, 1, nullptr, &bus);
  BAD(mq_open_cluster, "bus", nodes, 1, nullptr, nullptr);
  BAD(mq_open_cluster, "node", no_node, 1, nullptr, &bus);
  BAD(mq_open_cluster, "node", nodes, 0, nullptr, &bus);
  BAD(agentmq_open, "url", "nonsense", nullptr, &bus);
  BAD(mq_open, "bus", "memory://bad", nullptr, nullptr);
  BAD(mq_configure, "bus", nullptr, "c", config.get());
  BAD(mq_configure, "channel", t.bus, nullptr, config.get());
  BAD(mq_configure, "config", t.bus, "c", nullptr);
  BAD(mq_shutdown, "bus", nullptr);
}

}  // namespace

std::vector<BadCall> BadCalls(const Things& things) {
  std::vector<BadCall> calls;
  AddBuses(things, calls);
  AddMessages(calls);
  AddPublishing(things, calls);
  AddAsking(things, calls);
  AddSubscribing(things, calls);
  AddSettling(things, calls);
  AddManaging(things, calls);
  return calls;
}

std::set<std::string> CallWithoutStatus() {
  std::set<std::string> names;
#define TEXT(function)     \
  names.insert(#function); \
  EXPECT_STREQ(function(nullptr), "")
#define ZERO(function)     \
  names.insert(#function); \
  EXPECT_EQ(function(nullptr), 0) << #function
#define FREES(function)    \
  names.insert(#function); \
  static_cast<void>(function(nullptr))
  TEXT(mq_message_id);
  TEXT(mq_message_channel);
  TEXT(mq_message_source);
  TEXT(mq_message_target);
  TEXT(mq_message_type);
  TEXT(mq_message_correlation_id);
  TEXT(mq_message_reply_to);
  TEXT(mq_message_content_type);
  TEXT(mq_message_dedup_key);
  TEXT(mq_message_receipt);
  TEXT(mq_message_agent);
  TEXT(mq_message_reason);
  TEXT(mq_message_signed_by);
  ZERO(mq_message_priority);
  ZERO(mq_message_timestamp);
  ZERO(mq_message_expires);
  ZERO(mq_message_signed_at);
  ZERO(mq_message_due);
  ZERO(mq_message_is_deleted);
  ZERO(mq_message_deliveries);
  ZERO(mq_message_reserved_until);
  ZERO(mq_message_state);
  ZERO(mq_message_replicas);
  ZERO(mq_message_is_fsynced);
  ZERO(mq_message_receivers);
  ZERO(mq_message_status);
  names.insert("mq_message_header_count");
  EXPECT_EQ(mq_message_header_count(nullptr), 0u);
  names.insert({"mq_list_size", "mq_list_new"});
  EXPECT_EQ(mq_list_size(nullptr), 0u);
  names.insert({"mq_message_header", "mq_message_header_name", "mq_message_header_value", "mq_message_payload"});
  EXPECT_EQ(mq_message_header(nullptr, "x"), nullptr);
  EXPECT_EQ(mq_message_header(Good(), nullptr), nullptr);
  EXPECT_EQ(mq_message_header_name(nullptr, 0), nullptr);
  EXPECT_EQ(mq_message_header_value(nullptr, SIZE_MAX), nullptr);
  size_t size = 7;
  static_cast<void>(mq_message_payload(nullptr, &size));
  EXPECT_EQ(size, 0u);
  static_cast<void>(mq_message_payload(nullptr, nullptr));
  names.insert({"mq_list_at", "mq_list_take", "mq_message_copy", "mq_message_new", "mq_config_get"});
  EXPECT_EQ(mq_list_at(nullptr, 0), nullptr);
  EXPECT_EQ(mq_list_take(nullptr, SIZE_MAX), nullptr);
  EXPECT_EQ(mq_message_copy(nullptr), nullptr);
  EXPECT_EQ(mq_message_new(nullptr, 5), nullptr);
  EXPECT_EQ(mq_config_get(nullptr, "prefetch"), nullptr);
  EXPECT_EQ(mq_config_get(Config().get(), nullptr), nullptr);
  names.insert("mq_subscription_fd");
  EXPECT_EQ(mq_subscription_fd(nullptr), -1);
  FREES(mq_free);
  FREES(mq_config_free);
  FREES(mq_message_free);
  FREES(mq_list_free);
  FREES(mq_subscription_free);
  FREES(mq_cancel_free);
  FREES(mq_cancel_fire);
  FREES(mq_close);
  FREES(agentmq_close);
  // What takes no pointer.
  names.insert({"mq_version", "mq_status_name", "mq_status_is_retriable", "mq_last_error", "mq_last_retry_after",
                "mq_config_new", "mq_cancel_new"});
  return names;
}

}  // namespace agentmq::test
