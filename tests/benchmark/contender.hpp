#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace agentmq::bench {

inline constexpr size_t kBatch = 500;

// How a contender is set up: for many messages a call, or as somebody would who changed no setting.
enum class Profile { kBatches, kDefaults };

// One way to send messages through a server and to take them out again; all ways do the same work. It publishes on one
// thread and receives on another at the same time, or does both on one. What fails throws.
class Contender {
 public:
  Contender() = default;
  Contender(const Contender&) = delete;
  Contender& operator=(const Contender&) = delete;
  virtual ~Contender() = default;

  // Publishes in batches of kBatch.
  virtual void Publish(size_t count) = 0;
  // Publishes one at a time, each confirmed.
  virtual void PublishSingly(size_t count) = 0;
  // Receives in batches of kBatch at most and acknowledges all; waits for what is not there yet.
  virtual void Drain(size_t count) = 0;

  // Publishes one message that says when that was.
  virtual void PublishStamped() = 0;
  // Waits for stamped messages, appends how many nanoseconds each was under way, and acknowledges them.
  virtual void ReceiveStamped(std::vector<int64_t>* latencies) = 0;

  // How often it waited for an answer, where the contender counts it itself; else -1.
  virtual int64_t RoundTrips() const { return -1; }
};

// The hand-written loop: hiredis, pipelined XADD, XREADGROUP, XACK, XDEL.
std::unique_ptr<Contender> MakeRaw(const std::string& address, size_t payload);
// agentmq at a URL.
std::unique_ptr<Contender> MakeBus(const std::string& url, size_t payload, Profile profile);

}  // namespace agentmq::bench
