#include "util/text.hpp"

#include <charconv>
#include <cmath>

namespace agentmq {
namespace {

constexpr size_t kQuoted = 100;
constexpr std::string_view kHex = "0123456789abcdef";

unsigned char ByteAt(std::string_view text, size_t at) { return static_cast<unsigned char>(text[at]); }

// How many bytes the printable character at `at` takes; 0 where there is none.
size_t Printable(std::string_view text, size_t at) {
  const unsigned char lead = ByteAt(text, at);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  size_t length = 0;
  if (lead >= 0xc2 && lead <= 0xdf) length = 2;
  if (lead >= 0xe0 && lead <= 0xef) length = 3;
  if (lead >= 0xf0 && lead <= 0xf4) length = 4;
  if (length == 0 || text.size() - at < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((ByteAt(text, at + i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = ByteAt(text, at + 1);
  if (lead == 0xc2 && second < 0xa0) return 0;  // U+0080..U+009F: control characters
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return 0;
  if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return 0;
  return length;
}

// Appends what stands at `at`, and answers where the next begins.
size_t AppendNext(std::string_view text, size_t at, std::string* out) {
  const size_t length = Printable(text, at);
  if (length > 0) {
    *out += text.substr(at, length);
    return at + length;
  }
  const unsigned char byte = ByteAt(text, at);
  *out += "\\x";
  *out += kHex[byte >> 4];
  *out += kHex[byte & 15];
  return at + 1;
}

}  // namespace

std::string Quote(std::string_view text) {
  std::string quoted = "'";
  size_t at = 0;
  while (at < text.size() && quoted.size() < kQuoted) at = AppendNext(text, at, &quoted);
  quoted += at < text.size() ? "...'" : "'";
  return quoted;
}

std::string OneLine(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (size_t at = 0; at < text.size();) at = AppendNext(text, at, &line);
  return line;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> ParseNumber(std::string_view text) {
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

}  // namespace agentmq
