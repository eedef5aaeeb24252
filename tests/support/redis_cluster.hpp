#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/certificates.hpp"
#include "support/redis_server.hpp"

namespace agentmq::test {

// A key of a queue of the namespace and prefix that a bus has by default.
inline std::string QueueKey(const std::string& channel, const std::string& target) {
  return "{agentmq:default:" + channel + "/" + target + "}:msg";
}

// A real cluster: nodes as processes on free loopback ports, masters first, the slots in equal parts among them; ends
// with this object. Node n + masters is a replica of node n.
class RedisCluster {
 public:
  struct Options {
    std::string program = "redis-server";  // or "valkey-server"
    size_t masters = 3;
    size_t replicas = 0;  // of each master: 0 or 1
    size_t spare = 0;     // masters without a slot, behind all others
    std::string host = "127.0.0.1";
    bool tls = false;  // serves TLS too, and is announced as `localhost`, which its certificate names
    std::map<std::string, std::string> config;  // of every node
  };

  RedisCluster() : RedisCluster(Options{}) {}
  explicit RedisCluster(Options options);

  size_t size() const { return nodes_.size(); }
  RedisServer& node(size_t index) { return *nodes_[index]; }
  const std::string& id(size_t index) const { return ids_[index]; }
  std::vector<std::string> Addresses() const;
  // redis-cluster://127.0.0.1:port,..., or rediss-cluster://localhost:port,..., of all nodes.
  std::string Url(const std::string& query = "") const;

  // Which node serves each slot, as the first says that is up.
  std::vector<size_t> Owners();
  size_t OwnerOf(int slot) { return Owners()[static_cast<size_t>(slot)]; }
  // Waits until every node that is up says that this one serves it, and that all slots are served.
  void AwaitOwner(int slot, size_t owner);
  int SlotOf(const std::string& key) { return static_cast<int>(node(0).Client().Number({"CLUSTER", "KEYSLOT", key})); }
  // Moves a slot with its keys, as redis-cli does it. `half_way` runs when all keys have gone but no node knows it yet,
  // `after_key` when one more has gone.
  void Move(int slot, size_t from, size_t to, const std::function<void()>& half_way = nullptr,
            const std::function<void()>& after_key = nullptr);
  // Waits until every node that is up knows of all slots.
  void Settle();

 private:
  std::vector<size_t> OwnersBy(RespClient client) const;
  void Join();
  std::string NodePort(size_t index);
  void AddTls(std::map<std::string, std::string>& config);

  const Options options_;
  std::vector<ReservedPort> bus_ports_;
  std::vector<ReservedPort> tls_ports_;
  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<std::string> ids_;
  std::unique_ptr<Authority> authority_;
};

}  // namespace agentmq::test
