package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.PATIENCE;
import static io.agentmq.Wanted.eventually;
import static io.agentmq.Wanted.next;
import static io.agentmq.Wanted.text;
import static io.agentmq.Wanted.untilWaiting;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Closing, cancelling, threads, and the end of a server. */
class EndTest {
  /** A thread with a call that waits. */
  private static final class Waiter {
    final FutureTask<Object> task;
    final Thread thread;

    Waiter(Callable<Object> call) throws Exception {
      task =
          new FutureTask<>(
              () -> {
                try {
                  return call.call();
                } catch (Exception e) {
                  return e;
                }
              });
      thread = new Thread(task);
      thread.start();
      untilWaiting(thread);
    }

    Object outcome() throws Exception {
      return task.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  @OnEachStore
  void ClosingASubscriptionWakesWhoWaits(Store store) throws Exception {
    try (Bus bus = store.open()) {
      Subscription worker = bus.subscribe(CHANNEL, AGENT);
      List<Waiter> waiters = new ArrayList<>();
      for (int i = 0; i < 4; i++) waiters.add(new Waiter(() -> worker.fetch(Bus.FOREVER)));
      worker.close();
      for (Waiter waiter : waiters) assertInstanceOf(ClosedException.class, waiter.outcome());
      worker.close();
      assertThrows(ClosedException.class, () -> worker.fetch(Duration.ZERO));
      assertThrows(ClosedException.class, () -> worker.addChannel("b"));
      assertThrows(ClosedException.class, () -> worker.consume(1, message -> Verdict.ACK));
      assertThrows(ClosedException.class, worker::fd);
      assertThrows(ClosedException.class, worker::unsubscribe);
    }
  }

  @OnEachStore
  void ClosingABusWakesWhoWaits(Store store) throws Exception {
    Bus bus = store.open();
    Subscription worker = bus.subscribe(CHANNEL, AGENT);
    Waiter fetch = new Waiter(() -> worker.fetch(Bus.FOREVER));
    Waiter log = new Waiter(() -> bus.nextLog(Bus.FOREVER));
    bus.close();
    assertInstanceOf(ClosedException.class, fetch.outcome());
    assertInstanceOf(ClosedException.class, log.outcome());
    bus.close();
    ClosedException closed = assertThrows(ClosedException.class, () -> bus.publish(CHANNEL, text("x")));
    assertEquals(Status.CLOSED, closed.status());
    assertThrows(ClosedException.class, () -> bus.publishAsync(CHANNEL, text("x")));
    assertThrows(ClosedException.class, () -> bus.subscribe(CHANNEL, AGENT));
    assertThrows(ClosedException.class, () -> bus.count(ALL));
    assertThrows(ClosedException.class, bus::health);
    assertThrows(ClosedException.class, bus::shutdown);
    assertThrows(ClosedException.class, () -> worker.fetch(Duration.ZERO));
    worker.close();
  }

  @OnEachStore
  void AShutdownOrUnsubscribeLeavesTheRestToClose(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription one = bus.subscribe(CHANNEL, AGENT);
        Subscription two = bus.subscribe(CHANNEL, AGENT)) {
      Waiter first = new Waiter(() -> one.fetch(Bus.FOREVER));
      one.unsubscribe();
      assertInstanceOf(ClosedException.class, first.outcome());
      Waiter second = new Waiter(() -> two.fetch(Bus.FOREVER));
      bus.shutdown();
      assertInstanceOf(ClosedException.class, second.outcome());
      assertThrows(ClosedException.class, () -> bus.publish(CHANNEL, text("x")));
    }
  }

  @OnEachStore
  void ClosingInTheMiddleOfCallsIsSafe(Store store) throws Exception {
    for (int round = 0; round < 20; round++) {
      Bus bus = store.open();
      Subscription worker = bus.subscribe(CHANNEL, AGENT);
      List<Waiter> busy = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        busy.add(
            new Waiter(
                () -> {
                  while (true) {
                    bus.publish(CHANNEL, text("x"));
                    worker.fetch(Duration.ZERO).ifPresent(bus::ack);
                  }
                }));
      }
      if (round % 2 == 0) worker.close();
      bus.close();
      for (Waiter waiter : busy) assertInstanceOf(ClosedException.class, waiter.outcome());
      worker.close();
    }
  }

