#include "redis/sentinels.hpp"

#include <algorithm>
#include <chrono>

#include "util/text.hpp"

namespace agentmq::redis {
namespace {

constexpr size_t kLearnedAtMost = 100;

Options ForSentinels(const Options& options) {
  Options theirs = options;
  theirs.sentinels.clear();
  theirs.user = options.sentinel_user;
  theirs.password = options.sentinel_password;
  theirs.database = 0;
  theirs.any_role = true;
  return theirs;
}

// "host", "port"
std::optional<Address> ToAddress(std::string_view host, std::string_view port) {
  const auto number = ParseInteger(port);
  if (host.empty() || !number || *number < 1 || *number > 65535) return std::nullopt;
  return Address{std::string(host), {}, static_cast<int>(*number)};
}

std::string Field(const Reply& map, std::string_view name) {
  for (size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == name) return map.items[i + 1].text;
  }
  return {};
}

// One round trip.
Status Exchange(Connection& connection, std::span<Command> commands, std::span<Reply> replies,
                const Patience& patience) {
  for (Command& command : commands) {
    if (Status status = connection.Append(command, Digests{}); !status.ok()) return status;
  }
  return connection.Exchange(replies, patience, -1).status;
}

}  // namespace

Sentinels::Sentinels(const Options& options)
    : seeds_(options.sentinels), master_(options.master), options_(ForSentinels(options)) {}

std::vector<Address> Sentinels::Known() const {
  std::lock_guard lock(mutex_);
  std::vector<Address> known = seeds_;
  known.insert(known.end(), learned_.begin(), learned_.end());
  if (preferred_) {
    const auto at = std::find(known.begin(), known.end(), *preferred_);
    if (at != known.end()) std::rotate(known.begin(), at, at + 1);
  }
  return known;
}

void Sentinels::Prefer(const Address& sentinel) {
  std::lock_guard lock(mutex_);
  preferred_ = sentinel;
}

template <class Use>
Status Sentinels::TryEach(const Patience& patience, Use use) {
  const std::vector<Address> known = Known();
  std::string said;
  std::optional<Code> common;
  for (size_t i = 0; i < known.size(); ++i) {
    Options options = options_;
    options.address = known[i];
    // One that is silent leaves time for those behind it.
    const int64_t left = patience.deadline.Remaining();
    const int64_t share = left < 0 ? options.connect_timeout : left / static_cast<int64_t>(known.size() - i);
    const Patience bounded{Deadline::After(std::max<int64_t>(share, 1)), patience.cancel};
    auto connection = Connection::Open(options, bounded);
    Status status = connection.status();
    if (connection.ok()) status = use(std::move(*connection), known[i], bounded);
    if (status.ok()) {
      Prefer(known[i]);
      return status;
    }
    if (status.code() == Code::kInterrupted) return status;
    said += (said.empty() ? "" : "; ") + status.text();
    common = !common || *common == status.code() ? status.code() : Code::kUnavailable;
    if (patience.deadline.Expired()) break;
  }
  const bool final = common == Code::kAuth || common == Code::kTls;
  return {final ? *common : Code::kUnavailable, "no sentinel tells where master " + Quote(master_) + " is: " + said};
}

Result<Address> Sentinels::FindMaster(const Patience& patience) {
  const int64_t began = SteadyMillis();
  if (!BeginToAsk(patience.deadline)) {
    return Status(Code::kUnavailable, "no sentinel answers in time where master " + Quote(master_) + " is");
  }
  const std::unique_ptr<Sentinels, void (*)(Sentinels*)> end(this, [](Sentinels* self) { self->EndToAsk(); });
  {
    std::lock_guard lock(mutex_);
    if (answer_ && answered_at_ > began) return *answer_;
  }
  Address master;
  const auto ask = [&](std::unique_ptr<Connection> sentinel, const Address& address, const Patience& bounded) {
    Result<Address> found = Ask(*sentinel, address, bounded);
    if (!found.ok()) return Status(found.code(), address.Text() + ": " + found.status().text());
    master = std::move(*found);
    return Status::Ok();
  };
  if (Status status = TryEach(patience, ask); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  answer_ = master;
  answered_at_ = SteadyMillis();
  return master;
}

bool Sentinels::BeginToAsk(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto free = [this] { return !asking_; };
  const int64_t left = deadline.Remaining();
  if (left < 0) {
    asked_.wait(lock, free);
  } else if (!asked_.wait_for(lock, std::chrono::milliseconds(left), free)) {
    return false;
  }
  asking_ = true;
  return true;
}

void Sentinels::EndToAsk() {
  {
    std::lock_guard lock(mutex_);
    asking_ = false;
  }
  asked_.notify_one();
}

// SENTINEL GET-MASTER-ADDR-BY-NAME master, SENTINEL SENTINELS master
Result<Address> Sentinels::Ask(Connection& sentinel, const Address& address, const Patience& patience) {
  std::vector<Command> commands;
  commands.push_back(Command{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_});
  commands.push_back(Command{"SENTINEL", "SENTINELS", master_});
  std::vector<Reply> replies(commands.size());
  if (Status status = Exchange(sentinel, commands, replies, patience); !status.ok()) return status;
  if (replies[0].is_error()) return ErrorStatus(replies[0]);
  if (replies[0].is_nil()) return Status(Code::kUnavailable, "it knows no such master");
  const auto master = ToAddress(replies[0].At(0).text, replies[0].At(1).text);
  if (!master) return Status(Code::kProtocol, "its answer names no address");
  Learn(replies[1], address);
  return *master;
}

// Who may not ask, or is told nothing of use, goes on with what is known.
void Sentinels::Learn(const Reply& sentinels, const Address& teller) {
  if (!sentinels.is_array()) return;
  std::vector<Address> learned;
  const auto add = [&](const Address& address) {
    const bool is_seed = std::find(seeds_.begin(), seeds_.end(), address) != seeds_.end();
    if (!is_seed && learned.size() < kLearnedAtMost) learned.push_back(address);
  };
  add(teller);  // it does not name itself
  for (const Reply& sentinel : sentinels.items) {
    if (const auto address = ToAddress(Field(sentinel, "ip"), Field(sentinel, "port"))) add(*address);
  }
  std::lock_guard lock(mutex_);
  learned_ = std::move(learned);
}

// SUBSCRIBE +switch-master
Result<std::unique_ptr<Connection>> Sentinels::Subscribe(const Patience& patience) {
  std::unique_ptr<Connection> subscribed;
  Status status =
      TryEach(patience, [&](std::unique_ptr<Connection> sentinel, const Address& address, const Patience& bounded) {
        std::vector<Command> commands;
        commands.push_back(Command{"SUBSCRIBE", "+switch-master"});
        Reply reply;
        Status done = Exchange(*sentinel, commands, {&reply, 1}, bounded);
        if (done.ok() && reply.is_error()) done = ErrorStatus(reply);
        if (!done.ok()) return Status(done.code(), address.Text() + ": " + done.text());
        subscribed = std::move(sentinel);
        return Status::Ok();
      });
  if (!status.ok()) return status;
  return subscribed;
}

// "message", "+switch-master", "<master> <old host> <old port> <new host> <new port>"
std::optional<Address> Sentinels::SwitchedTo(const Reply& message) const {
  if (message.At(0).text != "message" || message.At(1).text != "+switch-master") return std::nullopt;
  const std::vector<std::string_view> words = Split(message.At(2).text, ' ');
  if (words.size() != 5 || words[0] != master_) return std::nullopt;
  return ToAddress(words[3], words[4]);
}

}  // namespace agentmq::redis
