package io.agentmq;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.ObjLongConsumer;

/**
 * An open bus: one store, one key prefix, one namespace.
 *
 * <p>Thread-safe. {@link #close()} may be called from any thread and ends what waits with {@link ClosedException}; a
 * bus that is forgotten is closed once it is collected. Every call throws {@link AgentMQException} when it fails, and
 * ClosedException after the end. Nothing found is no failure: it is an empty Optional, an empty list or false.
 *
 * <p>Durations are rounded up to milliseconds. Settings, and the fields of a filter, are named in docs/settings.md.
 * Texts must not contain U+0000: {@link InvalidException}.
 */
public final class Bus extends BusRequests implements AutoCloseable {
  /** The channel of direct inboxes. */
  public static final String DIRECT = "";

  /** As a timeout: waits without end. As a time to live: never expires. */
  public static final Duration FOREVER = ChronoUnit.FOREVER.getDuration();

  static final Cleaner CLEANER = Cleaner.create();

  private final Sender sender;
  private final Cleaner.Cleanable cleanable;

  private Bus(Calls calls, long asyncMax, long closeTimeout) {
    super(calls);
    Sender sends = new Sender(calls, asyncMax);
    sender = sends;
    cleanable =
        CLEANER.register(
            this,
            () -> { // must not refer to the bus
              sends.close(closeTimeout);
              calls.handle.close();
            });
  }

  /**
   * Opens a bus.
   *
   * @param url memory://name, redis://[user:password@]host[:port][/db], redis+unix:///path, or
   *     redis-sentinel://[user:password@]sentinel[:port],.../master[/db], or redis-cluster://host:port,host:port...;
   *     rediss, rediss-sentinel and rediss-cluster are over TLS, and it is the same with valkey. Settings may stand in the
   *     query. null: $AGENTMQ_URL, else redis://localhost:6379/0
   * @return the bus; the caller has to close it
   * @throws UnavailableException where there is no server within the setting {@code open_timeout}
   */
  public static Bus open(String url) {
    return open(url, Map.of());
  }

  /**
   * Opens a bus with settings.
   *
   * @param url as of {@link #open(String)}
   * @param settings by name; where the URL's query says something else, that counts
   * @return the bus; the caller has to close it
   * @throws InvalidException where there is no such setting, naming the nearest, or a value is out of its range
   */
  public static Bus open(String url, Map<String, String> settings) {
    return made(url, settings, (bus, config) -> Native.agentmq_open(url, config, bus));
  }

  /**
   * Opens a bus on a Redis Cluster or Valkey Cluster. The same as {@link #open(String, Map)} with "redis-cluster://" and
   * the nodes.
   *
   * @param nodes some of its nodes, each "host:port" or "[::1]:port"; one that answers tells of all
   * @param settings by name
   * @return the bus; the caller has to close it
   * @throws UnavailableException where no node answers within the setting {@code open_timeout}
   */
  public static Bus openCluster(List<String> nodes, Map<String, String> settings) {
    byte[] texts = Utf8.terminated("a node", nodes);
    return made("", settings, (bus, config) -> Native.mqs_open_cluster(texts, config, bus));
  }

  // url: its settings are those that the face goes by too; "" has none.
  private static Bus made(String url, Map<String, String> settings, ObjLongConsumer<long[]> open) {
    long[] bus = new long[1];
    long[] own = new long[2];
    Settings.with(
        settings,
        config -> {
          open.accept(bus, config);
          own[0] = Native.mqs_bus_setting(url, config, "async_max");
          own[1] = Native.mqs_bus_setting(url, config, "close_timeout");
        });
    Calls calls = new Calls(new Handle("bus", bus[0], Native::mq_shutdown, Native::agentmq_close));
    return new Bus(calls, own[0], own[1]);
  }

  /**
   * The version of the native library.
   *
   * @return like "1.2.3"
   */
  public static String version() {
    return Native.mq_version();
  }

  /**
   * The table of all settings: name, kind, type, default, range, help.
   *
   * @return a JSON array
   */
  public static String settings() {
    byte[][] json = new byte[1][];
    Native.mq_settings(json);
    return Utf8.text(json[0]);
  }

  /**
   * Sets a channel's own limits. They are kept on the server and hold for every process; others notice within 10 s.
   *
   * @param channel the channel, or {@link #DIRECT}
   * @param settings of a channel, by name; those that are not there return to the defaults of each bus
   */
  public void configure(String channel, Map<String, String> settings) {
    Settings.with(settings, config -> run(bus -> Native.mq_configure(bus, channel, config)));
  }

  /**
   * Ends every waiting call with {@link ClosedException}, now and later. The bus has to be closed all the same.
   */
  public void shutdown() {
    run(Native::mq_shutdown);
  }

  /**
   * Waits at most the setting {@code close_timeout} for asynchronous publishes and acks, ends every waiting call with
   * {@link ClosedException}, and frees the bus once the last call in it has returned. Subscriptions end too, and are
   * closed on their own. Twice is no failure.
   */
  @Override
  public void close() {
    cleanable.clean();
  }

