package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.PATIENCE;
import static io.agentmq.Wanted.eventually;
import static io.agentmq.Wanted.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

class ConsumeTest {
  @OnEachStore
  void VerdictsSettle(Store store) throws Exception {
    Map<String, AtomicInteger> calls = new ConcurrentHashMap<>();
    try (Bus bus = store.open("retry_attempts", "3");
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      for (String text : List.of("ack", "retry", "reject", "settled", "throw", "null")) {
        bus.publish(CHANNEL, text(text));
      }
      worker.consume(
          2,
          message -> {
            int call = calls.computeIfAbsent(message.text(), text -> new AtomicInteger()).incrementAndGet();
            switch (message.text()) {
              case "ack":
                return Verdict.ACK;
              case "retry":
                return call == 1 ? Verdict.RETRY : Verdict.ACK;
              case "reject":
                return Verdict.REJECT;
              case "settled":
                bus.ack(message);
                return Verdict.SETTLED;
              case "throw":
                throw new IllegalStateException("broken \uD83D\uDE00\0");
              default:
                return null;
            }
          });
      assertThrows(InvalidException.class, () -> worker.consume(1, message -> Verdict.ACK));
      eventually(() -> bus.deadLetters(ALL, 10, 0).size() == 3 && bus.count(ALL) == 0);
      assertTrue(worker.drain(PATIENCE));
      Map<String, Message> dead = new ConcurrentHashMap<>();
      for (Message message : bus.deadLetters(ALL, 10, 0)) dead.put(message.text(), message);
      assertEquals("java.lang.IllegalStateException: broken \uD83D\uDE00\uFFFD", dead.get("throw").reason());
      assertEquals(3, dead.get("throw").deliveries());
      assertEquals(1, dead.get("reject").deliveries());
      assertEquals("the handler answered null", dead.get("null").reason());
      assertEquals(2, calls.get("retry").get());
    }
  }

  @OnEachStore
  void ADrainWaitsForWhatRuns(Store store) throws Exception {
    CountDownLatch started = new CountDownLatch(2);
    CountDownLatch finish = new CountDownLatch(1);
    AtomicInteger most = new AtomicInteger();
    AtomicInteger running = new AtomicInteger();
    AtomicReference<Throwable> inside = new AtomicReference<>();
    String url = store.url();
    try (Bus bus = Bus.open(url);
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      for (int i = 0; i < 10; i++) bus.publish(CHANNEL, text("" + i));
      worker.consume(
          2,
          message -> {
            most.accumulateAndGet(running.incrementAndGet(), Math::max);
            inside.set(assertThrows(InvalidException.class, () -> worker.drain(Duration.ZERO)));
            started.countDown();
            finish.await();
            running.decrementAndGet();
            return Verdict.ACK;
          });
      started.await();
      assertFalse(worker.drain(Duration.ofMillis(20)));
      finish.countDown();
      assertTrue(worker.drain(PATIENCE));
      assertEquals(2, most.get());
      assertEquals(0, running.get());
      assertEquals(8, bus.count(ALL));
      assertInstanceOf(InvalidException.class, inside.get());
      assertThrows(ClosedException.class, () -> worker.fetch(Duration.ZERO));
      // What was not seen is there for others at once.
      try (Subscription other = bus.subscribe(CHANNEL, AGENT)) {
        List<Message> rest = Wanted.next(other, 8);
        for (Message message : rest) assertEquals(1, message.deliveries());
      }
    }
  }

  @OnEachStore
  void AnExecutorOfTheCallersWorks(Store store) throws Exception {
    ExecutorService executor = Executors.newFixedThreadPool(4);
    List<String> threads = new ArrayList<>();
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      worker.consume(
          4,
          executor,
          message -> {
            synchronized (threads) {
              threads.add(Thread.currentThread().getName());
            }
            return Verdict.ACK;
          });
      for (int i = 0; i < 200; i++) bus.publishAsync(CHANNEL, text("" + i));
      assertTrue(bus.flush(PATIENCE));
      eventually(() -> bus.count(ALL) == 0);
      assertTrue(worker.drain(PATIENCE));
      assertEquals(200, threads.size());
      assertTrue(threads.stream().allMatch(name -> name.startsWith("pool-")));
    } finally {
      executor.shutdown();
    }
  }

  @OnEachStore
  void ClosingEndsTheHandlers(Store store) throws Exception {
    AtomicInteger handled = new AtomicInteger();
    try (Bus bus = store.open()) {
      Subscription worker = bus.subscribe(CHANNEL, AGENT);
      worker.consume(
          1,
          message -> {
            handled.incrementAndGet();
            return Verdict.ACK;
          });
      bus.publish(CHANNEL, text("1"));
      eventually(() -> bus.count(ALL) == 0);
      worker.close();
      bus.publish(CHANNEL, text("2"));
      assertEquals(1, bus.count(Map.of("state", "queued")));
      assertEquals(1, handled.get());
    }
  }
}
