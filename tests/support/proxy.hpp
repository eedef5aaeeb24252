#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace agentmq::test {

// Stands between a client and a server on a loopback port, and spoils what passes. Thread-safe.
class Proxy {
 public:
  // `upstream`: "/path" or "host:port".
  explicit Proxy(std::string upstream);
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;
  ~Proxy();

  int port() const { return port_; }
  std::string Url(const std::string& query = "") const;

  // Each new connection is cut after so many bytes of reply as `draw` answers; nullptr: never. Runs under a lock.
  void CutRepliesAfter(std::function<size_t()> draw);
  // Replies are read and thrown away.
  void DropReplies(bool on);
  // Nothing passes, in either direction; connections stay open and new ones are accepted.
  void BlackHole(bool on);
  // New connections are closed at once, those that there are too.
  void Refuse(bool on);
  // Replies arrive so much later.
  void DelayReplies(std::chrono::milliseconds delay);
  void CutAll();
  // What is open now stays open and silent for good; new connections work: as when a router forgot them.
  void FreezeOpen();

  // The next request that contains `needle` does not pass: its client is cut off, and the request is kept with its way
  // to the server open. `also_now`: it passes too, and what is kept is a second copy of it. `and_refuse`: with
  // Refuse(true) at the same moment.
  void HoldNext(std::string needle, bool also_now, bool and_refuse = false);
  bool Holding();
  // Sends what HoldNext() kept; answers what the server said to it, "" where nothing came.
  std::string DeliverHeld();

  // Requests that followed a reply, or were the first: what a client waited for.
  int64_t round_trips();
  int64_t accepted();
  size_t open_connections();
  void ResetCounts();

 private:
  using Clock = std::chrono::steady_clock;
  struct Chunk {
    Clock::time_point due;
    std::string bytes;
  };
  struct Link {
    int client = -1;
    int server = -1;
    std::optional<size_t> budget;  // bytes of reply until it is cut
    bool asked = false;            // the last that passed was a request
    std::deque<Chunk> replies;
    bool frozen = false;
    bool dead = false;
  };

  void Run();
  void Accept();
  void FromClient(Link& link);
  void FromServer(Link& link);
  void SendDue(Link& link);
  bool Hold(Link& link, const std::string& bytes);
  void Wake();
  static void Close(Link& link);

  const std::string upstream_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  int port_ = 0;

  std::mutex mutex_;  // all below
  std::list<Link> links_;
  std::function<size_t()> draw_;
  bool drop_replies_ = false;
  bool black_hole_ = false;
  bool refuse_ = false;
  std::chrono::milliseconds delay_{0};
  std::optional<std::string> needle_;
  bool also_now_ = false;
  bool and_refuse_ = false;
  std::string held_;
  int held_server_ = -1;
  int64_t round_trips_ = 0;
  int64_t accepted_ = 0;
  bool end_ = false;

  std::thread thread_;
};

}  // namespace agentmq::test