  /**
   * Publishes a message: to its target on the channel, or to everyone there. It is stored when this returns; its status
   * is {@link Status#PARTIAL} where that is on fewer replicas or disks than {@link MessageBuilder#minReplicas} and {@link
   * MessageBuilder#fsync} ask for.
   *
   * @param channel the channel; {@link #DIRECT} needs a target
   * @param message the message
   * @return its id and timestamp
   * @throws FullException where a limit is reached
   * @throws UnavailableException where it was certainly not stored
   * @throws UnknownOutcomeException where it may have been stored
   * @throws InterruptedCallException where the thread is interrupted; the text says whether it may have been stored
   */
  public Published publish(String channel, Message message) {
    return publishBatch(channel, List.of(message)).get(0);
  }

  /**
   * Publishes many messages in few round trips. For each queue all or nothing up to 1,000 messages and 1 MiB, in steps
   * of that above.
   *
   * @param channel the channel
   * @param messages the messages, all of them together below 2 GiB
   * @return what became of each, in their order; where only part was stored the others say why
   * @throws AgentMQException where none was stored, as {@link #publish}
   */
  public List<Published> publishBatch(String channel, List<Message> messages) {
    return send(channel, Flat.list(messages));
  }

  /**
   * Publishes one message to many agents, a message of its own for each.
   *
   * @param channel the channel
   * @param message the message; its own target is left aside
   * @param targets the agents
   * @return what became of each, in the order of the targets; where only part was stored the others say why
   * @throws AgentMQException where none was stored, as {@link #publish}
   */
  public List<Published> publishMany(String channel, Message message, List<String> targets) {
    return send(channel, Flat.list(message, targets));
  }

  /**
   * Publishes to an agent's direct inbox.
   *
   * @param target the agent
   * @param message the message; its own target is left aside
   * @return its id and timestamp
   * @throws AgentMQException as {@link #publish}
   */
  public Published sendTo(String target, Message message) {
    return publishMany(DIRECT, message, List.of(target)).get(0);
  }

  /**
   * Publishes without waiting. Messages of many callers are gathered into few round trips, in the order of the calls.
   *
   * @param channel the channel
   * @param message the message
   * @return a future that has its id once it is stored, or fails with {@link AgentMQException}. One daemon thread of
   *     the bus completes the futures; what depends on them must not wait for long, or run elsewhere
   * @throws FullException where the setting {@code async_max} are waiting
   */
  public CompletableFuture<Published> publishAsync(String channel, Message message) {
    return sender.publish(channel, message);
  }

  /**
   * Waits until the asynchronous publishes and acks so far are done, and with the setting {@code audit} until the records of
   * what was done so far are written.
   *
   * @param timeout how long to wait; {@link #FOREVER} waits without end
   * @return false: they were not done in time
   * @throws InterruptedException where the thread is interrupted
   * @throws PartialException where one since the last flush failed; its future says why
   */
  public boolean flush(Duration timeout) throws InterruptedException {
    return flushFor(Wait.millis("timeout", timeout));
  }

  /**
   * Reads what is published on a channel for an agent: what is targeted at it, and the channel's broadcasts. An agent
   * {@code type:instance} also competes for what is targeted at {@code type}. Subscriptions of one agent share its
   * messages.
   *
   * @param channel the channel; {@link #DIRECT}: the agent's direct inbox
   * @param agent who reads
   * @return the subscription; the caller has to close it
   */
  public Subscription subscribe(String channel, String agent) {
    return subscribe(channel, agent, Map.of());
  }

  /**
   * The same with settings.
   *
   * @param channel the channel; {@link #DIRECT}: the agent's direct inbox
   * @param agent who reads
   * @param settings of a subscription, by name
   * @return the subscription; the caller has to close it
   */
  public Subscription subscribe(String channel, String agent, Map<String, String> settings) {
    long[] subscription = new long[1];
    Settings.with(settings, config -> run(bus -> Native.mq_subscribe(bus, channel, agent, config, subscription)));
    return new Subscription(this, subscription[0]);
  }

  /**
   * Hears what is published with {@link Mode#PUBSUB} or {@link Mode#BOTH}, from now on, on the channels that fit a
   * pattern: {@code *} is any run of characters, {@code ?} any one, {@code [abc]} and {@code [a-z]} one of these, {@code
   * [^a-z]} one that is not, a backslash takes the next one as it is. Nothing is kept for a listener that is not there.
   * There is nothing to settle: that is an {@link InvalidException}, and what a handler answers changes nothing. It has
   * one pattern, channels can't be added or removed.
   *
   * @param pattern of channels
   * @return the listener; the caller has to close it
   */
  public Subscription listen(String pattern) {
    return listen(pattern, Map.of());
  }

