#pragma once

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

// Hashes, as OpenSSL computes them.
namespace agentmq {

using Digest = std::array<char, 32>;

// Of the parts, one behind the other.
Digest Sha256(std::initializer_list<std::string_view> parts);

// HMAC-SHA256 with one key. Thread-safe.
class HmacKey {
 public:
  explicit HmacKey(std::string_view key);
  Digest Sign(std::initializer_list<std::string_view> parts) const;

 private:
  std::shared_ptr<const evp_md_ctx_st> prepared_;  // with the key; each call goes on from a copy
};

// In a time that does not tell where they differ.
bool SameSecret(std::string_view a, std::string_view b);

// Two digits a byte, in lower case.
std::string Hex(std::string_view bytes);
inline std::string Hex(const Digest& digest) { return Hex({digest.data(), digest.size()}); }

// Of either alphabet (RFC 4648, 4 and 5), with or without the '=' at the end. Nothing where it is none.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace agentmq
