#pragma once

#include <cstdint>
#include <span>

#include "core/backend.hpp"
#include "core/publisher.hpp"

namespace agentmq {

struct BusSettings;

// Says of each parcel whether a limit on how fast messages are published holds for it: before it can go its messages have
// to be paid for. Answers whether there is one.
bool MarkLimited(const BusSettings& settings, std::span<Parcel> parcels);

// Pays for the next messages of each parcel that has none left, up to most_at_once: for all of them or for none, but of
// those that were gathered for as many as can be. One that can't gets `status`, kRateLimited or why nothing could be
// asked.
void Pay(Backend& backend, const BusSettings& settings, std::span<Parcel> parcels, const Patience& patience);

// Whether who publishes to that queue now, from `source` ("": the bus' own), has to wait: kRateLimited, by what and for how
// long. Takes nothing.
Status LookAtLimits(Backend& backend, const BusSettings& settings, const QueueName& queue, const ChannelLimits& limits,
                    const std::string& source, const Patience& patience);

}  // namespace agentmq
