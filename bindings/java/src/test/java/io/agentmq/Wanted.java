package io.agentmq;

import static org.junit.jupiter.api.Assertions.fail;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** What most tests want. */
final class Wanted {
  static final Duration PATIENCE = Duration.ofSeconds(20);
  static final Map<String, String> ALL = Map.of();
  static final String CHANNEL = "work";
  static final String AGENT = "worker";

  private Wanted() {}

  /** A message for the agent. */
  static Message text(String text) {
    return Message.of(text).target(AGENT).build();
  }

  static Message next(Subscription subscription) throws InterruptedException {
    return subscription.fetch(PATIENCE).orElseThrow(() -> new AssertionError("no message came"));
  }

  static List<Message> next(Subscription subscription, int count) throws InterruptedException {
    List<Message> all = new ArrayList<>();
    while (all.size() < count) {
      List<Message> more = subscription.fetchBatch(count - all.size(), PATIENCE);
      if (more.isEmpty()) fail(all.size() + " of " + count + " came");
      all.addAll(more);
    }
    return all;
  }

  /** Waits until it holds. */
  static void eventually(Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.call()) {
      if (System.nanoTime() > deadline) fail("it never came true");
      Thread.sleep(2); // between two looks
    }
  }

  /** Waits until a thread is in a native call. */
  static void untilWaiting(Thread thread) throws Exception {
    eventually(
        () -> {
          StackTraceElement[] stack = thread.getStackTrace();
          return stack.length > 0 && stack[0].isNativeMethod() && stack[0].getClassName().endsWith("NativeJNI");
        });
  }
}
