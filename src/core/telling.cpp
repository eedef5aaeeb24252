#include "core/telling.hpp"

namespace agentmq {

std::string TellingText(const FullId& id, std::string_view head, std::string_view payload) {
  std::string text = id.Text();
  text.reserve(text.size() + 1 + head.size() + payload.size());
  text.append("\n").append(head).append(payload);
  return text;
}

Result<Told> ParseTelling(std::string_view text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return Status(Code::kCorrupt, "what was told has no id");
  auto id = FullId::Parse(text.substr(0, end));
  if (!id.ok()) return Status(Code::kCorrupt, "what was told has no id: " + id.status().text());
  return Told{std::move(*id), text.substr(end + 1)};
}

}  // namespace agentmq
