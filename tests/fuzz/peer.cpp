#include "fuzz/peer.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace {

constexpr std::string_view kHello =
    "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n"
    "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";
constexpr std::string_view kTime = "*2\r\n$10\r\n1700000000\r\n$6\r\n123456\r\n";
constexpr std::string_view kEnd = "-ERR no more\r\n";
constexpr std::string_view kHangUp = "!";
constexpr std::string_view kDigest = "$40\r\n0123456789012345678901234567890123456789\r\n";

// The end of the RESP command that begins at 0, and its first word; 0 where it is not whole.
size_t CommandEnd(const std::string& bytes, std::string_view* word) {
  size_t at = bytes.find("\r\n");
  if (at == std::string::npos || bytes[0] != '*') return 0;
  long parts = std::strtol(bytes.c_str() + 1, nullptr, 10);
  at += 2;
  for (bool first = true; parts > 0; --parts, first = false) {
    const size_t line = bytes.find("\r\n", at);
    if (line == std::string::npos) return 0;
    const auto size = static_cast<size_t>(std::strtoul(bytes.c_str() + at + 1, nullptr, 10));
    if (line + 2 + size + 2 > bytes.size()) return 0;
    if (first) *word = std::string_view(bytes).substr(line + 2, size);
    at = line + 2 + size + 2;
  }
  return at;
}

}  // namespace

Peer::Peer() {
  const char* const where = std::getenv("TMPDIR");  // who set it clears it up
  std::string folder = std::string(where == nullptr ? "/tmp" : where) + "/amq-fuzz-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) std::abort();
  path_ = folder + "/peer.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  if (listen(listening_, 100) != 0) std::abort();
  thread_ = std::thread([this] { Run(); });
}

void Peer::Answer(std::string replies) {
  const std::lock_guard lock(mutex_);
  replies_ = std::move(replies);
  at_ = 0;
  restart_ = true;
}

void Peer::Run() {
  for (;;) {
    std::vector<pollfd> fds{{listening_, POLLIN, 0}};
    for (const Client& client : clients_) fds.push_back({client.fd, POLLIN, 0});
    poll(fds.data(), fds.size(), -1);
    const std::lock_guard lock(mutex_);
    if (restart_) {
      for (const Client& client : clients_) close(client.fd);
      clients_.clear();
      restart_ = false;
    } else {
      for (size_t i = clients_.size(); i-- > 0;) {
        if (fds[i + 1].revents == 0 || Serve(&clients_[i])) continue;
        close(clients_[i].fd);
        clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    for (int fd = 0; (fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) clients_.push_back({fd, {}});
  }
}

bool Peer::Serve(Client* client) {
  char buffer[65536];
  const ssize_t size = recv(client->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (size <= 0) return false;
  client->read.append(buffer, static_cast<size_t>(size));
  std::string_view word;
  for (size_t end = 0; (end = CommandEnd(client->read, &word)) > 0; client->read.erase(0, end)) {
    if (!Reply(client->fd, word)) return false;
  }
  return true;
}

bool Peer::Reply(int fd, std::string_view command) {
  std::string_view reply;
  if (command == "HELLO") {
    reply = kHello;
  } else if (command == "TIME") {
    reply = kTime;
  } else if (command == "SCRIPT") {
    reply = kDigest;
  } else {
    reply = NextReply();
  }
  if (reply.starts_with(kHangUp)) return false;
  return send(fd, reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(reply.size());
}

// An empty line ends a reply; it is not sent.
std::string_view Peer::NextReply() {
  if (at_ >= replies_.size()) return kEnd;
  const size_t line = replies_.find("\n\n", at_);
  const size_t end = line == std::string::npos ? replies_.size() : line + 1;
  const std::string_view reply = std::string_view(replies_).substr(at_, end - at_);
  at_ = end + 1;
  return reply == "\n" ? std::string_view("$-1\r\n") : reply;
}
