package io.agentmq;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;

/**
 * Completes futures with the messages of a subscription, in order, from one thread. It fetches no more than are asked
 * for; what came for a future that was cancelled meanwhile is kept for the next one.
 */
final class Feed {
  private static final int BATCH = 16; // so many of the default max_payload fit into one page

  private final Subscription subscription;
  private final ExecutorService executor = Threads.pool("feed", 1);

  // Guarded by this.
  private final ArrayDeque<CompletableFuture<Message>> takers = new ArrayDeque<>();
  private final ArrayDeque<Message> kept = new ArrayDeque<>();
  private boolean running;
  private Thread fetching; // null while the feed's thread does something else

  Feed(Subscription subscription) {
    this.subscription = subscription;
  }

  /** The future may carry its callbacks already: they run on the feed's thread, in order. */
  void take(CompletableFuture<Message> taker) {
    taker.whenComplete((message, failure) -> forget(taker));
    synchronized (this) {
      takers.add(taker);
      if (running) return;
      running = true;
      executor.execute(this::serve);
    }
  }

  /** The subscription ends: what nobody took. */
  synchronized List<Message> end() {
    List<Message> left = new ArrayList<>(kept);
    kept.clear();
    return left;
  }

  // Where nobody wants a message any more the fetch that waits for one has to end.
  private synchronized void forget(CompletableFuture<Message> taker) {
    takers.remove(taker);
    if (takers.isEmpty() && fetching != null) fetching.interrupt();
  }

  private void serve() {
    for (int wanted = wanted(); wanted > 0; wanted = wanted()) {
      try {
        for (Message message : fetch(wanted)) give(message);
      } catch (InterruptedException e) {
        // Somebody was cancelled: look again.
      } catch (RuntimeException e) {
        for (CompletableFuture<Message> taker = next(); taker != null; taker = next()) taker.completeExceptionally(e);
      }
    }
  }

  private synchronized int wanted() {
    running = !takers.isEmpty();
    return Math.min(takers.size(), BATCH);
  }

  private List<Message> fetch(int wanted) throws InterruptedException {
    synchronized (this) {
      if (!kept.isEmpty()) return List.of(kept.remove());
      if (takers.isEmpty()) return List.of();
      fetching = Thread.currentThread();
    }
    try {
      return subscription.fetchBatch(wanted, Bus.FOREVER);
    } finally {
      synchronized (this) {
        fetching = null;
        Thread.interrupted(); // it was meant for the fetch
      }
    }
  }

  private void give(Message message) {
    for (CompletableFuture<Message> taker = next(); taker != null; taker = next()) {
      if (taker.complete(message)) return;
    }
    synchronized (this) {
      kept.add(message);
    }
  }

  private synchronized CompletableFuture<Message> next() {
    return takers.poll();
  }
}
