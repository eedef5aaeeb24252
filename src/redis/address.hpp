#pragma once

#include <string>

namespace agentmq::redis {

// Where a server listens.
struct Address {
  std::string host;       // or
  std::string unix_path;  // one of the two
  int port = 6379;

  bool operator==(const Address&) const = default;
  // "host:6379", "[::1]:6379", "/path/to.sock"
  std::string Text() const;
};

}  // namespace agentmq::redis
