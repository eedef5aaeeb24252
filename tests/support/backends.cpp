#include "support/backends.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>

namespace agentmq::test {
namespace {

// Ends the servers when all tests have run, before the statics go.
class Servers : public ::testing::Environment {
 public:
  void TearDown() override { by_backend.clear(); }
  std::map<std::string, std::unique_ptr<RedisServer>> by_backend;
};

Servers& AllServers() {
  // googletest owns it and deletes it at the end.
  static auto* servers = static_cast<Servers*>(::testing::AddGlobalTestEnvironment(new Servers));
  return *servers;
}

}  // namespace

std::vector<std::string> Backends() {
  AllServers();
  const char* chosen = getenv("AGENTMQ_TEST_BACKENDS");
  if (chosen == nullptr) {
    std::vector<std::string> all{"memory", "redis"};
    if (HasProgram("valkey-server")) all.emplace_back("valkey");
    return all;
  }
  std::vector<std::string> backends;
  std::istringstream names(chosen);
  for (std::string name; std::getline(names, name, ',');) backends.push_back(name);
  return backends;
}

RedisServer& SharedServer(const std::string& backend) {
  std::unique_ptr<RedisServer>& server = AllServers().by_backend[backend];
  if (!server) {
    RedisServer::Options options;
    options.tls = backend == "tls";
    options.program = (options.tls ? "redis" : backend) + "-server";
    server = std::make_unique<RedisServer>(options);
  }
  return *server;
}

std::string UniqueName(const std::string& start) {
  static std::atomic<int> number{0};
  return start + "-" + std::to_string(getpid()) + "-" + std::to_string(++number);
}

std::string FreshUrl(const std::string& backend) {
  if (backend == "memory") return "memory://" + UniqueName("test");
  return SharedServer(backend).Url("namespace=" + UniqueName("test"));
}

std::string With(const std::string& url, const std::string& setting) {
  return url + (url.find('?') == std::string::npos ? "?" : "&") + setting;
}

}  // namespace agentmq::test
