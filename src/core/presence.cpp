#include "core/presence.hpp"

#include <algorithm>

#include "core/shared.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr int64_t kShortestLease = 1000;                             // ms
constexpr int64_t kLongestLease = int64_t{10} * 365 * 86400 * 1000;  // ms
constexpr size_t kLongestDescription = size_t{64} * 1024;
constexpr size_t kMostKnown = 100000;

Status Check(std::string_view agent, std::string_view description, int64_t lease) {
  if (Status status = CheckName("agent", agent); !status.ok()) return status;
  if (lease != 0 && (lease < kShortestLease || lease > kLongestLease)) {
    return Status::Invalid("lease must be 0 or from 1 second to 10 years, got " + std::to_string(lease) + " ms");
  }
  if (description.size() > kLongestDescription) return {Code::kTooLarge, "the description is above 64 KiB"};
  if (!IsUtf8(description)) return Status::Invalid("the description is not UTF-8");
  return Status::Ok();
}

}  // namespace

Status Presence::Announce(Backend& backend, std::string_view agent, std::string_view description, int64_t lease) {
  Status status = Check(agent, description, lease);
  if (!status.ok()) return status;
  const std::string name(agent);
  if (lease != 0) status = NoteAll(backend, agent);
  if (status.ok()) status = backend.Announce(name, std::string(description), lease);
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  const auto known = announced_.find(name);
  if (known != announced_.end()) shared_.timer.Remove(known->second.task);
  if (lease == 0) {
    if (known != announced_.end()) announced_.erase(known);
    return Status::Ok();
  }
  const uint64_t task = shared_.timer.Add(lease / 3, [this, name] { return Renew(name); });
  announced_.insert_or_assign(name, Announced{std::string(description), lease, task});
  return Status::Ok();
}

// On the timer's thread. Answers when to renew again, in ms; -1: it was withdrawn.
int64_t Presence::Renew(const std::string& agent) {
  Announced announced;
  {
    const std::lock_guard lock(mutex_);
    const auto known = announced_.find(agent);
    if (known == announced_.end()) return -1;
    announced = known->second;
  }
  const auto backend = shared_.backend();
  if (backend == nullptr || shared_.gate.closed()) return -1;
  (void)backend->Announce(agent, announced.description, announced.lease);  // where it fails the next one may not
  bool withdrawn = false;
  {
    const std::lock_guard lock(mutex_);
    withdrawn = !announced_.contains(agent);
  }
  if (withdrawn) (void)backend->Announce(agent, {}, 0);  // meanwhile
  return withdrawn ? -1 : announced.lease / 3;
}

void Presence::Withdraw(Backend& backend) {
  std::map<std::string, Announced, std::less<>> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(announced_);
  }
  for (const auto& [agent, announced] : all) {
    if (!backend.Announce(agent, {}, 0).ok()) return;  // the leases end by themselves
  }
}

bool Presence::IsKnown(std::string_view agent) {
  const std::lock_guard lock(mutex_);
  return known_.contains(std::string(agent));
}

void Presence::Keep(std::string_view agent) {
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMostKnown) known_.clear();
  known_.emplace(agent);
}

Status Presence::Note(Backend& backend, std::string_view agent) {
  return IsKnown(agent) ? Status::Ok() : NoteAll(backend, agent);
}

// With the type of an instance, whose inbox it reads.
Status Presence::NoteAll(Backend& backend, std::string_view agent) {
  std::vector<std::string> names = {std::string(agent)};
  if (const auto type = AgentType(agent); !type.empty()) names.emplace_back(type);
  if (Status status = backend.NoteAgents(names); !status.ok()) return status;
  for (const std::string& name : names) Keep(name);
  return Status::Ok();
}

Result<bool> Presence::Knows(Backend& backend, std::string_view agent) {
  if (IsKnown(agent)) return true;
  auto known = backend.KnowsAgent(std::string(agent));
  if (known.ok() && *known) Keep(agent);
  return known;
}

}  // namespace agentmq
