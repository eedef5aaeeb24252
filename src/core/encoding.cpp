#include "core/encoding.hpp"

#include <array>
#include <climits>
#include <cstring>
#include <string>
#include <type_traits>

namespace agentmq {
namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kListHead = 16;
constexpr size_t kEntryHead = 112;
constexpr int64_t kUnset = INT64_MIN;  // a ttl that was not set

// The texts of an entry, in their order; those up to kSettable are a sender's to set.
constexpr size_t kTexts = 11;
enum Text : size_t {
  kTarget,
  kSource,
  kType,
  kCorrelation,
  kReplyTo,
  kContentType,
  kId,
  kChannel,
  kReceipt,
  kAgent,
  kReason
};
constexpr std::array<const char*, kId> kSettable = {"target",         "source",   "type",
                                                    "correlation_id", "reply_to", "content_type"};

std::array<std::string_view, kTexts> TextsOf(const Message& message) {
  return {message.target(),
          message.Get(Property::kSource),
          message.Get(Property::kType),
          message.Get(Property::kCorrelationId),
          message.Get(Property::kReplyTo),
          message.Get(Property::kContentType),
          message.id(),
          message.channel(),
          message.receipt(),
          message.agent(),
          message.reason()};
}

size_t HeaderBytes(const Message& message) {
  size_t bytes = 0;
  for (size_t i = 0; i < message.header_count(); ++i) {
    const auto [name, value] = message.HeaderAt(i);
    bytes += 8 + std::strlen(name) + std::strlen(value);
  }
  return bytes;
}

size_t Padded(size_t size) { return (size + 7) & ~size_t{7}; }

size_t EntrySize(const Message& message) {
  size_t size = kEntryHead + HeaderBytes(message) + message.payload().size();
  for (const std::string_view text : TextsOf(message)) size += text.size();
  return Padded(size);
}

class Writer {
 public:
  explicit Writer(char* out) : out_(out) {}
  template <class T>
  void Number(T value) {
    const auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (size_t i = 0; i < sizeof(T); ++i) *out_++ = static_cast<char>(bits >> (8 * i) & 0xff);
  }
  void Size(size_t size) { Number(static_cast<uint32_t>(size)); }
  void Bytes(std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(out_, bytes.data(), bytes.size());
    out_ += bytes.size();
  }
  void FillTo(const char* end) {
    while (out_ < end) *out_++ = '\0';
  }
  char* at() const { return out_; }

