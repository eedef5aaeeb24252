#include "redis/inspection.hpp"

// Where a message is in each group.
namespace agentmq::redis {
namespace {

constexpr int64_t kLookedAt = 1000;  // entries of a lane

bool HasBit(std::string_view map, int64_t ordinal) {
  const auto byte = static_cast<size_t>(ordinal / 8);
  return byte < map.size() && (static_cast<unsigned char>(map[byte]) >> (ordinal % 8) & 1) != 0;
}

}  // namespace

// HEXISTS messages id; HGET refs id
Result<std::vector<Standing>> Inspection::Standings(const QueueName& name, const ShortId& id) {
  auto queue = queues_.Get(name);
  const auto view = queues_.Refresh(*queue);
  std::vector<Command> commands;
  commands.push_back(Command{"HEXISTS", queue->keys().messages(), id.view()});
  commands.push_back(Command{"HGET", queue->keys().refs(), id.view()});
  std::vector<Reply> replies(commands.size());
  if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  for (const Reply& reply : replies) {
    if (reply.is_error()) return ErrorStatus(reply);
  }
  std::vector<Standing> places;
  for (const auto& group : view->groups) {
    Standing& place = places.emplace_back();
    place.group = group->name;
    place.needed = replies[0].integer == 1 && (!name.broadcast || HasBit(replies[1].text, group->ordinal));
    if (!place.needed) continue;
    auto whereabouts = Locate(*queue, *group);
    if (!whereabouts.ok()) return whereabouts.status();
    Found found;
    found.id = id;
    Describe(&found, *whereabouts, group->name);
    place.state = found.state;
    place.tries = std::move(found.tries);
    place.due = found.due;
    place.reserved_until = found.reserved_until;
    place.consumer = std::move(found.consumer);
    if (place.state != State::kQueued) continue;
    if (Status status = CountAhead(*view, *group, id, &place); !status.ok()) return status;
  }
  return places;
}

// LRANGE lane 0 999, LLEN lane: of its own lane and of those above
Status Inspection::CountAhead(const QueueView& view, const QueueView::Group& group, const ShortId& id,
                              Standing* place) {
  std::vector<Command> commands;
  for (size_t i = 0; i < view.lanes.size() && view.lanes[i] >= id.priority(); ++i) {
    Command range{"LRANGE", group.keys.lanes[i], "0"};
    range.Arg(kLookedAt - 1);
    commands.push_back(std::move(range));
    commands.push_back(Command{"LLEN", group.keys.lanes[i]});
  }
  if (commands.empty()) return Status::Ok();
  std::vector<Reply> replies(commands.size());
  if (auto outcome = queues_.server().Run(commands, replies, {}); !outcome.status.ok()) return outcome.status;
  for (size_t i = 0; i < commands.size() / 2; ++i) {
    const bool own = view.lanes[i] == id.priority();
    bool reached = false;
    int64_t count = 0;
    for (const Reply& entry : replies[2 * i].items) {
      for (size_t at = 0; at + ShortId::kSize <= entry.text.size() && !reached; at += ShortId::kSize) {
        reached = own && std::string_view(entry.text).substr(at, ShortId::kSize) == id.view();
        count += reached ? 0 : 1;
      }
    }
    (own ? place->older : place->higher) += count;
    place->exact = place->exact && (reached || replies[2 * i + 1].Number() <= kLookedAt);
  }
  return Status::Ok();
}

}  // namespace agentmq::redis
