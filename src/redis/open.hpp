#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/backend.hpp"
#include "redis/address.hpp"
#include "redis/tls.hpp"

namespace agentmq::redis {

// Where a server is and how to talk to it. Durations in ms.
struct Options {
  Address address;
  std::vector<Address> cluster;    // instead: some nodes of a cluster, which tell of all
  std::vector<Address> sentinels;  // instead: they are asked where `master` is
  std::string master;
  std::string sentinel_user;
  std::string sentinel_password;
  std::shared_ptr<const Tls> tls;  // null: in the clear
  std::string user;
  std::string password;
  int database = 0;
  int pool_size = 50;
  int64_t connect_timeout = 5000;
  int64_t command_timeout = 5000;
  int64_t open_timeout = 5000;  // 0: open without the server
  int64_t reconnect_base = 50;
  int64_t reconnect_max = 2000;
  int64_t durability_timeout = 1000;
  int breaker_failures = 5;  // 0: none
  int64_t breaker_reset = 5000;
  int64_t liveness_timeout = 3000;
  bool keepalive = true;
  bool any_role = false;  // a replica, or a sentinel, will do

  // Of one blocking command: then it is sent anew, and a connection that died silently is found out, though nobody has
  // anything for who waits on it.
  int64_t block() const { return std::clamp<int64_t>(command_timeout, 2000, 20000); }
};

constexpr int64_t kSilence = 1000;  // ms beyond the longest block until its connection is given up

// Connects, checks the server or all masters of the cluster (role, version, database) and starts the threads.
Result<std::shared_ptr<Backend>> Open(const Options& options, const BackendOptions& common);

}  // namespace agentmq::redis
