package io.agentmq;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Makes a native call that waits end when its thread is interrupted. A channel that was interrupted is closed by the
 * JDK at once, which here fires a token that the native call waits with.
 */
final class Wait extends AbstractInterruptibleChannel {
  /** A native call that a token ends. */
  interface Call {
    int with(long cancel);
  }

  // Tokens that did not fire serve again: making one takes a file descriptor. The last one lies where no lock is needed.
  private static final AtomicReference<Wait> LAST = new AtomicReference<>();
  private static final ArrayBlockingQueue<Wait> UNUSED = new ArrayBlockingQueue<>(64);

  private final long cancel = Native.mq_cancel_new();

  /**
   * Makes the call. Throws InterruptedCallException where an interrupt ended it, with the thread's flag set. Where the
   * call was done all the same its answer counts, and only the flag is set.
   */
  static int during(Call call) {
    Wait wait = LAST.getAndSet(null);
    if (wait == null) wait = UNUSED.poll();
    if (wait == null) wait = new Wait();
    boolean done = false;
    try {
      wait.begin();
      int answer = call.with(wait.cancel);
      done = true;
      return answer;
    } finally {
      wait.finish(done);
    }
  }

  /** As during(), in a method that declares InterruptedException. */
  static int interruptibly(Call call) throws InterruptedException {
    try {
      return during(call);
    } catch (InterruptedCallException e) {
      Thread.interrupted();
      throw new InterruptedException(e.getMessage());
    }
  }

  /** Milliseconds, rounded up; what a long can't hold is without end. */
  static long millis(String what, Duration duration) {
    if (duration.isNegative()) throw new InvalidException(what + " must not be negative, got " + duration);
    try {
      return duration.plusNanos(999_999).toMillis();
    } catch (ArithmeticException e) {
      return -1;
    }
  }

  private void finish(boolean done) {
    try {
      end(done);
    } catch (ClosedByInterruptException e) {
      // The call has told it, or was done nevertheless.
    } catch (IOException e) {
      throw new IllegalStateException(e); // nobody but an interrupt closes this channel
    } finally {
      if (!isOpen() || !LAST.compareAndSet(null, this) && !UNUSED.offer(this)) Native.mq_cancel_free(cancel);
    }
  }

  @Override
  protected void implCloseChannel() {
    Native.mq_cancel_fire(cancel);
  }
}
