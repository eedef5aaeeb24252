package io.agentmq;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;

/**
 * One agent's reader of one or several channels, made by {@link Bus#subscribe(String, String)}, or a listener, made by
 * {@link Bus#listen(String)}. Messages are taken by
 * fetching, by iterating, by futures, by a {@link Flow.Publisher} or by a handler; who takes shares them.
 *
 * <p>Thread-safe. {@link #close()} may be called from any thread and ends what waits with {@link ClosedException}; a
 * subscription that is forgotten is closed once it is collected. Every call throws {@link AgentMQException} when it
 * fails, and ClosedException after the end.
 */
public final class Subscription implements AutoCloseable, Iterable<Message> {
  private static final int PAGE_BYTES = 64 * 1024;

  private final Bus bus;
  final Handle handle;
  private final Cleaner.Cleanable cleanable;
  private final CountDownLatch ended = new CountDownLatch(1);
  private final AtomicReference<byte[]> page = new AtomicReference<>();
  private final Feed feed = new Feed(this);
  private final AtomicReference<HandlerLoop> loop = new AtomicReference<>();

  Subscription(Bus bus, long pointer) {
    this.bus = bus;
    handle = new Handle("subscription", pointer, Native::mq_unsubscribe, Native::mq_subscription_free);
    cleanable = Bus.CLEANER.register(this, handle::close);
  }

  /**
   * Reads another channel too, in priority order over all of them. Twice is no failure.
   *
   * @param channel the channel
   */
  public void addChannel(String channel) {
    run(subscription -> Native.mq_subscription_add(subscription, channel));
  }

  /**
   * Reads a channel no longer; its unseen messages go back.
   *
   * @param channel the channel
   * @throws NotFoundException where it is not read
   */
  public void removeChannel(String channel) {
    run(subscription -> Native.mq_subscription_remove(subscription, channel));
  }

  /**
   * Has its broadcasts begin anew, at another place: those that are there and those that the channel keeps (its settings
   * {@code retain} and {@code retain_count}) come again from there on, as to a new agent. It is the place of the agent, for
   * all its consumers; other agents are not disturbed. What its consumers have in hand is theirs no more.
   *
   * @param position "all", "new", a time (RFC 3339, Unix milliseconds, "-1h"), or the id of a broadcast, which is then the
   *     first
   * @throws InvalidException also for a listener, and where no broadcasts are read
   */
  public void seek(String position) {
    run(subscription -> Native.mq_seek(subscription, position));
  }

  /**
   * What a listener missed so far.
   *
   * @return how many messages, and how often
   * @throws InvalidException where it is no listener
   */
  public Losses lost() {
    long[] dropped = new long[1];
    long[] gaps = new long[1];
    run(subscription -> Native.mq_subscription_lost(subscription, dropped, gaps));
    return new Losses(dropped[0], gaps[0]);
  }

  /**
   * Takes the next message. Waits out an outage of the server up to the timeout.
   *
   * @param timeout how long to wait; zero looks once, {@link Bus#FOREVER} waits without end
   * @return the message; empty where none came in time
   * @throws InterruptedException where the thread is interrupted and no message was taken
   * @throws UnavailableException where there was no connection at the end
   */
  public Optional<Message> fetch(Duration timeout) throws InterruptedException {
    List<Message> one = fetchBatch(1, timeout);
    return one.isEmpty() ? Optional.empty() : Optional.of(one.get(0));
  }

  /**
   * Takes several messages, as soon as there is one.
   *
   * @param max at most so many, 1 to 1000; all of them together have to be below 2 GiB
   * @param timeout how long to wait; zero looks once, {@link Bus#FOREVER} waits without end
   * @return the messages; none where none came in time
   * @throws InterruptedException where the thread is interrupted and no message was taken
   * @throws UnavailableException where there was no connection at the end
   */
  public List<Message> fetchBatch(int max, Duration timeout) throws InterruptedException {
    long milliseconds = Wait.millis("timeout", timeout);
    byte[] reused = page.getAndSet(null);
    byte[] buffer = reused == null ? new byte[PAGE_BYTES] : reused;
    byte[][] flat = {buffer};
    try {
      Wait.interruptibly(
          cancel -> {
            run(subscription -> Native.mqs_fetch_flat(subscription, max, milliseconds, cancel, flat));
            return 0;
          });
      return Flat.messages(flat[0]);
    } finally {
      page.set(buffer);
    }
  }

  /**
   * The next message, when it comes. Cancelling the future, or its end by {@link CompletableFuture#orTimeout}, takes
   * the request back. One daemon thread of the subscription completes its futures; what depends on them must not wait
   * for long, or run elsewhere.
   *
   * @return a future that fails with ClosedException where the subscription ends
   */
  public CompletableFuture<Message> fetchAsync() {
    CompletableFuture<Message> taker = new CompletableFuture<>();
    feed.take(taker);
    return taker;
  }

  /**
   * The messages as a reactive stream. No more are fetched than were requested, subscribers of it share them, and
   * signals come on the thread of {@link #fetchAsync()}. It completes where the subscription ends. Messages have to be
   * settled.
   *
   * @return a publisher
   */
  public Flow.Publisher<Message> messages() {
    return new MessagePublisher(feed);
  }

