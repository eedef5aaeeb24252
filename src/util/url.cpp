#include "util/url.hpp"

#include <algorithm>
#include <array>

#include "util/nearest.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr size_t kLongest = 64 * 1024;
constexpr int kMaxPort = 65535;

struct SchemeRow {
  std::string_view name;
  Scheme scheme;
  bool tls = false;
};

constexpr auto kSchemes = std::to_array<SchemeRow>({
    {"memory", Scheme::kMemory},
    {"redis", Scheme::kRedis},
    {"rediss", Scheme::kRedis, true},
    {"redis+unix", Scheme::kRedisUnix},
    {"redis-sentinel", Scheme::kSentinel},
    {"rediss-sentinel", Scheme::kSentinel, true},
    {"redis-cluster", Scheme::kCluster},
    {"rediss-cluster", Scheme::kCluster, true},
    {"valkey", Scheme::kRedis},
    {"valkeys", Scheme::kRedis, true},
    {"valkey+unix", Scheme::kRedisUnix},
    {"valkey-sentinel", Scheme::kSentinel},
    {"valkeys-sentinel", Scheme::kSentinel, true},
    {"valkey-cluster", Scheme::kCluster},
    {"valkeys-cluster", Scheme::kCluster, true},
});

int HexDigit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

char Lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

// `part` names it in the error: "user".
Result<std::string> Decode(std::string_view part, std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char byte = text[i];
    if (byte == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Status::Invalid("the URL's " + std::string(part) + " has a '%' without two hex digits behind it");
      }
      byte = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (byte == '\0') return Status::Invalid("the URL's " + std::string(part) + " has a NUL byte");
    decoded += byte;
  }
  return decoded;
}

Status SetScheme(std::string_view text, Url* url) {
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(), Lower);
  std::vector<std::string_view> known;
  for (const SchemeRow& row : kSchemes) {
    if (row.name == name) {
      url->scheme = row.scheme;
      url->tls = row.tls;
      return Status::Ok();
    }
    known.push_back(row.name);
  }
  // What is not made like a scheme may be anything, even a password.
  const bool quotable =
      !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+.-") == std::string::npos;
  if (!quotable) return Status::Invalid("a URL begins like memory://name or redis://host:6379/0");
  return Status::Invalid("unknown URL scheme " + Quote(name) + ": the nearest is '" +
                         std::string(Nearest(name, known)) + "'");
}

Status SetUser(std::string_view text, Url* url) {
  const size_t colon = text.find(':');
  Result<std::string> user = Decode("user", text.substr(0, colon));
  if (!user.ok()) return user.status();
  if (!user->empty()) url->user = std::move(*user);
  if (colon == std::string_view::npos) return Status::Ok();
  Result<std::string> password = Decode("password", text.substr(colon + 1));
  if (!password.ok()) return password.status();
  if (!password->empty()) url->password = std::move(*password);
  return Status::Ok();
}

Status SetPort(std::string_view text, Url::Host* host) {
  const std::optional<int64_t> port = ParseInteger(text);
  if (!port || *port < 1 || *port > kMaxPort) {
    return Status::Invalid("the URL's port must be a number between 1 and 65535");
  }
  host->port = static_cast<int>(*port);
  return Status::Ok();
}

bool IsHost(std::string_view host) {
  return std::none_of(host.begin(), host.end(), [](char byte) {
    return static_cast<unsigned char>(byte) <= 0x20 || byte == 0x7f || byte == '[' || byte == ']';
  });
}

std::string_view FormOf(Scheme scheme) {
  if (scheme == Scheme::kSentinel) return "redis-sentinel://host1:26379,host2:26379/master";
  if (scheme == Scheme::kCluster) return "redis-cluster://host1:6379,host2:6379";
  return "redis://host:6379/0";
}

