#pragma once

#include <gtest/gtest.h>

#include <string>

#include "support/bus_test.hpp"
#include "support/proxy.hpp"
#include "support/redis_server.hpp"

namespace agentmq::test {

// A server that loses nothing that it answered when it is killed.
inline RedisServer::Options Durable() {
  RedisServer::Options options;
  options.config = {{"appendonly", "yes"}, {"appendfsync", "always"}};
  return options;
}

// A server of the test's own, so that its counters, keys and memory are the test's alone.
class RedisTest : public ::testing::Test {
 protected:
  RedisTest() : RedisTest(RedisServer::Options{}) {}
  explicit RedisTest(RedisServer::Options options) : server_(std::move(options)) {}

  std::string Url(const std::string& query = "") const { return server_.Url(query); }

  RedisServer server_;
};

}  // namespace agentmq::test
