#pragma once

#include <agentmq/agentmq.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/operation.hpp"
#include "model/reference.hpp"
#include "support/redis_server.hpp"

namespace agentmq::test::model {

inline constexpr int64_t kShort = 15;        // ms: of what is to be over during a run
inline constexpr int64_t kLong = 3'600'000;  // ms: of what is not

// A fresh bus, worked on by several processes' worth of handles, and the reference model beside it: each operation is done
// on the bus, and its answer is put to the model. Where the model refuses one the run ends.
class World {
 public:
  // server: null for the embedded store.
  explicit World(RedisServer* server);
  ~World();

  // Runs all of them, then empties the bus. What was wrong, "" where nothing was.
  Verdict Run(const std::vector<Operation>& operations);
  // A line for each operation that did something.
  const std::vector<std::string>& trace() const { return trace_; }
  // When each operation began, in ms since the run did.
  const std::vector<int64_t>& times() const { return times_; }

 private:
  struct Reader {
    int number = 0;
    size_t bus = 0;
    mq_subscription* handle = nullptr;
  };
  struct Holding {
    Handle handle;
    int consumer = 0;
    std::shared_ptr<Message> message;
  };

  Verdict Do(const Operation& operation);
  Verdict Publish(const Operation& operation);
  Verdict Subscribe(const Operation& operation);
  Verdict Enter(const Consumer& consumer);
  Verdict Fetch(const Operation& operation);
  Verdict FetchFrom(const Reader& reader, size_t max, int64_t timeout, mq_status* status);
  Verdict Ack(const Operation& operation, bool again);
  Verdict AckAll(const Operation& operation);
  Verdict AckId(const Operation& operation);
  Verdict Nack(const Operation& operation, bool again);
  Verdict Extend(const Operation& operation, bool again);
  Verdict SettleAgain(const Operation& operation);
  Verdict Delete(const Operation& operation);
  Verdict LookAtPending(const std::string& channel, const std::string& agent);
  Verdict Get(const Operation& operation);
  Verdict Count(const Operation& operation);
  Verdict LookAtDead(std::vector<std::string>* ids);
  Verdict Replay(const Operation& operation);
  Verdict Clear(const Operation& operation);
  void Recover();
  void PassTime();
  void Unsubscribe(size_t index);
  void CloseBus(size_t index, bool crash);
  void OpenBus(size_t index);
  Verdict CrashAll();
  Verdict FindTheDead();
  Verdict Finish();
  Verdict EmptyFor(const std::string& channel, const std::string& agent);

  mq_bus* bus(uint32_t draw) { return buses_[draw % buses_.size()]->get(); }
  // One that is held, or one that was; nullopt where there is none.
  std::optional<Holding> Choose(uint32_t draw, bool again) const;
  void Settled(const Holding& holding);
  std::optional<std::string> AnyId(uint32_t draw) const;
  void Note(const std::string& line) { trace_.push_back(line); }

  RedisServer* const server_;
  const std::string url_;
  Reference reference_;
  std::vector<std::unique_ptr<Bus>> buses_;
  std::vector<Reader> readers_;
  std::vector<Holding> held_;
  std::deque<Holding> settled_;  // what was held before
  std::vector<std::string> trace_;
  std::vector<int64_t> times_;
  uint64_t last_handle_ = 0;
  uint64_t last_payload_ = 0;
  bool dead_consumers_ = false;  // on a server: somebody crashed and was not found yet
};

}  // namespace agentmq::test::model
