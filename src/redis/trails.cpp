#include "redis/trails.hpp"

#include <utility>

#include "redis/scripts.hpp"

namespace agentmq::redis {

std::string Trails::Key(std::string_view kind) const { return queues_.Prefix() + "audit:" + PercentEncode(kind); }

Status Trails::Append(std::string_view kind, int64_t most, AuditHead* head, std::span<const AuditRecord> records,
                      const Patience& patience) {
  const std::string key = Key(kind);
  Server::Call call;
  call.patience = patience;
  call.settles = true;
  for (bool repeated = head->doubtful;; repeated = true) {
    Command command(Script::kAudit);
    command.Key(key).Arg(most).Arg(repeated ? "1" : "0").Arg(records.front().number).Arg(head->hash);
    command.Reserve(2 * records.size());
    for (const AuditRecord& record : records) command.Arg(record.hash).Arg(record.text);
    Reply reply;
    const auto outcome = queues_.server().Run({&command, 1}, {&reply, 1}, call);
    head->doubtful = outcome.status.code() == Code::kUnknown;
    if (!outcome.status.ok()) return outcome.status;
    if (reply.is_error()) return ErrorStatus(reply);
    if (reply.At(0).integer == 0) return Status::Ok();
    // A copy that came before this one may be what it met.
    if (outcome.repeated && !repeated) continue;
    head->number = reply.At(1).Number();
    head->hash = reply.At(2).text;
    return {Code::kStale, "somebody else appended to the trail meanwhile"};
  }
}

// XRANGE key (after + COUNT limit
Result<std::vector<AuditRecord>> Trails::Read(std::string_view kind, std::string_view after, size_t limit) {
  const std::string key = Key(kind);
  const std::string from = after.empty() ? "-" : "(" + std::string(after);
  const std::string count = std::to_string(limit);
  auto reply = queues_.server().Run(Command{"XRANGE", key, from, "+", "COUNT", count}, {});
  if (!reply.ok()) return reply.status();
  std::vector<AuditRecord> records;
  for (Reply& entry : reply->items) {
    if (entry.items.size() < 2) continue;
    AuditRecord& record = records.emplace_back();
    record.id = std::move(entry.items[0].text);
    std::vector<Reply>& fields = entry.items[1].items;
    for (size_t i = 0; i + 1 < fields.size(); i += 2) {
      if (fields[i].text == "n") record.number = fields[i + 1].Number();
      if (fields[i].text == "h") record.hash = std::move(fields[i + 1].text);
      if (fields[i].text == "r") record.text = std::move(fields[i + 1].text);
    }
  }
  return records;
}

}  // namespace agentmq::redis
