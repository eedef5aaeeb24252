#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "redis/address.hpp"
#include "redis/reply.hpp"
#include "redis/slots.hpp"
#include "util/status.hpp"

namespace agentmq::redis {

// Who serves which slots of a cluster, as one of its nodes told.
struct Topology {
  static constexpr uint16_t kNobody = UINT16_MAX;

  std::vector<Address> masters;
  std::vector<Address> replicas;
  std::vector<uint16_t> owners = std::vector<uint16_t>(kSlots, kNobody);  // by slot: an index of masters
};

// CLUSTER SHARDS (Redis and Valkey from 7.0 on) and CLUSTER SLOTS. A node that does not know its own address tells an
// empty one, or none: that is `asked`, where the answer came from. kProtocol where an answer makes no sense, kUnavailable
// where nobody serves anything.
// CLUSTER SHARDS names two ports, the other one for TLS; else it is that of the connection.
Result<Topology> ParseShards(const Reply& reply, const Address& asked, bool tls);
Result<Topology> ParseSlots(const Reply& reply, const Address& asked);

// "MOVED 3999 127.0.0.1:6381", "ASK 3999 ::1:6381", "MOVED 3999 :6381" (the host that was asked).
struct Redirection {
  int slot = 0;
  bool ask = false;
  Address to;
};
Result<Redirection> ParseRedirection(const Reply& error, const Address& asked);

}  // namespace agentmq::redis
