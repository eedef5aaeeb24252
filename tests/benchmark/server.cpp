#include "server.hpp"

#include <cstdlib>
#include <sstream>
#include <string_view>

namespace agentmq::bench {
namespace {

// The number behind `name` and a colon in an INFO text; 0 where it is not there.
double Field(const std::string& info, const std::string& name) {
  const size_t place = info.find("\n" + name + ":");
  return place == std::string::npos ? 0 : std::strtod(info.c_str() + place + name.size() + 2, nullptr);
}

bool StartsWith(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

}  // namespace

std::string Server::Info(const char* section) {
  const Reply reply = connection_.Command({"INFO", section});
  return {reply->str, reply->len};
}

ServerUse Server::Use() {
  ServerUse use;
  const std::string cpu = Info("cpu");
  use.cpu_seconds = Field(cpu, "used_cpu_sys") + Field(cpu, "used_cpu_user");
  use.memory = static_cast<int64_t>(Field(Info("memory"), "used_memory"));
  use.reads = static_cast<int64_t>(Field(Info("stats"), "total_reads_processed"));
  std::istringstream lines(Info("commandstats"));
  for (std::string line; std::getline(lines, line);) {  // cmdstat_evalsha:calls=12,usec=34,...
    const size_t equals = line.find("calls=");
    if (!StartsWith(line, "cmdstat_") || equals == std::string::npos || StartsWith(line, "cmdstat_info")) continue;
    const int64_t calls = std::strtoll(line.c_str() + equals + 6, nullptr, 10);
    use.commands += calls;
    const std::string_view name = std::string_view(line).substr(8);
    if (StartsWith(name, "eval") || StartsWith(name, "blpop")) use.calls += calls;
    if (StartsWith(name, "exec")) use.calls -= calls;  // a transaction has two scripts and is one trip
  }
  return use;
}

std::string Server::Version() {
  const std::string info = Info("server");
  const size_t begin = info.find("redis_version:") + 14;
  return info.substr(begin, info.find_first_of("\r\n", begin) - begin);
}

}  // namespace agentmq::bench
