#pragma once

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace agentmq {

// What became of an operation. The numbers are those of mq_status and never change.
enum class Code : int {
  kOk = 0,
  kTimeout = 1,
  kClosed = 2,
  kInvalid = 3,
  kNotFound = 4,
  kStale = 5,
  kFull = 6,
  kTooLarge = 7,
  kUnavailable = 8,
  kAuth = 9,
  kTls = 10,
  kUnsupported = 11,
  kProtocol = 12,
  kCorrupt = 13,
  kSignature = 14,
  kRateLimited = 15,
  kNoMemory = 16,
  kInterrupted = 17,
  kInternal = 18,
  kPartial = 19,
  kUnknown = 20,
};

// An expected outcome: a code, and where it is a failure one sentence that names the thing.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string text) : code_(code), text_(std::move(text)) {}

  static Status Ok() { return {}; }
  static Status Invalid(std::string text) { return {Code::kInvalid, std::move(text)}; }
  static Status Closed(std::string text) { return {Code::kClosed, std::move(text)}; }
  static Status NotFound(std::string text) { return {Code::kNotFound, std::move(text)}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& text() const { return text_; }
  // Milliseconds after which the same may succeed; 0: not known.
  int64_t retry_after() const { return retry_after_; }
  Status RetryAfter(int64_t millis) && {
    retry_after_ = millis;
    return std::move(*this);
  }

 private:
  Code code_ = Code::kOk;
  int64_t retry_after_ = 0;
  std::string text_;
};

// A value, or why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}                                  // NOLINT: implicit on purpose
  Result(Status status) : status_(std::move(status)) { assert(!status_.ok()); }  // NOLINT: implicit on purpose

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  Code code() const { return status_.code(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace agentmq
