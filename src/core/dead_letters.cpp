#include <algorithm>
#include <cmath>
#include <utility>

#include "core/directory.hpp"
#include "core/record.hpp"
#include "core/shared.hpp"
#include "util/clock.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr double kCatchesUp = 100;  // ms that a replay with a rate may be behind and make up for

FullId IdOf(const Found& dead) { return {dead.queue, dead.id, dead.group}; }

// How dead letters are replayed: settings of kind replay.
struct ReplayPlan {
  double interval = 0;  // ms from one to the next
  size_t limit = SIZE_MAX;
  bool keep_attempts = false;
  bool dry_run = false;

  static ReplayPlan From(const Config* config) {
    ReplayPlan plan;
    if (config == nullptr) return plan;
    if (const double rate = config->Number("rate"); rate > 0) plan.interval = 1000 / rate;
    if (const int64_t limit = config->Integer("limit"); limit > 0) plan.limit = static_cast<size_t>(limit);
    plan.keep_attempts = config->Bool("keep_attempts");
    plan.dry_run = config->Bool("dry_run");
    return plan;
  }
};

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

Result<FullId> Directory::ReplayOne(Backend& backend, const FullId& dead, bool keep_attempts) {
  const Limits limits = shared_.channels.Get(backend, dead.queue.channel).limits;
  auto id = backend.Replay(dead.queue, dead.id, dead.group, limits, keep_attempts);
  if (!id.ok()) return id.status();
  FullId replayed{dead.queue, *id, {}};
  if (shared_.audit.on()) shared_.audit.Note("replay", {{"id", dead.Text()}, {"as", replayed.Text()}});
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
  auto replayed = ReplayOne(backend, *dead, false);
  if (!replayed.ok()) return replayed.status();
  return replayed->Text();
}

Status Directory::PauseUntil(double steady_millis) {
  const auto left = static_cast<int64_t>(std::ceil(steady_millis - static_cast<double>(SteadyMillis())));
  if (left <= 0) return shared_.gate.closed() ? ClosedStatus() : Status::Ok();
  Event nothing;
  Status status = shared_.gate.Wait(nothing, {Deadline::After(left), nullptr});
  return status.code() == Code::kTimeout ? Status::Ok() : status;
}

Status Directory::ReplayAll(Backend& backend, const Config* config, int64_t* replayed) {
  *replayed = 0;
  const auto filter = Filter::From(config, SettingKind::kReplay);
  if (!filter.ok()) return filter.status();
  const ReplayPlan plan = ReplayPlan::From(config);
  std::vector<std::pair<int64_t, FullId>> letters;  // and when they were given up
  Status status = WalkDead(backend, *filter, [&](Found&& found) {
    if (plan.dry_run && !RecordView::Parse(found.record).ok()) return true;
    letters.emplace_back(found.time_of_death, IdOf(found));
    return true;
  });
  if (!status.ok()) return status;
  // Oldest first: they come back in the order in which they were given up. A queue's are here the newest first.
  std::reverse(letters.begin(), letters.end());
  std::stable_sort(letters.begin(), letters.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (letters.size() > plan.limit) letters.erase(letters.begin() + static_cast<ptrdiff_t>(plan.limit), letters.end());
  if (plan.dry_run) {
    *replayed = static_cast<int64_t>(letters.size());
    return status;
  }
  Status first_failure;
  size_t done = 0;
  auto due = static_cast<double>(SteadyMillis());  // when the next may go
  for (const auto& [died, id] : letters) {
    if (status = PauseUntil(due); !status.ok()) return status;
    due = std::max(due, static_cast<double>(SteadyMillis()) - kCatchesUp) + plan.interval;
    const auto one = ReplayOne(backend, id, plan.keep_attempts);
    done += one.ok() ? 1 : 0;
    *replayed = static_cast<int64_t>(done);
    if (one.ok()) continue;
    if (first_failure.ok()) first_failure = one.status();
    // The rest stays where it is, for another call.
    if (one.code() == Code::kUnavailable || one.code() == Code::kUnknown || one.code() == Code::kClosed) break;
  }
  if (first_failure.code() == Code::kClosed) return first_failure;
  return Summary(done, letters.size(), first_failure, "replayed");
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
    if (one.ok() && shared_.audit.on()) shared_.audit.Note("purge", {{"id", id.Text()}});
    if (!one.ok() && one.code() != Code::kNotFound) status = one;
  }
  if (!status.ok()) return status;
  return purged;
}

}  // namespace agentmq