  /**
   * The messages one by one. {@code hasNext()} waits for one, and is false when the subscription ends; it throws {@link
   * InterruptedCallException} where the thread is interrupted. Messages have to be settled.
   *
   * @return an iterator for one thread
   */
  @Override
  public Iterator<Message> iterator() {
    return new Iterator<>() {
      private Message next;

      @Override
      public boolean hasNext() {
        while (next == null) {
          try {
            next = fetch(Bus.FOREVER).orElse(null);
          } catch (ClosedException e) {
            return false;
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedCallException(e.getMessage());
          }
        }
        return true;
      }

      @Override
      public Message next() {
        if (!hasNext()) throw new NoSuchElementException();
        Message taken = next;
        next = null;
        return taken;
      }
    };
  }

  /**
   * Has messages worked on by a handler, on daemon threads of its own. Answers at once; ends with {@link #drain},
   * {@link
   * #unsubscribe} or {@link #close}. Acknowledgements are sent as by {@link Bus#ackAsync}.
   *
   * @param concurrency at most so many messages are worked on at a time; 1 or more
   * @param handler settles each message by its verdict; an exception counts as {@link Verdict#RETRY}
   * @throws InvalidException where a handler is set already
   */
  public void consume(int concurrency, Handler handler) {
    if (concurrency < 1) throw new InvalidException("concurrency must be at least 1, got " + concurrency);
    ExecutorService workers = Threads.pool("worker", concurrency);
    start(new HandlerLoop(this, bus, handler, concurrency, workers));
  }

  /**
   * The same on an executor of the caller's, for example one of virtual threads.
   *
   * @param concurrency at most so many messages are worked on at a time; 1 or more
   * @param executor runs the handler; has to live until the subscription was drained
   * @param handler settles each message by its verdict; an exception counts as {@link Verdict#RETRY}
   * @throws InvalidException where a handler is set already
   */
  public void consume(int concurrency, Executor executor, Handler handler) {
    if (concurrency < 1) throw new InvalidException("concurrency must be at least 1, got " + concurrency);
    start(new HandlerLoop(this, bus, handler, concurrency, executor));
  }

  /**
   * Ends in order: takes nothing new, gives unseen messages back, waits for the handlers, and for the bus' asynchronous
   * publishes and acks. The subscription is ended then, and can still be closed.
   *
   * @param timeout how long to wait; {@link Bus#FOREVER} waits without end
   * @return false: not all was done in time
   * @throws InterruptedException where the thread is interrupted
   * @throws PartialException where an asynchronous publish or ack failed since the last flush
   * @throws InvalidException from inside its own handler, which it would wait for
   */
  public boolean drain(Duration timeout) throws InterruptedException {
    long milliseconds = Wait.millis("timeout", timeout);
    HandlerLoop running = loop.get();
    if (running != null && running.inside()) {
      throw new InvalidException("a drain from inside a handler would wait for itself");
    }
    long begin = System.nanoTime();
    if (running != null) running.stop();
    int answer = call(subscription -> Native.mq_drain(subscription, milliseconds));
    end();
    if (answer != Status.OK.value()) return false;
    if (running != null && !running.await(milliseconds)) return false;
    return bus.flushFor(milliseconds < 0 ? -1 : Math.max(0, milliseconds - millisSince(begin)));
  }

  /**
   * Ends it: waiting calls throw {@link ClosedException}, unseen messages go back at once, a handler is called no more.
   * What was taken can still be settled.
   */
  public void unsubscribe() {
    run(Native::mq_unsubscribe);
    end();
  }

  /**
   * A file descriptor that is readable while a fetch would find something, for an event loop in native code. It must
   * not be read or closed.
   *
   * @return the descriptor, valid until the subscription is closed
   */
  public int fd() {
    return call(Native::mq_subscription_fd);
  }

  /**
   * Ends it as {@link #unsubscribe} does and frees it, once the last call in it has returned. Does not wait for
   * handlers: that is for {@link #drain}. Twice is no failure.
   */
  @Override
  public void close() {
    end();
    cleanable.clean();
  }

  /** Waits at most so long for the end. */
  void awaitEnd(long milliseconds) throws InterruptedException {
    if (ended.await(milliseconds, TimeUnit.MILLISECONDS)) throw handle.closedException();
  }

  private void start(HandlerLoop made) {
    if (handle.closed()) throw handle.closedException();
    if (!loop.compareAndSet(null, made)) throw new InvalidException("the subscription has a handler already");
    Threads.daemon("consumer", made).start();
  }

  private void end() {
    ended.countDown();
    HandlerLoop running = loop.get();
    if (running != null) running.stop();
    for (Message message : feed.end()) {
      try {
        bus.nack(message, Failure.TRANSIENT, Duration.ZERO, "who asked for it was cancelled");
      } catch (AgentMQException e) {
        // Its reservation lapses.
      }
    }
  }

  private void run(LongConsumer call) {
    call(
        subscription -> {
          call.accept(subscription);
          return null;
        });
  }

  private <R> R call(LongFunction<R> call) {
    try {
      return handle.call(call);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  private static long millisSince(long begin) {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
  }
}
