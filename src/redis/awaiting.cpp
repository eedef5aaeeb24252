#include "redis/inspection.hpp"

// What became of messages that somebody waits for.
namespace agentmq::redis {
namespace {

constexpr int kRounds = 5;  // each for a lane or a group that came meanwhile

}  // namespace

Result<State> Inspection::Await(const QueueName& name, const ShortId& id, Backend::Look look) {
  auto queue = queues_.Get(name);
  for (int round = 0; round < kRounds; ++round) {
    const auto view = queue->view();
    Command command(Script::kAwait);
    AddQueueKeys(&command, queue->keys());
    for (const auto& group : view->groups) command.Key(group->keys.tries());
    command.Arg(view->generation).Arg(id.view()).Arg(static_cast<int64_t>(look));
    for (const auto& group : view->groups) command.Arg(group->name);
    auto reply = queues_.server().Run(std::move(command), {});
    if (!reply.ok()) return reply.status();
    const std::string& letter = reply->At(1).text;
    switch (letter.empty() ? '?' : letter[0]) {
      case 'g':
        queue->Learn(*reply, 2);
        if (queue->view()->generation.empty())
          return Status::NotFound("queue '" + queue->keys().text + "' is not there");
        continue;
      case 'q':
        return State::kQueued;
      case 'a':
        return State::kAcked;
      case 'x':
        return State::kDead;
      case 'e':
        return State::kExpired;
      case 'd':
        return State::kDeleted;
      case 'n':
        return Status::NotFound("nothing is known of a message '" + FullId{name, id, {}}.Text() + "'");
      default:
        return Status(Code::kProtocol, "a script gave an answer that makes no sense");
    }
  }
  return Status(Code::kUnavailable, "queue '" + queue->keys().text + "' changed all the time");
}

}  // namespace agentmq::redis
