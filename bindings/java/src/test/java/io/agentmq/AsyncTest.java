package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.PATIENCE;
import static io.agentmq.Wanted.eventually;
import static io.agentmq.Wanted.next;
import static io.agentmq.Wanted.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Asynchronous publishing and acks, futures and streams. */
class AsyncTest {
  private static <T> T value(CompletableFuture<T> future) throws Exception {
    return future.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
  }

  @OnEachStore
  void AsynchronousPublishesKeepTheirOrder(Store store) throws Exception {
    int count = 3000;
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      List<CompletableFuture<Published>> sent = new ArrayList<>();
      for (int i = 0; i < count; i++) sent.add(bus.publishAsync(CHANNEL, text("" + i)));
      assertTrue(bus.flush(PATIENCE));
      List<CompletableFuture<Void>> acked = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        Message got = next(worker);
        assertEquals("" + i, got.text());
        assertEquals(got.id(), sent.get(i).getNow(null).id());
        acked.add(bus.ackAsync(got));
      }
      assertTrue(bus.flush(PATIENCE));
      for (CompletableFuture<Void> ack : acked) assertTrue(ack.isDone() && !ack.isCompletedExceptionally());
      assertEquals(0, bus.count(ALL));
    }
  }

  @OnEachStore
  void AFailureIsToldToItsFutureAndTheFlush(Store store) throws Exception {
    try (Bus bus = store.open("max_items", "1");
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      Message tooUrgent = Message.of("").target(AGENT).priority(999).build();
      CompletableFuture<Published> stored = bus.publishAsync(CHANNEL, text("1"));
      CompletableFuture<Published> full = bus.publishAsync(CHANNEL, text("2"));
      CompletableFuture<Published> wrong = bus.publishAsync(CHANNEL, tooUrgent);
      CompletableFuture<Published> other = bus.publishAsync(CHANNEL, Message.of("").target("other").build());
      assertThrows(PartialException.class, () -> bus.flush(PATIENCE));
      assertTrue(value(stored).stored());
      assertTrue(value(other).stored());
      assertInstanceOf(FullException.class, assertThrows(ExecutionException.class, () -> value(full)).getCause());
      assertInstanceOf(InvalidException.class, assertThrows(ExecutionException.class, () -> value(wrong)).getCause());
      assertTrue(bus.flush(PATIENCE), "told once");
      Message got = next(worker);
      bus.ack(got);
      CompletableFuture<Void> again = bus.ackAsync(got);
      assertInstanceOf(NotFoundException.class, assertThrows(ExecutionException.class, () -> value(again)).getCause());
    }
  }

  @OnEachStore
  void ACallbackMayPublishButNotFlush(Store store) throws Exception {
    try (Bus bus = store.open()) {
      CompletableFuture<CompletableFuture<Published>> second = new CompletableFuture<>();
      Runnable callback =
          () -> {
            // Where the message was stored before the callback was set this is the thread that set it.
            if (second.isDone() || !Thread.currentThread().getName().equals("agentmq-sender")) return;
            assertThrows(InvalidException.class, () -> bus.flush(PATIENCE));
            second.complete(bus.publishAsync(CHANNEL, text("2")));
          };
      eventually(
          () -> {
            bus.publishAsync(CHANNEL, text("1")).thenRun(callback);
            return second.isDone();
          });
      assertTrue(value(value(second)).stored());
    }
  }

  @OnEachStore
  void ClosingSendsWhatWasTaken(Store store) throws Exception {
    String url = store.url();
    try (Bus kept = Bus.open(url)) {
      Bus bus = Bus.open(url);
      List<CompletableFuture<Published>> sent = new ArrayList<>();
      for (int i = 0; i < 500; i++) sent.add(bus.publishAsync(CHANNEL, text("x")));
      bus.close();
      for (CompletableFuture<Published> one : sent) assertTrue(one.isDone() && one.getNow(null).stored());
      assertEquals(500, kept.count(ALL));
    }
  }

  @Test
  void ASettingIsThatOfTheUrlElseTheOneGivenElseTheDefault() {
    assertEquals(5000, closeTimeout("memory://x", Map.of()));
    assertEquals(3, closeTimeout("memory://x?async_max=7&my_close_timeout=8", Map.of("close_timeout", "3")));
    assertEquals(120_000, closeTimeout("", Map.of("close_timeout", "2m")));
    String twice = "memory://x?close_timeout=1s&async_max=7&close_timeout=50ms";
    assertEquals(50, closeTimeout(twice, Map.of("close_timeout", "1h")));
  }

  private static long closeTimeout(String url, Map<String, String> settings) {
    long[] answer = new long[1];
    Settings.with(settings, config -> answer[0] = Native.mqs_bus_setting(url, config, "close_timeout"));
    return answer[0];
  }

  @OnEachStore
  void TheLocalQueueHasALimit(Store store) throws Exception {
    try (Bus bus = Bus.open(store.url() + (store == Store.MEMORY ? "?" : "&") + "async_max=5")) {
      assertThrows(
          FullException.class,
          () -> {
            for (int i = 0; i < 1_000_000; i++) bus.publishAsync(CHANNEL, text("x"));
          });
      assertTrue(bus.flush(PATIENCE));
    }
  }

  @OnEachStore
  void FuturesTakeMessagesInOrder(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      List<CompletableFuture<Message>> futures = new ArrayList<>();
      for (int i = 0; i < 5; i++) futures.add(worker.fetchAsync());
      for (int i = 0; i < 5; i++) bus.publish(CHANNEL, text("" + i));
      for (int i = 0; i < 5; i++) {
        Message got = value(futures.get(i));
        assertEquals("" + i, got.text());
        bus.ack(got);
      }
      CompletableFuture<Message> last = worker.fetchAsync();
      worker.close();
      assertInstanceOf(ClosedException.class, assertThrows(ExecutionException.class, () -> value(last)).getCause());
      assertInstanceOf(
          ClosedException.class, assertThrows(ExecutionException.class, () -> value(worker.fetchAsync())).getCause());
    }
  }

  @OnEachStore
  void ACancelledFutureTakesNothing(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT);
        Subscription other = bus.subscribe(CHANNEL, AGENT)) {
      for (int i = 0; i < 20; i++) {
        CompletableFuture<Message> cancelled = worker.fetchAsync();
        cancelled.cancel(false);
        CompletableFuture<Message> late = worker.fetchAsync().orTimeout(1, TimeUnit.MILLISECONDS);
        assertThrows(ExecutionException.class, () -> value(late));
      }
      bus.publish(CHANNEL, text("x"));
      CompletableFuture<Message> taken = worker.fetchAsync();
      Message got = other.fetch(Duration.ofMillis(200)).orElseGet(() -> taken.join());
      assertEquals("x", got.text());
      taken.cancel(false);
    }
  }

  /** Keeps what it is told. */
  private static final class Kept implements Flow.Subscriber<Message> {
    final ConcurrentLinkedQueue<Message> messages = new ConcurrentLinkedQueue<>();
    final AtomicReference<Throwable> failure = new AtomicReference<>();
    final CountDownLatch end = new CountDownLatch(1);
    volatile Flow.Subscription link;

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      link = subscription;
    }

    @Override
    public void onNext(Message message) {
      messages.add(message);
    }

    @Override
    public void onError(Throwable throwable) {
      failure.set(throwable);
      end.countDown();
    }

    @Override
    public void onComplete() {
      end.countDown();
    }
  }

  @OnEachStore
  void AStreamGivesWhatIsRequested(Store store) throws Exception {
    try (Bus bus = store.open()) {
      bus.publishBatch(CHANNEL, Collections.nCopies(300, text("x")));
      Subscription worker = bus.subscribe(CHANNEL, AGENT, Store.map("prefetch", "1"));
      Kept kept = new Kept();
      worker.messages().subscribe(kept);
      kept.link.request(3);
      eventually(() -> kept.messages.size() == 3);
      kept.link.request(Long.MAX_VALUE);
      eventually(() -> kept.messages.size() == 300);
      assertEquals(300, kept.messages.stream().map(Message::id).distinct().count());
      bus.ackBatch(new ArrayList<>(kept.messages));
      worker.close();
      assertTrue(kept.end.await(PATIENCE.toMillis(), TimeUnit.MILLISECONDS));
      assertEquals(null, kept.failure.get());
      assertEquals(0, bus.count(ALL));
    }
  }

  @OnEachStore
  void AStreamMayBeCancelledOrMisused(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      Kept cancelled = new Kept();
      worker.messages().subscribe(cancelled);
      cancelled.link.request(10);
      cancelled.link.cancel();
      Kept wrong = new Kept();
      worker.messages().subscribe(wrong);
      wrong.link.request(0);
      assertTrue(wrong.end.await(PATIENCE.toMillis(), TimeUnit.MILLISECONDS));
      assertInstanceOf(IllegalArgumentException.class, wrong.failure.get());
      bus.publish(CHANNEL, text("x"));
      assertEquals("x", value(worker.fetchAsync()).text());
      assertEquals(0, cancelled.messages.size());
      assertFalse(cancelled.end.await(0, TimeUnit.MILLISECONDS));
    }
  }

  @OnEachStore
  void MessagesAreIterated(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      for (int i = 0; i < 10; i++) bus.publish(CHANNEL, text("" + i));
      int expected = 0;
      for (Message message : worker) {
        assertEquals("" + expected++, message.text());
        bus.ack(message);
        if (expected == 10) worker.unsubscribe();
      }
      assertEquals(10, expected);
    }
  }
}
