#include "capi/guard.hpp"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

#include "util/text.hpp"

namespace agentmq::capi {
namespace {

constexpr size_t kMostInArray = 1000000;

// A thread's destructors may still call the library after its last error ended.
thread_local bool ended = false;

struct Text {
  ~Text() { ended = true; }
  std::string text;
};
thread_local Text last;
thread_local int64_t last_retry_after = 0;

void SetLastError(std::string_view text) noexcept {
  last_retry_after = 0;
  if (ended) return;
  try {
    last.text = OneLine(text);
  } catch (...) {
    last.text.clear();  // what was said before would be wrong
  }
}

}  // namespace

const char* LastError() noexcept { return ended ? "" : last.text.c_str(); }

int64_t LastRetryAfter() noexcept { return last_retry_after; }

mq_status Fail(const Status& status) noexcept {
  SetLastError(status.text());
  last_retry_after = status.retry_after();
  return static_cast<mq_status>(status.code());
}

mq_status FailWithException() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    SetLastError("out of memory");
    return MQ_NO_MEMORY;
  } catch (const std::length_error&) {
    SetLastError("a size is beyond what memory can hold");
    return MQ_NO_MEMORY;
  } catch (const std::system_error& failure) {
    if (failure.code() == std::errc::resource_unavailable_try_again) {
      SetLastError("the system gives this process no more threads");
      return MQ_NO_MEMORY;
    }
    SetLastError("a bug in the library: an unexpected failure of the system");
  } catch (const std::exception& failure) {
    SetLastError("a bug in the library:");
    try {
      SetLastError("a bug in the library: " + std::string(failure.what()));
    } catch (...) {  // the short text stays
    }
  } catch (...) {
    SetLastError("a bug in the library");
  }
  return MQ_INTERNAL;
}

mq_status FailWithNull(const char* argument) noexcept {
  try {
    return Fail(Status::Invalid(std::string(argument) + " must not be NULL"));
  } catch (...) {
    return FailWithException();
  }
}

char* CopyText(std::string_view text) {
  auto* const copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

Status CheckArray(const char* name, const void* array, size_t count) {
  if (count > kMostInArray) {
    return Status::Invalid(std::string(name) + " must be at most 1000000, got " + std::to_string(count));
  }
  if (array == nullptr && count > 0) return Status::Invalid(std::string(name) + " must not be NULL");
  return Status::Ok();
}

Status GiveText(const Result<std::string>& result, char** out) {
  if (!result.ok()) return result.status();
  if (out != nullptr) *out = CopyText(*result);
  return Status::Ok();
}

}  // namespace agentmq::capi
