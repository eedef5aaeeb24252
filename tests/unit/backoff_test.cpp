#include "core/backoff.hpp"

#include <gtest/gtest.h>

#include "core/settings.hpp"

namespace agentmq {
namespace {

TEST(RetryPolicy, DelaysGrowByTheFactorUpToTheMaximum) {
  RetryPolicy policy;
  policy.base = 100;
  policy.factor = 3;
  policy.max = 1000;
  policy.jitter = 0;
  EXPECT_EQ(policy.Delay(1, 0.5), 100);
  EXPECT_EQ(policy.Delay(2, 0.5), 300);
  EXPECT_EQ(policy.Delay(3, 0.5), 900);
  EXPECT_EQ(policy.Delay(4, 0.5), 1000);
}

TEST(RetryPolicy, ManyAttemptsDoNotOverflow) {
  const RetryPolicy policy;
  EXPECT_EQ(policy.Delay(1000000, 0.5), policy.max);
  EXPECT_EQ(policy.Delay(0, 0.5), policy.base);
}

TEST(RetryPolicy, JitterMovesADelayBothWays) {
  RetryPolicy policy;
  policy.jitter = 0.1;
  EXPECT_EQ(policy.Delay(1, 0), 900);
  EXPECT_EQ(policy.Delay(1, 1), 1100);
  for (int i = 0; i < 1000; ++i) {
    const int64_t delay = policy.Delay(1);
    EXPECT_GE(delay, 900);
    EXPECT_LE(delay, 1100);
  }
}

TEST(RetryPolicy, ComesFromTheSettings) {
  Config config;
  ASSERT_TRUE(config.Set("backoff_base", "20ms").ok());
  ASSERT_TRUE(config.Set("retry_attempts", "7").ok());
  const RetryPolicy policy = RetryPolicy::From(config);
  EXPECT_EQ(policy.base, 20);
  EXPECT_EQ(policy.attempts, 7);
  EXPECT_EQ(policy.max, 300000);
  EXPECT_DOUBLE_EQ(policy.factor, 2);
}

TEST(Backoff, DoublesUpToItsMaximumAndStartsAnew) {
  Backoff backoff(100, 400);
  const auto within = [](int64_t delay, int64_t most) { return delay >= most * 3 / 4 && delay <= most; };
  EXPECT_PRED2(within, backoff.Next(), 100);
  EXPECT_PRED2(within, backoff.Next(), 200);
  EXPECT_PRED2(within, backoff.Next(), 400);
  EXPECT_PRED2(within, backoff.Next(), 400);
  backoff.Reset();
  EXPECT_PRED2(within, backoff.Next(), 100);
}

TEST(Backoff, NeverWaitsNotAtAll) {
  Backoff backoff(0, 0);
  EXPECT_EQ(backoff.Next(), 1);
}

}  // namespace
}  // namespace agentmq
