#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/redis_server.hpp"

namespace agentmq::test {

// The backends that the conformance suite runs over: of $AGENTMQ_TEST_BACKENDS ("memory,redis,tls"), else memory, redis,
// and valkey where there is a valkey-server. "tls" is a redis-server that is asked over TLS.
std::vector<std::string> Backends();

// The URL of a fresh bus: a memory name or a namespace that nobody else has. The same text is the same bus.
std::string FreshUrl(const std::string& backend);

// The server behind "redis", "valkey" or "tls", or the cluster behind "cluster" (of redis-servers) or "valkey-cluster":
// one a program, started when it is first asked for. Its URL, with these settings.
std::string SharedUrl(const std::string& backend, const std::string& query = "");

// The server behind "redis", "valkey" or "tls" itself.
RedisServer& SharedServer(const std::string& backend);

// A name that is unique in this program and among programs: "<start>-<pid>-<number>".
std::string UniqueName(const std::string& start);

// `url` with one more setting in its query.
std::string With(const std::string& url, const std::string& setting);

inline std::string BackendName(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;  // googletest wants no '-' in it
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace agentmq::test

// Runs a suite over every backend.
#define AGENTMQ_ON_EVERY_BACKEND(suite) \
  INSTANTIATE_TEST_SUITE_P(On, suite, ::testing::ValuesIn(::agentmq::test::Backends()), ::agentmq::test::BackendName)
