#include "redis/live_names.hpp"

namespace agentmq::redis {
namespace {

// Percent-encoding leaves one character that a pattern of the server's takes for its own.
void AppendEscaped(std::string_view encoded, std::string* pattern) {
  for (const char byte : encoded) {
    if (byte == '\\') *pattern += '\\';
    *pattern += byte;
  }
}

}  // namespace

LiveNames::LiveNames(const BackendOptions& options, int database)
    : front_(PercentEncode(options.prefix) + ":" + PercentEncode(options.name_space) +
             ":live:" + std::to_string(database) + ":") {}

LiveNames::Topic LiveNames::For(const Glob& pattern) const {
  const auto& literals = pattern.literals();
  if (literals.size() == 1) return {Of(literals[0]), false};
  Topic topic{{}, true};
  AppendEscaped(front_, &topic.name);
  for (size_t i = 0; i < literals.size(); ++i) {
    if (i > 0) topic.name += '*';
    AppendEscaped(PercentEncode(literals[i]), &topic.name);
  }
  return topic;
}

}  // namespace agentmq::redis
