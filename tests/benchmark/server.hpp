#pragma once

#include <cstdint>
#include <string>

#include "raw_redis.hpp"
#include "support/redis_server.hpp"

namespace agentmq::bench {

// What a server has done and holds so far.
struct ServerUse {
  double cpu_seconds = 0;
  int64_t memory = 0;
  int64_t commands = 0;  // those that scripts call included
  int64_t calls = 0;     // scripts, transactions and blocking pops: what a client that works with scripts waits for
  int64_t reads = 0;     // of sockets: one for all small requests that came together
};

// A real redis-server without persistence, that ends with this object.
class Server {
 public:
  // tcp: on a loopback port; else on a unix socket.
  explicit Server(bool tcp) : server_(Listening(tcp)), connection_(server_.address()) {}

  // Empties it.
  void Flush() { connection_.Command({"FLUSHALL", "SYNC"}); }
  ServerUse Use();
  // Like "7.0.15".
  std::string Version();

  const std::string& address() const { return server_.address(); }
  std::string url() const { return server_.Url(); }

 private:
  std::string Info(const char* section);
  static test::RedisServer::Options Listening(bool tcp) {
    test::RedisServer::Options options;
    options.tcp = tcp;
    return options;
  }

  test::RedisServer server_;
  RawConnection connection_;
};

}  // namespace agentmq::bench
