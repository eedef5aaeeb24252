#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace agentmq::chaos {

// Microseconds of CLOCK_MONOTONIC, which all processes of a machine share.
int64_t Now();

// What an agent notes, one line each: "<what> <time> <key> <number> <id>".
enum class Note : char {
  kPublishing = 'B',  // is about to be published
  kPublished = 'P',   // and was answered: number is the status, id what was given, "-" for none
  kReceived = 'R',    // number: its deliveries
  kAcking = 'a',      // is about to be acknowledged
  kAcked = 'A',       // and was answered: number is the status
  kFailed = 'E',      // another call, which is the key, was answered `number`
};

struct Entry {
  Note note = Note::kFailed;
  int64_t time = 0;
  std::string_view key;
  int number = 0;
  std::string_view id;
};

// Lines that are written at once.
class Lines {
 public:
  Lines& Add(Note note, std::string_view key, int number = 0, std::string_view id = "-");
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// A file of one process, to which each call writes its lines by one write(): whoever is killed loses nothing that he
// wrote before. Thread-safe.
class Journal {
 public:
  explicit Journal(const std::string& file);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  void Write(const Lines& lines);
  void Write(Note note, std::string_view key, int number = 0, std::string_view id = "-") {
    Write(Lines().Add(note, key, number, id));
  }

 private:
  int fd_ = -1;
};

// Reads a journal while it grows. A last line that was cut off by a kill is left out.
class JournalReader {
 public:
  explicit JournalReader(std::string file) : file_(std::move(file)) {}
  // What came since the last call.
  void Read(const std::function<void(const Entry&)>& take);

 private:
  std::string file_;
  int64_t at_ = 0;
};

}  // namespace agentmq::chaos
