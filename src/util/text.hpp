#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agentmq {

// Somebody's text for an error: in single quotes, on one line, valid UTF-8 whatever the bytes are (others as \xNN), and
// not longer than some 100 bytes.
std::string Quote(std::string_view text);

// Text of any origin on one line of valid UTF-8, whole: other bytes and control characters as \xNN.
std::string OneLine(std::string_view text);

// "a,b,,c" by ',' -> a, b, "", c. Never empty.
std::vector<std::string_view> Split(std::string_view text, char separator);

// The whole text as a decimal integer, with '-' only; nothing where it is none or too great for 64 bits.
std::optional<int64_t> ParseInteger(std::string_view text);

// The whole text as a decimal number; nothing where it is none, or not finite.
std::optional<double> ParseNumber(std::string_view text);

}  // namespace agentmq
