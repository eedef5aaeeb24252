#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/backend.hpp"

namespace agentmq {

// The numbers of each queue and group as JSON; channel: of all where there is none. docs/operations.md explains them.
Result<std::string> StatsJson(Backend& backend, std::optional<std::string_view> channel);

// listing.cpp: what there is. agentmq.h says what stands in them.
Result<std::string> ChannelsJson(Backend& backend);
Result<std::string> GroupsJson(Backend& backend, std::optional<std::string_view> channel);
// Agents that are there. liveness_timeout: ms, of a consumer's lease.
Result<std::string> AgentsJson(Backend& backend, std::optional<std::string_view> pattern, int64_t liveness_timeout);

// ---- what these are made of
// The numbers of the queues, of one channel where it is given.
Result<std::vector<QueueStats>> StatsOf(Backend& backend, std::optional<std::string_view> channel);
nlohmann::ordered_json QueueJson(const QueueStats& stats);
nlohmann::ordered_json GroupJson(const QueueStats& queue, const GroupStats& group);
// A group's own pause, else its channel's; null where there is none.
nlohmann::ordered_json PauseJson(const std::optional<Pause>& own, const std::optional<Pause>& channel);
std::string Dump(const nlohmann::ordered_json& json);

}  // namespace agentmq
