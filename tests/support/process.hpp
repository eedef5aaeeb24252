#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace agentmq::test {

// A child process, started by fork and exec, with its standard input and output as pipes. It never outlives this
// program (PR_SET_PDEATHSIG; so start it on a thread that lasts as long as it should), and is killed by its id in the
// destructor. Not thread-safe, but for the signals.
class Process {
 public:
  // `arguments` without the program's name. `log`: a file for its output instead of the pipe; "" for none.
  Process(const std::string& program, const std::vector<std::string>& arguments, const std::string& log = "");
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  // The next line of its output, without the newline; nullopt at its end, or when none came in time.
  std::optional<std::string> ReadLine(std::chrono::milliseconds timeout = std::chrono::seconds(20));
  // As ReadLine(), but skips lines that do not start so.
  std::optional<std::string> ReadLineWith(const std::string& start,
                                          std::chrono::milliseconds timeout = std::chrono::seconds(20));
  void WriteLine(const std::string& line);

  void Signal(int signal);
  void Kill9();  // and waits for its end
  void Stop();   // SIGSTOP, and waits until it stands still
  void Continue();
  // The status of waitpid(); nullopt while it runs.
  std::optional<int> Wait(std::chrono::milliseconds timeout);
  bool Running() { return !Wait(std::chrono::milliseconds(0)); }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  std::string read_;
  std::optional<int> status_;
};

}  // namespace agentmq::test
