#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <agentmq/agentmq.h>

#include "util/status.hpp"

// The only way in: every exported function runs its body through one of these, so that no exception leaves the library
// and what failed is said in this thread's last error.
namespace agentmq::capi {

// An argument that must not be NULL.
struct Argument {
  template <class T>
  Argument(const char* argument, T* pointer) : name(argument), given(pointer != nullptr) {}
  const char* name;
  bool given;
};
using Arguments = std::initializer_list<Argument>;

// This thread's, "" before the first failure.
const char* LastError() noexcept;
int64_t LastRetryAfter() noexcept;
// Remembers the text and answers the number.
mq_status Fail(const Status& status) noexcept;
// Within a catch: MQ_NO_MEMORY or MQ_INTERNAL.
mq_status FailWithException() noexcept;
mq_status FailWithNull(const char* argument) noexcept;

inline const char* FirstMissing(Arguments arguments) {
  for (const Argument& argument : arguments) {
    if (!argument.given) return argument.name;
  }
  return nullptr;
}

// A call that can fail. body: () -> Status.
template <class Body>
mq_status Guard(Arguments arguments, Body&& body) noexcept {
  if (const char* missing = FirstMissing(arguments)) return FailWithNull(missing);
  try {
    const Status status = body();
    return status.ok() ? MQ_OK : Fail(status);
  } catch (...) {
    return FailWithException();
  }
}

// A call whose answer says that it failed. body: () -> Result<T>.
template <class T, class Body>
T GuardOr(T failed, Arguments arguments, Body&& body) noexcept {
  if (const char* missing = FirstMissing(arguments)) {
    FailWithNull(missing);
    return failed;
  }
  try {
    Result<T> result = body();
    if (result.ok()) return *result;
    Fail(result.status());
  } catch (...) {
    FailWithException();
  }
  return failed;
}

// A look at something, or a callback: leaves the last error alone. body: () -> T.
template <class T, class Body>
T Look(T nothing, Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    return nothing;
  }
}

// An end of something, or a callback: leaves the last error alone. body: () -> void.
template <class Body>
void Quietly(Body&& body) noexcept {
  try {
    body();
  } catch (...) {  // there is nobody to tell
  }
}

// What mq_free() frees. Throws without memory.
char* CopyText(std::string_view text);

// kInvalid where there are more than a million, or none at all where there should be.
Status CheckArray(const char* name, const void* array, size_t count);

// Give the value of a result to an out-parameter, which stays as it is where there is none.
template <class T, class Out>
Status MoveTo(Result<T>&& result, Out* out) {
  if (!result.ok()) return result.status();
  *out = std::move(*result);
  return Status::Ok();
}

template <class T>
Status GiveNumber(Result<T>&& result, T* out) {
  if (!result.ok()) return result.status();
  if (out != nullptr) *out = *result;
  return Status::Ok();
}
Status GiveText(const Result<std::string>& result, char** out);

template <class T>
void Clear(T* out) {
  if (out != nullptr) *out = T{};
}

}  // namespace agentmq::capi
