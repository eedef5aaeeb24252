#include "core/event_log.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "util/thread.hpp"

namespace agentmq {
namespace {

Patience AtOnce() { return {Deadline::After(0), nullptr}; }

TEST(EventLog, TellsEventsAsLinesOfJson) {
  std::vector<std::string> lines;
  std::vector<int> levels;
  EventLog log(kLogInfo, [&](int level, const char* json) {
    levels.push_back(level);
    lines.emplace_back(json);
  });
  log.Write(kLogWarn, "nacked", {{"id", "1a/b/c"}, {"reason", "line\nbreak \"quoted\" \xff"}});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(levels[0], kLogWarn);
  EXPECT_EQ(lines[0].find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(json["event"], "nacked");
  EXPECT_EQ(json["level"], "warn");
  EXPECT_EQ(json["id"], "1a/b/c");
  EXPECT_EQ(json["time"].get<std::string>().size(), std::string("2026-01-31T12:00:00.000Z").size());
}

TEST(EventLog, LeavesOutWhatIsBelowTheLevel) {
  int told = 0;
  EventLog log(kLogWarn, [&](int, const char*) { ++told; });
  EXPECT_FALSE(log.Wants(kLogInfo));
  EXPECT_TRUE(log.Wants(kLogError));
  log.Write(kLogInfo, "opened", {});
  EXPECT_EQ(told, 0);
}

TEST(EventLog, WantsNothingWhereNobodyListens) {
  const EventLog log(kLogDebug, nullptr);
  EXPECT_FALSE(log.Wants(kLogError));
}

TEST(EventLog, KeepsEventsFromTheFirstQuestionOn) {
  EventLog log(kLogDebug, nullptr);
  log.Write(kLogError, "before", {});
  EXPECT_EQ(log.Next(AtOnce()).code(), Code::kTimeout);
  log.Write(kLogError, "after", {});
  const auto line = log.Next(AtOnce());
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(nlohmann::json::parse(*line)["event"], "after");
}

TEST(EventLog, KeepsTheNewestThousand) {
  EventLog log(kLogDebug, nullptr);
  EXPECT_FALSE(log.Next(AtOnce()).ok());
  for (int i = 0; i < 1500; ++i) log.Write(kLogInfo, std::to_string(i), {});
  for (int i = 500; i < 1500; ++i) {
    const auto line = log.Next(AtOnce());
    ASSERT_TRUE(line.ok());
    ASSERT_EQ(nlohmann::json::parse(*line)["event"], std::to_string(i));
  }
  EXPECT_EQ(log.Next(AtOnce()).code(), Code::kTimeout);
}

TEST(EventLog, AnEventWakesAWaitingReader) {
  EventLog log(kLogDebug, nullptr);
  std::atomic<bool> heard{false};
  Thread reader("amq-test", [&] { heard = log.Next({}).ok(); });
  const Deadline deadline = Deadline::After(5000);
  while (!heard && !deadline.Expired()) log.Write(kLogInfo, "event", {});
  reader.Join();
  EXPECT_TRUE(heard);
}

TEST(EventLog, ShutdownAndCancelEndAWaitingReader) {
  EventLog log(kLogDebug, nullptr);
  Cancel cancel;
  std::atomic<Code> cancelled{Code::kOk};
  std::atomic<Code> closed{Code::kOk};
  Thread first("amq-test", [&] { cancelled = log.Next({Deadline::Never(), &cancel}).code(); });
  Thread second("amq-test", [&] { closed = log.Next({}).code(); });
  cancel.Fire();
  first.Join();
  log.Shutdown();
  second.Join();
  EXPECT_EQ(cancelled, Code::kInterrupted);
  EXPECT_EQ(closed, Code::kClosed);
  EXPECT_EQ(log.Next({}).code(), Code::kClosed);
}

TEST(EventLog, CallsBackOneAtATimeAndNotAfterDetach) {
  std::atomic<int> inside{0};
  std::atomic<int> told{0};
  std::atomic<bool> overlapped{false};
  EventLog log(kLogDebug, [&](int, const char*) {
    if (++inside > 1) overlapped = true;
    ++told;
    --inside;
  });
  std::vector<Thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back("amq-test", [&] {
      for (int n = 0; n < 500; ++n) log.Write(kLogInfo, "event", {});
    });
  }
  for (Thread& thread : threads) thread.Join();
  EXPECT_FALSE(overlapped);
  EXPECT_EQ(told, 2000);
  log.Detach();
  log.Write(kLogError, "late", {});
  EXPECT_EQ(told, 2000);
}

TEST(EventLog, ACallbackThatLogsDoesNotCallItself) {
  EventLog* log = nullptr;
  int told = 0;
  EventLog made(kLogDebug, [&](int, const char*) {
    ++told;
    log->Write(kLogError, "inner", {});
    log->Detach();
  });
  log = &made;
  made.Write(kLogInfo, "outer", {});
  EXPECT_EQ(told, 1);
}

TEST(EventLog, LevelsHaveNames) {
  EXPECT_EQ(LogLevelOf("debug"), kLogDebug);
  EXPECT_EQ(LogLevelOf("info"), kLogInfo);
  EXPECT_EQ(LogLevelOf("warn"), kLogWarn);
  EXPECT_EQ(LogLevelOf("error"), kLogError);
  EXPECT_EQ(LogLevelOf("loud"), kLogWarn);
}

}  // namespace
}  // namespace agentmq
