#include "redis/nodes.hpp"

#include <algorithm>

namespace agentmq::redis {
namespace {

constexpr int64_t kAskEvery = 30000;  // ms between questions while all is well
constexpr int64_t kAskTime = 1000;    // ms for one node to answer
constexpr int64_t kShortPause = 100;  // ms after a question that was asked in doubt,
constexpr int64_t kLongPause = 1000;  // doubled up to it while nothing changes

Options For(const Options& options, const Address& address) {
  Options one = options;
  one.address = address;
  return one;
}

}  // namespace

std::shared_ptr<Pool> Nodes::Map::Of(int slot) const {
  if (owners.empty()) return pools[0];
  const uint16_t owner = owners[static_cast<size_t>(slot)];
  return owner == Topology::kNobody ? nullptr : pools[owner];
}

Nodes::Nodes(const Options& options, EventSink events) : options_(options), events_(std::move(events)) {
  auto map = std::make_shared<Map>();
  if (is_cluster()) {
    map->owners = Topology().owners;
    map_ = std::move(map);
    thread_ = Thread("amq-nodes", [this] { Run(); });
  } else {
    map->pools.push_back(std::make_shared<Pool>(options_, events_));
    map_ = std::move(map);
  }
}

Nodes::~Nodes() {
  stopping_.store(true);
  wake_.Set();
  thread_.Join();
}

std::shared_ptr<const Nodes::Map> Nodes::map() const {
  std::lock_guard lock(mutex_);
  return map_;
}

void Nodes::Doubt() {
  if (is_cluster() && !doubt_.exchange(true)) wake_.Set();
}

void Nodes::Lost(Pool& pool, const Connection& connection, const Status& status) {
  if (pool.Lost(connection, status)) Tell();
  Doubt();
}

void Nodes::Run() {
  int64_t pause = kShortPause;
  while (!stopping_.load()) {
    (void)wake_.Wait({Deadline::After(doubt_.load() ? 0 : kAskEvery), nullptr});
    if (stopping_.load()) return;
    const bool doubted = doubt_.exchange(false);
    const auto before = map();
    (void)Ask(Deadline::After(5 * kAskTime));
    if (!doubted) continue;
    // Callers go on doubting while something fails: they are not followed at once each time.
    pause = before == map() ? std::min(2 * pause, kLongPause) : kShortPause;
    const Deadline until = Deadline::After(pause);
    while (!stopping_.load() && !until.Expired()) (void)wake_.Wait({until, nullptr});
  }
}

// Masters, in turn, then replicas, then those that the bus was opened with.
std::vector<Address> Nodes::Candidates() {
  std::vector<Address> candidates;
  const auto add = [&](const Address& address) {
    if (std::find(candidates.begin(), candidates.end(), address) == candidates.end()) candidates.push_back(address);
  };
  std::lock_guard lock(mutex_);
  const auto& masters = map_->pools;
  ++turn_;
  for (size_t i = 0; i < masters.size(); ++i) add(masters[(turn_ + i) % masters.size()]->address());
  for (const Address& replica : replicas_) add(replica);
  for (const Address& seed : options_.cluster) add(seed);
  return candidates;
}

Status Nodes::Ask(Deadline deadline) {
  if (!is_cluster()) return Status::Ok();
  Status failure;
  for (const Address& address : Candidates()) {
    if (stopping_.load() || (deadline.Expired() && !failure.ok())) break;
    Status status = AskOne(address, {deadline.Earlier(Deadline::After(kAskTime)), nullptr});
    if (status.ok()) return status;
    // What can't mend itself says more than a node that is away.
    if (failure.ok() || failure.code() == Code::kUnavailable) failure = std::move(status);
  }
  return failure;
}

// CLUSTER SHARDS, else CLUSTER SLOTS, of a node in any role.
Status Nodes::AskOne(const Address& address, const Patience& patience) {
  Options options = For(options_, address);
  options.any_role = true;
  auto connection = Connection::Open(options, patience);
  if (!connection.ok()) return connection.status();
  const auto ask = [&](const char* what, Reply* reply) {
    Command command{"CLUSTER", what};
    if (Status status = (*connection)->Append(command, Digests{}); !status.ok()) return status;
    Status status = (*connection)->Exchange({reply, 1}, patience, -1).status;
    return status.ok() ? status : Status(Code::kUnavailable, address.Text() + ": " + status.text());
  };
  Reply reply;
  if (Status status = ask("SHARDS", &reply); !status.ok()) return status;
  const bool by_shards = !reply.is_error();
  if (!by_shards) {
    if (Status status = ask("SLOTS", &reply); !status.ok()) return status;
  }
  if (reply.is_error()) {
    const Status status = ErrorStatus(reply);
    if (status.code() != Code::kProtocol) return {status.code(), address.Text() + ": " + status.text()};
    return {Code::kUnsupported, address.Text() + " is not part of a cluster: " + reply.text};
  }
  auto topology = by_shards ? ParseShards(reply, address, options_.tls != nullptr) : ParseSlots(reply, address);
  if (!topology.ok()) return topology.status();
  if (Adopt(*topology)) {
    events_(1, "cluster_changed", {{"told_by", address.Text()}, {"masters", std::to_string(topology->masters.size())}});
  }
  return Status::Ok();
}

std::shared_ptr<Pool> Nodes::PoolOf(const Map& known, const Address& address) const {
  for (const auto& pool : known.pools) {
    if (pool->address() == address) return pool;
  }
  const EventSink tell = [events = events_, node = address.Text()](int level, std::string_view event,
                                                                   const Details& details) {
    Details more = details;
    more.emplace_back("node", node);
    events(level, event, more);
  };
  return std::make_shared<Pool>(For(options_, address), tell);
}

// Answers whether anything is new.
bool Nodes::Adopt(const Topology& topology) {
  std::lock_guard changing(changing_);
  const auto before = map();
  auto after = std::make_shared<Map>();
  for (const Address& master : topology.masters) after->pools.push_back(PoolOf(*before, master));
  after->owners = topology.owners;
  {
    std::lock_guard lock(mutex_);
    replicas_ = topology.replicas;
  }
  bool same = true;
  for (int slot = 0; same && slot < kSlots; ++slot) same = before->Of(slot) == after->Of(slot);
  if (!same) Replace(std::move(after));
  return !same;
}

void Nodes::Replace(std::shared_ptr<const Map> map) {
  {
    std::lock_guard lock(mutex_);
    map_.swap(map);
  }
  Tell();
}

void Nodes::Tell() {
  std::lock_guard calling(calling_);
  if (changed_) changed_();
}

std::shared_ptr<Pool> Nodes::Redirected(const Reply& error, const Pool& by) {
  const auto redirection = ParseRedirection(error, by.address());
  if (!redirection.ok()) return nullptr;
  std::lock_guard changing(changing_);
  const auto before = map();
  auto pool = PoolOf(*before, redirection->to);
  if (redirection->ask) return pool;
  Doubt();
  if (before->Of(redirection->slot) == pool) return pool;
  auto after = std::make_shared<Map>(*before);
  const auto at = std::find(after->pools.begin(), after->pools.end(), pool);
  const auto index = static_cast<uint16_t>(at - after->pools.begin());
  if (at == after->pools.end()) after->pools.push_back(pool);
  after->owners[static_cast<size_t>(redirection->slot)] = index;
  Replace(std::move(after));
  return pool;
}

void Nodes::OnChange(std::function<void()> changed) {
  std::lock_guard calling(calling_);
  changed_ = std::move(changed);
}

}  // namespace agentmq::redis
