#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace agentmq::chaos {

// Where the traffic runs: two channels with what is for the workers, and one with what everybody reads.
inline constexpr const char* kOrders = "orders";
inline constexpr const char* kEvents = "events";
inline constexpr const char* kNews = "news";
// Three consumers compete as this agent; they read all three channels.
inline constexpr const char* kWorker = "worker";
// One consumer reads the news for itself.
inline constexpr const char* kAuditor = "auditor";

// The process of a consumer dies of a message whose key begins so.
inline constexpr std::string_view kPoison = "poison";

// A payload is its key, which is unique, '|', and filling.
std::string_view KeyOf(std::string_view payload);
// The keys of news end so.
inline constexpr char kNewsMark = '*';

// What a process of the suite is told when it is started. Publishers: 0 publishes one by one and in batches, 1 also
// asynchronously with an outbox. Consumers: 0 fetches one by one, 1 in batches, 2 has a handler.
struct Role {
  std::string name;  // unique; keys of a publisher begin with it
  std::string url;
  std::string journal;
  std::string agent;  // who a consumer is
  uint64_t seed = 0;
  int style = 0;
  int rate = 0;     // messages a second; 0: as many as go
  int work_ms = 0;  // what a consumer takes for each

  std::vector<std::string> Arguments() const;
  static Role FromArguments(const std::vector<std::string>& arguments);
};

// "stop", or the end of standard input, ends the process in order. Outlives everything else of it.
class StopLine {
 public:
  StopLine();
  ~StopLine() { thread_.join(); }
  bool Stopped() const { return stopped_; }

 private:
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

// Both say "ready" on standard output, and answer what the process exits with.
int RunPublisher(const Role& role);
int RunConsumer(const Role& role);

}  // namespace agentmq::chaos
