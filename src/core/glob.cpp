#include "core/glob.hpp"

#include <algorithm>

#include "core/names.hpp"

namespace agentmq {
namespace {

// The character at `at` of valid UTF-8, which moves behind it.
char32_t TakeCharacter(std::string_view text, size_t* at) {
  const auto lead = static_cast<unsigned char>(text[(*at)++]);
  int more = 0;
  char32_t character = lead;
  if (lead >= 0xf0) {
    more = 3;
    character = lead & 0x07;
  } else if (lead >= 0xe0) {
    more = 2;
    character = lead & 0x0f;
  } else if (lead >= 0xc0) {
    more = 1;
    character = lead & 0x1f;
  }
  for (; more > 0 && *at < text.size(); --more) {
    character = character << 6 | (static_cast<unsigned char>(text[(*at)++]) & 0x3f);
  }
  return character;
}

Status Unclosed() { return Status::Invalid("the pattern has a '[' that is not closed"); }
Status NothingEscaped() { return Status::Invalid("the pattern ends in a '\\' with nothing behind it"); }

// A character of a set, "\]" included.
Result<char32_t> TakeMember(std::string_view pattern, size_t* at) {
  if (pattern[*at] == '\\' && ++*at == pattern.size()) return Unclosed();
  return TakeCharacter(pattern, at);
}

}  // namespace

bool Glob::Piece::Fits(char32_t one) const {
  switch (kind) {
    case Kind::kCharacter:
      return one == character;
    case Kind::kSet: {
      const bool member = std::any_of(ranges.begin(), ranges.end(),
                                      [one](const auto& range) { return one >= range.first && one <= range.second; });
      return member != negated;
    }
    default:
      return true;
  }
}

// From behind its '[' on.
Result<Glob::Piece> Glob::ParseSet(std::string_view pattern, size_t* at) {
  Piece set{Piece::Kind::kSet, false, 0, {}};
  if (*at < pattern.size() && pattern[*at] == '^') {
    set.negated = true;
    ++*at;
  }
  while (*at < pattern.size() && pattern[*at] != ']') {
    const auto first = TakeMember(pattern, at);
    if (!first.ok()) return first.status();
    auto last = first;
    const bool is_range = *at + 1 < pattern.size() && pattern[*at] == '-' && pattern[*at + 1] != ']';
    if (is_range) {
      ++*at;
      last = TakeMember(pattern, at);
      if (!last.ok()) return last.status();
    }
    if (*last < *first) return Status::Invalid("the pattern has a range in '[...]' that goes backwards");
    set.ranges.emplace_back(*first, *last);
  }
  if (*at == pattern.size()) return Unclosed();
  ++*at;
  if (set.ranges.empty()) return Status::Invalid("the pattern has a '[...]' with nothing in it");
  return set;
}

Result<Glob> Glob::Parse(std::string_view pattern) {
  if (Status status = CheckName("pattern", pattern); !status.ok()) return status;
  Glob glob;
  glob.text_ = pattern;
  glob.literals_.emplace_back();
  bool wild = false;  // the piece before
  for (size_t at = 0; at < pattern.size();) {
    const char byte = pattern[at];
    const bool is_wild = byte == '*' || byte == '?' || byte == '[';
    if (is_wild && !wild) glob.literals_.emplace_back();
    wild = is_wild;
    if (byte == '*') {
      ++at;
      const bool goes_on = !glob.pieces_.empty() && glob.pieces_.back().kind == Piece::Kind::kAnyRun;
      if (!goes_on) glob.pieces_.push_back({Piece::Kind::kAnyRun, false, 0, {}});
    } else if (byte == '?') {
      ++at;
      glob.pieces_.push_back({Piece::Kind::kAnyOne, false, 0, {}});
    } else if (byte == '[') {
      ++at;
      auto set = ParseSet(pattern, &at);
      if (!set.ok()) return set.status();
      glob.pieces_.push_back(std::move(*set));
    } else {
      if (byte == '\\' && ++at == pattern.size()) return NothingEscaped();
      const size_t from = at;
      glob.pieces_.push_back({Piece::Kind::kCharacter, false, TakeCharacter(pattern, &at), {}});
      glob.literals_.back().append(pattern.substr(from, at - from));
    }
  }
  return glob;
}

// The last run is made longer where what follows it does not fit: earlier ones need not be tried again.
bool Glob::Matches(std::string_view name) const {
  size_t piece = 0;
  size_t at = 0;
  size_t run = SIZE_MAX;  // the piece behind the last run
  size_t run_at = 0;      // where in the name that piece was tried last
  while (at < name.size()) {
    if (piece < pieces_.size() && pieces_[piece].kind == Piece::Kind::kAnyRun) {
      run = ++piece;
      run_at = at;
      continue;
    }
    size_t behind = at;
    const char32_t character = TakeCharacter(name, &behind);
    if (piece < pieces_.size() && pieces_[piece].Fits(character)) {
      ++piece;
      at = behind;
      continue;
    }
    if (run == SIZE_MAX) return false;
    (void)TakeCharacter(name, &run_at);
    at = run_at;
    piece = run;
  }
  while (piece < pieces_.size() && pieces_[piece].kind == Piece::Kind::kAnyRun) ++piece;
  return piece == pieces_.size();
}

}  // namespace agentmq
