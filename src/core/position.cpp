#include "core/position.hpp"

#include <algorithm>

#include "core/settings_value.hpp"
#include "util/clock.hpp"

namespace agentmq {
namespace {

constexpr size_t kTimeSize = 7;  // of a short id

}  // namespace

std::optional<Position> Position::Parse(std::string_view text) {
  if (text == "all") return Position{};
  if (text == "new") return Position{false, {}};
  if (const auto time = ParseTime(text)) {
    const int64_t at = std::max<int64_t>(0, *time < 0 ? WallMillis() + *time : *time);
    return Position{true, ShortId(at, 0, false, 0, 0).str().substr(0, kTimeSize)};
  }
  auto id = FullId::Parse(text);
  if (!id.ok() || !id->queue.broadcast || !id->group.empty()) return std::nullopt;
  return Position{true, id->id.str(), std::move(id->queue.channel)};
}

}  // namespace agentmq