  /**
   * The same with settings.
   *
   * @param pattern of channels
   * @param settings of a subscription, by name: {@code listen_buffer} and {@code listen_buffer_bytes} say how much waits to
   *     be fetched until the oldest make room; see {@link Subscription#lost}
   * @return the listener; the caller has to close it
   */
  public Subscription listen(String pattern, Map<String, String> settings) {
    long[] subscription = new long[1];
    Settings.with(settings, config -> run(bus -> Native.mq_listen(bus, pattern, config, subscription)));
    return new Subscription(this, subscription[0]);
  }

  /**
   * Acknowledges a message: it is done and leaves the queue. One that was only looked at is settled for its agent,
   * whoever holds it.
   *
   * @param message one that was fetched, pending or found
   * @throws StaleException where it was given to another consumer meanwhile; nothing changed
   * @throws NotFoundException where it was settled or deleted before
   */
  public void ack(Message message) {
    calls.ack(message);
    Reference.reachabilityFence(this);
  }

  /**
   * Acknowledges many messages in few round trips.
   *
   * @param messages as of {@link #ack}
   * @return the status of each, in their order
   * @throws AgentMQException where none was acknowledged, as {@link #ack}
   */
  public List<Status> ackBatch(List<Message> messages) {
    List<Status> statuses = calls.ackEach(messages);
    Reference.reachabilityFence(this);
    return statuses;
  }

  /**
   * Acknowledges by receipts, from this process or another.
   *
   * @param receipts what {@link Message#receipt()} said
   * @return the status of each, in their order
   * @throws AgentMQException where none was acknowledged, as {@link #ack}
   */
  public List<Status> ackReceipts(List<String> receipts) {
    List<Status> statuses = calls.ackReceipts(receipts);
    Reference.reachabilityFence(this);
    return statuses;
  }

  /**
   * Acknowledges a message by its id for an agent, whoever holds it, delivered or not.
   *
   * @param agent the agent; null: the message's target
   * @param id the message's id
   * @throws NotFoundException where there is no such message for the agent
   */
  public void ackId(String agent, String id) {
    calls.ackId(agent, id);
    Reference.reachabilityFence(this);
  }

  /**
   * Acknowledges without waiting; acks are gathered into few round trips.
   *
   * @param message as of {@link #ack}
   * @return a future as of {@link #publishAsync}
   */
  public CompletableFuture<Void> ackAsync(Message message) {
    return sender.ack(message);
  }

  /**
   * Gives a message back: a transient failure comes again after the back-off.
   *
   * @param message one that was fetched
   * @param failure a permanent one, or one that is out of attempts, goes to the dead letters
   * @throws StaleException where it was given to another consumer meanwhile; nothing changed
   * @throws NotFoundException where it was settled or deleted before
   */
  public void nack(Message message, Failure failure) {
    nackReceipt(message.receipt(), failure, null, null);
  }

  /**
   * The same with a delay and a reason.
   *
   * @param message one that was fetched
   * @param failure a permanent one, or one that is out of attempts, goes to the dead letters
   * @param delay until the next attempt; null: the back-off
   * @param reason why, in a sentence; may be null
   */
  public void nack(Message message, Failure failure, Duration delay, String reason) {
    nackReceipt(message.receipt(), failure, delay, reason);
  }

  /**
   * Gives a message back by its receipt, from this process or another.
   *
   * @param receipt what {@link Message#receipt()} said
   * @param failure a permanent one, or one that is out of attempts, goes to the dead letters
   * @param delay until the next attempt; null: the back-off of its subscription, or where that is not one of this bus,
   *     of the bus
   * @param reason why, in a sentence; may be null
   */
  public void nackReceipt(String receipt, Failure failure, Duration delay, String reason) {
    calls.nack(receipt, failure, delay == null ? -1 : Wait.millis("delay", delay), reason);
    Reference.reachabilityFence(this);
  }

  /**
   * Reserves a message anew from now on; then that deadline counts, and it is no longer extended by itself.
   *
   * @param message one that was fetched
   * @param visibilityTimeout for how long
   * @throws StaleException where it was given to another consumer meanwhile; nothing changed
   */
  public void extend(Message message, Duration visibilityTimeout) {
    extendReceipt(message.receipt(), visibilityTimeout);
  }

  /**
   * The same by receipt, from this process or another.
   *
   * @param receipt what {@link Message#receipt()} said
   * @param visibilityTimeout for how long
   */
  public void extendReceipt(String receipt, Duration visibilityTimeout) {
    long milliseconds = Wait.millis("visibilityTimeout", visibilityTimeout);
    run(bus -> Native.mq_extend_receipt(bus, receipt, milliseconds));
  }

  // As flush(), in ms.
  boolean flushFor(long timeout) throws InterruptedException {
    long begin = System.nanoTime();
    if (!sender.flush(timeout)) return false;
    long passed = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
    long left = timeout < 0 ? -1 : Math.max(0, timeout - passed);
    return waiting((bus, cancel) -> Native.mq_flush_with(bus, left, cancel)) == Status.OK.value();
  }

  private List<Published> send(String channel, byte[] list) {
    List<Published> sent = calls.publish(channel, list);
    Reference.reachabilityFence(this);
    return sent;
  }
}