  @OnEachStore
  void AnInterruptEndsAWait(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      Waiter fetch = new Waiter(() -> worker.fetch(Bus.FOREVER));
      Waiter log = new Waiter(() -> bus.nextLog(Bus.FOREVER));
      fetch.thread.interrupt();
      assertInstanceOf(InterruptedException.class, fetch.outcome());
      log.thread.interrupt();
      assertInstanceOf(InterruptedException.class, log.outcome());
      Thread.currentThread().interrupt();
      assertThrows(InterruptedException.class, () -> worker.fetch(PATIENCE));
      assertFalse(Thread.interrupted());
      Thread.currentThread().interrupt();
      InterruptedCallException ended =
          assertThrows(InterruptedCallException.class, () -> bus.publish(CHANNEL, text("x")));
      assertEquals(Status.INTERRUPTED, ended.status());
      assertTrue(Thread.interrupted(), "the flag stays");
      bus.publish(CHANNEL, text("y"));
      bus.ack(next(worker));
    }
  }

  @OnEachStore
  void EightThreadsAtOnce(Store store) throws Exception {
    int each = 100;
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      ConcurrentLinkedQueue<String> got = new ConcurrentLinkedQueue<>();
      List<FutureTask<Void>> tasks = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        int number = t;
        FutureTask<Void> task =
            new FutureTask<>(
                () -> {
                  for (int i = 0; i < each; i++) {
                    bus.publish(CHANNEL, text(number + ":" + i));
                    Message message = next(worker);
                    got.add(message.text());
                    bus.ack(message);
                    // The text of an error is that of this thread's own call.
                    String name = "no_" + number + "_" + i;
                    Exception why = assertThrows(InvalidException.class, () -> bus.count(Map.of(name, "x")));
                    assertTrue(why.getMessage().contains(name), why.getMessage());
                  }
                  return null;
                });
        tasks.add(task);
        new Thread(task).start();
      }
      for (FutureTask<Void> task : tasks) task.get(2, TimeUnit.MINUTES);
      assertEquals(8 * each, got.stream().distinct().count());
      assertEquals(8 * each, got.size());
      assertEquals(0, bus.count(ALL));
    }
  }

  @OnEachStore
  void WhatIsForgottenIsClosed(Store store) throws Exception {
    Bus bus = store.open();
    Handle handle = forget(bus);
    eventually(
        () -> {
          System.gc();
          return handle.closed();
        });
    bus.close();
  }

  private static Handle forget(Bus bus) throws Exception {
    Subscription forgotten = bus.subscribe(CHANNEL, AGENT);
    assertTrue(forgotten.fetch(Duration.ZERO).isEmpty());
    return forgotten.handle;
  }

  @Test
  void ARestartOfTheServerLosesNothing() throws Exception {
    try (RedisServer server = new RedisServer(Path.of(System.getProperty("java.io.tmpdir")), true);
        Bus bus = Bus.open(server.url(), Store.map("open_timeout", "20s", "command_timeout", "20s"));
        Subscription worker = bus.subscribe(CHANNEL, AGENT, Store.map("prefetch", "1"))) {
      bus.publishBatch(CHANNEL, List.of(text("0"), text("1"), text("2")));
      Message held = next(worker);
      Waiter other = new Waiter(() -> bus.nextLog(PATIENCE));
      server.stop();
      server.start();
      bus.publish(CHANNEL, text("3"));
      bus.ack(held);
      for (int i = 1; i <= 3; i++) {
        Message got = next(worker);
        assertEquals("" + i, got.text());
        bus.ack(got);
      }
      assertEquals(0, bus.count(ALL));
      other.thread.interrupt();
      other.outcome();
    }
  }

  @Test
  void WithoutAServerItIsCertainlyNotDone() throws IOException {
    RedisServer server = new RedisServer(Path.of(System.getProperty("java.io.tmpdir")), false);
    String url = server.url();
    server.close();
    UnavailableException error =
        assertThrows(UnavailableException.class, () -> Bus.open(url, Store.map("open_timeout", "10ms")));
    assertTrue(error.retriable());
  }
}
