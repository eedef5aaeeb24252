#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/status.hpp"

namespace agentmq {

enum class Scheme { kMemory, kRedis, kRedisUnix, kSentinel, kCluster };

// A URL taken apart and percent-decoded:
//   memory://name    redis://[user[:password]@]host[:port][/path]    redis+unix://[user[:password]@]/path
//   redis-sentinel://[user[:password]@]host[:port][,host[:port]...]/path
//   redis-cluster://[user[:password]@]host[:port][,host[:port]...]
//   rediss://... as redis://, over TLS; so too rediss-sentinel and rediss-cluster
// and the same with valkey; each with [?name=value[&name=value]...].
struct Url {
  Scheme scheme = Scheme::kRedis;
  bool tls = false;
  std::string name;  // of a memory bus
  struct Host {
    std::string name;  // without the brackets of an IPv6 address
    std::optional<int> port;
  };
  std::vector<Host> hosts;  // of sentinels and of a cluster one or more, of a server one
  std::string path;         // of a socket with its '/', else what stands behind the '/'
  std::optional<std::string> user;
  std::optional<std::string> password;
  std::vector<std::pair<std::string, std::string>> query;
};

// kInvalid with a sentence. As a password may stand anywhere in a malformed URL, errors quote nothing of it but the
// scheme and the names in its query; for the same reason '@' behind the host and '#' must be percent-encoded.
Result<Url> ParseUrl(std::string_view text);

}  // namespace agentmq
