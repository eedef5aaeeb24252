#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/status.hpp"

namespace agentmq {

// The text properties that a record carries. Channel, target, priority and time are said by its id and queue.
enum class Property : size_t { kSource, kType, kCorrelationId, kReplyTo, kContentType, kDedupKey };
inline constexpr size_t kPropertyCount = 6;

// What is written into a record in front of the payload.
struct RecordFields {
  std::array<std::string_view, kPropertyCount> properties{};
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  int64_t ttl = -1;     // ms from the id's time on, the delay included; -1: never expires
  int64_t delay = 0;    // ms
  bool packed = false;  // the payload is compressed
};

// Stored form of a message, docs/wire-format.md is the reference:
//   '1'  { tag, length (LEB128), bytes, NUL }...  '=' or '@'  payload
// Each text ends in NUL so that getters point into the record. '@' says that the payload is stored apart (a blob): then
// what is stored is the head alone, and a backend hands out head and payload joined. Unknown tags are skipped. Version
// '2' has fields that must be known to make sense of it, whose tags are capital letters.
inline constexpr size_t kBlobThreshold = 64 * 1024;  // payloads above it, as they are stored, are blobs
inline constexpr size_t kPackedCost = 7;             // bytes of the field that says that the payload is compressed
void EncodeHead(const RecordFields& fields, bool blob, std::string* out);
// Adds a signature to an encoded head, as its last field.
void AddSignature(std::string_view signature, std::string* head);

// A record taken apart: views into its bytes, every text followed by a NUL.
struct RecordView {
  std::array<const char*, kPropertyCount> properties;  // never null, "" where unset
  std::vector<std::pair<const char*, const char*>> headers;
  int64_t ttl = -1;
  int64_t delay = 0;
  bool packed = false;       // the payload is a frame of zstd
  std::string_view payload;  // as it is stored
  // Empty: there is none. Else the record, but for its payload, is what stands before and after the signature's field.
  std::string_view signature, before_signature, after_signature;

  // kCorrupt with the reason where the bytes are no record. `bytes` must outlive the view.
  static Result<RecordView> Parse(std::string_view bytes);
};

}  // namespace agentmq
