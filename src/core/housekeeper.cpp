#include "core/housekeeper.hpp"

#include <algorithm>

#include "core/shared.hpp"

namespace agentmq {
namespace {

constexpr int64_t kShortest = 20;  // ms between looks
constexpr int64_t kLongest = 2000;

}  // namespace

void Housekeeper::Watch(std::shared_ptr<Ledger> ledger) {
  const std::lock_guard lock(mutex_);
  ledgers_.push_back(std::move(ledger));
  if (task_ == 0) {
    task_ = shared_.timer.Add(kShortest, [this] { return Look(); });
  } else {
    shared_.timer.Poke(task_);
  }
}

void Housekeeper::Enter(const std::shared_ptr<const std::string>& incarnation, const std::shared_ptr<Ledger>& ledger) {
  const std::lock_guard lock(mutex_);
  by_incarnation_.erase(*incarnation);
  by_incarnation_.emplace(*incarnation, Entered{incarnation, ledger});
  if (by_incarnation_.size() < prune_at_) return;
  std::erase_if(by_incarnation_, [](const auto& entry) { return entry.second.ledger.expired(); });
  prune_at_ = std::max<size_t>(64, 2 * by_incarnation_.size());
}

Housekeeper::Holder Housekeeper::Find(std::string_view incarnation) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_incarnation_.find(incarnation);
  if (found == by_incarnation_.end()) return {};
  return {found->second.incarnation, found->second.ledger.lock()};
}

int64_t Housekeeper::Look() {
  std::vector<std::shared_ptr<Ledger>> watched;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(ledgers_, [](const auto& ledger) { return ledger->Finished(); });
    watched = ledgers_;
  }
  int64_t again = watched.empty() ? -1 : kLongest;
  const auto backend = shared_.backend();
  for (const auto& ledger : watched) {
    if (ledger->longest() > 0) {
      LetGo(*ledger);
      again = std::min(again, std::clamp(ledger->longest() / 10, kShortest, kLongest));
    }
    // Whoever acknowledges has no time to look.
    if (backend == nullptr || !backend->Reachable()) continue;
    ledger->SetRetention(shared_.channels.Get(*backend, ledger->source().queue.channel).retention);
  }
  return again;
}

void Housekeeper::LetGo(Ledger& ledger) {
  const auto forgotten = ledger.TakeForgotten(SteadyMillis());
  const auto backend = forgotten.empty() ? nullptr : shared_.backend();
  if (backend == nullptr) return;
  for (const Ledger::Forgotten& message : forgotten) {
    int64_t until = 0;
    // A deadline of its own that ends at once makes it lapse, counted as a lapse.
    const Status status =
        backend->Extend(ledger.source(), *message.consumer, {message.id, message.delivery, {}}, 1, &until);
    if (status.code() == Code::kUnavailable || status.code() == Code::kUnknown) {
      ledger.HandOut({{message.id, message.delivery}}, message.consumer, SteadyMillis() - ledger.longest());
    } else if (status.ok() && shared_.log->Wants(kLogWarn)) {
      shared_.log->Write(kLogWarn, "forgotten",
                         {{"id", FullId{ledger.source().queue, message.id, {}}.Text()},
                          {"reason", "held longer than auto_extend_max"}});
    }
  }
}

}  // namespace agentmq
