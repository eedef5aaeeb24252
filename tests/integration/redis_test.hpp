#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

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

  // Cuts each connection somewhere within its first bytes of reply. Where a greeting names modules, as Redis 8 has one,
  // they count for nothing: `most` would hardly be more than the greeting.
  void CutAtRandom(Proxy& proxy, size_t least, size_t most) {
    most += Size(server_.Client().Must({"HELLO"}).items.back());
    proxy.CutRepliesAfter([=, this] { return std::uniform_int_distribution<size_t>(least, most)(random_); });
  }

  RedisServer server_;

 private:
  // In bytes, about.
  static size_t Size(const Reply& reply) {
    size_t size = std::string_view("$10\r\n\r\n").size() + reply.text.size();
    for (const Reply& item : reply.items) size += Size(item);
    return size;
  }

  std::mt19937 random_{20240229U};
};

}  // namespace agentmq::test
