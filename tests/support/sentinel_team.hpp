#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/process.hpp"
#include "support/redis_server.hpp"
#include "support/reserved_port.hpp"
#include "support/resp_client.hpp"
#include "support/temp_dir.hpp"

namespace agentmq::test {

// A master, a replica of it and sentinels that watch over them under the name "main", as processes on loopback ports.
// Short times, which suit servers with little to do.
class SentinelTeam {
 public:
  struct Options {
    std::string program = "redis-server";  // or "valkey-server"; sentinels too
    size_t sentinels = 3;
    std::chrono::milliseconds down_after{500};                  // of silence
    std::map<std::string, std::string> server;                  // of master and replica, as in redis.conf
    std::vector<std::pair<std::string, std::string>> sentinel;  // of sentinels, as in sentinel.conf
    std::map<std::string, std::string> tls;  // of all; where it is set they speak TLS with each other
  };
  // Answers when all know of each other and of the replica.
  SentinelTeam() : SentinelTeam(Options{}) {}
  explicit SentinelTeam(const Options& options);

  RedisServer& server(size_t index) { return *servers_[index]; }  // 0 began as the master, 1 as its replica
  Process& sentinel(size_t index) { return *sentinels_[index].process; }
  RespClient SentinelClient(size_t index) const;
  std::string SentinelAddress(size_t index) const {
    const Sentinel& sentinel = sentinels_[index];
    return tls_ ? sentinel.tls_port->address() : sentinel.port.address();
  }
  // redis-sentinel://127.0.0.1:p1,127.0.0.1:p2,.../main, or rediss-sentinel
  std::string Url(const std::string& query = "") const;
  // The port of the master, as this sentinel says.
  int MasterPort(size_t index) const;
  // Waits until every sentinel that runs says so.
  bool MasterBecomes(const RedisServer& server);

 private:
  struct Sentinel {
    ReservedPort port;                     // without TLS
    std::optional<ReservedPort> tls_port;  // with TLS: where others ask
    std::unique_ptr<TempDir> dir;
    std::unique_ptr<Process> process;
  };
  bool Ready(size_t index, size_t others) const;

  int ToldPort(const RedisServer& server) const { return tls_ ? server.tls_port() : server.port(); }

  bool tls_ = false;
  std::string password_;
  std::vector<std::unique_ptr<RedisServer>> servers_;
  std::vector<Sentinel> sentinels_;
};

}  // namespace agentmq::test
