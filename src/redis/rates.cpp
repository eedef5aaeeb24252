#include "redis/rates.hpp"

#include <charconv>

namespace agentmq::redis {
namespace {

std::string Text(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

}  // namespace

Status Rates::Take(std::span<const Bucket> buckets, std::span<agentmq::Take> takes, const Patience& patience) {
  Command command(Script::kRate);
  const std::string start = "{" + queues_.Prefix() + "rate}:";
  for (const Bucket& bucket : buckets) command.KeepKey(start + bucket.name);
  for (const Bucket& bucket : buckets) command.Keep(Text(bucket.rate));
  for (const agentmq::Take& take : takes) {
    command.Arg(take.some_will_do ? "1" : "0").Arg(static_cast<int64_t>(take.needs.size()));
    for (const auto& [bucket, tokens] : take.needs) command.Arg(static_cast<int64_t>(bucket + 1)).Arg(tokens);
  }
  // Sent again where its answer was lost: that costs tokens at most.
  auto reply = queues_.server().Run(std::move(command), {patience});
  if (!reply.ok()) return reply.status();
  if (reply->items.size() != 3 * takes.size()) {
    return {Code::kProtocol, "the rate script gave an answer that makes no sense"};
  }
  for (size_t i = 0; i < takes.size(); ++i) {
    takes[i].granted = reply->At(3 * i).Number();
    takes[i].wait = reply->At(3 * i + 1).Number();
    const auto short_of = static_cast<size_t>(reply->At(3 * i + 2).Number() - 1);
    takes[i].short_of = short_of < buckets.size() ? short_of : 0;
  }
  return Status::Ok();
}

}  // namespace agentmq::redis
