#include "journal.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace agentmq::chaos {
namespace {

std::string_view Word(std::string_view* line) {
  const size_t end = std::min(line->find(' '), line->size());
  const std::string_view word = line->substr(0, end);
  line->remove_prefix(std::min(end + 1, line->size()));
  return word;
}

template <typename Number>
Number Parse(std::string_view word) {
  Number number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

}  // namespace

int64_t Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000;
}

Lines& Lines::Add(Note note, std::string_view key, int number, std::string_view id) {
  text_ += static_cast<char>(note);
  text_ += ' ' + std::to_string(Now()) + ' ';
  text_ += key;
  text_ += ' ' + std::to_string(number) + ' ';
  text_ += id.empty() ? "-" : id;
  text_ += '\n';
  return *this;
}

Journal::Journal(const std::string& file) : fd_(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  if (fd_ < 0) throw std::runtime_error("can't write " + file);
}

Journal::~Journal() { close(fd_); }

void Journal::Write(const Lines& lines) {
  const std::string& text = lines.text();
  // An account with holes proves nothing.
  if (write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
}

void JournalReader::Read(const std::function<void(const Entry&)>& take) {
  std::ifstream stream(file_, std::ios::binary);
  stream.seekg(at_);
  std::ostringstream read;
  read << stream.rdbuf();
  const std::string text = std::move(read).str();
  size_t begin = 0;
  for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string_view line(text.data() + begin, end - begin);
    Entry entry;
    entry.note = static_cast<Note>(Word(&line).front());
    entry.time = Parse<int64_t>(Word(&line));
    entry.key = Word(&line);
    entry.number = Parse<int>(Word(&line));
    entry.id = line;
    take(entry);
  }
  at_ += static_cast<int64_t>(begin);
}

}  // namespace agentmq::chaos
