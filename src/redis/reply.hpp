#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct redisReplyObjectFunctions;

namespace agentmq::redis {

// An answer of the server. hiredis' reader builds it directly (ReplyFunctions), without redisReply in between.
struct Reply {
  enum class Kind { kNil, kInteger, kText, kError, kArray };

  Kind kind = Kind::kNil;
  int64_t integer = 0;
  std::string text;
  std::vector<Reply> items;

  bool is_error() const { return kind == Kind::kError; }
  bool is_nil() const { return kind == Kind::kNil; }
  bool is_array() const { return kind == Kind::kArray; }
  bool StartsWith(std::string_view prefix) const { return text.compare(0, prefix.size(), prefix) == 0; }
  // A number, also where it came as text.
  int64_t Number() const;
  // An item, or nil beyond the end.
  const Reply& At(size_t index) const;
};

const redisReplyObjectFunctions* ReplyFunctions();

// The number that a text begins with; 0 where it begins with none.
int64_t ToNumber(std::string_view text);

}  // namespace agentmq::redis
