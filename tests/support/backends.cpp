#include "support/backends.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>

#include "support/redis_cluster.hpp"

namespace agentmq::test {
namespace {

// Ends the servers when all tests have run, before the statics go.
class Servers : public ::testing::Environment {
 public:
  void TearDown() override {
    servers.clear();
    clusters.clear();
  }
  std::map<std::string, std::unique_ptr<RedisServer>> servers;    // by backend
  std::map<std::string, std::unique_ptr<RedisCluster>> clusters;  // by backend
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
  std::unique_ptr<RedisServer>& server = AllServers().servers[backend];
  if (!server) {
    RedisServer::Options options;
    options.tls = backend == "tls";
    options.program = (options.tls ? "redis" : backend) + "-server";
    server = std::make_unique<RedisServer>(options);
  }
  return *server;
}

std::string SharedUrl(const std::string& backend, const std::string& query) {
  if (backend.ends_with("cluster")) {
    std::unique_ptr<RedisCluster>& cluster = AllServers().clusters[backend];
    if (!cluster) {
      RedisCluster::Options options;
      options.program = backend.starts_with("valkey") ? "valkey-server" : "redis-server";
      cluster = std::make_unique<RedisCluster>(options);
    }
    return cluster->Url(query);
  }
  return SharedServer(backend).Url(query);
}

std::string UniqueName(const std::string& start) {
  static std::atomic<int> number{0};
  return start + "-" + std::to_string(getpid()) + "-" + std::to_string(++number);
}

std::string FreshUrl(const std::string& backend) {
  if (backend == "memory") return "memory://" + UniqueName("test");
  return SharedUrl(backend, "namespace=" + UniqueName("test"));
}

std::string With(const std::string& url, const std::string& setting) {
  return url + (url.find('?') == std::string::npos ? "?" : "&") + setting;
}

}  // namespace agentmq::test
