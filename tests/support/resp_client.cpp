#include "support/resp_client.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace agentmq::test {
namespace {

int ConnectUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return -1;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

int ConnectTcp(std::string host, const std::string& port) {
  if (host.starts_with("[")) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* address = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &address) != 0) return -1;
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
    close(fd);
    fd = -1;
  }
  freeaddrinfo(address);
  return fd;
}

// What this client sends to look at the counters.
bool IsOwnCommand(const std::string& name) {
  return name.starts_with("info") || name.starts_with("config") || name.starts_with("client|list");
}

}  // namespace

int ConnectTo(const std::string& address) {
  if (address.starts_with("/")) return ConnectUnix(address);
  const size_t colon = address.rfind(':');
  return ConnectTcp(address.substr(0, colon), address.substr(colon + 1));
}

RespClient::RespClient(const std::string& address) : fd_(ConnectTo(address)) {
  if (fd_ < 0) throw std::runtime_error("no connection to " + address);
  timeval limit{};
  limit.tv_sec = 30;
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

RespClient::RespClient(RespClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), read_(std::move(other.read_)), at_(other.at_) {}

RespClient::~RespClient() {
  if (fd_ >= 0) close(fd_);
}

Reply RespClient::Do(const std::vector<std::string>& command) {
  std::string bytes = "*" + std::to_string(command.size()) + "\r\n";
  for (const std::string& part : command) bytes += "$" + std::to_string(part.size()) + "\r\n" + part + "\r\n";
  Send(bytes);
  return Read();
}

Reply RespClient::Must(const std::vector<std::string>& command) {
  Reply reply = Do(command);
  if (reply.error()) throw std::runtime_error(command[0] + ": " + reply.text);
  return reply;
}

std::vector<std::string> RespClient::Keys(const std::string& pattern) {
  std::vector<std::string> keys;
  for (const Reply& item : Must({"KEYS", pattern}).items) keys.push_back(item.text);
  return keys;
}

std::map<std::string, std::string> RespClient::Info(const std::string& section) {
  std::map<std::string, std::string> values;
  std::istringstream lines(Text({"INFO", section}));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const size_t colon = line.find(':');
    if (colon != std::string::npos && line[0] != '#') values[line.substr(0, colon)] = line.substr(colon + 1);
  }
  return values;
}

int64_t RespClient::InfoNumber(const std::string& section, const std::string& name) {
  return std::stoll(Info(section).at(name));
}

std::map<std::string, int64_t> RespClient::Calls() {
  std::map<std::string, int64_t> calls;
  for (const auto& [key, value] : Info("commandstats")) {
    const std::string name = key.substr(std::strlen("cmdstat_"));
    if (!IsOwnCommand(name)) calls[name] = std::stoll(value.substr(value.find("calls=") + 6));
  }
  return calls;
}

void RespClient::ResetStats() { Must({"CONFIG", "RESETSTAT"}); }

size_t RespClient::Connections() {
  const std::string list = Text({"CLIENT", "LIST"});
  size_t lines = 0;
  for (const char c : list) lines += c == '\n' ? 1 : 0;
  return lines - 1;
}

std::vector<std::string> Monitor::Take() {
  const std::string mark = "end of monitor " + std::to_string(reinterpret_cast<uintptr_t>(this));
  RespClient(address_).Must({"ECHO", mark});
  std::vector<std::string> lines;
  for (;;) {
    std::string line = client_.Line();
    if (line.find(mark) != std::string::npos) return lines;
    if (line.find(" lua] ") == std::string::npos) lines.push_back(std::move(line));
  }
}

void RespClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;  // stopped, and continued
    if (sent <= 0) throw std::runtime_error("the server closed the connection");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

void RespClient::Fill() {
  if (at_ == read_.size()) {
    read_.clear();
    at_ = 0;
  }
  char buffer[65536];
  ssize_t size = 0;
  do {
    size = recv(fd_, buffer, sizeof buffer, 0);
  } while (size < 0 && errno == EINTR);  // stopped, and continued
  if (size <= 0) throw std::runtime_error("no answer from the server");
  read_.append(buffer, static_cast<size_t>(size));
}

std::string RespClient::Line() {
  size_t end = 0;
  while ((end = read_.find("\r\n", at_)) == std::string::npos) Fill();
  std::string line = read_.substr(at_, end - at_);
  at_ = end + 2;
  return line;
}

Reply RespClient::Read() {
  const std::string line = Line();
  Reply reply;
  reply.kind = line.at(0);
  reply.text = line.substr(1);
  if (reply.kind == ':') reply.number = std::stoll(reply.text);
  if (reply.kind != '$' && reply.kind != '*') return reply;
  const int64_t size = std::stoll(reply.text);
  reply.text.clear();
  if (size < 0) {
    reply.kind = '_';
  } else if (reply.kind == '*') {
    for (int64_t i = 0; i < size; ++i) reply.items.push_back(Read());
  } else {
    while (read_.size() - at_ < static_cast<size_t>(size) + 2) Fill();
    reply.text = read_.substr(at_, static_cast<size_t>(size));
    at_ += static_cast<size_t>(size) + 2;
  }
  return reply;
}

}  // namespace agentmq::test
