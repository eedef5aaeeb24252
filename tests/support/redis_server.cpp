#include "support/redis_server.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "support/eventually.hpp"

namespace agentmq::test {

std::string TestedServer() {
  const char* chosen = getenv("AGENTMQ_TEST_SERVER");
  return chosen == nullptr ? "redis-server" : chosen;
}

RedisServer::RedisServer() : RedisServer(Options{}) {}

RedisServer::RedisServer(Options options) : options_(std::move(options)) {
  if (options_.tcp) {
    port_.emplace();
    const bool ipv6 = options_.host.find(':') != std::string::npos;
    address_ = (ipv6 ? "[" + options_.host + "]" : options_.host) + ":" + std::to_string(port());
  } else {
    address_ = dir_.path() + "/redis.sock";
  }
  if (options_.tls) {
    tls_port_.emplace();
    authority_ = std::make_unique<Authority>();
    const Authority::Files files = authority_->Issue("DNS:localhost");
    options_.config.insert({{"tls-port", std::to_string(tls_port())},
                            {"tls-ca-cert-file", authority_->ca()},
                            {"tls-cert-file", files.certificate},
                            {"tls-key-file", files.key},
                            {"tls-auth-clients", "no"}});
  }
  Start();
}

void RedisServer::Start() {
  std::vector<std::string> arguments{"--port",    std::to_string(port()), "--bind", options_.host, "--dir",
                                     dir_.path(), "--daemonize",          "no",     "--save",      ""};
  if (!options_.tcp) arguments.insert(arguments.end(), {"--unixsocket", address_});
  for (const auto& [name, value] : options_.config) {
    arguments.push_back("--" + name);
    std::istringstream words(value);
    for (std::string word; words >> word;) arguments.push_back(word);
  }
  // env(1) becomes the server: the process is the same.
  arguments.insert(arguments.begin(), options_.program);
  arguments.insert(arguments.begin(), options_.environment.begin(), options_.environment.end());
  process_ = std::make_unique<Process>("env", arguments, dir_.path() + "/server.log");
  const bool up = Eventually(std::chrono::seconds(20), [this] {
    try {
      const Reply reply = Client().Do({"PING"});
      return !reply.error() || reply.text.starts_with("MASTERDOWN");
    } catch (const std::runtime_error&) {
      return !process_->Running();
    }
  });
  if (!up || !process_->Running()) throw std::runtime_error(options_.program + " did not start: " + Log());
}

void RedisServer::Stop() {
  process_->Continue();
  process_->Signal(SIGTERM);
  if (!process_->Wait(std::chrono::seconds(20))) process_->Kill9();
}

void RedisServer::Kill9() { process_->Kill9(); }

std::string RedisServer::Url(const std::string& query) const {
  if (options_.tls) {
    const std::string url = "rediss://localhost:" + std::to_string(tls_port()) + "?tls_ca=" + authority_->ca();
    return query.empty() ? url : url + "&" + query;
  }
  const std::string url = options_.tcp ? "redis://" + address_ : "redis+unix://" + address_;
  return query.empty() ? url : url + "?" + query;
}

RespClient RedisServer::Client() const {
  RespClient client(address_);
  const auto password = options_.config.find("requirepass");
  if (password != options_.config.end()) client.Must({"AUTH", password->second});
  return client;
}

std::string RedisServer::Log() const {
  std::ifstream file(dir_.path() + "/server.log");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool HasProgram(const std::string& name) {
  const char* path = getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace agentmq::test
