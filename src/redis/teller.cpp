#include "redis/teller.hpp"

#include <vector>

#include "core/telling.hpp"

namespace agentmq::redis {

void Teller::Tell(std::span<Telling> tellings, const Patience& patience) {
  std::vector<Command> commands;
  commands.reserve(tellings.size());
  for (Telling& telling : tellings) {
    std::string channel = names_.Of(telling.queue->channel);
    if (!telling.stored) {
      const std::lock_guard lock(mutex_);
      telling.id = ids_.Next(server_.Now(channel), telling.priority, false);
    }
    // PUBLISH channel text. In a cluster any node would do; the channel's name says which, so that they stay in order.
    Command publish{"PUBLISH"};
    publish.Keep(std::move(channel));
    publish.Keep(TellingText({*telling.queue, telling.id, {}}, telling.head, telling.payload));
    commands.push_back(std::move(publish));
  }
  std::vector<Reply> replies(commands.size());
  const auto outcome = server_.Run(commands, replies, {patience, Server::Again::kNever});
  for (size_t i = 0; i < tellings.size(); ++i) {
    if (replies[i].is_nil()) {
      tellings[i].status = outcome.StatusOf(i);
    } else if (replies[i].is_error()) {
      tellings[i].status = ErrorStatus(replies[i]);
    } else {
      tellings[i].receivers = replies[i].Number();
    }
  }
}

}  // namespace agentmq::redis