 private:
  char* out_;
};

void EncodeEntry(const Message& message, Writer& writer) {
  const char* const begin = writer.at();
  const size_t size = EntrySize(message);
  const auto texts = TextsOf(message);
  writer.Size(size);
  writer.Number(static_cast<int32_t>(message.status()));
  writer.Number(message.timestamp());
  writer.Number(message.expires());
  writer.Number(message.ttl().value_or(kUnset));
  writer.Number(message.reserved_until());
  writer.Number(static_cast<int32_t>(message.priority()));
  writer.Number(static_cast<int32_t>(message.deliveries()));
  writer.Number(static_cast<int32_t>(message.state()));
  writer.Size(message.header_count());
  for (const std::string_view text : texts) writer.Size(text.size());
  writer.Size(HeaderBytes(message));
  writer.Number(static_cast<uint64_t>(message.payload().size()));
  for (const std::string_view text : texts) writer.Bytes(text);
  for (size_t i = 0; i < message.header_count(); ++i) {
    const std::string_view name = message.HeaderAt(i).first;
    const std::string_view value = message.HeaderAt(i).second;
    writer.Size(name.size());
    writer.Size(value.size());
    writer.Bytes(name);
    writer.Bytes(value);
  }
  writer.Bytes(message.payload());
  writer.FillTo(begin + size);
}

// Reads what may have been made by anybody: beyond the end there are zeros, and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T Number() {
    const std::string_view raw = Bytes(sizeof(T));
    std::make_unsigned_t<T> bits = 0;
    for (size_t i = 0; i < raw.size(); ++i) {
      bits |= static_cast<std::make_unsigned_t<T>>(static_cast<std::make_unsigned_t<T>>(static_cast<uint8_t>(raw[i]))
                                                   << (8 * i));
    }
    return static_cast<T>(bits);
  }
  std::string_view Bytes(uint64_t size) {
    if (size > bytes_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

Status Malformed(size_t index, const std::string& why) {
  return Status::Invalid("message " + std::to_string(index) + " of the encoded list: " + why);
}

Status SetText(Message& message, size_t text, const std::string& value) {
  switch (text) {
    case kTarget:
      return message.SetTarget(value.c_str());
    case kSource:
      return message.Set(Property::kSource, value.c_str());
    case kType:
      return message.Set(Property::kType, value.c_str());
    case kCorrelation:
      return message.Set(Property::kCorrelationId, value.c_str());
    case kReplyTo:
      return message.Set(Property::kReplyTo, value.c_str());
    default:
      return message.Set(Property::kContentType, value.c_str());
  }
}

Result<std::unique_ptr<Message>> DecodeEntry(std::string_view entry, size_t index) {
  Reader head(entry.substr(0, kEntryHead));
  (void)head.Bytes(4 + 4 + 8 + 8);  // size, status, timestamp, expires
  const auto ttl = head.Number<int64_t>();
  (void)head.Bytes(8);  // reserved until
  const auto priority = head.Number<int32_t>();
  (void)head.Bytes(4 + 4);  // deliveries, state
  const auto headers = head.Number<uint32_t>();
  std::array<uint32_t, kTexts> sizes{};
  for (uint32_t& size : sizes) size = head.Number<uint32_t>();
  const auto header_bytes = head.Number<uint32_t>();
  const auto payload_size = head.Number<uint64_t>();

  Reader body(entry.substr(kEntryHead));
  std::array<std::string, kId> texts;
  for (size_t i = 0; i < kTexts; ++i) {
    const std::string_view text = body.Bytes(sizes[i]);
    if (i >= kId) continue;
    if (text.find('\0') != std::string_view::npos) return Malformed(index, std::string(kSettable[i]) + " holds a NUL");
    texts[i] = text;
  }
  Reader header(body.Bytes(header_bytes));
  auto message = std::make_unique<Message>(std::string(body.Bytes(payload_size)));
  if (!body.ok()) return Malformed(index, "a size is beyond its end");
  for (size_t i = 0; i < kId; ++i) {
    if (texts[i].empty()) continue;
    if (Status status = SetText(*message, i, texts[i]); !status.ok()) return status;
  }
  for (uint32_t i = 0; i < headers; ++i) {
    const auto name_size = header.Number<uint32_t>();
    const auto value_size = header.Number<uint32_t>();
    const std::string name(header.Bytes(name_size));
    const std::string value(header.Bytes(value_size));
    if (!header.ok()) return Malformed(index, "a header is beyond its end");
    if ((name + value).find('\0') != std::string::npos) return Malformed(index, "a header holds a NUL");
    if (Status status = message->SetHeader(name.c_str(), value.c_str()); !status.ok()) return status;
  }
  if (Status status = message->SetPriority(priority); !status.ok()) return status;
  if (ttl != kUnset) {
    if (Status status = message->SetTtl(ttl); !status.ok()) return status;
  }
  return message;
}

}  // namespace

size_t EncodedSize(MessageViews messages) {
  size_t size = kListHead;
  for (const Message* message : messages) size += EntrySize(*message);
  return size;
}

void EncodeMessages(MessageViews messages, std::span<char> out) {
  Writer writer(out.data());
  writer.Number(kVersion);
  writer.Size(messages.size());
  writer.Number(static_cast<uint64_t>(out.size()));
  for (const Message* message : messages) EncodeEntry(*message, writer);
}

Result<Messages> DecodeMessages(std::string_view encoded) {
  Reader reader(encoded);
  const auto version = reader.Number<uint32_t>();
  const auto count = reader.Number<uint32_t>();
  const auto size = reader.Number<uint64_t>();
  if (!reader.ok())
    return Status::Invalid("an encoded list has at least 16 bytes, got " + std::to_string(encoded.size()));
  if (version != kVersion) {
    return Status::Invalid("the encoded list has version " + std::to_string(version) + ", this library reads 1");
  }
  if (size != encoded.size()) {
    return Status::Invalid("the encoded list says that it has " + std::to_string(size) + " bytes, got " +
                           std::to_string(encoded.size()));
  }
  if (count > size / kEntryHead) return Status::Invalid("the encoded list is too short for its messages");
  Messages messages;
  messages.reserve(count);
  std::string_view left = encoded.substr(kListHead);
  for (size_t i = 0; i < count; ++i) {
    const auto entry_size = Reader(left).Number<uint32_t>();
    if (entry_size < kEntryHead || entry_size > left.size()) return Malformed(i, "its size can't be");
    auto message = DecodeEntry(left.substr(0, entry_size), i);
    if (!message.ok()) return message.status();
    messages.push_back(std::move(*message));
    left.remove_prefix(entry_size);
  }
  if (!left.empty()) return Status::Invalid("the encoded list goes on behind its last message");
  return messages;
}

}  // namespace agentmq
