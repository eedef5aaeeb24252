#include "support/proxy.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "support/resp_client.hpp"

namespace agentmq::test {
namespace {

bool SendAll(int fd, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t size = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return false;
    sent += static_cast<size_t>(size);
  }
  return true;
}

// What there is to read now; "" at the end of the connection.
std::string Receive(int fd) {
  std::string bytes(65536, '\0');
  const ssize_t size = recv(fd, bytes.data(), bytes.size(), 0);
  bytes.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return bytes;
}

}  // namespace

Proxy::Proxy(std::string upstream) : upstream_(std::move(upstream)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 1024) != 0 || getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::runtime_error("the proxy found no port");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

Proxy::~Proxy() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  Wake();
  thread_.join();
  for (Link& link : links_) Close(link);
  for (const int fd : {listener_, wake_[0], wake_[1], held_server_}) {
    if (fd >= 0) close(fd);
  }
}

std::string Proxy::Url(const std::string& query) const {
  const std::string url = "redis://127.0.0.1:" + std::to_string(port_);
  return query.empty() ? url : url + "?" + query;
}

void Proxy::Wake() { static_cast<void>(!write(wake_[1], "x", 1)); }

void Proxy::CutRepliesAfter(std::function<size_t()> draw) {
  const std::lock_guard lock(mutex_);
  draw_ = std::move(draw);
  for (Link& link : links_) link.budget = draw_ ? std::optional(draw_()) : std::nullopt;
}

void Proxy::DropReplies(bool on) {
  const std::lock_guard lock(mutex_);
  drop_replies_ = on;
}

void Proxy::BlackHole(bool on) {
  {
    const std::lock_guard lock(mutex_);
    black_hole_ = on;
  }
  Wake();
}

void Proxy::Refuse(bool on) {
  {
    const std::lock_guard lock(mutex_);
    refuse_ = on;
    if (on) {
      for (Link& link : links_) link.dead = true;
    }
  }
  Wake();
}

void Proxy::DelayReplies(std::chrono::milliseconds delay) {
  const std::lock_guard lock(mutex_);
  delay_ = delay;
}

void Proxy::CutAll() {
  {
    const std::lock_guard lock(mutex_);
    for (Link& link : links_) link.dead = true;
  }
  Wake();
}

void Proxy::FreezeOpen() {
  {
    const std::lock_guard lock(mutex_);
    for (Link& link : links_) link.frozen = true;
  }
  Wake();
}

void Proxy::HoldNext(std::string needle, bool also_now, bool and_refuse) {
  const std::lock_guard lock(mutex_);
  needle_ = std::move(needle);
  also_now_ = also_now;
  and_refuse_ = and_refuse;
}

bool Proxy::Holding() {
  const std::lock_guard lock(mutex_);
  return held_server_ >= 0;
}

std::string Proxy::DeliverHeld() {
  std::string bytes;
  int fd = -1;
  {
    const std::lock_guard lock(mutex_);
    bytes = std::move(held_);
    fd = std::exchange(held_server_, -1);
  }
  if (fd < 0) return "";
  std::string answer;
  pollfd waiting{fd, POLLIN, 0};
  // A copy that also passed has an answer of its own in front, which the client never saw.
  while (poll(&waiting, 1, 0) > 0 && !Receive(fd).empty()) {
  }
  if (SendAll(fd, bytes) && poll(&waiting, 1, 10000) > 0) answer = Receive(fd);
  close(fd);
  return answer;
}

int64_t Proxy::round_trips() {
  const std::lock_guard lock(mutex_);
  return round_trips_;
}

int64_t Proxy::accepted() {
  const std::lock_guard lock(mutex_);
  return accepted_;
}

size_t Proxy::open_connections() {
  const std::lock_guard lock(mutex_);
  return links_.size();
}

void Proxy::ResetCounts() {
  const std::lock_guard lock(mutex_);
  round_trips_ = 0;
  accepted_ = 0;
}

void Proxy::Close(Link& link) {
  if (link.client >= 0) close(link.client);
  if (link.server >= 0) close(link.server);
  link.client = link.server = -1;
}

void Proxy::Accept() {
  Link link;
  link.client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (link.client < 0) return;
  ++accepted_;
  const int on = 1;
  setsockopt(link.client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!refuse_) link.server = ConnectTo(upstream_);
  if (link.server < 0) return Close(link);
  if (draw_) link.budget = draw_();
  links_.push_back(std::move(link));
}

bool Proxy::Hold(Link& link, const std::string& bytes) {
  if (!needle_ || bytes.find(*needle_) == std::string::npos) return false;
  needle_.reset();
  held_ = bytes;
  if (also_now_) static_cast<void>(SendAll(link.server, bytes));
  held_server_ = std::exchange(link.server, -1);
  link.dead = true;
  if (and_refuse_) {
    refuse_ = true;
    for (Link& other : links_) other.dead = true;
  }
  return true;
}

void Proxy::FromClient(Link& link) {
  const std::string bytes = Receive(link.client);
  if (bytes.empty()) {
    link.dead = true;
    return;
  }
  if (!link.asked) ++round_trips_;
  link.asked = true;
  if (!Hold(link, bytes) && !SendAll(link.server, bytes)) link.dead = true;
}

void Proxy::FromServer(Link& link) {
  std::string bytes = Receive(link.server);
  if (bytes.empty()) {
    link.dead = true;
    return;
  }
  if (!drop_replies_) link.replies.push_back({Clock::now() + delay_, std::move(bytes)});
}

void Proxy::SendDue(Link& link) {
  while (!link.dead && !link.replies.empty() && link.replies.front().due <= Clock::now()) {
    std::string bytes = std::move(link.replies.front().bytes);
    link.replies.pop_front();
    if (link.budget && bytes.size() >= *link.budget) {
      bytes.resize(*link.budget);
      link.dead = true;
    } else if (link.budget) {
      *link.budget -= bytes.size();
    }
    if (!SendAll(link.client, bytes)) link.dead = true;
    link.asked = false;
  }
}

void Proxy::Run() {
  for (;;) {
    std::vector<pollfd> waiting{{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    int timeout = -1;
    std::vector<Link*> polled;
    bool deaf = false;
    {
      const std::lock_guard lock(mutex_);
      if (end_) return;
      deaf = black_hole_;
      for (auto link = links_.begin(); link != links_.end();) {
        if (!black_hole_ && !link->frozen && !link->dead) SendDue(*link);
        if (!link->dead) {
          ++link;
          continue;
        }
        Close(*link);
        link = links_.erase(link);
      }
      for (Link& link : links_) {
        if (link.frozen) continue;
        waiting.push_back({deaf ? -1 : link.client, POLLIN, 0});
        waiting.push_back({deaf ? -1 : link.server, POLLIN, 0});
        polled.push_back(&link);
        if (!link.replies.empty() && !deaf) timeout = 1;
      }
    }
    poll(waiting.data(), waiting.size(), timeout);
    const std::lock_guard lock(mutex_);
    char buffer[64];
    while (read(wake_[0], buffer, sizeof buffer) > 0) {
    }
    for (size_t i = 0; i < polled.size(); ++i) {
      if (deaf) break;
      if (!polled[i]->dead && (waiting[2 + 2 * i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) FromClient(*polled[i]);
      if (!polled[i]->dead && (waiting[3 + 2 * i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) FromServer(*polled[i]);
    }
    if ((waiting[1].revents & POLLIN) != 0) Accept();
  }
}

}  // namespace agentmq::test
