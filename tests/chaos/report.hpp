#pragma once

#include <string>
#include <vector>

#include "trial.hpp"

namespace agentmq::chaos {

// The table of what was run, in Markdown: one line a fault, and below what should not have been.
void Print(const std::vector<Outcome>& outcomes);
// The same and more, as JSON.
void Write(const std::vector<Outcome>& outcomes, const std::string& form, const std::string& file);

}  // namespace agentmq::chaos
