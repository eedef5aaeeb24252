package io.agentmq;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;

/**
 * A native handle that any thread may close while others are in calls with it: the last one out frees it.
 *
 * <p>Invariant: the pointer is valid between an enter() and its exit().
 */
final class Handle {
  private static final int CLOSING = 1 << 30;

  private final String name;
  private final long pointer;
  private final LongConsumer shutdown;
  private final LongConsumer free;
  private final AtomicInteger inside = new AtomicInteger();

  /** shutdown ends the calls that wait, and leaves the pointer valid. */
  Handle(String name, long pointer, LongConsumer shutdown, LongConsumer free) {
    this.name = name;
    this.pointer = pointer;
    this.shutdown = shutdown;
    this.free = free;
  }

  <R> R call(LongFunction<R> call) {
    long entered = enter();
    try {
      return call.apply(entered);
    } finally {
      exit();
    }
  }

  /** Does nothing the second time. */
  void close() {
    if (!count(CLOSING + 1)) return;
    try {
      shutdown.accept(pointer);
    } finally {
      exit();
    }
  }

  boolean closed() {
    return (inside.get() & CLOSING) != 0;
  }

  ClosedException closedException() {
    return new ClosedException("the " + name + " is closed");
  }

  private long enter() {
    if (!count(1)) throw closedException();
    return pointer;
  }

  private void exit() {
    if (inside.decrementAndGet() == CLOSING) free.accept(pointer);
  }

  private boolean count(int more) {
    int now = inside.get();
    while ((now & CLOSING) == 0) {
      if (inside.compareAndSet(now, now + more)) return true;
      now = inside.get();
    }
    return false;
  }
}
