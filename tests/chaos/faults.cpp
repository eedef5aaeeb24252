// The faults. To add one: a function that injects and heals it, and a line in the table.
#include "fault.hpp"

#include <thread>

#include "support/eventually.hpp"

namespace agentmq::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Targets, in seconds.
constexpr double kProcessDeath = 5;
constexpr double kSilence = 7;   // command_timeout and 2 s
constexpr double kFailover = 2;  // after it is over

constexpr const char* kConfirm = "min_replicas=1&durability_timeout=50ms";

// How long a fault lasts is part of it; nothing is waited for here.
void For(milliseconds time) { std::this_thread::sleep_for(time); }

// Injects, lasts for a drawn time, and heals.
Strike During(milliseconds time, const std::function<void()>& inject, const std::function<void()>& heal) {
  Strike strike{Now()};
  inject();
  For(time);
  heal();
  strike.healed = Now();
  return strike;
}

test::RedisServer& Server(Stage& stage) { return stage.On<OneServer>().server(); }
test::Proxy& Way(Stage& stage) { return stage.On<OneServer>().proxy(); }

// Alone in its group the auditor is missed until it is there again; the others' messages go to their neighbours.
Strike KillConsumer(Stage& stage, Random& random) {
  const auto victim = static_cast<size_t>(random.Between(Stage::kFirstWorker, Stage::kTheAuditor));
  Strike strike = During(
      random.Between(0ms, 1000ms), [&] { stage.process(victim).Kill9(); }, [&] { stage.Restart(victim); });
  if (victim != Stage::kTheAuditor) strike.healed = strike.begun;
  return strike;
}

Strike KillPublisher(Stage& stage, Random& random) {
  const auto victim = static_cast<size_t>(random.Between(0, Stage::kPublishers - 1));
  return During(
      random.Between(0ms, 500ms), [&] { stage.process(victim).Kill9(); }, [&] { stage.Restart(victim); });
}

Strike KillServer(Stage& stage, Random& random) {
  return During(
      random.Between(0ms, 2000ms), [&] { Server(stage).Kill9(); }, [&] { Server(stage).Start(); });
}

Strike StopServer(Stage& stage, Random& random) {
  return During(
      random.Between(500ms, 7000ms), [&] { Server(stage).SigStop(); }, [&] { Server(stage).SigCont(); });
}

// For longer than its lease, mostly.
Strike StopConsumer(Stage& stage, Random& random) {
  const auto victim = static_cast<size_t>(random.Between(Stage::kFirstWorker, Stage::kTheAuditor));
  return During(
      random.Between(2000ms, 8000ms), [&] { stage.process(victim).Stop(); }, [&] { stage.process(victim).Continue(); });
}

Strike Cut(Stage& stage, Random& random) {
  return During(
      random.Between(0ms, 3000ms), [&] { Way(stage).Refuse(true); }, [&] { Way(stage).Refuse(false); });
}

Strike BlackHole(Stage& stage, Random& random) {
  return During(
      random.Between(500ms, 7000ms), [&] { Way(stage).BlackHole(true); }, [&] { Way(stage).BlackHole(false); });
}

// As when a router forgets what connections there were: healed at once, for whoever makes a new one.
Strike HalfOpen(Stage& stage, Random&) {
  return During(
      0ms, [&] { Way(stage).FreezeOpen(); }, [] {});
}

Strike Delay(Stage& stage, Random& random) {
  const milliseconds delay = random.Between(20ms, 400ms);
  return During(
      random.Between(1000ms, 3000ms), [&] { Way(stage).DelayReplies(delay); }, [&] { Way(stage).DelayReplies(0ms); });
}

Strike FlushScripts(Stage& stage, Random&) {
  return During(
      0ms,
      [&] {
        Server(stage).Client().Must({"SCRIPT", "FLUSH"});
      },
      [] {});
}

