#include "redis/reply.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <new>
#include <stdexcept>

namespace agentmq::redis {
namespace {

#if HIREDIS_MAJOR >= 1
using ElementCount = size_t;
#else
using ElementCount = int;
#endif

// An exception must not pass through hiredis' C frames: nullptr tells it that there is no memory.
template <class Make>
void* Guarded(Make make) {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    return nullptr;
  } catch (const std::length_error&) {
    return nullptr;
  }
}

constexpr size_t kTrusted = 10000;  // items that are made room for before they came

// The place of a new reply: in its parent's items, or a root of its own. Items are made as they come: how many there are
// going to be is what the other side says.
Reply* Place(const redisReadTask* task) {
  if (task->parent == nullptr) return new Reply;
  auto* parent = static_cast<Reply*>(task->parent->obj);
  return &parent->items.emplace_back();
}

void* CreateString(const redisReadTask* task, char* text, size_t size) {
  return Guarded([&] {
    Reply* reply = Place(task);
    reply->kind = task->type == REDIS_REPLY_ERROR ? Reply::Kind::kError : Reply::Kind::kText;
    reply->text.assign(text, size);
    return reply;
  });
}

void* CreateArray(const redisReadTask* task, ElementCount elements) {
  return Guarded([&] {
    Reply* reply = Place(task);
    reply->kind = Reply::Kind::kArray;
    reply->items.reserve(std::min(static_cast<size_t>(elements), kTrusted));
    return reply;
  });
}

void* CreateInteger(const redisReadTask* task, long long value) {
  return Guarded([&] {
    Reply* reply = Place(task);
    reply->kind = Reply::Kind::kInteger;
    reply->integer = value;
    return reply;
  });
}

void* CreateNil(const redisReadTask* task) {
  return Guarded([&] { return Place(task); });
}

#if HIREDIS_MAJOR >= 1
void* CreateDouble(const redisReadTask* task, double, char* text, size_t size) {
  return CreateString(task, text, size);
}

void* CreateBool(const redisReadTask* task, int value) { return CreateInteger(task, value); }
#endif

void Free(void* reply) { delete static_cast<Reply*>(reply); }

}  // namespace

int64_t ToNumber(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

int64_t Reply::Number() const { return kind == Kind::kInteger ? integer : ToNumber(text); }

const Reply& Reply::At(size_t index) const {
  static const Reply nil;
  return index < items.size() ? items[index] : nil;
}

const redisReplyObjectFunctions* ReplyFunctions() {
#if HIREDIS_MAJOR >= 1
  static const redisReplyObjectFunctions functions = {CreateString, CreateArray, CreateInteger, CreateDouble,
                                                      CreateNil,    CreateBool,  Free};
#else
  static const redisReplyObjectFunctions functions = {CreateString, CreateArray, CreateInteger, CreateNil, Free};
#endif
  return &functions;
}

}  // namespace agentmq::redis
