#include "redis/agents.hpp"

#include <algorithm>

namespace agentmq::redis {
namespace {

std::string TextOf(const AgentRecord& record) {
  return std::to_string(record.since) + " " + std::to_string(record.last_seen) + " " + std::to_string(record.until) +
         "\n" + record.description;
}

AgentRecord Parse(std::string agent, std::string_view text) {
  AgentRecord record;
  record.agent = std::move(agent);
  const size_t end = std::min(text.find('\n'), text.size());
  record.description = std::string(text.substr(std::min(end + 1, text.size())));
  std::string_view numbers = text.substr(0, end);
  for (int64_t* number : {&record.since, &record.last_seen, &record.until}) {
    *number = ToNumber(numbers);
    numbers.remove_prefix(std::min(numbers.find(' '), numbers.size()));
    if (!numbers.empty()) numbers.remove_prefix(1);
  }
  return record;
}

}  // namespace

// HGET agents agent; HSET agents agent record. Of two who announce the same agent at once the later one's text stays.
Status Agents::Announce(const std::string& agent, const std::string& description, int64_t lease) {
  Server::Call call;
  call.settles = lease == 0;
  const std::string field = PercentEncode(agent);
  Command read{"HGET"};
  read.Keep(Key()).Arg(field);
  auto known = queues_.server().Run(std::move(read), call);
  if (!known.ok()) return known.status();
  const int64_t now = queues_.server().Now(Key());
  AgentRecord record = Parse(agent, known->text);
  if (record.until <= now) record.since = now;
  if (lease == 0) record.since = 0;
  record.last_seen = now;
  record.until = lease == 0 ? 0 : now + lease;
  if (lease != 0) record.description = description;
  Command write{"HSET"};
  write.Keep(Key()).Arg(field).Keep(TextOf(record));
  return queues_.server().Run(std::move(write), call).status();
}

// HSETNX agents agent record
Status Agents::Note(std::span<const std::string> agents) {
  std::vector<Command> commands;
  for (const std::string& agent : agents) {
    AgentRecord record;
    record.last_seen = queues_.server().Now(Key());
    Command& command = commands.emplace_back(Command{"HSETNX"});
    command.Keep(Key()).Keep(PercentEncode(agent)).Keep(TextOf(record));
  }
  std::vector<Reply> replies(commands.size());
  if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  for (const Reply& reply : replies) {
    if (reply.is_error()) return ErrorStatus(reply);
  }
  return Status::Ok();
}

// HEXISTS agents agent
Result<bool> Agents::Knows(const std::string& agent) {
  Command command{"HEXISTS"};
  command.Keep(Key()).Keep(PercentEncode(agent));
  auto reply = queues_.server().Run(std::move(command), {});
  if (!reply.ok()) return reply.status();
  return reply->integer == 1;
}

// HGETALL agents
Result<std::vector<AgentRecord>> Agents::All(int64_t* now) {
  Command read{"HGETALL"};
  read.Keep(Key());
  auto reply = queues_.server().Run(std::move(read), {});
  if (!reply.ok()) return reply.status();
  std::vector<AgentRecord> all;
  for (size_t i = 0; i + 1 < reply->items.size(); i += 2) {
    auto agent = PercentDecode(reply->items[i].text);
    if (agent.ok()) all.push_back(Parse(std::move(*agent), reply->items[i + 1].text));
  }
  *now = queues_.server().Now(Key());
  return all;
}

}  // namespace agentmq::redis