Strike KillClients(Stage& stage, Random&) {
  return During(
      0ms,
      [&] {
        Server(stage).Client().Must({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
      },
      [] {});
}

// What it holds already is more than it may.
Strike FillMemory(Stage& stage, Random& random) {
  return During(
      random.Between(500ms, 2000ms),
      [&] {
        Server(stage).Client().Must({"CONFIG", "SET", "maxmemory", "1mb"});
      },
      [&] {
        Server(stage).Client().Must({"CONFIG", "SET", "maxmemory", "0"});
      });
}

Strike StepServerClock(Stage& stage, Random& random) {
  const int64_t step = random.Between(0, 1) == 0 ? -3600 : 3600;
  return During(
      random.Between(0ms, 2000ms), [&] { stage.On<OneServer>().StepClock(step); },
      [&] { stage.On<OneServer>().StepClock(0); });
}

// It is over when all agree on the new master.
Strike FailOver(Stage& stage, Random& random) {
  auto& servers = stage.On<Replicated>();
  servers.AwaitReplicas();
  Strike strike{Now()};
  servers.FailOver(random);
  strike.healed = Now();
  servers.StartDead();
  return strike;
}

// Publishes that wait for a replica are confirmed again when there is one.
Strike FailOverConfirmed(Stage& stage, Random& random) {
  Strike strike = FailOver(stage, random);
  stage.On<Replicated>().AwaitReplicas();
  strike.healed = Now();
  return strike;
}

// The nodes beside the two hear of it later: the next one moves when all know of this one.
Strike MoveSlot(Stage& stage, Random& random) {
  auto& cluster = stage.On<InCluster>();
  Strike strike{Now()};
  cluster.MoveQueue(random);
  strike.healed = Now();
  cluster.AwaitMoved();
  return strike;
}

// Whoever receives it dies, and is started again, until it is given up.
Strike Poison(Stage& stage, Random& random) {
  Strike strike{Now()};
  const std::string key = std::string(kPoison) + "-" + std::to_string(random.Next());
  stage.Publish(key);
  test::Eventually(90s, [&] {
    stage.RestartDead();
    const std::vector<std::string> dead = stage.DeadLetters();
    return std::find(dead.begin(), dead.end(), key) != dead.end();
  });
  stage.RestartDead();
  strike.healed = Now();
  return strike;
}

Setup On(bool proxied, bool stepped_clock = false) {
  Setup setup;
  setup.topology = [=](const std::string& program) {
    return std::make_unique<OneServer>(program, proxied, stepped_clock);
  };
  return setup;
}

Setup OnSentinel(const std::string& query) {
  Setup setup;
  setup.topology = [](const std::string& program) { return std::make_unique<BehindSentinel>(program); };
  setup.query = query;
  return setup;
}

Setup OnCluster(bool replicas, const std::string& query = "") {
  Setup setup;
  setup.topology = [=](const std::string& program) { return std::make_unique<InCluster>(program, replicas); };
  setup.query = query;
  return setup;
}

Setup With(Setup setup, const std::function<void(Setup&)>& change) {
  change(setup);
  return setup;
}

Allowed Again(double recovery, bool after_ack = false) {
  Allowed allowed;
  allowed.again = true;
  allowed.after_ack = after_ack;
  allowed.recovery = recovery;
  return allowed;
}

Allowed Never(double recovery = kSilence, double wait = 0) {
  Allowed allowed;
  allowed.recovery = recovery;
  allowed.wait = wait;
  return allowed;
}

// Acknowledgements wait for no replica: some are forgotten, and their messages come again.
Allowed Forgotten(bool lost) {
  Allowed allowed = Again(kFailover, true);
  allowed.lost = lost;
  return allowed;
}

Allowed DeadPoison() {
  Allowed allowed = Again(kProcessDeath);
  allowed.dead_poison = true;
  return allowed;
}

}  // namespace

const std::vector<Fault>& Faults() {
  static const Setup wrong_clocks = With(On(false), [](Setup& setup) { setup.wrong_clocks = true; });
  static const Setup slow = With(On(false), [](Setup& setup) { setup.slow_ms = 100; });
  // Each death takes a lease, and five of them would take half a minute.
  static const Setup poison =
      With(On(false), [](Setup& setup) { setup.query = "liveness_timeout=1s&retry_attempts=3"; });
  static const std::vector<Fault> faults{
      {"none", "nothing is broken", On(false), Never(kSilence, 2), nullptr},
      {"kill-consumer", "kill -9 of a consumer", On(false), Again(kProcessDeath), KillConsumer, true},
      {"kill-publisher", "kill -9 of a publisher", On(false), Never(kProcessDeath), KillPublisher},
      {"kill-server", "kill -9 of the server", On(false), Again(kProcessDeath), KillServer},
      {"stop-server", "SIGSTOP of the server", On(false), Again(kSilence), StopServer},
      {"stop-consumer", "SIGSTOP of a consumer", On(false), Again(kSilence, true), StopConsumer, true},
      {"cut", "all connections are cut and refused", On(true), Again(kSilence), Cut},
      {"black-hole", "nothing passes, and no FIN", On(true), Again(kSilence), BlackHole},
      {"half-open", "connections are forgotten, new ones work", On(true), Again(kSilence), HalfOpen},
      {"delay", "replies are late", On(true), Never(), Delay},
      {"script-flush", "SCRIPT FLUSH", On(false), Never(), FlushScripts},
      {"client-kill", "CLIENT KILL of everything", On(false), Again(kSilence), KillClients},
      {"memory", "the server is out of memory", On(false), Never(), FillMemory},
      {"client-clock", "the clocks of some agents are an hour off", wrong_clocks, Never(kSilence, 2), nullptr},
      {"server-clock", "the server's clock is stepped by an hour", On(false, true), Again(kSilence), StepServerClock},
      {"slow-consumer", "one consumer takes 100 ms for each message", slow, Never(kSilence, 8), nullptr},
      {"poison", "a message kills whoever receives it", poison, DeadPoison(), Poison},
      {"failover", "kill -9 of a master whose replica was cut off just before; min_replicas=1", OnSentinel(kConfirm),
       Forgotten(false), FailOverConfirmed},
      {"failover-lossy", "the same, without min_replicas", OnSentinel(""), Forgotten(true), FailOver},
      {"cluster-failover", "the same in a cluster; min_replicas=1", OnCluster(true, kConfirm), Forgotten(false),
       FailOverConfirmed},
      {"cluster-lossy", "the same, without min_replicas", OnCluster(true), Forgotten(true), FailOver},
      {"slot-migration", "a queue's slot goes to another node, key by key", OnCluster(false), Never(), MoveSlot},
  };
  return faults;
}

}  // namespace agentmq::chaos
