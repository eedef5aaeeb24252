#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/settings.hpp"
#include "core/settings_value.hpp"

// The one table of settings. Limits: of numbers their value, of durations ms, of sizes bytes, of texts and names their
// length in bytes.
namespace agentmq {
namespace {

using Kind = SettingKind;
using Type = SettingType;

constexpr double kSecond = 1000;
constexpr double kHour = 3600 * kSecond;
constexpr double kDay = 24 * kHour;
constexpr double kDecade = 3650 * kDay;
constexpr double kMebibyte = 1024 * 1024;

constexpr auto kTable = std::to_array<Setting>({
    {"user", Kind::kBus, Type::kText, "", 0, 1024, "", "User at the server; empty: the server's default user."},
    {"password", Kind::kBus, Type::kSecret, "", 0, 65536, "", "Password at the server; empty: none. Never shown."},
    {"database", Kind::kBus, Type::kInteger, "0", 0, 16383, "", "Number of the server's database."},
    {"sentinel_user", Kind::kBus, Type::kText, "", 0, 1024, "", "User at the sentinels; empty: their default user."},
    {"sentinel_password", Kind::kBus, Type::kSecret, "", 0, 65536, "",
     "Password at the sentinels; empty: none. Never shown."},
    {"tls", Kind::kBus, Type::kBool, "false", 0, 0, "",
     "TLS to the server; a URL that begins with rediss:// says so too."},
    {"tls_ca", Kind::kBus, Type::kText, "", 0, 4096, "",
     "File or folder with the CA certificates to trust, in PEM; empty: the system's."},
    {"tls_cert", Kind::kBus, Type::kText, "", 0, 4096, "",
     "File with the client certificate and its chain, in PEM; empty: none is shown."},
    {"tls_key", Kind::kBus, Type::kText, "", 0, 4096, "", "File with the client certificate's key, in PEM."},
    {"tls_verify", Kind::kBus, Type::kBool, "true", 0, 0, "",
     "The server's certificate must come from a CA that is trusted, and name the URL's host."},
    {"prefix", Kind::kBus, Type::kName, "agentmq", 1, 256, "", "What all keys on the server begin with."},
    {"namespace", Kind::kBus, Type::kName, "default", 1, 256, "",
     "Buses see each other's messages only in the same namespace."},
    {"source", Kind::kBus, Type::kName, "", 0, 256, "", "Sender of messages that name none."},
    {"pool_size", Kind::kBus, Type::kInteger, "50", 1, 10000, "",
     "Most connections for commands; further callers wait for one."},
    {"connect_timeout", Kind::kBus, Type::kDuration, "5s", 1, kHour, "", "How long one attempt to connect may take."},
    {"command_timeout", Kind::kBus, Type::kDuration, "5s", 1, kHour, "",
     "How long the server may take to answer a command."},
    {"open_timeout", Kind::kBus, Type::kDuration, "5s", 0, kHour, "",
     "How long opening tries to reach the server; 0: it opens without the server and connects later."},
    {"close_timeout", Kind::kBus, Type::kDuration, "5s", 0, kHour, "",
     "How long closing waits for asynchronous publishes and acks."},
    {"keepalive", Kind::kBus, Type::kBool, "true", 0, 0, "", "TCP keep-alive on connections."},
    {"health_interval", Kind::kBus, Type::kDuration, "30s", 0, kDay, "",
     "How often the server's latency is measured by itself; 0: only when the health is asked for."},
    {"health_degraded", Kind::kBus, Type::kDuration, "50ms", 0, kHour, "", "Latency above which a bus is degraded."},
    {"health_unhealthy", Kind::kBus, Type::kDuration, "200ms", 0, kHour, "", "Latency above which it is unhealthy."},
    {"reconnect_base", Kind::kBus, Type::kDuration, "50ms", 1, kHour, "",
     "Pause before the second attempt to reconnect; doubles with each."},
    {"reconnect_max", Kind::kBus, Type::kDuration, "2s", 1, kHour, "", "Longest pause between attempts to reconnect."},
    {"breaker_failures", Kind::kBus, Type::kInteger, "5", 0, 1000000, "",
     "Failed attempts to reconnect in a row after which the server is not tried for breaker_reset; 0: it always is."},
    {"breaker_reset", Kind::kBus, Type::kDuration, "5s", 1, kHour, "",
     "How long a server that keeps failing is not tried; calls fail at once meanwhile. Where attempts fail at once: a "
     "tenth of it, 500 ms at least."},
    {"async_max", Kind::kBus, Type::kInteger, "10000", 1, 10000000, "",
     "Most asynchronous publishes that may wait to be sent."},
    {"outbox_max", Kind::kBus, Type::kInteger, "0", 0, 10000000, "",
     "Most asynchronous publishes that are kept while the server is away, and sent in order when it is back; 0: they "
     "fail."},
    {"outbox_bytes", Kind::kBus, Type::kSize, "64MiB", 1, 1024 * kMebibyte * 1024, "",
     "Most bytes of payload that the outbox holds."},
    {"ack_interval", Kind::kBus, Type::kDuration, "2ms", 0, 3600 * kSecond, "",
     "How long asynchronous acks are gathered before they are sent."},
    {"reply_ttl", Kind::kBus, Type::kDuration, "24h", 0, kDecade, "",
     "How long a reply that says nothing else is kept for whoever asked; 0: as any direct message."},
    {"liveness_timeout", Kind::kBus, Type::kDuration, "3s", 100, kHour, "",
     "How long a consumer may be silent until its messages go to others."},
    {"min_replicas", Kind::kBus, Type::kInteger, "0", 0, 100, "",
     "Replicas that a publish waits for, unless its message says otherwise; fewer: MQ_PARTIAL."},
    {"fsync", Kind::kBus, Type::kBool, "false", 0, 0, "",
     "A publish waits for the server's disk too, unless its message says otherwise; needs Redis 7.2 and appendonly."},
    {"durability_timeout", Kind::kBus, Type::kDuration, "1s", 1, kHour, "",
     "How long a publish waits for replicas and disks."},
    {"max_payload", Kind::kBus, Type::kSize, "64MiB", 1, 512 * kMebibyte, "",
     "Largest payload that may be published, or inflated where it was compressed."},
    {"compress_above", Kind::kBus, Type::kSize, "0", 0, 512 * kMebibyte, "",
     "Payloads above it are stored compressed, where that makes them smaller; 0: none are."},
    {"trace", Kind::kBus, Type::kBool, "false", 0, 0, "",
     "Messages that are published without a traceparent header (W3C Trace Context) get one, of a new trace."},
    {"signing_key", Kind::kBus, Type::kSecret, "", 0, 65536, "",
     "Key that signs what is published, as id:base64, or file:/path of a file with that; empty: nothing is signed. "
     "Never shown."},
    {"verify_keys", Kind::kBus, Type::kSecret, "", 0, 262144, "",
     "Keys that vouch for what is read besides signing_key, as id:base64,id:base64, or file:/path; without any key no "
     "signature is looked at. Never shown."},
    {"require_signature", Kind::kBus, Type::kBool, "false", 0, 0, "",
     "Messages that are not signed are refused, as those whose signature does not fit."},
    {"audit", Kind::kBus, Type::kChoice, "off", 0, 0, "off|messages",
     "messages: what becomes of messages through this bus is recorded in the audit trail 'messages'."},
    {"audit_max", Kind::kBus, Type::kInteger, "100000", 100, 1e9, "",
     "How many records an audit trail keeps at least; older ones are trimmed when this bus appends."},
    {"bus_rate_limit", Kind::kBus, Type::kNumber, "0", 0, 1e6, "",
     "Most messages a second that the buses of the namespace which have this setting publish together; 0: no limit."},
    {"log_level", Kind::kBus, Type::kChoice, "warn", 0, 0, "debug|info|warn|error",
     "Log events below it are not told."},

    {"ttl", Kind::kChannel, Type::kDuration, "0", 0, kDecade, "",
     "How long messages that say nothing else may wait to be delivered; 0: for ever."},
    {"max_items", Kind::kChannel, Type::kInteger, "10000", 0, 1e9, "",
     "Most messages in each of the channel's queues; 0: no limit."},
    {"overflow", Kind::kChannel, Type::kChoice, "reject", 0, 0, "reject|drop_oldest|block",
     "What publishing into a full queue does: reject it, drop_oldest of the queue, or block up to publish_timeout. "
     "Above a rate limit block waits too, the others reject."},
    {"publish_timeout", Kind::kChannel, Type::kDuration, "0", 0, kDay, "",
     "How long a publish waits for room, or for a rate limit, with overflow=block."},
    {"retain", Kind::kChannel, Type::kDuration, "0", 0, kDecade, "",
     "How long what was acknowledged is kept, to be looked at and to be read again (mq_seek()); 0: not for a time."},
    {"retain_count", Kind::kChannel, Type::kInteger, "0", 0, 1e9, "",
     "How many acknowledged messages each of the channel's queues keeps at most; 0: no limit where retain is set, else "
     "none."},
    {"dedup_window", Kind::kChannel, Type::kDuration, "5m", 0, kDecade, "",
     "How long a message's dedup_key is taken: another one with it in the same queue is not stored; 0: keys are not "
     "looked at."},
    {"rate_limit", Kind::kChannel, Type::kNumber, "0", 0, 1e6, "",
     "Most messages a second that all publish on the channel together; 0: no limit."},
    {"source_rate_limit", Kind::kChannel, Type::kNumber, "0", 0, 1e6, "",
     "Most messages a second that each source publishes on the channel; 0: no limit."},
    {"group_ttl", Kind::kChannel, Type::kDuration, "7d", 0, kDecade, "",
     "How long an agent may be without consumer until broadcasts are no longer kept for it; 0: for ever."},
    {"require_agent", Kind::kChannel, Type::kBool, "false", 0, 0, "",
     "Messages for an agent that has never been (nobody announced it or subscribed for it) are refused."},

    {"consumer", Kind::kSubscription, Type::kName, "", 0, 256, "",
     "Name of this consumer in reports; empty: one is made up."},
    {"types", Kind::kSubscription, Type::kList, "", 0, 0, "",
     "Types of the messages that this consumer takes, like event,command; empty: all. Others stay for other "
     "consumers."},
    {"prefetch", Kind::kSubscription, Type::kInteger, "32", 1, 10000, "",
     "Most messages that are reserved ahead of being fetched."},
    {"visibility_timeout", Kind::kSubscription, Type::kDuration, "30s", 1, kDecade, "",
     "How long a message is reserved for whom it was delivered to."},
    {"auto_extend", Kind::kSubscription, Type::kBool, "true", 0, 0, "",
     "Reservations are extended for as long as the consumer lives."},
    {"auto_extend_max", Kind::kSubscription, Type::kDuration, "1h", 0, kDecade, "",
     "Reservations are not extended beyond it, so that a forgotten message lapses; 0: without end."},
    {"retry_attempts", Kind::kSubscription, Type::kInteger, "5", 1, 1000000, "",
     "Deliveries in all until a message goes to the dead letters."},
    {"backoff_base", Kind::kSubscription, Type::kDuration, "1s", 0, kDecade, "", "Pause before the second delivery."},
    {"backoff_factor", Kind::kSubscription, Type::kNumber, "2", 1, 1000, "",
     "Each further pause is so many times longer."},
    {"backoff_max", Kind::kSubscription, Type::kDuration, "5m", 0, kDecade, "", "Longest pause between deliveries."},
    {"backoff_jitter", Kind::kSubscription, Type::kNumber, "0.1", 0, 1, "",
     "Part of the pause by which chance makes it longer or shorter."},
    {"start", Kind::kSubscription, Type::kPosition, "all", 0, 0, "",
     "What an agent gets that reads a channel for the first time: all broadcasts that are there or kept, new ones "
     "only, "
     "or those from a time or an id on."},
    {"skip_done", Kind::kSubscription, Type::kBool, "false", 0, 0, "",
     "The agent remembers what it acknowledged, by dedup_key or else id, for the channel's dedup_window; what comes "
     "again "
     "is acknowledged and not handed out."},
    {"listen_buffer", Kind::kSubscription, Type::kInteger, "10000", 1, 1e7, "",
     "Most messages that a listener keeps until they are fetched; beyond it the oldest are dropped and counted."},
    {"listen_buffer_bytes", Kind::kSubscription, Type::kSize, "64MiB", 1, 1024 * kMebibyte * 1024, "",
     "Most bytes that a listener keeps; beyond it the oldest are dropped and counted."},
    {"workers", Kind::kSubscription, Type::kInteger, "1", 1, 256, "", "Threads that call the handler of mq_consume()."},

    {"channel", Kind::kFilter, Type::kName, "", 0, 256, "", "Published on this channel; empty: the direct inboxes."},
    {"source", Kind::kFilter, Type::kName, "", 0, 256, "", "Sent by this agent."},
    {"target", Kind::kFilter, Type::kName, "", 1, 256, "", "For this agent."},
    {"type", Kind::kFilter, Type::kList, "", 0, 0, "", "Of one of these types, like event,command."},
    {"state", Kind::kFilter, Type::kStates, "", 0, 0, "queued|scheduled|reserved|retrying|acked|dead|expired|deleted",
     "In one of these states, like queued,retrying; or in none of them, like !acked."},
    {"since", Kind::kFilter, Type::kTime, "", 0, 0, "", "Published then or later; as a dead letter: given up."},
    {"until", Kind::kFilter, Type::kTime, "", 0, 0, "", "Published before; as a dead letter: given up."},
    {"agent", Kind::kFilter, Type::kName, "", 1, 256, "",
     "For this agent to settle, or given up by it: an inbox' target; of broadcasts their dead letters alone."},
    {"status", Kind::kFilter, Type::kChoice, "", 0, 0,
     "MQ_OK|MQ_TIMEOUT|MQ_UNKNOWN|MQ_CORRUPT|MQ_SIGNATURE|MQ_TOO_LARGE",
     "Dead for this: nacks (MQ_OK), a lapse (MQ_TIMEOUT), a consumer's death (MQ_UNKNOWN), or not to be handed out. "
     "Living messages have MQ_OK."},

    {"rate", Kind::kReplay, Type::kNumber, "0", 0, 1e6, "", "Most dead letters a second; 0: as fast as it goes."},
    {"limit", Kind::kReplay, Type::kInteger, "0", 0, 1e9, "", "Most dead letters in all, the oldest first; 0: all."},
    {"keep_attempts", Kind::kReplay, Type::kBool, "false", 0, 0, "",
     "Attempts go on counting from where they were, and the history goes along; else they begin anew."},
    {"dry_run", Kind::kReplay, Type::kBool, "false", 0, 0, "", "Nothing is sent back; what would be is counted."},
});

std::string_view TypeName(SettingType type) {
  switch (type) {
    case Type::kText:
      return "text";
    case Type::kSecret:
      return "secret";
    case Type::kName:
      return "name";
    case Type::kBool:
      return "bool";
    case Type::kInteger:
      return "integer";
    case Type::kNumber:
      return "number";
    case Type::kDuration:
      return "duration";
    case Type::kSize:
      return "size";
    case Type::kChoice:
      return "choice";
    case Type::kTime:
      return "time";
    case Type::kStates:
      return "states";
    case Type::kPosition:
      return "position";
    case Type::kList:
      return "list";
  }
  return "";
}

nlohmann::ordered_json Limit(const Setting& setting, double limit) {
  if (!HasRange(setting.type)) return nullptr;
  return FormatLimit(setting.type, limit);
}

}  // namespace

std::span<const Setting> SettingTable() { return kTable; }

const Setting* FindSetting(std::string_view name) {
  const auto found = std::find_if(kTable.begin(), kTable.end(), [&](const Setting& row) { return row.name == name; });
  return found == kTable.end() ? nullptr : &*found;
}

const Setting* FindSetting(std::string_view name, SettingKind kind) {
  const auto found = std::find_if(kTable.begin(), kTable.end(),
                                  [&](const Setting& row) { return row.name == name && row.kind == kind; });
  return found == kTable.end() ? nullptr : &*found;
}

std::string_view KindName(SettingKind kind) {
  switch (kind) {
    case Kind::kBus:
      return "bus";
    case Kind::kChannel:
      return "channel";
    case Kind::kSubscription:
      return "subscription";
    case Kind::kFilter:
      return "filter";
    case Kind::kReplay:
      return "replay";
  }
  return "";
}

std::string SettingsJson() {
  nlohmann::ordered_json table = nlohmann::ordered_json::array();
  for (const Setting& row : kTable) {
    table.push_back({{"name", row.name},
                     {"kind", KindName(row.kind)},
                     {"type", TypeName(row.type)},
                     {"default", row.default_value},
                     {"min", Limit(row, row.min)},
                     {"max", Limit(row, row.max)},
                     {"help", row.help}});
  }
  return table.dump();
}

}  // namespace agentmq
