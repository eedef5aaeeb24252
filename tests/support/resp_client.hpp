#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace agentmq::test {

// An answer of the server. kind is the RESP byte: '+' '-' ':' '$' '*', or '_' for nil.
struct Reply {
  char kind = '_';
  std::string text;
  int64_t number = 0;
  std::vector<Reply> items;

  bool error() const { return kind == '-'; }
  bool nil() const { return kind == '_'; }
};

// Looks at a server behind the library's back: a plain client of our own, without hiredis. Not thread-safe. Throws
// std::runtime_error when the connection fails.
class RespClient {
 public:
  // "/path/of/socket", or "host:port".
  explicit RespClient(const std::string& address);
  RespClient(const RespClient&) = delete;
  RespClient& operator=(const RespClient&) = delete;
  RespClient(RespClient&& other) noexcept;
  ~RespClient();

  Reply Do(const std::vector<std::string>& command);
  // As Do(), but throws where the server answers an error.
  Reply Must(const std::vector<std::string>& command);
  int64_t Number(const std::vector<std::string>& command) { return Must(command).number; }
  std::string Text(const std::vector<std::string>& command) { return Must(command).text; }

  std::vector<std::string> Keys(const std::string& pattern);
  // Every "name:value" of INFO <section>.
  std::map<std::string, std::string> Info(const std::string& section);
  int64_t InfoNumber(const std::string& section, const std::string& name);
  // Calls by command since ResetStats(), in lower case, those of scripts included; what this client itself sends to look
  // at the counters is left out.
  std::map<std::string, int64_t> Calls();
  void ResetStats();
  // Connections of others.
  size_t Connections();

 private:
  friend class Monitor;
  void Send(std::string_view bytes);
  Reply Read();
  std::string Line();
  void Fill();

  int fd_ = -1;
  std::string read_;
  size_t at_ = 0;
};

// Hears the commands that clients send, those of scripts left out.
class Monitor {
 public:
  explicit Monitor(const std::string& address) : address_(address), client_(address) { client_.Must({"MONITOR"}); }
  // What was sent so far, one line of MONITOR each.
  std::vector<std::string> Take();

 private:
  std::string address_;
  RespClient client_;
};

// Opens a socket to "/path" or "host:port"; -1 on failure.
int ConnectTo(const std::string& address);

}  // namespace agentmq::test
