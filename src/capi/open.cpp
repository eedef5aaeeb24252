#include "capi/open.hpp"

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include "capi/guard.hpp"
#include "capi/handles.hpp"
#include "core/event_log.hpp"
#include "core/names.hpp"
#include "memory/open.hpp"
#include "redis/open.hpp"
#include "util/text.hpp"
#include "util/url.hpp"

namespace agentmq::capi {
namespace {

constexpr size_t kLongestSocketPath = 107;  // what a sockaddr_un holds
constexpr int kDefaultPort = 6379;
constexpr int kSentinelPort = 26379;
constexpr std::string_view kDefaultUrl = "redis://localhost:6379/0";

std::string_view UrlOrDefault(const char* url) {
  if (url != nullptr) return url;
  const char* from_environment = std::getenv("AGENTMQ_URL");
  return from_environment != nullptr && *from_environment != '\0' ? from_environment : kDefaultUrl;
}

Status SetOnce(std::string_view name, std::string_view value, Config* config) {
  if (config->Has(name)) return Status::Invalid("setting " + Quote(name) + " stands twice in the URL");
  return config->Set(name, value);
}

// redis://host/database, redis-sentinel://host/master/database
std::string_view DatabaseOf(const Url& url) {
  if (url.scheme == Scheme::kRedis || url.scheme == Scheme::kCluster) return url.path;
  if (url.scheme != Scheme::kSentinel) return {};
  const size_t slash = std::min(url.path.find('/'), url.path.size());
  return std::string_view(url.path).substr(std::min(slash + 1, url.path.size()));
}

// What a URL says of settings: user, password, database, query.
Result<Config> SettingsOf(const Url& url) {
  Config config;
  Status status;
  if (url.tls) status = SetOnce("tls", "true", &config);
  if (status.ok() && url.user) status = SetOnce("user", *url.user, &config);
  if (status.ok() && url.password) status = SetOnce("password", *url.password, &config);
  const std::string_view database = DatabaseOf(url);
  if (status.ok() && !database.empty()) {
    // Not quoted: it may be the rest of a password with a '/' in it.
    status = config.Set("database", database);
    if (!status.ok()) status = Status::Invalid("the URL's path must be a database, a number between 0 and 16383");
  }
  for (const auto& [name, value] : url.query) {
    if (!status.ok()) break;
    const bool is_short = name == "db" && url.scheme != Scheme::kMemory;
    status = SetOnce(is_short ? "database" : name, value, &config);
  }
  if (!status.ok()) return status;
  return config;
}

redis::Options RedisOptions(const Url& url, const Config& config) {
  redis::Options options;
  if (url.scheme == Scheme::kRedisUnix) {
    options.address.unix_path = url.path;
  } else {
    const bool sentinels = url.scheme == Scheme::kSentinel;
    std::vector<redis::Address> addresses;
    for (const Url::Host& host : url.hosts) {
      addresses.push_back({host.name, {}, host.port.value_or(sentinels ? kSentinelPort : kDefaultPort)});
    }
    if (url.scheme == Scheme::kCluster) {
      options.cluster = std::move(addresses);
    } else if (sentinels) {
      options.sentinels = std::move(addresses);
      options.master = url.path.substr(0, url.path.find('/'));
    } else {
      options.address = std::move(addresses[0]);
    }
  }
  options.user = config.Text("user");
  options.password = config.Text("password");
  options.sentinel_user = config.Text("sentinel_user");
  options.sentinel_password = config.Text("sentinel_password");
  options.database = static_cast<int>(config.Integer("database"));
  options.pool_size = static_cast<int>(config.Integer("pool_size"));
  options.connect_timeout = config.Integer("connect_timeout");
  options.command_timeout = config.Integer("command_timeout");
  options.open_timeout = config.Integer("open_timeout");
  options.reconnect_base = config.Integer("reconnect_base");
  options.reconnect_max = config.Integer("reconnect_max");
  options.durability_timeout = config.Integer("durability_timeout");
  options.breaker_failures = static_cast<int>(config.Integer("breaker_failures"));
  options.breaker_reset = config.Integer("breaker_reset");
  options.liveness_timeout = config.Integer("liveness_timeout");
  options.keepalive = config.Bool("keepalive");
  return options;
}

// Settings that make no sense together are a mistake whose reader thinks that his connections are safe.
Status CheckTls(const Url& url, const Config& config) {
  if (!config.Bool("tls")) {
    for (const char* name : {"tls_ca", "tls_cert", "tls_key"}) {
      if (config.Text(name).empty()) continue;
      return Status::Invalid("setting " + Quote(name) + " needs TLS: a URL that begins with rediss://, or tls=true");
    }
    return Status::Ok();
  }
  if (url.scheme == Scheme::kRedisUnix) return Status::Invalid("setting 'tls' does not go with the URL of a socket");
  if (config.Text("tls_cert").empty() == config.Text("tls_key").empty()) return Status::Ok();
  return Status::Invalid("settings 'tls_cert' and 'tls_key' go together, one of them is not set");
}

Result<std::shared_ptr<Backend>> OpenRedis(const Url& url, const Config& config, const BackendOptions& common) {
  redis::Options options = RedisOptions(url, config);
  if (Status status = CheckTls(url, config); !status.ok()) return status;
  if (config.Bool("tls")) {
    auto tls = redis::Tls::Make(
        {config.Text("tls_ca"), config.Text("tls_cert"), config.Text("tls_key"), config.Bool("tls_verify")});
    if (!tls.ok()) return tls.status();
    options.tls = std::move(*tls);
  }
  return redis::Open(options, common);
}

Result<std::shared_ptr<Backend>> OpenBackend(const Url& url, const Config& config, EventSink events) {
  const BackendOptions common{config.Text("prefix"), config.Text("namespace"), std::move(events)};
  if (url.scheme == Scheme::kMemory) {
    if (Status status = CheckName("the name of a memory bus", url.name); !status.ok()) return status;
    return memory::Open(url.name, common);
  }
  if (url.path.size() > kLongestSocketPath && url.scheme == Scheme::kRedisUnix) {
    return Status::Invalid("the path of the URL's socket must be at most 107 bytes, got " +
                           std::to_string(url.path.size()));
  }
  if (url.scheme == Scheme::kCluster && config.Integer("database") != 0) {
    return Status::Invalid("a cluster has no database but 0, got " + std::to_string(config.Integer("database")));
  }
  return OpenRedis(url, config, common);
}

std::shared_ptr<EventLog> MakeLog(const Config& config, const mq_config* given) {
  EventLog::Callback tell;
  if (given != nullptr && given->log != nullptr) {
    tell = [callback = given->log, context = given->log_context](int level, const char* json) {
      Quietly([&] { callback(level, json, context); });  // a C++ callback may throw
    };
  }
  return std::make_shared<EventLog>(LogLevelOf(config.Text("log_level")), std::move(tell));
}

// Opens, telling `log`.
Result<std::shared_ptr<Bus>> OpenWith(const Result<Url>& url, const Status& status, Config config,
                                      const std::shared_ptr<EventLog>& log) {
  if (!status.ok()) return status;
  Result<Keyring> keys = Keyring::From(config);
  if (!keys.ok()) return keys.status();
  Result<std::shared_ptr<Backend>> backend = OpenBackend(*url, config, EventLog::Sink(log));
  if (!backend.ok()) return backend.status();
  return Bus::Make(std::move(*backend), std::move(config), log, std::move(*keys));
}

}  // namespace

Result<std::shared_ptr<Bus>> OpenBus(const char* url, const mq_config* given) {
  static constexpr std::array kKinds = {SettingKind::kBus, SettingKind::kChannel, SettingKind::kSubscription};
  Config config = given == nullptr ? Config() : given->config;
  Result<Url> parsed = ParseUrl(UrlOrDefault(url));
  Status status = parsed.status();
  if (!status.ok() && url == nullptr) status = Status::Invalid("$AGENTMQ_URL: " + status.text());
  if (status.ok()) {
    Result<Config> said = SettingsOf(*parsed);
    status = said.status();
    if (said.ok()) config = said->Over(config);
  }
  if (status.ok()) status = config.CheckKinds("a bus", kKinds);

  const std::shared_ptr<EventLog> log = MakeLog(config, given);
  Result<std::shared_ptr<Bus>> bus = OpenWith(parsed, status, std::move(config), log);
  if (bus.ok()) return bus;
  log->Write(kLogError, "open_failed",
             {{"status", mq_status_name(static_cast<mq_status>(bus.code()))}, {"reason", bus.status().text()}});
  log->Detach();
  return bus;
}

Result<std::shared_ptr<Bus>> OpenCluster(std::span<const char* const> nodes, const mq_config* given) {
  std::string url = "redis-cluster://";
  for (size_t i = 0; i < nodes.size(); ++i) {
    const std::string_view node = nodes[i] != nullptr ? nodes[i] : "";
    if (node.empty() || node.find_first_of(",@/?#") != std::string_view::npos) {
      return Status::Invalid("node " + std::to_string(i) + " must look like host:6379 or [::1]:6379");
    }
    if (i > 0) url += ',';
    url += node;
  }
  if (nodes.empty()) return Status::Invalid("a cluster is opened with one node at least");
  return OpenBus(url.c_str(), given);
}

}  // namespace agentmq::capi
