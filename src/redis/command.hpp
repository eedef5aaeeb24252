#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace agentmq::redis {

// A Lua script by its place in the table of scripts (script_table.hpp).
enum class Script : int;
inline constexpr Script kNoScript = static_cast<Script>(-1);

// One command on its way: arguments are borrowed, numbers are kept here. A script's keys come before its arguments.
class Command {
 public:
  Command(std::initializer_list<std::string_view> words) {
    for (const auto word : words) Arg(word);
  }
  explicit Command(Script script) : script_(script) {
    Arg("EVALSHA");
    Arg("");  // the digest, known when it is sent
    Arg("");  // how many keys
  }

  Command(Command&&) noexcept = default;
  Command& operator=(Command&&) noexcept = default;
  Command(const Command&) = delete;  // a copy's words would point into the original
  Command& operator=(const Command&) = delete;

  Command& Key(std::string_view key) {
    ++keys_;
    return Arg(key);
  }
  Command& Arg(std::string_view word) {
    words_.push_back(word.data());
    sizes_.push_back(word.size());
    return *this;
  }
  Command& Arg(int64_t number) {
    std::string& text = kept_.emplace_back(24, '\0');
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    text.resize(static_cast<size_t>(end - text.data()));
    return Arg(std::string_view(text));
  }
  // An argument that nobody else keeps.
  Command& Keep(std::string text) { return Arg(std::string_view(kept_.emplace_back(std::move(text)))); }
  Command& KeepKey(std::string text) { return Key(std::string_view(kept_.emplace_back(std::move(text)))); }
  // The timeout of a blocking command, which takes seconds. Not by printf: its decimal point is the locale's.
  Command& Timeout(int64_t millis) {
    return Keep(std::to_string(millis / 1000) + "." + std::to_string(1000 + millis % 1000).substr(1));
  }
  Command& Reserve(size_t words) {
    words_.reserve(words_.size() + words);
    sizes_.reserve(sizes_.size() + words);
    return *this;
  }

  // Runs behind this one, in one transaction (MULTI ... EXEC). The answer is this one's, or an error of either.
  Command& Then(Command next) {
    behind_.push_back(std::move(next));
    return *this;
  }

  // Goes to where this key is, which is not one of its own.
  Command& At(std::string_view key) {
    place_ = key;
    return *this;
  }

  Script script() const { return script_; }
  std::string_view Name() const { return {words_[0], sizes_[0]}; }  // "HSET"
  // The key that says where it goes: a script's first, or the word behind the command's name; "" where it has none.
  std::string_view place() const {
    if (!place_.empty()) return place_;
    const size_t at = script_ == kNoScript ? 1 : 3;
    return at < words_.size() ? std::string_view(words_[at], sizes_[at]) : std::string_view();
  }
  int64_t keys() const { return keys_; }
  std::vector<const char*>& words() { return words_; }
  std::vector<size_t>& sizes() { return sizes_; }
  std::vector<Command>& behind() { return behind_; }
  // How many replies the server sends: MULTI, each that is queued, and EXEC have their own.
  size_t replies() const { return behind_.empty() ? 1 : behind_.size() + 3; }

 private:
  Script script_ = kNoScript;
  int64_t keys_ = 0;
  std::vector<const char*> words_;
  std::vector<size_t> sizes_;
  std::list<std::string> kept_;  // a list: its strings never move
  std::vector<Command> behind_;
  std::string_view place_;
};

}  // namespace agentmq::redis
