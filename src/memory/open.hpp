#pragma once

#include <memory>
#include <string>

#include "core/backend.hpp"

namespace agentmq::memory {

// The embedded store of that name, shared by all that have it open in this process; made anew where nobody has.
// Each call answers a backend of its own (shutdown, consumers, events) over the shared store.
Result<std::shared_ptr<Backend>> Open(const std::string& name, const BackendOptions& common);

}  // namespace agentmq::memory
