#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "redis/keys.hpp"
#include "redis/server.hpp"

namespace agentmq::redis {

// The queues that this process knows, and their entries in the namespace's registry. Thread-safe.
class Queues {
 public:
  Queues(Server& server, BackendOptions options) : server_(server), options_(std::move(options)) {}

  std::shared_ptr<Queue> Get(const QueueName& name);
  std::vector<std::shared_ptr<Queue>> Known() const;

  // Makes sure of the registry's entry: written before a queue is first used.
  struct Need {
    Queue* queue;
    std::vector<int> lanes;
    Status status;  // receives what became of it
  };
  // Registers the queues, makes their meta and adds lanes, all in one round trip; their views are learned.
  void Prepare(std::span<Need> needs, const Server::Call& call);
  // Before a queue is used in another way than by publishing.
  Status Register(const Queue& queue, const Server::Call& call);
  // Of one that holds nothing any more; whoever uses it registers it again.
  Status Unregister(Queue& queue, const Server::Call& call);

  // Of the namespace, sorted.
  Result<std::vector<QueueName>> List();

  // Asks for lanes and groups as they are now; answers what was known before where the server does not answer.
  std::shared_ptr<const QueueView> Refresh(Queue& queue);

  // queues_pausing.cpp
  Status Pause(const QueueName& place, agentmq::Pause pause);
  Status Resume(const QueueName& place);
  Result<std::map<QueueName, agentmq::Pause>> Pauses(const Server::Call& call);
  // Queues that were just made: paused where their place is.
  Status FollowPauses(std::span<Queue* const> made, const Server::Call& call);

  std::string RegistryKey(size_t part) const;  // 0..15
  static constexpr size_t kRegistryParts = 16;
  std::string ChannelKey(std::string_view channel) const;
  std::string Prefix() const;  // "prefix:namespace:"
  const BackendOptions& options() const { return options_; }
  Server& server() { return server_; }

 private:
  Command Registration(std::string_view command, const Queue& queue) const;
  struct Change {
    std::shared_ptr<Queue> queue;
    std::string field;  // of its meta
    std::string value;  // "" resumes
  };
  Status Apply(std::vector<Change> changes, const Server::Call& call);
  Result<std::vector<Change>> ChangesOf(const QueueName& place, const std::string& value);
  std::string PausedKey() const { return Prefix() + "paused"; }

  Server& server_;
  const BackendOptions options_;
  mutable std::mutex mutex_;
  std::unordered_map<QueueName, std::shared_ptr<Queue>> queues_;  // guarded by mutex_
};

}  // namespace agentmq::redis
