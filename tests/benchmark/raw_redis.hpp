#pragma once

#include <hiredis/hiredis.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace agentmq::bench {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

// A plain hiredis connection to a "host:port" or a unix socket's path. An answer that is an error throws.
class RawConnection {
 public:
  explicit RawConnection(const std::string& address);

  // Appends a command to what is sent next.
  void Append(std::initializer_list<std::string_view> arguments) { Append(arguments.begin(), arguments.size()); }
  void Append(const std::vector<std::string_view>& arguments) { Append(arguments.data(), arguments.size()); }
  // Sends what was appended, if that was not done, and reads one answer.
  Reply Read();
  Reply Command(std::initializer_list<std::string_view> arguments);

  int64_t round_trips() const { return round_trips_; }

 private:
  void Append(const std::string_view* arguments, size_t count);

  struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
  };

  std::unique_ptr<redisContext, FreeContext> context_;
  std::vector<const char*> texts_;
  std::vector<size_t> sizes_;
  bool unsent_ = false;
  int64_t round_trips_ = 0;
};

}  // namespace agentmq::bench
