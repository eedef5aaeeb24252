// The bytes that a server answers, and what is read out of them: lanes and groups, tries, leases, errors.
#include <hiredis/hiredis.h>

#include <memory>

#include "fuzz/fuzz.hpp"
#include "redis/connection.hpp"
#include "redis/inspection.hpp"
#include "redis/keys.hpp"
#include "redis/recovery.hpp"
#include "redis/reply.hpp"

using namespace agentmq;
using namespace agentmq::redis;

namespace {

void Look(const Reply& reply) {
  (void)reply.Number();
  (void)ParseTries(reply.text);
  (void)LeaseTime(reply.text);
  if (reply.is_error()) Expect(!ErrorStatus(reply).ok(), "an error that is none");
  for (const Reply& item : reply.items) Look(item);
}

}  // namespace

void Fuzz(std::string_view input) {
  const std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader(
      redisReaderCreateWithFunctions(const_cast<redisReplyObjectFunctions*>(ReplyFunctions())), redisReaderFree);
  const BackendOptions options{"prefix", "namespace", {}};
  Queue inbox(options, QueueName::Inbox("channel", "agent"));
  Queue log(options, QueueName::Log("channel"));
  if (redisReaderFeed(reader.get(), input.data(), input.size()) != REDIS_OK) return;
  for (void* got = nullptr; redisReaderGetReply(reader.get(), &got) == REDIS_OK && got != nullptr; got = nullptr) {
    const std::unique_ptr<Reply> reply(static_cast<Reply*>(got));
    Look(*reply);
    for (Queue* queue : {&inbox, &log}) {
      const auto view = queue->Learn(*reply, 0);
      for (const int lane : view->lanes) (void)view->HasLane(lane);
      for (const auto& group : view->groups) Expect(view->Find(group->name) != nullptr, "a group that is not there");
    }
  }
}
