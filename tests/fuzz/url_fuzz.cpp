// URLs, and the settings in their query.
#include "core/settings.hpp"
#include "fuzz/fuzz.hpp"
#include "util/url.hpp"

using namespace agentmq;

void Fuzz(std::string_view input) {
  const auto url = ParseUrl(input);
  if (!url.ok()) {
    Expect(!url.status().text().empty(), "no sentence");
    return;
  }
  for (const Url::Host& host : url->hosts) {
    Expect(!host.port || (*host.port > 0 && *host.port < 65536), "a port that can't be");
  }
  Config config;
  for (const auto& [name, value] : url->query) (void)config.Set(name, value);
}