// host, host:port, [::1], [::1]:port
Status AddHost(std::string_view text, Url* url) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const size_t end = text.find(']');
    const std::string_view rest = end == std::string_view::npos ? "x" : text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') {
      return Status::Invalid("the URL's IPv6 address must stand in brackets, like [::1]:6379");
    }
    host = text.substr(1, end - 1);
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
    if (port.find(':') != std::string_view::npos) {
      return Status::Invalid(
          "the URL's host has more than one ':'; an IPv6 address stands in brackets, like [::1]:6379");
    }
  }
  Result<std::string> decoded = Decode("host", host);
  if (!decoded.ok()) return decoded.status();
  if (decoded->empty())
    return Status::Invalid("the URL names no host: it looks like " + std::string(FormOf(url->scheme)));
  if (!IsHost(*decoded)) return Status::Invalid("the URL's host has a character that no host has");
  Url::Host& added = url->hosts.emplace_back();
  added.name = std::move(*decoded);
  return has_port ? SetPort(port, &added) : Status::Ok();
}

Status SetHosts(std::string_view text, Url* url) {
  if (url->scheme != Scheme::kSentinel && url->scheme != Scheme::kCluster) return AddHost(text, url);
  for (const std::string_view host : Split(text, ',')) {
    if (Status status = AddHost(host, url); !status.ok()) return status;
  }
  return Status::Ok();
}

Status SetQuery(std::string_view text, Url* url) {
  for (const std::string_view pair : Split(text, '&')) {
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    Result<std::string> name = Decode("query", pair.substr(0, equals));
    if (!name.ok()) return name.status();
    if (name->empty()) return Status::Invalid("the URL's query has a value without the name of a setting");
    if (equals == std::string_view::npos) {
      return Status::Invalid("the URL's query has a setting without a value: it looks like ?name=value");
    }
    Result<std::string> value = Decode("query", pair.substr(equals + 1));
    if (!value.ok()) return value.status();
    url->query.emplace_back(std::move(*name), std::move(*value));
  }
  return Status::Ok();
}

Status SetMemory(std::string_view authority, std::string_view path, Url* url) {
  Result<std::string> name = Decode("name", authority);
  if (!name.ok()) return name.status();
  if (name->empty()) return Status::Invalid("the URL names no memory bus: it looks like memory://name");
  if (path.size() > 1) return Status::Invalid("a '/' in the name of a memory bus stands as %2F in its URL");
  url->name = std::move(*name);
  return Status::Ok();
}

Status SetAddress(std::string_view authority, std::string_view path, Url* url) {
  const size_t at = authority.rfind('@');
  if (url->scheme == Scheme::kMemory) return SetMemory(authority, path, url);
  if (at != std::string_view::npos) {
    const Status status = SetUser(authority.substr(0, at), url);
    if (!status.ok()) return status;
    authority.remove_prefix(at + 1);
  }
  const bool is_socket = url->scheme == Scheme::kRedisUnix;
  if (!is_socket) {
    const Status status = SetHosts(authority, url);
    if (!status.ok()) return status;
  } else if (!authority.empty() || path.size() < 2) {
    return Status::Invalid("the URL of a socket has three slashes: it looks like redis+unix:///path/to.sock");
  }
  if (!is_socket && !path.empty()) path.remove_prefix(1);
  Result<std::string> decoded = Decode("path", path);
  if (!decoded.ok()) return decoded.status();
  url->path = std::move(*decoded);
  if (url->scheme == Scheme::kSentinel && (url->path.empty() || url->path.front() == '/')) {
    return Status::Invalid("the URL names no master: it looks like " + std::string(FormOf(url->scheme)));
  }
  return Status::Ok();
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  if (text.size() > kLongest) return Status::Invalid("the URL is longer than 64 KiB");
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return Status::Invalid("a URL begins like memory://name or redis://host:6379/0");
  }
  Url url;
  Status status = SetScheme(text.substr(0, colon), &url);
  if (!status.ok()) return status;
  const std::string_view rest = text.substr(colon + 3);
  if (rest.find('#') != std::string_view::npos) return Status::Invalid("'#' stands as %23 in a URL");

  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  const size_t question = std::min(rest.find('?', end), rest.size());
  const std::string_view path = rest.substr(end, question - end);
  if (rest.find('@', end) != std::string_view::npos) {
    return Status::Invalid(
        "'@' stands as %40 in a URL behind the host, and '/' and '?' in a user or password as %2F and %3F");
  }
  status = SetAddress(authority, path, &url);
  if (!status.ok()) return status;
  if (question < rest.size()) status = SetQuery(rest.substr(question + 1), &url);
  if (!status.ok()) return status;
  return url;
}

}  // namespace agentmq
