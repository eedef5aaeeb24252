#pragma once

#include <memory>
#include <span>

#include <agentmq/agentmq.h>

#include "core/bus.hpp"
#include "util/status.hpp"

namespace agentmq::capi {

// Opens the bus that a URL and a config describe; where both set the same, the URL's counts. url null: $AGENTMQ_URL,
// else redis://localhost:6379/0. config may be null.
Result<std::shared_ptr<Bus>> OpenBus(const char* url, const mq_config* config);

// As OpenBus(), with nodes of a cluster: "host:port".
Result<std::shared_ptr<Bus>> OpenCluster(std::span<const char* const> nodes, const mq_config* config);

}  // namespace agentmq::capi
