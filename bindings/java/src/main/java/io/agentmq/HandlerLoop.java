package io.agentmq;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Has the messages of a subscription worked on by a handler: one thread fetches as many as there are free places, an
 * executor's threads work.
 *
 * <p>Invariant: a message that was fetched has a place until it is settled.
 */
final class HandlerLoop implements Runnable {
  private static final int BATCH = 16; // so many of the default max_payload fit into one page
  private static final long PAUSE_MS = 1000;
  private static final int LONGEST_REASON = 4000;
  private static final ThreadLocal<HandlerLoop> INSIDE = new ThreadLocal<>();

  private final Subscription subscription;
  private final Bus bus;
  private final Handler handler;
  private final int concurrency;
  private final Executor executor;
  private final Semaphore places;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean stopping;

  HandlerLoop(Subscription subscription, Bus bus, Handler handler, int concurrency, Executor executor) {
    this.subscription = subscription;
    this.bus = bus;
    this.handler = handler;
    this.concurrency = concurrency;
    this.executor = executor;
    places = new Semaphore(concurrency);
  }

  /** Whether this thread is in a handler of this loop. */
  boolean inside() {
    return INSIDE.get() == this;
  }

  /** Takes nothing new; the subscription has to be ended too, which wakes it up. */
  void stop() {
    stopping = true;
  }

  /** Waits for the handlers after stop(); false: they still run. */
  boolean await(long timeout) throws InterruptedException {
    long begin = System.nanoTime();
    long nanos = timeout < 0 ? Long.MAX_VALUE : TimeUnit.MILLISECONDS.toNanos(timeout);
    if (!ended.await(nanos, TimeUnit.NANOSECONDS)) return false;
    if (!places.tryAcquire(concurrency, nanos - (System.nanoTime() - begin), TimeUnit.NANOSECONDS)) return false;
    places.release(concurrency);
    return true;
  }

  @Override
  public void run() {
    try {
      while (!stopping) {
        int room = room();
        List<Message> batch = List.of();
        try {
          batch = fetch(room);
        } finally {
          places.release(room - batch.size());
        }
        for (Message message : batch) start(message);
      }
    } catch (ClosedException | InterruptedException e) {
      // The end that stop() is for.
    } finally {
      ended.countDown();
    }
  }

  private int room() throws InterruptedException {
    places.acquire();
    int more = Math.min(places.availablePermits(), BATCH - 1); // nobody else takes any
    places.acquire(more);
    return 1 + more;
  }

  private List<Message> fetch(int room) throws InterruptedException {
    try {
      return subscription.fetchBatch(room, Bus.FOREVER);
    } catch (ClosedException e) {
      throw e;
    } catch (AgentMQException e) {
      subscription.awaitEnd(PAUSE_MS); // the library's log has told it; it may mend
      return List.of();
    }
  }

  private void start(Message message) {
    try {
      executor.execute(() -> work(message));
    } catch (RuntimeException e) {
      settle(message, Verdict.RETRY, e.toString());
      places.release();
    }
  }

  private void work(Message message) {
    INSIDE.set(this);
    Verdict verdict = Verdict.RETRY;
    String reason = null;
    try {
      verdict = handler.handle(message);
      if (verdict == null) {
        verdict = Verdict.RETRY;
        reason = "the handler answered null";
      }
    } catch (Throwable e) { // whatever it is, the message comes again
      if (e instanceof InterruptedException) Thread.currentThread().interrupt();
      reason = e.toString();
    } finally {
      INSIDE.remove();
      settle(message, verdict, reason);
      places.release();
    }
  }

  private void settle(Message message, Verdict verdict, String reason) {
    if (message.heard()) return; // whatever it says: nothing was kept
    try {
      if (verdict == Verdict.ACK) {
        bus.ackAsync(message);
      } else if (verdict != Verdict.SETTLED) {
        Failure failure = verdict == Verdict.REJECT ? Failure.PERMANENT : Failure.TRANSIENT;
        bus.nack(message, failure, null, shortened(reason));
      }
    } catch (AgentMQException e) {
      // It is not settled, and so it comes again.
    }
  }

  private static String shortened(String reason) {
    if (reason == null) return null;
    String text = reason.replace('\0', '\uFFFD');
    return text.length() <= LONGEST_REASON ? text : text.substring(0, LONGEST_REASON);
  }
}
