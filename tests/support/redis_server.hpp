#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/certificates.hpp"
#include "support/process.hpp"
#include "support/reserved_port.hpp"
#include "support/resp_client.hpp"
#include "support/temp_dir.hpp"

namespace agentmq::test {

// "redis-server", or what the environment's AGENTMQ_TEST_SERVER says: "valkey-server".
std::string TestedServer();

// A real server as a process of its own, in a folder of its own; ends with this object, or with the program.
class RedisServer {
 public:
  struct Options {
    std::string program = TestedServer();
    bool tcp = false;                // on a free loopback port; else on a unix socket
    std::string host = "127.0.0.1";  // or "::1"
    bool tls = false;                // on another loopback port too, with a certificate for `localhost`
    // As in redis.conf: {"appendonly", "yes"}, {"requirepass", "secret"}, {"maxmemory", "50mb"}, {"replicaof", "..."}
    std::map<std::string, std::string> config;
    std::vector<std::string> environment;  // "NAME=value", beside what this program has
  };

  RedisServer();  // unix socket
  explicit RedisServer(Options options);

  // Starts it on what the folder holds, and waits until it answers.
  void Start();
  void Stop();  // SIGTERM
  void Kill9();
  bool Running() const { return process_->Running(); }
  void Restart() { Stop(), Start(); }
  void SigStop() { process_->Stop(); }
  void SigCont() { process_->Continue(); }

  // Where it listens: "/path/redis.sock" or "127.0.0.1:port".
  const std::string& address() const { return address_; }
  int port() const { return port_ ? port_->number() : 0; }
  // redis+unix:///path or redis://127.0.0.1:port, with settings behind it: Url("namespace=x"). With TLS:
  // rediss://localhost:port?tls_ca=...
  std::string Url(const std::string& query = "") const;
  int tls_port() const { return tls_port_ ? tls_port_->number() : 0; }
  RespClient Client() const;  // authenticated
  // What it said, for a failure's message.
  std::string Log() const;

 private:
  Options options_;
  TempDir dir_;
  std::optional<ReservedPort> port_;
  std::optional<ReservedPort> tls_port_;
  std::unique_ptr<Authority> authority_;  // with TLS
  std::string address_;
  std::unique_ptr<Process> process_;
};

// Whether a program is found in $PATH.
bool HasProgram(const std::string& name);

}  // namespace agentmq::test
