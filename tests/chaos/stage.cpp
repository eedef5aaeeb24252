#include "stage.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "support/eventually.hpp"

namespace agentmq::chaos {
namespace {

using namespace std::chrono_literals;

// Publishers wait where consumers can't follow.
constexpr const char* kBounds = "max_items=5000&overflow=block&publish_timeout=1s";

constexpr size_t kPage = 1000;

std::vector<std::string> Keys(const std::function<MessageList(size_t offset)>& page) {
  std::vector<std::string> keys;
  for (;;) {
    const MessageList list = page(keys.size());
    for (size_t i = 0; i < list.size(); ++i) keys.emplace_back(KeyOf(list[i].payload()));
    if (list.size() < kPage) return keys;
  }
}

}  // namespace

Stage::Stage(const Setup& setup, const std::string& program, uint64_t seed, int rate, std::string folder)
    : folder_(std::move(folder)), topology_(setup.topology(program)), journal_(folder_ + "/director") {
  const std::string query = setup.query.empty() ? kBounds : kBounds + ("&" + setup.query);
  bus_ = std::make_unique<Bus>(topology_->DirectUrl(query));
  // A broadcast beyond max_items makes room by dropping the oldest: none may be lost here.
  bus_->Configure(kNews, {{"max_items", "0"}});
  ledger_.Follow(folder_ + "/director", Ledger::kPublishers);
  for (size_t i = 0; i < kAgents; ++i) {
    Agent& agent = agents_[i];
    const bool publisher = i < kPublishers;
    agent.group = publisher ? Ledger::kPublishers : i == kTheAuditor ? Ledger::kAuditors : Ledger::kWorkers;
    agent.role.url = topology_->Url(query);
    agent.role.agent = i == kTheAuditor ? kAuditor : kWorker;
    agent.role.seed = seed + i;
    agent.role.style = static_cast<int>(publisher ? i : i == kTheAuditor ? 1 : i - kFirstWorker);
    agent.role.rate = publisher ? rate : 0;
    if (setup.wrong_clocks && i % 3 != 0) agent.environment = OtherClock(i % 3 == 1 ? "+1h" : "-1h");
    if (i == kFirstWorker) agent.role.work_ms = setup.slow_ms;
  }
  // Groups are there before the first broadcast.
  for (size_t i = kAgents; i-- > 0;) Start(i);
}

void Stage::Start(size_t index) {
  Agent& agent = agents_[index];
  const std::string name = (index < kPublishers ? "p" : "c") + std::to_string(index);
  agent.role.name = name + "." + std::to_string(agent.incarnation++);
  agent.role.journal = folder_ + "/" + agent.role.name;
  agent.role.seed += kAgents;
  agent.member = ledger_.Follow(agent.role.journal, agent.group);
  // env(1) becomes the program: the process is still the same.
  std::vector<std::string> arguments = agent.environment;
  arguments.push_back(std::filesystem::read_symlink("/proc/self/exe"));
  arguments.emplace_back(index < kPublishers ? "--publisher" : "--consumer");
  for (std::string& argument : agent.role.Arguments()) arguments.push_back(std::move(argument));
  agent.process = std::make_unique<test::Process>("env", arguments);
  if (!agent.process->ReadLineWith("ready")) throw std::runtime_error(agent.role.name + " did not start");
}

void Stage::Restart(size_t agent) { Start(agent); }

size_t Stage::RestartDead() {
  size_t restarted = 0;
  for (size_t i = 0; i < kAgents; ++i) {
    if (agents_[i].process->Running()) continue;
    Start(i);
    ++restarted;
  }
  return restarted;
}

std::optional<int64_t> Stage::AllSucceededAt(int64_t time, std::string* last) {
  int64_t latest = 0;
  for (const Agent& agent : agents_) {
    const auto& successes = agent.member->successes;
    const auto first = std::lower_bound(successes.begin(), successes.end(), time);
    if (first != successes.end() && *first <= latest) continue;
    *last = agent.role.name;
    if (first == successes.end()) return std::nullopt;
    latest = *first;
  }
  return latest;
}

void Stage::Publish(const std::string& key) {
  Message message(key);
  message.SetTarget(kWorker);
  journal_.Write(Note::kPublishing, key);
  const mq_status status = mq_publish(bus_->get(), kOrders, message.get());
  journal_.Write(Note::kPublished, key, status, message.id());
}

std::vector<std::string> Stage::DeadLetters() {
  return Keys([this](size_t offset) { return bus_->DeadLetters({}, kPage, offset); });
}

std::vector<std::string> Stage::Remaining() {
  return Keys([this](size_t offset) { return bus_->Find({}, kPage, offset); });
}

bool Stage::StopAgents(size_t begin, size_t end) {
  bool in_order = true;
  for (size_t i = begin; i < end; ++i) agents_[i].process->WriteLine("stop");
  for (size_t i = begin; i < end; ++i) in_order &= agents_[i].process->Wait(60s) == 0;
  return in_order;
}

bool Stage::Drained(std::chrono::seconds deadline) {
  return test::Eventually(deadline, [this] {
    int64_t count = -1;
    return mq_count(bus_->get(), nullptr, &count) == MQ_OK && count == 0;
  });
}

}  // namespace agentmq::chaos
