#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/names.hpp"

namespace agentmq {

// The id of a message within its queue: 16 characters of a sorted alphabet (- 0-9 A-Z _ a-z, 6 bits each):
//   7  server time in ms        2  lane: the priority (8 bits), bit 8: the payload is a blob of its own
//   7  place: 24 random bits of the publisher, 18 of its sequence
// Sorts by time. docs/wire-format.md is the reference.
class ShortId {
 public:
  static constexpr size_t kSize = 16;

  ShortId() { text_.fill('-'); }
  ShortId(int64_t time, int priority, bool blob, uint32_t publisher, uint32_t sequence);
  static std::optional<ShortId> Parse(std::string_view text);

  std::string_view view() const { return {text_.data(), kSize}; }
  std::string str() const { return std::string(view()); }
  int64_t time() const;
  int priority() const;
  bool blob() const;

  bool operator==(const ShortId&) const = default;
  auto operator<=>(const ShortId&) const = default;

 private:
  std::array<char, kSize> text_;
};

// The id as users see it: "1<channel>/<target>/<short id>", of a dead letter with "~<group>" behind it. "1" is the version.
struct FullId {
  QueueName queue;
  ShortId id;
  std::string group;  // encoded; of a dead letter only

  std::string Text() const;
  static Result<FullId> Parse(std::string_view text);
  // What stands in front of the short id: the same for a whole queue.
  static std::string Front(const QueueName& queue);
};

// What fences a delivery: it is settled only while the message is in this consumer's hand under this number.
struct Receipt {
  QueueName queue;
  ShortId id;
  std::string group;     // encoded
  std::string consumer;  // never contains '|'
  int64_t delivery = 0;

  // "<full id>|<group>|<consumer>|<delivery>"
  std::string Text() const;
  static Result<Receipt> Parse(std::string_view text);
};

// The number of a delivery, as receipts write it.
std::optional<int64_t> ParseDelivery(std::string_view number);

// Makes ids: one for each publisher and queue, or one for a whole backend. Not thread-safe.
class IdMaker {
 public:
  IdMaker();  // draws the publisher's random bits
  uint32_t publisher() const { return publisher_; }
  // Never repeats and never goes back, even where `time` does.
  ShortId Next(int64_t time, int priority, bool blob);

 private:
  uint32_t publisher_;
  uint32_t sequence_ = 0;
  uint32_t at_time_ = 0;  // ids made at last_time_
  int64_t last_time_ = 0;
};

// At most 256 bytes of chance. Throws where the system has none.
void DrawRandom(void* bytes, size_t size);

// Random text for names that must never repeat (consumers, slots, leases): 16 characters of the ids' alphabet.
std::string RandomName();

}  // namespace agentmq

template <>
struct std::hash<agentmq::ShortId> {
  size_t operator()(const agentmq::ShortId& id) const noexcept { return std::hash<std::string_view>{}(id.view()); }
};
