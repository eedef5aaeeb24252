#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend.hpp"
#include "core/filter.hpp"
#include "core/message.hpp"

namespace agentmq {

struct Shared;

// The channel of the health check's own messages: it is in no list that does not ask for it.
inline constexpr std::string_view kPrivateChannel = "agentmq.health";

// Looks for messages over queues, and clears them away. See the methods of Bus with the same names. Thread-safe.
class Directory {
 public:
  using Messages = std::vector<std::unique_ptr<Message>>;
  using MaybeName = std::optional<std::string_view>;

  explicit Directory(Shared& shared) : shared_(shared) {}

  Result<Messages> Pending(Backend& backend, MaybeName channel, MaybeName agent, size_t limit);
  Result<std::unique_ptr<Message>> Get(Backend& backend, std::string_view id);
  Result<Messages> Find(Backend& backend, const Config* filter, size_t limit, size_t offset);
  Result<int64_t> Count(Backend& backend, const Config* filter);
  Status Delete(Backend& backend, std::string_view id);
  Result<bool> IsDeleted(Backend& backend, std::string_view id);
  Result<int64_t> Clear(Backend& backend, std::string_view channel);
  Result<int64_t> Recover(Backend& backend, MaybeName agent);

  // awaiting.cpp
  Status Await(Backend& backend, std::string_view id, int state, const Patience& patience, State* reached);

  // explain.cpp
  Result<std::string> Explain(Backend& backend, std::string_view id);

  // pauses.cpp
  Status Pause(Backend& backend, std::string_view channel, MaybeName agent, std::string_view reason);
  Status Resume(Backend& backend, std::string_view channel, MaybeName agent);

  // dead_letters.cpp
  Result<Messages> DeadLetters(Backend& backend, const Config* filter, size_t limit, size_t offset);
  Result<std::string> Replay(Backend& backend, std::string_view id);
  Status ReplayAll(Backend& backend, const Config* filter, int64_t* replayed);
  Result<int64_t> PurgeDead(Backend& backend, const Config* filter);

 private:
  Result<nlohmann::ordered_json> Limited(Backend& backend, const QueueName& queue, const ShortId& id);

  using Visit = std::function<bool(Found&&)>;
  // Every message that the filter takes; `visit` answers false to stop.
  static Result<std::vector<QueueName>> QueuesOf(Backend& backend, const Filter& filter);
  Status Walk(Backend& backend, const Filter& filter, const Visit& visit);
  Status WalkDead(Backend& backend, const Filter& filter, const Visit& visit);
  Result<FullId> ReplayOne(Backend& backend, const FullId& dead, bool keep_attempts);
  Status PauseUntil(double steady_millis);

  Shared& shared_;
};

// The queues of the namespace, without the private ones.
Result<std::vector<QueueName>> PublicQueues(Backend& backend);
Status CheckLimit(size_t limit);
// A message of what was found; null where its record can't be read.
std::unique_ptr<Message> MessageOf(Found&& found, const Seal& seal);

}  // namespace agentmq
