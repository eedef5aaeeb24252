#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// What a client takes for a server, on a unix socket. It reads commands and understands only those of connecting; what it
// answers to the others was told to it, one reply after another, whichever connection asks, and errors when there is no more.
class Peer {
 public:
  Peer();
  const std::string& path() const { return path_; }
  // From now on; connections of before end. An empty line ends a reply; the reply "!" ends its connection.
  void Answer(std::string replies);

 private:
  struct Client {
    int fd;
    std::string read;
  };
  void Run();
  void Accept();
  bool Serve(Client* client);  // false: it is over
  bool Reply(int fd, std::string_view command);
  std::string_view NextReply();

  std::string path_;
  int listening_ = -1;
  std::vector<Client> clients_;
  std::mutex mutex_;
  std::string replies_;   // guarded by mutex_
  size_t at_ = 0;         // guarded by mutex_
  bool restart_ = false;  // guarded by mutex_
  std::thread thread_;
};
