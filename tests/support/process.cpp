#include "support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "support/eventually.hpp"

namespace agentmq::test {
namespace {

using Clock = std::chrono::steady_clock;

// What runs in the child: only calls that are safe after fork() in a program with threads.
[[noreturn]] void Exec(char* const* argv, int in, int out, int log, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(in, STDIN_FILENO);
  dup2(log >= 0 ? log : out, STDOUT_FILENO);
  if (log >= 0) dup2(log, STDERR_FILENO);
  close_range(3, ~0U, 0);
  execvp(argv[0], argv);
  _exit(127);
}

void CloseFd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

}  // namespace

Process::Process(const std::string& program, const std::vector<std::string>& arguments, const std::string& log) {
  std::vector<std::string> texts{program};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);

  int in[2];
  int out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  int log_fd = -1;
  if (!log.empty()) log_fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) Exec(argv.data(), in[0], out[1], log_fd, parent);
  close(in[0]);
  close(out[1]);
  CloseFd(log_fd);
  in_ = in[1];
  out_ = out[0];
  if (pid_ < 0) throw std::runtime_error("no process for " + program);
}

Process::~Process() {
  Kill9();
  CloseFd(in_);
  CloseFd(out_);
}

std::optional<std::string> Process::ReadLine(std::chrono::milliseconds timeout) {
  const auto end = Clock::now() + timeout;
  for (;;) {
    if (const size_t newline = read_.find('\n'); newline != std::string::npos) {
      std::string line = read_.substr(0, newline);
      read_.erase(0, newline + 1);
      return line;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd waiting{out_, POLLIN, 0};
    if (left < 0 || poll(&waiting, 1, static_cast<int>(left)) <= 0) return std::nullopt;
    char buffer[4096];
    const ssize_t size = read(out_, buffer, sizeof buffer);
    if (size <= 0) return std::nullopt;
    read_.append(buffer, static_cast<size_t>(size));
  }
}

std::optional<std::string> Process::ReadLineWith(const std::string& start, std::chrono::milliseconds timeout) {
  const auto end = Clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    std::optional<std::string> line = ReadLine(left);
    if (!line || line->starts_with(start)) return line;
  }
}

void Process::WriteLine(const std::string& line) {
  const std::string text = line + "\n";
  // A child that is gone is seen by what it no longer answers; SIGPIPE is ignored by the test programs' main().
  static_cast<void>(!write(in_, text.data(), text.size()));
}

void Process::Signal(int signal) {
  if (!status_) kill(pid_, signal);
}

void Process::Kill9() {
  Signal(SIGKILL);
  Wait(std::chrono::seconds(30));
}

void Process::Stop() {
  Signal(SIGSTOP);
  int status = 0;
  waitpid(pid_, &status, WUNTRACED);
  if (WIFEXITED(status) || WIFSIGNALED(status)) status_ = status;
}

void Process::Continue() { Signal(SIGCONT); }

std::optional<int> Process::Wait(std::chrono::milliseconds timeout) {
  Eventually(timeout, [this] {
    if (status_ || pid_ < 0) return true;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    return status_.has_value();
  });
  return status_;
}

}  // namespace agentmq::test
