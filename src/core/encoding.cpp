#include "core/encoding.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <climits>
#include <cstring>
#include <string>
#include <type_traits>

#include "core/ledger.hpp"

namespace agentmq {
namespace {

// Numbers as they are on the wire, wherever they lie.
template <class T>
void PutLittle(T value, char* out) {
  const auto bits = static_cast<std::make_unsigned_t<T>>(value);
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(out, &bits, sizeof bits);
  } else {
    for (size_t i = 0; i < sizeof bits; ++i) out[i] = static_cast<char>(bits >> (8 * i) & 0xff);
  }
}

template <class T>
T TakeLittle(const char* from) {
  std::make_unsigned_t<T> bits = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&bits, from, sizeof bits);
  } else {
    for (size_t i = sizeof bits; i-- > 0;) {
      bits = static_cast<std::make_unsigned_t<T>>(bits << 8 | static_cast<uint8_t>(from[i]));
    }
  }
  return static_cast<T>(bits);
}

constexpr uint32_t kVersion = 1;
constexpr size_t kListHead = 16;
constexpr size_t kEntryHead = 136;
constexpr size_t kEntryTail = 16;      // delay and due, of messages that have one of them, or more behind them
constexpr size_t kEntryMore = 24;      // the head of that: of what few messages have
constexpr int64_t kUnset = INT64_MIN;  // a ttl that was not set
constexpr int32_t kAsTheBus = -1;      // min_replicas and fsync that were not set

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

size_t Padded(size_t size) { return (size + 7) & ~size_t{7}; }

// A message measured, so that it is written in one go.
struct Entry {
  const Message* message = nullptr;
  std::string_view id_front;  // of one that has an id
  // Those of the id and of the receipt are left out here: they are put together in their place.
  std::array<std::string_view, kTexts> texts;
  std::array<char, 20> number{};  // ends the receipt
  size_t digits = 0;
  size_t id_size = 0;
  size_t receipt_size = 0;
  size_t header_bytes = 0;
  std::string history;   // "" where nothing failed
  size_t tail_size = 0;  // of what stands behind the payload
  size_t size = 0;

  size_t SizeOf(size_t text) const {
    if (text == kId) return id_size;
    return text == kReceipt ? receipt_size : texts[text].size();
  }
};

size_t TailOf(const Entry& entry) {
  const Message& message = *entry.message;
  const size_t more =
      std::strlen(message.Get(Property::kDedupKey)) + std::strlen(message.signed_by()) + entry.history.size();
  if (more > 0) return kEntryTail + kEntryMore + Padded(more);
  return message.delay() > 0 || message.due() > 0 ? kEntryTail : 0;
}

// Measures messages, one after the other. What it answers is its own, and the same one each time.
class Measure {
 public:
  const Entry& operator()(const Message& message) {
    Entry& entry = entry_;
    entry.message = &message;
    entry.texts = {ViewOf(message.target()),
                   ViewOf(message.Get(Property::kSource)),
                   ViewOf(message.Get(Property::kType)),
                   ViewOf(message.Get(Property::kCorrelationId)),
                   ViewOf(message.Get(Property::kReplyTo)),
                   ViewOf(message.Get(Property::kContentType)),
                   {},
                   ViewOf(message.channel()),
                   {},
                   ViewOf(message.agent()),
                   ViewOf(message.reason())};
    entry.id_front = {};
    entry.id_size = entry.receipt_size = entry.header_bytes = 0;
    if (message.queue() != nullptr) Identify(message, entry);
    size_t bytes = kEntryHead + message.payload().size();
    for (size_t i = 0; i < kTexts; ++i) bytes += entry.SizeOf(i);
    for (size_t i = 0; i < message.header_count(); ++i) {
      const auto [name, value] = message.HeaderAt(i);
      entry.header_bytes += 8 + std::strlen(name) + std::strlen(value);
    }
    if (message.tries().account.empty()) {
      entry.history.clear();
    } else {
      entry.history = message.History();
    }
    entry.tail_size = TailOf(entry);
    entry.size = Padded(bytes + entry.header_bytes) + entry.tail_size;
    return entry;
  }

 private:
  // Most are empty.
  static std::string_view ViewOf(const char* text) { return *text == '\0' ? std::string_view() : text; }

  void Identify(const Message& message, Entry& entry) {
    entry.id_front = FrontOf(message);
    const size_t alive = entry.id_front.size() + ShortId::kSize;
    entry.id_size = alive + (message.dead_group().empty() ? 0 : 1 + message.dead_group().size());
    if (message.delivery() == 0) return;
    char* const begin = entry.number.data();
    entry.digits =
        static_cast<size_t>(std::to_chars(begin, begin + entry.number.size(), message.delivery()).ptr - begin);
    entry.receipt_size = alive + 3 + message.source()->group.size() + message.consumer()->size() + entry.digits;
  }

