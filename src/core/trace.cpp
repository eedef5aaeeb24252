#include "core/trace.hpp"

#include <algorithm>
#include <array>

#include "core/ids.hpp"

namespace agentmq {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr size_t kTraceIdSize = 32;
constexpr size_t kParentIdSize = 16;
constexpr size_t kSize = 55;  // of version 00

bool IsHex(std::string_view text) { return text.find_first_not_of(kHex) == std::string_view::npos; }
bool IsId(std::string_view text) { return IsHex(text) && text.find_first_not_of('0') != std::string_view::npos; }

std::string RandomId(size_t digits) {
  std::array<unsigned char, kTraceIdSize / 2> random{};
  std::string id;
  do {
    id.clear();
    DrawRandom(random.data(), digits / 2);
    for (size_t i = 0; i < digits / 2; ++i) {
      id += kHex[random[i] >> 4];
      id += kHex[random[i] & 15];
    }
  } while (!IsId(id));
  return id;
}

}  // namespace

TraceParent TraceParent::New() { return {RandomId(kTraceIdSize), RandomId(kParentIdSize), true}; }

std::optional<TraceParent> TraceParent::Parse(std::string_view text) {
  if (text.size() < kSize || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  const std::string_view flags = text.substr(53, 2);
  if (!IsHex(version) || version == "ff" || !IsHex(flags)) return std::nullopt;
  // What a later version adds stands behind another dash.
  if (text.size() > kSize && (version == "00" || text[kSize] != '-')) return std::nullopt;
  TraceParent parent{std::string(text.substr(3, kTraceIdSize)), std::string(text.substr(36, kParentIdSize)), false};
  if (!IsId(parent.trace_id) || !IsId(parent.parent_id)) return std::nullopt;
  parent.sampled = kHex.find(flags[1]) % 2 == 1;
  return parent;
}

TraceParent TraceParent::Next() const { return {trace_id, RandomId(kParentIdSize), sampled}; }

std::string TraceParent::Text() const { return "00-" + trace_id + "-" + parent_id + (sampled ? "-01" : "-00"); }

}  // namespace agentmq
