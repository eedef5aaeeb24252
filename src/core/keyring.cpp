#include "core/keyring.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <system_error>
#include <vector>

#include "util/clock.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr size_t kLongestId = 64;
constexpr size_t kShortestKey = 16;
constexpr size_t kLongestKey = 1024;
constexpr size_t kLargestFile = 256 * 1024;
constexpr std::string_view kFile = "file:";
constexpr std::string_view kScheme = "agentmq signature 1";

bool IsKeyId(std::string_view id) {
  return !id.empty() && id.size() <= kLongestId && id != "file" && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

// "id:base64, id:base64", by commas or blanks.
std::vector<std::string_view> Entries(std::string_view text) {
  constexpr std::string_view kBetween = ", \t\r\n";
  std::vector<std::string_view> entries;
  for (size_t begin = 0; (begin = text.find_first_not_of(kBetween, begin)) != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    entries.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return entries;
}

// The setting's value, or what is in the file that it names.
Result<std::string> ValueOf(const Config& config, const char* setting) {
  std::string value = config.Text(setting);
  if (!value.starts_with(kFile)) return value;
  const std::string path = value.substr(kFile.size());
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  const int error = errno;
  std::string text(kLargestFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kLargestFile || Entries(text).empty()) {
    const std::string why = !file.is_open() ? std::generic_category().message(error) : "it holds no keys";
    return Status::Invalid("setting '" + std::string(setting) + "': the file " + Quote(path) +
                           " can't be used: " + why);
  }
  return text;
}

Status Malformed(const char* setting) {
  return Status::Invalid("setting '" + std::string(setting) +
                         "' must look like id:key, with an id of 1 to 64 letters, digits, '.', '_' and '-' (and not "
                         "'file'), and a key of 16 to 1024 bytes in base64; or like file:/path of a file with that");
}

Status Refused(std::string text) { return {Code::kSignature, std::move(text)}; }

}  // namespace

Status Keyring::Add(const Config& config, const char* setting, std::string* last_id) {
  const auto value = ValueOf(config, setting);
  if (!value.ok()) return value.status();
  for (const std::string_view entry : Entries(*value)) {
    const size_t colon = entry.find(':');
    if (colon == std::string_view::npos || !IsKeyId(entry.substr(0, colon))) return Malformed(setting);
    std::optional<std::string> secret = FromBase64(entry.substr(colon + 1));
    if (!secret || secret->size() < kShortestKey || secret->size() > kLongestKey) return Malformed(setting);
    *last_id = entry.substr(0, colon);
    HmacKey hmac(*secret);
    const auto [key, is_new] = keys_.try_emplace(*last_id, Key{*secret, std::move(hmac)});
    if (!is_new && !SameSecret(key->second.secret, *secret)) {
      return Status::Invalid("the key id " + Quote(*last_id) + " stands for two keys: see signing_key and verify_keys");
    }
  }
  return Status::Ok();
}

Result<Keyring> Keyring::From(const Config& config) {
  Keyring ring;
  ring.space_ = PercentEncode(config.Text("prefix")) + ':' + PercentEncode(config.Text("namespace")) + ':';
  ring.required_ = config.Bool("require_signature");
  std::string id;
  if (Status status = ring.Add(config, "signing_key", &id); !status.ok()) return status;
  if (ring.keys_.size() > 1) return Status::Invalid("setting 'signing_key' is one key: others belong into verify_keys");
  if (!ring.keys_.empty()) ring.signing_ = &*ring.keys_.begin();
  if (Status status = ring.Add(config, "verify_keys", &id); !status.ok()) return status;
  if (ring.required_ && ring.keys_.empty()) {
    return Status::Invalid("setting 'require_signature' needs keys to verify with: set verify_keys or signing_key");
  }
  return ring;
}

// Whatever stands in front of the record. None of its lines can hold a newline.
std::string Keyring::Context(const QueueName& queue, int priority, std::string_view id_and_time) const {
  std::string context(kScheme);
  context += '\n';
  context += space_;
  queue.AppendTo(&context);
  context += '\n';
  context += std::to_string(priority);
  context += '\n';
  context += id_and_time;
  context += '\n';
  return context;
}

void Keyring::Sign(const QueueName& queue, int priority, std::string_view payload, std::string* head) const {
  std::string field = signing_->first + ' ' + std::to_string(WallMillis());
  const Digest code = signing_->second.hmac.Sign({Context(queue, priority, field), *head, payload});
  field += ' ';
  field += Hex(code);
  AddSignature(field, head);
}

Status Keyring::Verify(const QueueName& queue, int priority, const RecordView& view, Signer* signer) const {
  if (view.signature.empty()) {
    return required_ ? Refused("the message is not signed, which require_signature asks for") : Status::Ok();
  }
  const auto words = Split(view.signature, ' ');
  const auto time = words.size() == 3 ? ParseInteger(words[1]) : std::nullopt;
  if (!time || !IsKeyId(words[0])) return Refused("the message's signature can't be read");
  const auto key = keys_.find(words[0]);
  if (key == keys_.end()) {
    return Refused("the message was signed with the key " + Quote(words[0]) + ", which is not among verify_keys");
  }
  const std::string_view id_and_time = view.signature.substr(0, words[0].size() + 1 + words[1].size());
  const Digest code = key->second.hmac.Sign(
      {Context(queue, priority, id_and_time), view.before_signature, view.after_signature, view.payload});
  if (!SameSecret(Hex(code), words[2])) {
    return Refused("the message's signature does not fit: it was altered, or belongs elsewhere, or the key " +
                   Quote(words[0]) + " is another one here");
  }
  signer->key_id = words[0];
  signer->time = *time;
  return Status::Ok();
}

}  // namespace agentmq
