#include "capi/guard.hpp"
#include "capi/handles.hpp"
#include "core/settings_value.hpp"

using namespace agentmq::capi;
using agentmq::Result;
using agentmq::Setting;
using agentmq::Status;

extern "C" {

mq_config* mq_config_new(void) {
  return GuardOr<mq_config*>(nullptr, {}, [] { return Result<mq_config*>(new mq_config); });
}

void mq_config_free(mq_config* config) {
  Quietly([&] { delete config; });
}

mq_status mq_config_set(mq_config* config, const char* name, const char* value) {
  return Guard({{"config", config}, {"name", name}}, [&]() -> Status {
    if (value != nullptr) return config->config.Set(name, value);
    if (agentmq::FindSetting(name) == nullptr) return agentmq::UnknownSetting(name);
    config->config.Unset(name);
    return Status::Ok();
  });
}

const char* mq_config_get(const mq_config* config, const char* name) {
  return GuardOr<const char*>(nullptr, {{"config", config}, {"name", name}}, [&]() -> Result<const char*> {
    const Setting* setting = agentmq::FindSetting(name);
    if (setting == nullptr) return agentmq::UnknownSetting(name);
    const auto& values = config->config.values();
    const auto found = values.find(std::string_view(name));
    if (found == values.end()) return setting->default_value.data();  // a literal: ends in NUL
    return setting->type == agentmq::SettingType::kSecret ? "***" : found->second.c_str();
  });
}

mq_status mq_config_set_log(mq_config* config, mq_log_callback callback, void* context) {
  return Guard({{"config", config}}, [&] {
    config->log = callback;
    config->log_context = context;
    return Status::Ok();
  });
}

}  // extern "C"
