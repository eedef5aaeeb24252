#include "core/names.hpp"

#include <algorithm>
#include <array>

namespace agentmq {
namespace {

constexpr size_t kMaxName = 256;
constexpr std::string_view kHex = "0123456789ABCDEF";

constexpr bool IsControl(unsigned char byte) { return byte < 0x20 || byte == 0x7f; }

constexpr std::array<bool, 256> MakeReserved() {
  std::array<bool, 256> reserved{};
  for (size_t byte = 0; byte < reserved.size(); ++byte) reserved[byte] = IsControl(static_cast<unsigned char>(byte));
  for (const char byte : std::string_view("%/:{}*?[]|")) reserved[static_cast<unsigned char>(byte)] = true;
  return reserved;
}
constexpr std::array<bool, 256> kReserved = MakeReserved();

bool IsReserved(char byte) { return kReserved[static_cast<unsigned char>(byte)]; }

int HexDigit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

// How many bytes the sequence at `at` takes; 0 where it is no UTF-8.
size_t SequenceLength(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  size_t length = 0;
  if (lead >= 0xc2 && lead <= 0xdf) length = 2;
  if (lead >= 0xe0 && lead <= 0xef) length = 3;
  if (lead >= 0xf0 && lead <= 0xf4) length = 4;
  if (length == 0 || text.size() - at < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Over-long forms, surrogates, beyond U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f)) return 0;
  if ((lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

bool HasControl(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (IsControl(byte)) return true;
    // U+0080..U+009F
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      return true;
    }
  }
  return false;
}

void AppendEncoded(std::string_view text, std::string* encoded) {
  while (!text.empty()) {
    const auto reserved = std::ranges::find_if(text, IsReserved);
    encoded->append(text.begin(), reserved);
    if (reserved == text.end()) return;
    const auto bits = static_cast<unsigned char>(*reserved);
    *encoded += '%';
    *encoded += kHex[bits >> 4];
    *encoded += kHex[bits & 15];
    text = {reserved + 1, text.end()};
  }
}

Result<std::string> DecodeName(std::string_view what, std::string_view text) {
  Result<std::string> name = PercentDecode(text);
  if (!name.ok()) return name;
  Status status = CheckName(what, *name);
  if (!status.ok()) return status;
  return name;
}

}  // namespace

std::string QueueName::Text() const {
  std::string text;
  AppendTo(&text);
  return text;
}

void QueueName::AppendTo(std::string* text) const {
  AppendEncoded(channel, text);
  *text += '/';
  if (broadcast) {
    *text += '*';
  } else {
    AppendEncoded(target, text);
  }
}

Result<QueueName> QueueName::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return Status::Invalid("a queue's name has a '/'");
  QueueName name;
  if (slash > 0) {
    Result<std::string> channel = DecodeName("channel", text.substr(0, slash));
    if (!channel.ok()) return channel.status();
    name.channel = std::move(*channel);
  }
  const std::string_view target = text.substr(slash + 1);
  name.broadcast = target == "*";
  if (name.broadcast) return name;
  if (target.find('/') != std::string_view::npos) {
    return Status::Invalid("a queue's name has only one '/'");
  }
  Result<std::string> agent = DecodeName("target", target);
  if (!agent.ok()) return agent.status();
  name.target = std::move(*agent);
  return name;
}

std::string PercentEncode(std::string_view text) {
  std::string encoded;
  encoded.reserve(text.size());
  AppendEncoded(text, &encoded);
  return encoded;
}

Result<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const bool whole = i + 2 < text.size();
    const int high = whole ? HexDigit(text[i + 1]) : -1;
    const int low = whole ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return Status::Invalid("a '%' must be followed by two hex digits");
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

Status CheckName(std::string_view what, std::string_view name) {
  const std::string subject(what);
  if (name.empty()) return Status::Invalid(subject + " must not be empty");
  if (name.size() > kMaxName) {
    return Status::Invalid(subject + " must be at most 256 bytes, got " + std::to_string(name.size()));
  }
  if (!IsUtf8(name)) return Status::Invalid(subject + " must be UTF-8");
  if (HasControl(name)) return Status::Invalid(subject + " must not contain control characters");
  return Status::Ok();
}

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceLength(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string_view AgentType(std::string_view agent) {
  const size_t colon = agent.find(':');
  // ":x" and "x:" are plain names: there is no type or no instance.
  if (colon == std::string_view::npos || colon + 1 == agent.size()) return {};
  return agent.substr(0, colon);
}

std::string AgentOf(const QueueName& queue, std::string_view group) {
  if (!queue.broadcast) return queue.target;
  auto agent = PercentDecode(group);
  return agent.ok() ? std::move(*agent) : std::string(group);
}

}  // namespace agentmq
