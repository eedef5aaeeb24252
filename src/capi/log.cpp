#include "capi/guard.hpp"
#include "capi/handles.hpp"

using namespace agentmq::capi;
using agentmq::Status;

namespace {

Status NextLog(mq_bus* bus, int64_t timeout, const mq_cancel* cancel, char** json) {
  const auto patience = PatienceOf(timeout, cancel);
  return patience.ok() ? GiveText(Held(bus)->NextLog(*patience), json) : patience.status();
}

}  // namespace

extern "C" {

mq_status mq_next_log(mq_bus* bus, int64_t timeout, char** json) {
  Clear(json);
  return Guard({{"bus", bus}, {"json", json}}, [&] { return NextLog(bus, timeout, nullptr, json); });
}

mq_status mq_next_log_with(mq_bus* bus, int64_t timeout, mq_cancel* cancel, char** json) {
  Clear(json);
  return Guard({{"bus", bus}, {"json", json}}, [&] { return NextLog(bus, timeout, cancel, json); });
}

}  // extern "C"