  std::string_view FrontOf(const Message& message) {
    if (message.ledger() != nullptr) return message.ledger()->id_front();
    if (queue_ == nullptr || *message.queue() != *queue_) {
      queue_ = message.queue();
      front_ = FullId::Front(*queue_);
    }
    return front_;
  }

  Entry entry_;
  const QueueName* queue_ = nullptr;  // of the last one that no subscription handed out
  std::string front_;                 // of its ids
};

class Writer {
 public:
  explicit Writer(char* out) : out_(out) {}
  template <class T>
  void Number(T value) {
    PutLittle(value, out_);
    out_ += sizeof value;
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

void WriteId(const Entry& entry, Writer& writer) {
  writer.Bytes(entry.id_front);
  writer.Bytes(entry.message->short_id().view());
  const std::string& dead_group = entry.message->dead_group();
  if (dead_group.empty()) return;
  writer.Bytes("~");
  writer.Bytes(dead_group);
}

void WriteReceipt(const Entry& entry, Writer& writer) {
  writer.Bytes(entry.id_front);
  writer.Bytes(entry.message->short_id().view());
  writer.Bytes("|");
  writer.Bytes(entry.message->source()->group);
  writer.Bytes("|");
  writer.Bytes(*entry.message->consumer());
  writer.Bytes("|");
  writer.Bytes({entry.number.data(), entry.digits});
}

// Takes a writer of its own: a place in memory might be what is written to, and would be read again after each number.
Writer WriteEntry(const Entry& entry, Writer writer) {
  const char* const begin = writer.at();
  const Message& message = *entry.message;
  writer.Size(entry.size);
  writer.Number(static_cast<int32_t>(message.status()));
  writer.Number(message.timestamp());
  writer.Number(message.expires());
  writer.Number(message.ttl().value_or(kUnset));
  writer.Number(message.reserved_until());
  writer.Number(static_cast<int32_t>(message.priority()));
  writer.Number(static_cast<int32_t>(message.deliveries()));
  writer.Number(static_cast<int32_t>(message.state()));
  writer.Size(message.header_count());
  for (size_t i = 0; i < kTexts; ++i) writer.Size(entry.SizeOf(i));
  writer.Size(entry.header_bytes);
  writer.Number(static_cast<uint64_t>(message.payload().size()));
  writer.Number(static_cast<int32_t>(message.min_replicas().value_or(kAsTheBus)));
  writer.Number(message.fsync() ? static_cast<int32_t>(*message.fsync()) : kAsTheBus);
  writer.Number(static_cast<int32_t>(message.reached().replicas));
  writer.Number(static_cast<int32_t>(message.reached().fsync));
  writer.Number(static_cast<int32_t>(message.mode()));
  writer.Number(static_cast<int32_t>(message.receivers()));
  for (size_t i = 0; i < kTexts; ++i) {
    if (i == kId && entry.id_size > 0) WriteId(entry, writer);
    if (i == kReceipt && entry.receipt_size > 0) WriteReceipt(entry, writer);
    writer.Bytes(entry.texts[i]);
  }
  for (size_t i = 0; i < message.header_count(); ++i) {
    const std::string_view name = message.HeaderAt(i).first;
    const std::string_view value = message.HeaderAt(i).second;
    writer.Size(name.size());
    writer.Size(value.size());
    writer.Bytes(name);
    writer.Bytes(value);
  }
  writer.Bytes(message.payload());
  const char* const end = begin + entry.size;
  writer.FillTo(end - entry.tail_size);
  if (entry.tail_size == 0) return writer;
  writer.Number(message.delay());
  writer.Number(message.due());
  if (entry.tail_size == kEntryTail) return writer;
  const std::string_view key = message.Get(Property::kDedupKey);
  writer.Size(key.size());
  writer.Size(std::strlen(message.signed_by()));
  writer.Number(message.signed_at());
  writer.Size(entry.history.size());
  writer.Size(0);
  writer.Bytes(key);
  writer.Bytes(message.signed_by());
  writer.Bytes(entry.history);
  writer.FillTo(end);
  return writer;
}

// each: calls what it is given with every message, the same ones every time.
template <class Each>
Status EncodeAll(const Each& each, std::span<char> out, size_t* size) {
  Measure measure;
  uint32_t count = 0;
  const Entry* last = nullptr;
  *size = kListHead;
  each([&](const Message& message) {
    ++count;
    last = &measure(message);
    *size += last->size;
  });
  if (out.empty()) return Status::Ok();
  if (out.size() < *size) {
    return {Code::kTooLarge,
            "it takes " + std::to_string(*size) + " bytes, there is room for " + std::to_string(out.size())};
  }
  Writer writer(out.data());
  writer.Number(kVersion);
  writer.Number(count);
  writer.Number(static_cast<uint64_t>(*size));
  // Of one, which is the usual, it is known already.
  each([&](const Message& message) { writer = WriteEntry(count == 1 ? *last : measure(message), writer); });
  return Status::Ok();
}

// Reads the numbers of a head that is known to be there.
class Head {
 public:
  explicit Head(const char* at) : at_(at) {}
  template <class T>
  T Number() {
    const T number = TakeLittle<T>(at_);
    at_ += sizeof(T);
    return number;
  }
  void Skip(size_t size) { at_ += size; }

 private:
  const char* at_;
};

// Reads what may have been made by anybody: beyond the end there are zeros, and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T Number() {
    const std::string_view raw = Bytes(sizeof(T));
    return raw.empty() ? T{0} : TakeLittle<T>(raw.data());
  }
  std::string_view Bytes(uint64_t size) {
    if (size > bytes_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  size_t left() const { return bytes_.size(); }
  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

Status Malformed(size_t index, const std::string& why) {
  return Status::Invalid("message " + std::to_string(index) + " of the encoded list: " + why);
}

Status SetText(Message& message, size_t text, std::string_view value) {
  switch (text) {
    case kTarget:
      return message.SetTarget(value);
    case kSource:
      return message.Set(Property::kSource, value);
    case kType:
      return message.Set(Property::kType, value);
    case kCorrelation:
      return message.Set(Property::kCorrelationId, value);
    case kReplyTo:
      return message.Set(Property::kReplyTo, value);
    default:
      return message.Set(Property::kContentType, value);
  }
}

// entry: at least a head.
Result<std::unique_ptr<Message>> DecodeEntry(std::string_view entry, size_t index) {
  Head head(entry.data());
  head.Skip(4 + 4 + 8 + 8);  // size, status, timestamp, expires
  const auto ttl = head.Number<int64_t>();
  head.Skip(8);  // reserved until
  const auto priority = head.Number<int32_t>();
  head.Skip(4 + 4);  // deliveries, state
  const auto headers = head.Number<uint32_t>();
  std::array<uint32_t, kTexts> sizes;
  for (uint32_t& size : sizes) size = head.Number<uint32_t>();
  const auto header_bytes = head.Number<uint32_t>();
  const auto payload_size = head.Number<uint64_t>();
  const auto min_replicas = head.Number<int32_t>();
  const auto fsync = head.Number<int32_t>();
  head.Skip(4 + 4);  // replicas, fsynced
  const auto mode = head.Number<int32_t>();

  Reader body(entry.substr(kEntryHead));
  std::array<std::string_view, kId> texts;
  for (size_t i = 0; i < kTexts; ++i) {
    if (sizes[i] == 0) continue;  // most are
    const std::string_view text = body.Bytes(sizes[i]);
    if (i >= kId) continue;
    if (text.find('\0') != std::string_view::npos) return Malformed(index, std::string(kSettable[i]) + " holds a NUL");
    texts[i] = text;
  }
  Reader header(body.Bytes(header_bytes));
  auto message = std::make_unique<Message>(std::string(body.Bytes(payload_size)));
  if (!body.ok()) return Malformed(index, "a size is beyond its end");
  const size_t end = Padded(entry.size() - body.left());
  if (entry.size() >= end + kEntryTail) {
    Reader tail(entry.substr(end));
    if (Status status = message->SetDelay(tail.Number<int64_t>()); !status.ok()) return status;
    (void)tail.Number<int64_t>();  // due
    std::string_view key;
    if (tail.left() >= kEntryMore) {
      const auto key_size = tail.Number<uint32_t>();
      (void)tail.Bytes(kEntryMore - sizeof key_size);  // who signed it and when, how large its history is
      key = tail.Bytes(key_size);
    }
    if (!tail.ok()) return Malformed(index, "the dedup_key is beyond its end");
    if (key.find('\0') != std::string_view::npos) return Malformed(index, "dedup_key holds a NUL");
    if (Status status = key.empty() ? Status::Ok() : message->Set(Property::kDedupKey, key); !status.ok())
      return status;
  }
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
  if (min_replicas != kAsTheBus) {
    if (Status status = message->SetMinReplicas(min_replicas); !status.ok()) return status;
  }
  if (fsync != kAsTheBus) {
    if (fsync != 0 && fsync != 1) return Malformed(index, "fsync must be -1, 0 or 1, got " + std::to_string(fsync));
    if (Status status = message->SetFsync(fsync == 1); !status.ok()) return status;
  }
  if (Status status = message->SetMode(mode); !status.ok()) return status;
  return message;
}

}  // namespace

Status Encode(std::span<const std::unique_ptr<Message>> messages, std::span<char> out, size_t* size) {
  const auto each = [messages](const auto& visit) {
    for (const auto& message : messages) {
      if (message != nullptr) visit(*message);
    }
  };
  return EncodeAll(each, out, size);
}

Status Encode(const Message& message, std::span<char> out, size_t* size) {
  return EncodeAll([&message](const auto& visit) { visit(message); }, out, size);
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
