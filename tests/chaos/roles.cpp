#include "roles.hpp"

#include <iostream>
#include <stdexcept>

namespace agentmq::chaos {

std::string_view KeyOf(std::string_view payload) { return payload.substr(0, payload.find('|')); }

std::vector<std::string> Role::Arguments() const {
  return {name,
          url,
          journal,
          agent,
          std::to_string(seed),
          std::to_string(style),
          std::to_string(rate),
          std::to_string(work_ms)};
}

Role Role::FromArguments(const std::vector<std::string>& arguments) {
  if (arguments.size() != 8) throw std::runtime_error("a role takes 8 arguments");
  Role role{arguments[0], arguments[1], arguments[2], arguments[3]};
  role.seed = std::stoull(arguments[4]);
  role.style = std::stoi(arguments[5]);
  role.rate = std::stoi(arguments[6]);
  role.work_ms = std::stoi(arguments[7]);
  return role;
}

StopLine::StopLine()
    : thread_([this] {
        for (std::string line; std::getline(std::cin, line) && line != "stop";) {
        }
        stopped_ = true;
      }) {}

}  // namespace agentmq::chaos
