#include <array>
#include <cstdlib>

#include "capi/guard.hpp"
#include "core/settings.hpp"

using namespace agentmq::capi;

namespace {

constexpr std::array kNames = {
    "MQ_OK",        "MQ_TIMEOUT",      "MQ_CLOSED",    "MQ_INVALID",     "MQ_NOT_FOUND",   "MQ_STALE",    "MQ_FULL",
    "MQ_TOO_LARGE", "MQ_UNAVAILABLE",  "MQ_AUTH",      "MQ_TLS",         "MQ_UNSUPPORTED", "MQ_PROTOCOL", "MQ_CORRUPT",
    "MQ_SIGNATURE", "MQ_RATE_LIMITED", "MQ_NO_MEMORY", "MQ_INTERRUPTED", "MQ_INTERNAL",    "MQ_PARTIAL",  "MQ_UNKNOWN"};

}  // namespace

extern "C" {

const char* mq_version(void) { return MQ_VERSION_STRING; }

const char* mq_status_name(mq_status status) {
  const auto number = static_cast<size_t>(status);
  return number < kNames.size() ? kNames[number] : "MQ_?";
}

int mq_status_is_retriable(mq_status status) {
  return status == MQ_TIMEOUT || status == MQ_FULL || status == MQ_UNAVAILABLE || status == MQ_RATE_LIMITED ||
                 status == MQ_NO_MEMORY
             ? 1
             : 0;
}

const char* mq_last_error(void) { return LastError(); }

int64_t mq_last_retry_after(void) { return LastRetryAfter(); }

void mq_free(void* pointer) { std::free(pointer); }

mq_status mq_settings(char** json) {
  Clear(json);
  return Guard({{"json", json}}, [&] {
    *json = CopyText(agentmq::SettingsJson());
    return agentmq::Status::Ok();
  });
}

}  // extern "C"
