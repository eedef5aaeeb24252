#include "core/ids.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace agentmq {
namespace {

constexpr std::string_view kAlphabet = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
constexpr size_t kTimeDigits = 7;
constexpr size_t kLaneDigits = 2;
constexpr size_t kPlaceDigits = 7;
constexpr int kSequenceBits = 18;
constexpr uint32_t kSequences = 1U << kSequenceBits;
constexpr uint64_t kPublisherMask = (1U << 24) - 1;
constexpr uint64_t kMaxTime = (uint64_t{1} << 42) - 1;
constexpr uint64_t kBlobBit = 1U << 8;

constexpr std::array<int8_t, 256> MakeValues() {
  std::array<int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  }
  return values;
}
constexpr std::array<int8_t, 256> kValues = MakeValues();

int ValueOf(char digit) { return kValues[static_cast<unsigned char>(digit)]; }

void Put(uint64_t number, size_t digits, char* out) {
  for (size_t i = digits; i-- > 0; number >>= 6) out[i] = kAlphabet[number & 63];
}

uint64_t Take(const char* text, size_t digits) {
  uint64_t number = 0;
  for (size_t i = 0; i < digits; ++i) {
    number = number << 6 | static_cast<uint64_t>(ValueOf(text[i]));
  }
  return number;
}

// A group stands in ids and in keys: only the one spelling of it that PercentEncode makes will do.
Status CheckGroup(std::string_view group) {
  Result<std::string> name = PercentDecode(group);
  if (!name.ok()) return name.status();
  Status status = CheckName("group", *name);
  if (!status.ok()) return status;
  if (PercentEncode(*name) != group) return Status::Invalid("a group's name is percent-encoded");
  return Status::Ok();
}

Status NoId(std::string_view text) {
  return Status::Invalid("'" + std::string(text.substr(0, 100)) + "' is not a message id");
}

Status NoReceipt(std::string_view text) {
  return Status::Invalid("'" + std::string(text.substr(0, 100)) + "' is not a receipt");
}

}  // namespace

ShortId::ShortId(int64_t time, int priority, bool blob, uint32_t publisher, uint32_t sequence) {
  const uint64_t when = time < 0 ? 0 : std::min(static_cast<uint64_t>(time), kMaxTime);
  const uint64_t lane = (static_cast<uint64_t>(priority) & 255) | (blob ? kBlobBit : 0);
  const uint64_t place = (publisher & kPublisherMask) << kSequenceBits | (sequence % kSequences);
  Put(when, kTimeDigits, text_.data());
  Put(lane, kLaneDigits, text_.data() + kTimeDigits);
  Put(place, kPlaceDigits, text_.data() + kTimeDigits + kLaneDigits);
}

std::optional<ShortId> ShortId::Parse(std::string_view text) {
  if (text.size() != kSize) return std::nullopt;
  if (!std::ranges::all_of(text, [](char digit) { return ValueOf(digit) >= 0; })) {
    return std::nullopt;
  }
  ShortId id;
  std::ranges::copy(text, id.text_.begin());
  return id;
}

int64_t ShortId::time() const { return static_cast<int64_t>(Take(text_.data(), kTimeDigits)); }

int ShortId::priority() const { return static_cast<int>(Take(text_.data() + kTimeDigits, kLaneDigits) & 255); }

bool ShortId::blob() const { return (Take(text_.data() + kTimeDigits, kLaneDigits) & kBlobBit) != 0; }

std::string FullId::Front(const QueueName& queue) {
  std::string front("1");
  queue.AppendTo(&front);
  front += '/';
  return front;
}

std::string FullId::Text() const {
  std::string text = Front(queue);
  text += id.view();
  if (!group.empty()) text += "~" + group;
  return text;
}

Result<FullId> FullId::Parse(std::string_view text) {
  const size_t slash = text.rfind('/');  // neither an id nor an encoded group holds one
  if (text.empty() || slash == std::string_view::npos || slash == 0) return NoId(text);
  if (text[0] != '1') {
    return Status::Invalid("message ids of version '" + std::string(text.substr(0, 1)) + "' are not known");
  }
  Result<QueueName> queue = QueueName::Parse(text.substr(1, slash - 1));
  const std::string_view rest = text.substr(slash + 1);
  const std::optional<ShortId> id = ShortId::Parse(rest.substr(0, ShortId::kSize));
  if (!queue.ok() || !id) return NoId(text);
  FullId full{std::move(*queue), *id, {}};
  if (rest.size() == ShortId::kSize) return full;
  if (rest[ShortId::kSize] != '~') return NoId(text);
  full.group = rest.substr(ShortId::kSize + 1);
  if (!CheckGroup(full.group).ok()) return NoId(text);
  return full;
}

std::string Receipt::Text() const {
  std::string text = FullId{queue, id, {}}.Text();
  text += "|" + group + "|" + consumer + "|" + std::to_string(delivery);
  return text;
}

std::optional<int64_t> ParseDelivery(std::string_view number) {
  int64_t delivery = -1;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), delivery);
  const bool whole = error == std::errc() && stop == number.data() + number.size() && delivery > 0;
  return whole ? std::optional(delivery) : std::nullopt;
}

Result<Receipt> Receipt::Parse(std::string_view text) {
  const std::string_view whole = text;
  // None of the four parts holds a '|'.
  std::array<std::string_view, 4> parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t bar = i + 1 < parts.size() ? text.find('|') : text.size();
    if (bar == std::string_view::npos) return NoReceipt(whole);
    parts[i] = text.substr(0, bar);
    text.remove_prefix(std::min(bar + 1, text.size()));
  }
  Result<FullId> full = FullId::Parse(parts[0]);
  if (!full.ok() || !full->group.empty()) return NoReceipt(whole);
  Receipt receipt{std::move(full->queue), full->id, std::string(parts[1]), std::string(parts[2]), 0};
  const auto delivery = ParseDelivery(parts[3]);
  if (!delivery) return NoReceipt(whole);
  receipt.delivery = *delivery;
  if (receipt.consumer.empty() || !CheckGroup(receipt.group).ok()) return NoReceipt(whole);
  return receipt;
}

void DrawRandom(void* bytes, size_t size) {
  if (getentropy(bytes, size) != 0) {
    throw std::system_error(errno, std::generic_category(), "getentropy");
  }
}

IdMaker::IdMaker() {
  std::array<uint32_t, 2> random{};
  DrawRandom(random.data(), sizeof random);
  publisher_ = random[0] & static_cast<uint32_t>(kPublisherMask);
  // Two publishers that drew the same bits are then still unlikely to meet.
  sequence_ = random[1] % kSequences;
}

ShortId IdMaker::Next(int64_t time, int priority, bool blob) {
  if (time > last_time_) {
    last_time_ = time;
    at_time_ = 0;
  }
  if (sequence_ == kSequences) {
    sequence_ = 0;
    // Within one millisecond the sequence only grows; where it is used up the next one is borrowed.
    if (at_time_ > 0) ++last_time_;
    at_time_ = 0;
  }
  ++at_time_;
  return {last_time_, priority, blob, publisher_, sequence_++};
}

std::string RandomName() {
  std::array<unsigned char, ShortId::kSize> random{};
  DrawRandom(random.data(), random.size());
  std::string name;
  for (const unsigned char byte : random) name += kAlphabet[byte & 63];
  return name;
}

}  // namespace agentmq
