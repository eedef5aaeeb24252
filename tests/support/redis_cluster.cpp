#include "support/redis_cluster.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "support/eventually.hpp"

namespace agentmq::test {
namespace {

constexpr int kSlots = 16384;
constexpr auto kPatience = std::chrono::seconds(30);

std::string Field(RespClient& client, const std::string& name) {
  const std::string info = client.Text({"CLUSTER", "INFO"});
  const size_t at = info.find(name + ":");
  return at == std::string::npos ? "" : info.substr(at + name.size() + 1, info.find('\r', at) - at - name.size() - 1);
}

void Await(const std::string& what, const std::function<bool()>& condition) {
  const bool done = Eventually(kPatience, [&] {
    try {
      return condition();
    } catch (const std::runtime_error&) {
      return false;
    }
  });
  if (!done) throw std::runtime_error("the cluster did not come up: " + what);
}

}  // namespace

RedisCluster::RedisCluster(Options options) : options_(std::move(options)) {
  const size_t count = options_.masters * (1 + options_.replicas) + options_.spare;
  for (size_t i = 0; i < count; ++i) {
    RedisServer::Options node;
    node.program = options_.program;
    node.tcp = true;
    node.host = options_.host;
    node.config = options_.config;
    node.config["cluster-enabled"] = "yes";
    node.config["cluster-config-file"] = "nodes.conf";
    node.config.try_emplace("cluster-node-timeout", "1000");
    // The bus' own port is 10,000 above by default, which may be beyond 65535.
    node.config["cluster-port"] = std::to_string(bus_ports_.emplace_back().number());
    if (options_.tls) AddTls(node.config);
    nodes_.push_back(std::make_unique<RedisServer>(node));
    ids_.push_back(nodes_.back()->Client().Text({"CLUSTER", "MYID"}));
  }
  Join();
}

void RedisCluster::AddTls(std::map<std::string, std::string>& config) {
  if (!authority_) authority_ = std::make_unique<Authority>();
  const Authority::Files files = authority_->Issue("DNS:localhost");
  config.insert({{"tls-port", std::to_string(tls_ports_.emplace_back().number())},
                 {"tls-ca-cert-file", authority_->ca()},
                 {"tls-cert-file", files.certificate},
                 {"tls-key-file", files.key},
                 {"tls-auth-clients", "no"},
                 {"tls-cluster", "yes"},  // or the nodes don't tell each other's ports for TLS
                 {"cluster-announce-hostname", "localhost"},
                 {"cluster-preferred-endpoint-type", "hostname"}});
}

// Where other nodes reach it.
std::string RedisCluster::NodePort(size_t index) {
  return std::to_string(options_.tls ? tls_ports_[index].number() : node(index).port());
}

void RedisCluster::Join() {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    RespClient client = node(i).Client();
    client.Must({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    if (i >= options_.masters) continue;
    const size_t first = kSlots * i / options_.masters;
    const size_t last = kSlots * (i + 1) / options_.masters - 1;
    client.Must({"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)});
  }
  RespClient first = node(0).Client();
  for (size_t i = 1; i < nodes_.size(); ++i) {
    first.Must({"CLUSTER", "MEET", options_.host, NodePort(i),
                node(i).Client().Must({"CONFIG", "GET", "cluster-port"}).items[1].text});
  }
  for (const auto& server : nodes_) {
    Await("a node knows not all others", [&] {
      RespClient client = server->Client();
      return Field(client, "cluster_known_nodes") == std::to_string(nodes_.size());
    });
  }
  for (size_t i = 0; i < options_.masters * options_.replicas; ++i) {
    Await("a replica finds no master", [&] {
      return !node(options_.masters + i).Client().Do({"CLUSTER", "REPLICATE", ids_[i]}).error();
    });
  }
  Settle();
  for (size_t i = 0; i < options_.masters * options_.replicas; ++i) {
    Await("a replica has no link",
          [&] { return node(options_.masters + i).Client().Info("replication")["master_link_status"] == "up"; });
  }
}

void RedisCluster::Settle() {
  for (const auto& server : nodes_) {
    Await("a node says that it is down", [&] {
      if (!server->Running()) return true;
      RespClient client = server->Client();
      return Field(client, "cluster_state") == "ok" && Field(client, "cluster_slots_assigned") == "16384";
    });
  }
}

std::vector<std::string> RedisCluster::Addresses() const {
  std::vector<std::string> addresses;
  for (const auto& server : nodes_) addresses.push_back(server->address());
  return addresses;
}

std::string RedisCluster::Url(const std::string& query) const {
  if (options_.tls) {
    std::string secure = "rediss-cluster://";
    for (const ReservedPort& port : tls_ports_) secure += "localhost:" + std::to_string(port.number()) + ",";
    secure.back() = '?';
    return secure + "tls_ca=" + authority_->ca() + (query.empty() ? "" : "&" + query);
  }
  std::string url = options_.program == "valkey-server" ? "valkey-cluster://" : "redis-cluster://";
  for (const std::string& address : Addresses()) url += address + ",";
  url.pop_back();
  return query.empty() ? url : url + "?" + query;
}

std::vector<size_t> RedisCluster::Owners() {
  const auto up = std::find_if(nodes_.begin(), nodes_.end(), [](const auto& server) { return server->Running(); });
  return OwnersBy((*up)->Client());
}

void RedisCluster::AwaitOwner(int slot, size_t owner) {
  for (const auto& server : nodes_) {
    Await("a node knows another owner",
          [&] { return !server->Running() || OwnersBy(server->Client())[static_cast<size_t>(slot)] == owner; });
  }
  Settle();
}

std::vector<size_t> RedisCluster::OwnersBy(RespClient client) const {
  std::vector<size_t> owners(kSlots, nodes_.size());
  const Reply ranges = client.Must({"CLUSTER", "SLOTS"});
  for (const Reply& range : ranges.items) {
    const std::string& id = range.items[2].items[2].text;
    const auto owner = static_cast<size_t>(std::find(ids_.begin(), ids_.end(), id) - ids_.begin());
    for (int64_t slot = range.items[0].number; slot <= range.items[1].number; ++slot) {
      owners[static_cast<size_t>(slot)] = owner;
    }
  }
  return owners;
}

void RedisCluster::Move(int slot, size_t from, size_t to, const std::function<void()>& half_way,
                        const std::function<void()>& after_key) {
  const std::string number = std::to_string(slot);
  RespClient source = node(from).Client();
  RespClient target = node(to).Client();
  target.Must({"CLUSTER", "SETSLOT", number, "IMPORTING", ids_[from]});
  source.Must({"CLUSTER", "SETSLOT", number, "MIGRATING", ids_[to]});
  for (;;) {
    const Reply keys = source.Must({"CLUSTER", "GETKEYSINSLOT", number, "100"});
    if (keys.items.empty()) break;
    for (const Reply& key : keys.items) {
      // One by one: what is in between is seen by clients.
      source.Must({"MIGRATE", options_.host, NodePort(to), key.text, "0", "5000"});
      if (after_key) after_key();
    }
  }
  if (half_way) half_way();
  target.Must({"CLUSTER", "SETSLOT", number, "NODE", ids_[to]});
  source.Must({"CLUSTER", "SETSLOT", number, "NODE", ids_[to]});
}

}  // namespace agentmq::test
