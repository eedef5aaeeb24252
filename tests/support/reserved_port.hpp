#pragma once

#include <string>

namespace agentmq::test {

// A loopback port of 127.0.0.1 that is nobody else's as long as this object lives: the system gives it to no other
// listener and to no outgoing connection, also while the server that it is for is down. A server that sets SO_REUSEADDR,
// as Redis and Valkey do, can listen on it; until one does, connections are refused.
class ReservedPort {
 public:
  ReservedPort();
  ~ReservedPort();
  ReservedPort(ReservedPort&& other) noexcept;
  ReservedPort& operator=(ReservedPort&& other) = delete;

  int number() const { return number_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(number_); }

 private:
  int fd_ = -1;  // bound, and never listens
  int number_ = 0;
};

}  // namespace agentmq::test
