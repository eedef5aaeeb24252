#include "redis/topology.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace agentmq::redis {
namespace {

constexpr int64_t kMaxPort = 65535;

Status Senseless() { return {Code::kProtocol, "the answer about the cluster's slots makes no sense"}; }

// "?" stands for a name that is not known yet.
bool Known(const std::string& host) { return !host.empty() && host != "?"; }

Address At(const std::string& host, int64_t port, const Address& asked) {
  return {Known(host) ? host : asked.host, {}, static_cast<int>(port)};
}

// A value of a map that came as a list of names and values.
const Reply& Field(const Reply& map, std::string_view name) {
  static const Reply nil;
  for (size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == name) return map.items[i + 1];
  }
  return nil;
}

uint16_t Add(const Address& master, Topology* topology) {
  auto& masters = topology->masters;
  const auto at = std::find(masters.begin(), masters.end(), master);
  if (at != masters.end()) return static_cast<uint16_t>(at - masters.begin());
  masters.push_back(master);
  return static_cast<uint16_t>(masters.size() - 1);
}

Status Own(int64_t first, int64_t last, uint16_t master, Topology* topology) {
  if (first < 0 || last < first || last >= kSlots) return Senseless();
  std::fill(topology->owners.begin() + first, topology->owners.begin() + last + 1, master);
  return Status::Ok();
}

Result<Topology> Checked(Topology topology, const Address& asked) {
  const auto nobody = [](uint16_t owner) { return owner == Topology::kNobody; };
  if (std::all_of(topology.owners.begin(), topology.owners.end(), nobody)) {
    return Status(Code::kUnavailable, asked.Text() + " knows of no node that serves slots");
  }
  return topology;
}

}  // namespace

// [["slots", [first, last...], "nodes", [["id", ..., "port", ..., "tls-port", ..., "ip", ..., "endpoint", ..., "role",
// ..., "health", ...]...]]...]
Result<Topology> ParseShards(const Reply& reply, const Address& asked, bool tls) {
  if (!reply.is_array()) return Senseless();
  Topology topology;
  for (const Reply& shard : reply.items) {
    const Reply& slots = Field(shard, "slots");
    const Reply* master = nullptr;
    std::vector<Address> others;
    const auto address = [&](const Reply& node) {
      // A node may have but one; that it is the wrong one says the connection better than we can.
      const int64_t port = Field(node, tls ? "tls-port" : "port").Number();
      const int64_t other = Field(node, tls ? "port" : "tls-port").Number();
      return At(Field(node, "endpoint").text, port != 0 ? port : other, asked);
    };
    for (const Reply& node : Field(shard, "nodes").items) {
      const bool well = Field(node, "health").text != "fail";
      // While a failover goes on a shard may name two: who is well counts.
      if (Field(node, "role").text == "master" && (master == nullptr || well)) {
        master = &node;
      } else if (well) {
        others.push_back(address(node));
      }
    }
    for (Address& other : others) topology.replicas.push_back(std::move(other));
    const bool away = master == nullptr || Field(*master, "health").text == "fail";
    if (master == nullptr || (away && slots.items.empty())) continue;
    const Address where = address(*master);
    if (where.port < 1 || where.port > kMaxPort) return Senseless();
    const uint16_t index = Add(where, &topology);
    for (size_t i = 0; i + 1 < slots.items.size(); i += 2) {
      const Status status = Own(slots.items[i].Number(), slots.items[i + 1].Number(), index, &topology);
      if (!status.ok()) return status;
    }
  }
  return Checked(std::move(topology), asked);
}

// [[first, last, [host, port, id...], [host, port, id...]...]...], the master in front
Result<Topology> ParseSlots(const Reply& reply, const Address& asked) {
  if (!reply.is_array()) return Senseless();
  Topology topology;
  for (const Reply& range : reply.items) {
    if (range.items.size() < 3) return Senseless();
    for (size_t i = 2; i < range.items.size(); ++i) {
      const Reply& node = range.items[i];
      const int64_t port = node.At(1).Number();
      if (port < 1 || port > kMaxPort) return Senseless();
      Address where = At(node.At(0).text, port, asked);
      if (i > 2) {
        topology.replicas.push_back(std::move(where));
        continue;
      }
      const Status status = Own(range.At(0).Number(), range.At(1).Number(), Add(where, &topology), &topology);
      if (!status.ok()) return status;
    }
  }
  return Checked(std::move(topology), asked);
}

Result<Redirection> ParseRedirection(const Reply& error, const Address& asked) {
  const auto words = Split(error.text, ' ');
  if (words.size() < 3) return Senseless();
  const size_t colon = words[2].rfind(':');
  if (colon == std::string_view::npos) return Senseless();
  Redirection redirection;
  redirection.ask = words[0] == "ASK";
  redirection.slot = static_cast<int>(std::clamp<int64_t>(ToNumber(words[1]), -1, kSlots));
  const int64_t port = ToNumber(words[2].substr(colon + 1));
  redirection.to = At(std::string(words[2].substr(0, colon)), port, asked);
  if (redirection.slot < 0 || redirection.slot >= kSlots || port < 1 || port > kMaxPort) return Senseless();
  return redirection;
}

}  // namespace agentmq::redis
