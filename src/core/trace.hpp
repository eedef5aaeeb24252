#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace agentmq {

// The headers of W3C Trace Context. Whatever they hold is carried as it is; only what is valid is continued.
inline constexpr const char* kTraceParent = "traceparent";
inline constexpr const char* kTraceState = "tracestate";

// A traceparent of version 00: "00-<trace id>-<parent id>-<flags>", hex in lower case.
struct TraceParent {
  std::string trace_id;   // 32 digits, not all 0
  std::string parent_id;  // 16 digits, not all 0
  bool sampled = true;

  static TraceParent New();
  // Of any version that says at least what 00 does; nullopt where it is none.
  static std::optional<TraceParent> Parse(std::string_view text);
  // The same trace, a new step in it.
  TraceParent Next() const;
  std::string Text() const;
};

}  // namespace agentmq
