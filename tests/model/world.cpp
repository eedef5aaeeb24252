#include "model/world.hpp"

#include <algorithm>

#include "support/backends.hpp"
#include "support/eventually.hpp"

namespace agentmq::test::model {
namespace {

using namespace std::chrono_literals;

constexpr int kAttempts = 3;
constexpr size_t kBuses = 3;
constexpr size_t kMostReaders = 7;
constexpr size_t kLimit = 12;
constexpr int64_t kPatience = 10'000;
const std::string kLimited = "jobs";

struct Address {
  const char* channel;
  const char* name;  // a target, or who reads; null: a broadcast
};
constexpr Address kTargets[] = {{"orders", "ann"},  {"orders", "ann"},   {"orders", "bob"},   {"orders", "crew"},
                                {"orders", "crew"}, {"orders", nullptr}, {"orders", nullptr}, {"orders", "crew:1"},
                                {"jobs", "ann"},    {"jobs", "crew"},    {"", "ann"},         {"", "bob"}};
constexpr Address kReaders[] = {{"orders", "ann"}, {"orders", "bob"}, {"orders", "crew:1"}, {"orders", "crew:2"},
                                {"orders", "ann"}, {"jobs", "ann"},   {"jobs", "crew:1"},   {"", "ann"},
                                {"", "ann"},       {"", "bob"}};
constexpr int kPriorities[] = {5, 5, 5, 1, 9, 200};

std::string In(const std::string& channel) { return channel.empty() ? "direct" : channel; }

QueueId QueueOf(const Address& place) {
  return {place.channel, place.name == nullptr ? "" : place.name, place.name == nullptr};
}

Config BusSettings(const char* close_timeout, const char* liveness) {
  return {{"retry_attempts", std::to_string(kAttempts)},
          {"backoff_base", std::to_string(kShort)},
          {"backoff_factor", "1"},
          {"backoff_jitter", "0"},
          {"liveness_timeout", liveness},
          {"close_timeout", close_timeout},
          {"breaker_failures", "0"},  // connections are cut all the time
          {"health_interval", "0"}};
}

}  // namespace

World::World(RedisServer* server)
    : server_(server),
      url_(server == nullptr ? "memory://" + UniqueName("model") : server->Url("namespace=" + UniqueName("model"))),
      reference_(kAttempts, server != nullptr) {
  buses_.resize(kBuses);
  for (size_t i = 0; i < kBuses; ++i) OpenBus(i);
  buses_[0]->Configure(kLimited.c_str(), {{"max_items", std::to_string(kLimit)}});
  reference_.Limit(kLimited, kLimit);
}

World::~World() {
  for (const Reader& reader : readers_) mq_subscription_free(reader.handle);
  held_.clear();
  settled_.clear();
  if (server_ != nullptr) mq_clear(buses_[0]->get(), "*", nullptr);
}

// With a close_timeout of 0 closing is a crash to everybody else: nothing is given back, and no lease is taken away. The
// liveness is long, so that a machine that is slow for some seconds is not taken for death.
void World::OpenBus(size_t index) { buses_[index] = std::make_unique<Bus>(url_, BusSettings("0", "60s")); }

Verdict World::Run(const std::vector<Operation>& operations) {
  const int64_t began = Now();
  for (const Operation& operation : operations) {
    Eventually(5s, [&] { return Now() >= began + operation.not_before; });
    times_.push_back(Now() - began);
    reference_.NextStep();
    if (Verdict wrong = Do(operation); !wrong.empty()) return wrong;
  }
  return Finish();
}

Verdict World::Do(const Operation& operation) {
  switch (operation.kind) {
    case Kind::kPublish:
      return Publish(operation);
    case Kind::kFetch:
      return Fetch(operation);
    case Kind::kAck:
      return Ack(operation, false);
    case Kind::kAckAll:
      return AckAll(operation);
    case Kind::kAckId:
      return AckId(operation);
    case Kind::kNack:
      return Nack(operation, false);
    case Kind::kExtend:
      return Extend(operation, false);
    case Kind::kSettleAgain:
      return SettleAgain(operation);
    case Kind::kDelete:
      return Delete(operation);
    case Kind::kLookAtPending: {
      const Address& place = kReaders[operation.draws[0] % std::size(kReaders)];
      return LookAtPending(place.channel, place.name);
    }
    case Kind::kGet:
      return Get(operation);
    case Kind::kCount:
      return Count(operation);
    case Kind::kLookAtDead: {
      std::vector<std::string> ids;
      return LookAtDead(&ids);
    }
    case Kind::kReplay:
      return Replay(operation);
    case Kind::kSubscribe:
      return Subscribe(operation);
    case Kind::kUnsubscribe:
      if (!readers_.empty()) Unsubscribe(operation.draws[0] % readers_.size());
      return "";
    case Kind::kPassTime:
      PassTime();
      return "";
    case Kind::kRecover:
      Recover();
      return "";
    case Kind::kCloseBus:
    case Kind::kCrashBus:
      CloseBus(operation.draws[0] % buses_.size(), operation.kind == Kind::kCrashBus);
      return "";
    case Kind::kCrashAll:
      return CrashAll();
    case Kind::kClear:
      return Clear(operation);
    case Kind::kCutConnections:
      if (server_ == nullptr) return "";
      server_->Client().Must({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
      reference_.Disturb();
      Note("the server drops all connections");
      return "";
    case Kind::kForgetScripts:
      if (server_ == nullptr) return "";
      server_->Client().Must({"SCRIPT", "FLUSH"});
      Note("the server forgets its scripts");
      return "";
  }
  return "no such operation";
}

// ---- publishing and receiving ---------------------------------------------------------------------------------------

Verdict World::Publish(const Operation& operation) {
  const auto& [where, how, how_many, which] = operation.draws;
  const Address& place = kTargets[where % std::size(kTargets)];
  const size_t count = how_many % 20 == 0 ? 17 + how_many / 20 % 5 : how_many % 20 < 4 ? 3 : 1;
  const int64_t ttl = how % 12 == 0 ? kShort : how % 12 == 1 ? kLong : 0;
  const int64_t delay = place.name != nullptr && how / 480 % 8 == 0 ? kShort : 0;
  const size_t size = how / 12 % 40 == 0 ? 70'000 : 1;  // a payload that is kept apart
  std::vector<Message> messages;
  std::vector<mq_message*> handles;
  for (size_t i = 0; i < count; ++i) {
    Message message(std::to_string(++last_payload_) + std::string(size, '.'));
    message.SetTarget(place.name).SetPriority(kPriorities[(which + i / 8) % std::size(kPriorities)]);
    if (ttl > 0) message.SetTtl(Milliseconds(ttl));
    message.SetDelay(Milliseconds(delay));
    handles.push_back(message.get());
    messages.push_back(std::move(message));
  }
  mq_status status = MQ_OK;
  const Moment moment = During([&] {
    status = count == 1 ? mq_publish(bus(which), place.channel, handles[0])
                        : mq_publish_batch(bus(which), place.channel, handles.data(), count, nullptr, nullptr);
  });
  std::vector<Sent> sent;
  for (const Message& message : messages) {
    sent.push_back({std::string(message.id()), std::string(message.payload()), message.priority(),
                    ttl > 0 ? ttl + delay : 0, message.expires(), delay});
  }
  const Verdict verdict = reference_.Published(QueueOf(place), sent, count, status, moment);
  std::string line = "bus " + std::to_string(which % kBuses) + " publishes on " + In(place.channel) + " to " +
                     (place.name == nullptr ? "all" : place.name) + " with priority " +
                     std::to_string(messages[0].priority());
  if (ttl > 0) line += ", ttl " + std::to_string(ttl) + " ms";
  if (delay > 0) line += ", delay " + std::to_string(delay) + " ms";
  line += std::string(": ") + mq_status_name(status);
  for (const Message& message : messages) {
    if (status == MQ_OK) line += " " + reference_.Name(std::string(message.id()));
  }
  Note(line);
  return verdict;
}

Verdict World::Subscribe(const Operation& operation) {
  if (readers_.size() >= kMostReaders) return "";
  const auto& [who, how, where, from] = operation.draws;
  const Address& place = kReaders[who % std::size(kReaders)];
  constexpr size_t kPrefetches[] = {1, 1, 4, 32};
  Consumer consumer;
  consumer.bus = static_cast<int>(where % buses_.size());
  consumer.channel = place.channel;
  consumer.agent = place.name;
  consumer.from_start = from % 4 != 0;
  consumer.prefetch = kPrefetches[how % std::size(kPrefetches)];
  consumer.visibility = how / 4 % 3 == 0 ? kLong : kShort;
  // Without extension what was read ahead may lapse unseen: then nothing but one source is read, one at a time.
  consumer.auto_extend = how / 12 % 3 != 0 || !consumer.channel.empty() || consumer.prefetch > 1;
  return Enter(consumer);
}

Verdict World::Enter(const Consumer& consumer) {
  const Config settings{{"prefetch", std::to_string(consumer.prefetch)},
                        {"visibility_timeout", std::to_string(consumer.visibility)},
                        {"auto_extend", consumer.auto_extend ? "true" : "false"},
                        {"auto_extend_max", "0"},
                        {"start", consumer.from_start ? "all" : "new"}};
  Reader reader;
  reader.bus = static_cast<size_t>(consumer.bus);
  mq_status status = MQ_OK;
  const Moment moment = During([&] {
    status = mq_subscribe(buses_[reader.bus]->get(), consumer.channel.c_str(), consumer.agent.c_str(), settings.get(),
                          &reader.handle);
  });
  if (status == MQ_UNAVAILABLE) return "";
  if (status != MQ_OK) return std::string("subscribing answered ") + mq_status_name(status) + ": " + mq_last_error();
  reader.number = reference_.Subscribed(consumer, moment);
  readers_.push_back(reader);
  Note("consumer " + std::to_string(reader.number) + " of " + consumer.agent + " subscribes to " +
       In(consumer.channel) + " on bus " + std::to_string(reader.bus) +
       (consumer.from_start ? "" : " for what is new") + ", prefetch " + std::to_string(consumer.prefetch) +
       ", visibility " + std::to_string(consumer.visibility) + " ms" + (consumer.auto_extend ? "" : ", no extension"));
  return "";
}

Verdict World::Fetch(const Operation& operation) {
  if (readers_.empty()) return "";
  const auto& [who, how_many, how_long, unused] = operation.draws;
  const Reader& reader = readers_[who % readers_.size()];
  constexpr size_t kMost[] = {1, 1, 1, 3, 20, 40};
  const Moment now{Now(), Now()};
  const bool waits = how_long % 3 == 0 && reference_.SurelyHas(reader.number, now);
  mq_status status = MQ_OK;
  return FetchFrom(reader, kMost[how_many % std::size(kMost)], waits ? kPatience : 0, &status);
}

Verdict World::FetchFrom(const Reader& reader, size_t max, int64_t timeout, mq_status* status) {
  mq_list* fetched = nullptr;
  const Moment moment = During([&] { *status = mq_fetch_batch(reader.handle, max, timeout, &fetched); });
  MessageList list(fetched);
  std::vector<Delivered> messages;
  std::string line = "consumer " + std::to_string(reader.number) + " fetches " + std::to_string(max) +
                     (timeout > 0 ? ", waiting: " : ": ") + mq_status_name(*status);
  const std::string& agent = reference_.consumers().at(reader.number).agent;
  for (size_t i = 0; i < list.size(); ++i) {
    Holding holding;
    holding.consumer = reader.number;
    holding.message = std::make_shared<Message>(std::move(*list.Take(i)));
    const Message& message = *holding.message;
    holding.handle = {std::string(message.id()), message.target().empty() ? agent : "-", ++last_handle_};
    messages.push_back({holding.handle.id, std::string(message.payload()), message.priority(), message.deliveries(),
                        holding.handle.number});
    line += " " + reference_.Name(holding.handle.id) + " (" + std::to_string(message.deliveries()) + ")";
    held_.push_back(std::move(holding));
  }
  const Verdict verdict = reference_.Fetched(reader.number, max, *status, messages, moment);
  Note(line);
  return verdict;
}

// ---- consumers and buses that end -----------------------------------------------------------------------------------

void World::Unsubscribe(size_t index) {
  const Reader reader = readers_[index];
  readers_.erase(readers_.begin() + static_cast<std::ptrdiff_t>(index));
  const Moment moment = During([&] { mq_subscription_free(reader.handle); });
  reference_.Closed(reader.number, moment);
  Note("consumer " + std::to_string(reader.number) + " unsubscribes");
}

void World::CloseBus(size_t index, bool crash) {
  Note("bus " + std::to_string(index) + (crash ? " crashes" : " is closed and opened again"));
  for (size_t i = readers_.size(); i-- > 0;) {
    if (readers_[i].bus == index && !crash) Unsubscribe(i);
  }
  const Moment moment = During([&] { buses_[index].reset(); });
  for (const Reader& reader : readers_) {
    if (reader.bus != index) continue;
    reference_.Crashed(reader.number, moment);
    mq_subscription_free(reader.handle);
    dead_consumers_ = dead_consumers_ || server_ != nullptr;
  }
  std::erase_if(readers_, [&](const Reader& reader) { return reader.bus == index; });
  OpenBus(index);
}

Verdict World::CrashAll() {
  for (size_t i = 0; i < buses_.size(); ++i) CloseBus(i, true);
  return FindTheDead();
}

// On a server: consumers that nobody else is beside are told from the dead by a short silence.
Verdict World::FindTheDead() {
  if (!dead_consumers_) return "";
  for (size_t i = readers_.size(); i-- > 0;) Unsubscribe(i);
  Bus finder(url_, BusSettings("5s", "100ms"));
  std::vector<Subscription> beside;
  std::vector<std::pair<std::string, std::string>> readers = reference_.Readers();
  for (const auto& [channel, agent] : readers) {
    beside.push_back(finder.Subscribe(channel.c_str(), agent.c_str(), {{"prefetch", "1"}}));
  }
  // What the dead had is in no hand any more; what others left behind in order still has its time.
  std::string left;
  const bool found = Eventually(20s, [&] {
    for (const auto& [channel, agent] : readers) {
      const MessageList list = finder.GetPending(channel.c_str(), agent.c_str(), 10'000);
      for (size_t i = 0; i < list.size(); ++i) {
        if (list[i].state() != MQ_STATE_RESERVED) continue;
        left = list[i].id();
        if (reference_.IsWithDead(left, list[i].target().empty() ? agent : "-")) return false;
      }
    }
    return true;
  });
  if (!found) return reference_.Name(left) + " stays in the hand of a dead consumer";
  reference_.FoundDead({Now(), Now()});
  dead_consumers_ = false;
  Note("the dead consumers are found");
  return "";
}

// ---- time and the end -----------------------------------------------------------------------------------------------

void World::PassTime() {
  const int64_t next = reference_.NextDeadline(Now() - 2 * kSlack);
  if (next > Now() + 10 * kShort) return;
  Eventually(1s, [&] { return Now() > next + kSlack + 1; });
  Note("time passes");
}

void World::Recover() {
  mq_status status = MQ_OK;
  const Moment moment = During([&] { status = mq_recover_pending(buses_[0]->get(), nullptr, nullptr); });
  if (status == MQ_OK) reference_.Recovered(moment);
  Note(std::string("lapsed reservations are put back: ") + mq_status_name(status));
}

// What is left is delivered, in its order and with its number of attempts, to who comes then.
Verdict World::Finish() {
  Note("-- the end: all is fetched");
  while (!readers_.empty()) Unsubscribe(readers_.size() - 1);
  if (Verdict wrong = FindTheDead(); !wrong.empty()) return wrong;
  for (int64_t next = 0; (next = reference_.NextDeadline(Now() - 2 * kSlack)) < Now() + 10 * kShort;) {
    Eventually(1s, [&] { return Now() > next + 2 * kSlack; });
  }
  // The first calls after a cut may fail.
  Eventually(5s, [&] { return mq_recover_pending(buses_[0]->get(), nullptr, nullptr) == MQ_OK; });
  reference_.NextStep();
  Recover();
  std::vector<std::string> ids;
  if (Verdict wrong = LookAtDead(&ids); !wrong.empty()) return wrong;
  for (const Address& reader : kReaders) {
    if (Verdict wrong = EmptyFor(reader.channel, reader.name); !wrong.empty()) return wrong;
  }
  for (const Address& reader : kReaders) {
    if (Verdict wrong = LookAtPending(reader.channel, reader.name); !wrong.empty()) return wrong;
  }
  const Moment moment{Now(), Now()};
  return reference_.Emptied(moment);
}

Verdict World::EmptyFor(const std::string& channel, const std::string& agent) {
  Consumer consumer;
  consumer.channel = channel;
  consumer.agent = agent;
  consumer.visibility = kLong;
  if (Verdict wrong = Enter(consumer); !wrong.empty()) return wrong;
  if (readers_.empty()) return "no connection at the end";
  mq_status fetched = MQ_OK;
  for (int losses = 0; fetched == MQ_OK || (fetched == MQ_UNAVAILABLE && losses < 20);
       losses += fetched == MQ_OK ? 0 : 1) {
    reference_.NextStep();
    const size_t before = held_.size();
    if (Verdict wrong = FetchFrom(readers_.back(), 1, 0, &fetched); !wrong.empty()) return wrong;
    for (size_t i = before; i < held_.size(); ++i) {
      mq_status status = MQ_OK;
      const Moment moment = During([&] { status = mq_ack(bus(0), held_[i].message->get()); });
      if (Verdict wrong = reference_.Acked(held_[i].handle, status, moment); !wrong.empty()) return wrong;
    }
  }
  Unsubscribe(readers_.size() - 1);
  return "";
}

}  // namespace agentmq::test::model
