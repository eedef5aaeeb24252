#include "util/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <new>

namespace agentmq {
namespace {

using Context = std::shared_ptr<EVP_MD_CTX>;

// OpenSSL fails here for want of memory alone.
void Need(bool done) {
  if (!done) throw std::bad_alloc();
}

Context NewContext() {
  // It must not clean up at exit, where threads may still use it.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  Need(context != nullptr);
  return context;
}

unsigned char* Bytes(Digest& digest) { return reinterpret_cast<unsigned char*>(digest.data()); }

}  // namespace

Digest Sha256(std::initializer_list<std::string_view> parts) {
  const Context context = NewContext();
  Need(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  for (const std::string_view part : parts) Need(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  Digest digest;
  Need(EVP_DigestFinal_ex(context.get(), Bytes(digest), nullptr) == 1);
  return digest;
}

HmacKey::HmacKey(std::string_view key) {
  const Context context = NewContext();
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> secret(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, nullptr, reinterpret_cast<const unsigned char*>(key.data()),
                                   key.size()),
      EVP_PKEY_free);
  Need(secret != nullptr);
  Need(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, secret.get()) == 1);
  prepared_ = context;
}

Digest HmacKey::Sign(std::initializer_list<std::string_view> parts) const {
  const Context context = NewContext();
  Need(EVP_MD_CTX_copy_ex(context.get(), prepared_.get()) == 1);
  for (const std::string_view part : parts) Need(EVP_DigestSignUpdate(context.get(), part.data(), part.size()) == 1);
  Digest digest;
  size_t size = digest.size();
  Need(EVP_DigestSignFinal(context.get(), Bytes(digest), &size) == 1 && size == digest.size());
  return digest;
}

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

std::optional<std::string> FromBase64(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  std::string usual(text);
  for (char& digit : usual) {
    if (digit == '-') digit = '+';
    if (digit == '_') digit = '/';
    const bool letter = (digit >= 'A' && digit <= 'Z') || (digit >= 'a' && digit <= 'z');
    if (!letter && !(digit >= '0' && digit <= '9') && digit != '+' && digit != '/') return std::nullopt;
  }
  if (usual.size() % 4 == 1) return std::nullopt;
  const size_t size = usual.size() * 3 / 4;
  usual.append((4 - usual.size() % 4) % 4, '=');
  std::string bytes(usual.size() / 4 * 3, '\0');
  const int decoded =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(usual.data()), static_cast<int>(usual.size()));
  if (decoded < 0) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

}  // namespace agentmq
