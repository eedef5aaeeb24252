#include <algorithm>
#include <utility>

#include "core/directory.hpp"
#include "core/shared.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

FullId IdOf(const Found& dead) { return {dead.queue, dead.id, dead.group}; }

}  // namespace

Status Directory::WalkDead(Backend& backend, const Filter& filter, const Visit& visit) {
  const auto queues = PublicQueues(backend);
  if (!queues.ok()) return queues.status();
  for (const QueueName& queue : *queues) {
    if (!filter.Takes(queue)) continue;
    Status status = backend.WalkDead(queue, [&](Found&& found) {
      if (!filter.TakesDeadLetter(found)) return true;
      return visit(std::move(found));
    });
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

Result<Directory::Messages> Directory::DeadLetters(Backend& backend, const Config* filter, size_t limit,
                                                   size_t offset) {
  const auto parsed = Filter::From(filter);
  if (!parsed.ok()) return parsed.status();
  if (Status status = CheckLimit(limit); !status.ok()) return status;
  // The newest of all queues are among the newest of each.
  const size_t enough = offset > SIZE_MAX - limit ? SIZE_MAX : offset + limit;
  std::vector<Found> all;
  const auto newer = [](const Found& a, const Found& b) { return a.time_of_death > b.time_of_death; };
  Status status = WalkDead(backend, *parsed, [&](Found&& found) {
    all.push_back(std::move(found));
    if (all.size() >= enough && all.size() - enough > enough) {
      std::stable_sort(all.begin(), all.end(), newer);
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(enough), all.end());
    }
    return true;
  });
  if (!status.ok()) return status;
  std::stable_sort(all.begin(), all.end(), newer);
  Messages messages;
  for (size_t i = offset; i < all.size() && messages.size() < limit; ++i) {
    if (auto message = MessageOf(std::move(all[i]), shared_.seal)) messages.push_back(std::move(message));
  }
  return messages;
}

Result<FullId> Directory::ReplayOne(Backend& backend, const FullId& dead) {
  const Limits limits = shared_.channels.Get(backend, dead.queue.channel).limits;
  auto id = backend.Replay(dead.queue, dead.id, dead.group, limits);
  if (!id.ok()) return id.status();
  FullId replayed{dead.queue, *id, {}};
  if (shared_.log->Wants(kLogInfo)) {
    shared_.log->Write(kLogInfo, "replayed", {{"id", dead.Text()}, {"as", replayed.Text()}});
  }
  return replayed;
}

Result<std::string> Directory::Replay(Backend& backend, std::string_view id) {
  auto dead = FullId::Parse(id);
  if (!dead.ok()) return dead.status();
  if (dead->group.empty()) {
    // Of an inbox the id that the sender knows will do; of a broadcast each group has a dead letter of its own.
    if (dead->queue.broadcast)
      return Status::NotFound(Quote(id) + " is no dead letter: its id ends in '~' and a group");
    dead->group = std::string(kInboxGroup);
  }
  auto replayed = ReplayOne(backend, *dead);
  if (!replayed.ok()) return replayed.status();
  return replayed->Text();
}

Status Directory::ReplayAll(Backend& backend, const Config* filter, int64_t* replayed) {
  *replayed = 0;
  const auto parsed = Filter::From(filter);
  if (!parsed.ok()) return parsed.status();
  std::vector<FullId> ids;
  Status status = WalkDead(backend, *parsed, [&](Found&& found) {
    ids.push_back(IdOf(found));
    return true;
  });
  if (!status.ok()) return status;
  Status first_failure;
  size_t done = 0;
  // Oldest first: they come back in the order in which they were given up.
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    const auto one = ReplayOne(backend, *id);
    done += one.ok() ? 1 : 0;
    if (!one.ok() && first_failure.ok()) first_failure = one.status();
  }
  *replayed = static_cast<int64_t>(done);
  return Summary(done, ids.size(), first_failure, "replayed");
}

Result<int64_t> Directory::PurgeDead(Backend& backend, const Config* filter) {
  const auto parsed = Filter::From(filter);
  if (!parsed.ok()) return parsed.status();
  std::vector<FullId> ids;
  Status status = WalkDead(backend, *parsed, [&](Found&& found) {
    ids.push_back(IdOf(found));
    return true;
  });
  int64_t purged = 0;
  for (const FullId& id : ids) {
    if (!status.ok()) break;
    const Status one = backend.PurgeDead(id.queue, id.id, id.group);
    purged += one.ok() ? 1 : 0;
    if (!one.ok() && one.code() != Code::kNotFound) status = one;
  }
  if (!status.ok()) return status;
  return purged;
}

}  // namespace agentmq
