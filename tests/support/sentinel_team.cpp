#include "support/sentinel_team.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "support/eventually.hpp"

namespace agentmq::test {
namespace {

// A sentinel that was stalled for two seconds goes into TILT, and does nothing for 30 s.
constexpr std::chrono::seconds kReady{90};

}  // namespace

SentinelTeam::SentinelTeam(const Options& options) : tls_(!options.tls.empty()) {
  RedisServer::Options server;
  server.program = options.program;
  server.tcp = true;
  server.tls = tls_;
  server.config = options.server;
  server.config.insert(options.tls.begin(), options.tls.end());
  servers_.push_back(std::make_unique<RedisServer>(server));
  server.config["replicaof"] = "127.0.0.1 " + std::to_string(ToldPort(*servers_[0]));
  servers_.push_back(std::make_unique<RedisServer>(server));
  for (const auto& [name, value] : options.sentinel) {
    if (name == "requirepass") password_ = value;
  }
  for (size_t i = 0; i < options.sentinels; ++i) {
    Sentinel& sentinel = sentinels_.emplace_back();
    if (tls_) sentinel.tls_port.emplace();
    sentinel.dir = std::make_unique<TempDir>();
    const std::string path = sentinel.dir->path() + "/sentinel.conf";
    {
      std::ofstream file(path);
      file << "port " << sentinel.port.number() << "\nbind 127.0.0.1\ndir " << sentinel.dir->path()
           << "\nsentinel monitor main 127.0.0.1 " << ToldPort(*servers_[0]) << " " << options.sentinels / 2 + 1
           << "\nsentinel down-after-milliseconds main " << options.down_after.count()
           << "\nsentinel failover-timeout main 5000\n";
      if (tls_) file << "tls-port " << sentinel.tls_port->number() << "\n";
      for (const auto& [name, value] : options.tls) file << name << " " << value << "\n";
      for (const auto& [name, value] : options.sentinel) file << name << " " << value << "\n";
    }
    sentinel.process = std::make_unique<Process>(options.program, std::vector<std::string>{path, "--sentinel"},
                                                 sentinel.dir->path() + "/sentinel.log");
  }
  for (size_t i = 0; i < options.sentinels; ++i) {
    if (!Eventually(kReady, [&] { return Ready(i, options.sentinels - 1); })) {
      throw std::runtime_error("the sentinels did not find each other");
    }
  }
}

RespClient SentinelTeam::SentinelClient(size_t index) const {
  RespClient client(sentinels_[index].port.address());
  if (!password_.empty()) client.Must({"AUTH", password_});
  return client;
}

bool SentinelTeam::Ready(size_t index, size_t others) const {
  try {
    RespClient client = SentinelClient(index);
    const Reply sentinels = client.Do({"SENTINEL", "SENTINELS", "main"});
    const Reply replicas = client.Do({"SENTINEL", "REPLICAS", "main"});
    const Reply quorum = client.Do({"SENTINEL", "CKQUORUM", "main"});
    return sentinels.items.size() == others && replicas.items.size() == 1 && !quorum.error();
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::string SentinelTeam::Url(const std::string& query) const {
  std::string url = tls_ ? "rediss-sentinel://" : "redis-sentinel://";
  for (size_t i = 0; i < sentinels_.size(); ++i) url += (i == 0 ? "" : ",") + SentinelAddress(i);
  return url + "/main" + (query.empty() ? "" : "?" + query);
}

int SentinelTeam::MasterPort(size_t index) const {
  const Reply address = SentinelClient(index).Must({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"});
  return std::stoi(address.items.at(1).text);
}

bool SentinelTeam::MasterBecomes(const RedisServer& server) {
  return Eventually(kReady, [&] {
    for (size_t i = 0; i < sentinels_.size(); ++i) {
      if (sentinels_[i].process->Running() && MasterPort(i) != ToldPort(server)) return false;
    }
    return true;
  });
}

}  // namespace agentmq::test
