#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/status.hpp"

namespace agentmq {

// A pattern of names: `*` any run of characters, `?` any one, `[abc]`, `[a-z]` one of these, `[^a-z]` one that is not,
// `\` takes the next one as it is. Characters are those of Unicode; a ':' is one like any other. Never changed.
class Glob {
 public:
  // 1..256 bytes of UTF-8 without control characters, else kInvalid; also where a bracket is not closed.
  static Result<Glob> Parse(std::string_view pattern);

  const std::string& text() const { return text_; }
  // In at most as many steps as the one has characters times the other.
  bool Matches(std::string_view name) const;
  // What a name must hold, in this order; anything stands between, and where the first or the last is "" outside of them.
  // One alone is the name itself: there are no wildcards.
  const std::vector<std::string>& literals() const { return literals_; }

 private:
  struct Piece {
    enum class Kind : uint8_t { kCharacter, kAnyOne, kAnyRun, kSet };
    Kind kind = Kind::kCharacter;
    bool negated = false;
    char32_t character = 0;
    std::vector<std::pair<char32_t, char32_t>> ranges;

    bool Fits(char32_t one) const;
  };

  static Result<Piece> ParseSet(std::string_view pattern, size_t* at);

  std::string text_;
  std::vector<Piece> pieces_;
  std::vector<std::string> literals_;
};

}  // namespace agentmq
