#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "redis/address.hpp"
#include "redis/connection.hpp"
#include "redis/open.hpp"
#include "util/event.hpp"

namespace agentmq::redis {

// The sentinels of a master: who they are, and where they say that it is. Thread-safe.
//
// Those of the URL are kept for good. Behind them stand those that a sentinel told of. Who answered is asked first.
class Sentinels {
 public:
  explicit Sentinels(const Options& options);

  // Asks one after the other until one knows. kUnavailable says what each of them said; kAuth, kTls where that was the
  // answer of all. Who asks while somebody else does is content with the same answer.
  Result<Address> FindMaster(const Patience& patience);

  // A connection to one of them that tells of each new master.
  Result<std::unique_ptr<Connection>> Subscribe(const Patience& patience);
  // Where such a message says that our master is now.
  std::optional<Address> SwitchedTo(const Reply& message) const;

 private:
  // Opens connections to them in turn until `use` is content with one.
  template <class Use>
  Status TryEach(const Patience& patience, Use use);
  std::vector<Address> Known() const;
  // One at a time; false where the turn does not come in time.
  bool BeginToAsk(Deadline deadline);
  void EndToAsk();
  Result<Address> Ask(Connection& sentinel, const Address& address, const Patience& patience);
  void Learn(const Reply& sentinels, const Address& teller);
  void Prefer(const Address& sentinel);

  const std::vector<Address> seeds_;
  const std::string master_;
  const Options options_;  // of connections to them
  mutable std::mutex mutex_;
  std::condition_variable asked_;
  bool asking_ = false;               // somebody is; guarded by mutex_
  std::optional<Address> answer_;     // guarded by mutex_
  int64_t answered_at_ = 0;           // steady; guarded by mutex_
  std::vector<Address> learned_;      // guarded by mutex_
  std::optional<Address> preferred_;  // guarded by mutex_
};

}  // namespace agentmq::redis
