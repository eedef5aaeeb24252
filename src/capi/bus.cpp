#include <memory>

#include "capi/guard.hpp"
#include "capi/handles.hpp"
#include "capi/open.hpp"

using namespace agentmq::capi;
using agentmq::Code;
using agentmq::Status;

extern "C" {

mq_status agentmq_open(const char* url, const mq_config* config, mq_bus** bus) {
  Clear(bus);
  return Guard({{"bus", bus}}, [&] {
    auto handle = std::make_unique<mq_bus>();
    Status status = MoveTo(OpenBus(url, config), &handle->object);
    if (status.ok()) *bus = handle.release();
    return status;
  });
}

mq_status mq_open_cluster(const char* const* nodes, size_t count, const mq_config* config, mq_bus** bus) {
  Clear(bus);
  return Guard({{"nodes", nodes}, {"bus", bus}}, [&] {
    auto handle = std::make_unique<mq_bus>();
    Status status = MoveTo(OpenCluster({nodes, count}, config), &handle->object);
    if (status.ok()) *bus = handle.release();
    return status;
  });
}

mq_status agentmq_close(mq_bus* bus) {
  if (bus == nullptr) return MQ_OK;
  const Code code = Look(Code::kInternal, [&] { return bus->object->Close().code(); });
  if (code != Code::kInvalid) Quietly([&] { Release(bus); });  // kInvalid: from inside a handler, still open
  return static_cast<mq_status>(code);
}

mq_status mq_configure(mq_bus* bus, const char* channel, const mq_config* config) {
  return Guard({{"bus", bus}, {"channel", channel}, {"config", config}},
               [&] { return Held(bus)->Configure(channel, config->config); });
}

mq_status mq_shutdown(mq_bus* bus) {
  return Guard({{"bus", bus}}, [&] {
    Held(bus)->Shutdown();
    return Status::Ok();
  });
}

}  // extern "C"
