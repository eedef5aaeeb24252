#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/names.hpp"
#include "core/record.hpp"
#include "core/settings.hpp"
#include "util/crypto.hpp"
#include "util/status.hpp"

namespace agentmq {

// Who signed a message, and when by its own clock.
struct Signer {
  std::string key_id;  // "": nobody, or it was not verified
  int64_t time = 0;    // Unix ms
};

// The keys of a bus: one signs what it publishes, each of them vouches for what it reads. What is signed is written down in
// docs/wire-format.md.
//
// Immutable, so thread-safe. Keys are never part of an error's sentence.
class Keyring {
 public:
  Keyring() = default;  // none: nothing is signed or verified
  Keyring(Keyring&&) = default;
  Keyring& operator=(Keyring&&) = default;
  // kInvalid where a setting is none of keys, or its file can't be read.
  static Result<Keyring> From(const Config& config);

  bool signs() const { return signing_ != nullptr; }
  bool verifies() const { return !keys_.empty(); }

  // Puts the signature into a record's head. The payload is as it is stored.
  void Sign(const QueueName& queue, int priority, std::string_view payload, std::string* head) const;
  // kSignature with the reason.
  Status Verify(const QueueName& queue, int priority, const RecordView& view, Signer* signer) const;

 private:
  struct Key {
    std::string secret;
    HmacKey hmac;
  };
  using Keys = std::map<std::string, Key, std::less<>>;

  Status Add(const Config& config, const char* setting, std::string* last_id);
  std::string Context(const QueueName& queue, int priority, std::string_view id_and_time) const;

  std::string space_;  // "<prefix>:<namespace>:", as keys begin
  Keys keys_;
  const Keys::value_type* signing_ = nullptr;  // of keys_, whose entries stay where they are
  bool required_ = false;
};

}  // namespace agentmq
