#pragma once

#include <string>
#include <string_view>

#include "core/backend.hpp"

namespace agentmq::redis {

// What the server's pub/sub calls the channels of a bus: "prefix:namespace:live:database:channel", percent-encoded as keys
// are. Pub/sub knows no databases, a bus does: hence the number. Never changed.
class LiveNames {
 public:
  LiveNames(const BackendOptions& options, int database);

  std::string Of(std::string_view channel) const { return front_ + PercentEncode(channel); }

  // What is asked of the server for a pattern: at least all channels that fit it. A '?' or a '[...]' is a '*' to the
  // server, since what is one character to us may be three there; who hears it looks again.
  struct Topic {
    std::string name;
    bool is_pattern = false;  // PSUBSCRIBE; else the name of the one channel, SUBSCRIBE
  };
  Topic For(const Glob& pattern) const;

 private:
  const std::string front_;
};

}  // namespace agentmq::redis
