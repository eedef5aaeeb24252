#include "core/record.hpp"

#include <charconv>
#include <optional>

namespace agentmq {
namespace {

constexpr char kVersion = '1';
constexpr char kStrictVersion = '2';  // no capital tag may be passed over
constexpr char kPayloadHere = '=';
constexpr char kPayloadApart = '@';
// Tags. Those of the properties stand in the order of `Property`.
constexpr std::array<char, kPropertyCount> kPropertyTags = {'s', 't', 'c', 'r', 'y', 'u'};
constexpr char kHeaderTag = 'h';  // name NUL value
constexpr char kTtlTag = 'x';     // ms as decimal text
constexpr char kDelayTag = 'd';   // the same
constexpr char kSignatureTag = 'g';
constexpr char kPackedTag = 'Z';  // how the payload is compressed
constexpr std::string_view kZstd = "zstd";

void PutFront(char tag, size_t length, std::string* out) {
  std::array<char, 1 + (sizeof(length) * 8 + 6) / 7> front{tag};
  size_t size = 1;
  for (; length >= 0x80; length >>= 7) front[size++] = static_cast<char>((length & 0x7f) | 0x80);
  front[size++] = static_cast<char>(length);
  out->append(front.data(), size);
}

void PutText(char tag, std::string_view text, std::string* out) {
  PutFront(tag, text.size(), out);
  *out += text;
  *out += '\0';
}

Status Corrupt(std::string text) { return {Code::kCorrupt, std::move(text)}; }

// Reads a record from front to back; each step says whether the bytes sufficed.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::optional<char> Byte() {
    if (rest_.empty()) return std::nullopt;
    const char byte = rest_.front();
    rest_.remove_prefix(1);
    return byte;
  }

  // Length, that many bytes, NUL.
  std::optional<std::string_view> Text() {
    size_t length = 0;
    for (int shift = 0;; shift += 7) {
      const std::optional<char> byte = Byte();
      if (!byte || shift > 28) return std::nullopt;
      length |= static_cast<size_t>(*byte & 0x7f) << shift;
      if ((*byte & 0x80) == 0) break;
    }
    if (rest_.size() <= length || rest_[length] != '\0') return std::nullopt;
    const std::string_view text = rest_.substr(0, length);
    rest_.remove_prefix(length + 1);
    return text;
  }

  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

bool ReadHeader(std::string_view text, RecordView* view) {
  const size_t end = text.find('\0');
  if (end == std::string_view::npos || text.find('\0', end + 1) != std::string_view::npos) {
    return false;
  }
  view->headers.emplace_back(text.data(), text.data() + end + 1);
  return true;
}

bool ReadMillis(std::string_view text, int64_t* millis) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), *millis);
  return error == std::errc() && stop == text.data() + text.size() && *millis >= 0;
}

// Whether the value is one that its tag allows. What a newer version adds is skipped, unless that must not be.
bool ReadField(char tag, std::string_view text, bool strict, RecordView* view) {
  if (tag == kHeaderTag) return ReadHeader(text, view);
  if (tag == kTtlTag) return ReadMillis(text, &view->ttl);
  if (tag == kDelayTag) return ReadMillis(text, &view->delay);
  for (size_t i = 0; i < kPropertyCount; ++i) {
    if (kPropertyTags[i] != tag) continue;
    view->properties[i] = text.data();
    return text.find('\0') == std::string_view::npos;
  }
  if (!strict || tag < 'A' || tag > 'Z') return true;
  view->packed = tag == kPackedTag && text == kZstd;
  return view->packed;
}

}  // namespace

void EncodeHead(const RecordFields& fields, bool blob, std::string* out) {
  *out += fields.packed ? kStrictVersion : kVersion;
  for (size_t i = 0; i < kPropertyCount; ++i) {
    if (!fields.properties[i].empty()) PutText(kPropertyTags[i], fields.properties[i], out);
  }
  for (const auto& [name, value] : fields.headers) {
    PutFront(kHeaderTag, name.size() + 1 + value.size(), out);
    *out += name;
    *out += '\0';
    *out += value;
    *out += '\0';
  }
  if (fields.ttl >= 0) PutText(kTtlTag, std::to_string(fields.ttl), out);
  if (fields.delay > 0) PutText(kDelayTag, std::to_string(fields.delay), out);
  if (fields.packed) PutText(kPackedTag, kZstd, out);
  *out += blob ? kPayloadApart : kPayloadHere;
}

void AddSignature(std::string_view signature, std::string* head) {
  const char mark = head->back();
  head->pop_back();
  PutText(kSignatureTag, signature, head);
  *head += mark;
}

Result<RecordView> RecordView::Parse(std::string_view bytes) {
  Reader reader(bytes);
  const std::optional<char> version = reader.Byte();
  if (!version) return Corrupt("the record is empty");
  const bool strict = *version == kStrictVersion;
  if (*version != kVersion && !strict) return Corrupt("the record is of a version that is not known");
  RecordView view;
  view.properties.fill("");
  for (;;) {
    const size_t at = bytes.size() - reader.rest().size();
    const std::optional<char> tag = reader.Byte();
    if (!tag) return Corrupt("the record ends within its head");
    if (*tag == kPayloadHere || *tag == kPayloadApart) break;
    const std::optional<std::string_view> text = reader.Text();
    if (!text) return Corrupt("the record's head is damaged");
    if (*tag == kSignatureTag) {
      if (text->empty() || !view.signature.empty()) return Corrupt("the record's signature is damaged");
      view.signature = *text;
      view.before_signature = bytes.substr(0, at);
      continue;
    }
    if (!ReadField(*tag, *text, strict, &view)) {
      std::string what = "the record's field '";
      what += *tag;
      return Corrupt(what + "' is damaged, or not known here");
    }
  }
  view.payload = reader.rest();
  if (!view.signature.empty()) {
    const char* const after = view.signature.data() + view.signature.size() + 1;  // its NUL
    view.after_signature = {after, static_cast<size_t>(view.payload.data() - after)};
  }
  return view;
}

}  // namespace agentmq
