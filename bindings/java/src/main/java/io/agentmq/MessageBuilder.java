package io.agentmq;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * What is put together to a {@link Message}: {@code
 * Message.of("text").target("worker").priority(Message.HIGH).build()}. Belongs to one thread at a time. Wrong values
 * are refused when the message is published.
 */
public final class MessageBuilder {
  static final long TTL_UNSET = Long.MIN_VALUE;
  private static final long TTL_FOREVER = -1;
  static final int AS_THE_BUS = -1;

  String source = "";
  String target = "";
  String type = "";
  String correlationId = "";
  String replyTo = "";
  String contentType = "";
  String dedupKey = "";
  final Map<String, String> headers = new LinkedHashMap<>();
  byte[] payload;
  int priority = Message.NORMAL;
  long ttl = TTL_UNSET;
  long delay;
  int minReplicas = AS_THE_BUS;
  int fsync = AS_THE_BUS; // else 0 or 1
  Mode mode = Mode.QUEUE;

  MessageBuilder(byte[] payload) {
    this.payload = Objects.requireNonNull(payload, "payload");
  }

  MessageBuilder(Message of) {
    payload = of.payload();
    source = of.source();
    target = of.target();
    type = of.type();
    correlationId = of.correlationId();
    replyTo = of.replyTo();
    contentType = of.contentType();
    dedupKey = of.dedupKey();
    headers.putAll(of.headers());
    priority = of.priority();
    ttl = of.ttl();
    delay = of.delay();
    minReplicas = of.minReplicas();
    fsync = of.fsync();
    mode = of.mode();
  }

  /**
   * The payload.
   *
   * @param value the bytes; not copied, must not be changed until the message is published
   * @return this
   */
  public MessageBuilder payload(byte[] value) {
    payload = Objects.requireNonNull(value, "payload");
    return this;
  }

  /**
   * Who sends it; unset: the bus' {@code source}.
   *
   * @param value the agent, of at most 256 bytes; "" or null unsets it
   * @return this
   */
  public MessageBuilder source(String value) {
    source = value == null ? "" : value;
    return this;
  }

  /**
   * Which agent it is for; unset: everyone on the channel.
   *
   * @param value the agent, of at most 256 bytes; "" or null unsets it
   * @return this
   */
  public MessageBuilder target(String value) {
    target = value == null ? "" : value;
    return this;
  }

  /**
   * What kind of message it is: one of {@link MessageType}, or the application's own word.
   *
   * @param value any text of at most 64 KiB; "" or null unsets it
   * @return this
   */
  public MessageBuilder type(String value) {
    type = value == null ? "" : value;
    return this;
  }

  /**
   * What it belongs to.
   *
   * @param value any text of at most 64 KiB; "" or null unsets it
   * @return this
   */
  public MessageBuilder correlationId(String value) {
    correlationId = value == null ? "" : value;
    return this;
  }

  /**
   * Which agent wants the answer.
   *
   * @param value the agent, of at most 256 bytes; "" or null unsets it
   * @return this
   */
  public MessageBuilder replyTo(String value) {
    replyTo = value == null ? "" : value;
    return this;
  }

  /**
   * The payload's media type.
   *
   * @param value any text of at most 64 KiB; "" or null unsets it
   * @return this
   */
  public MessageBuilder contentType(String value) {
    contentType = value == null ? "" : value;
    return this;
  }

  /**
   * What makes a repeat known: while the channel's {@code dedup_window} lasts, from the first one on, another message with
   * the same key to the same queue is not stored; publishing it answers the first one's id and timestamp. The key is free
   * again when that message is deleted or becomes a dead letter.
   *
   * @param value any text of at most 1024 bytes; "" or null unsets it
   * @return this
   */
  public MessageBuilder dedupKey(String value) {
    dedupKey = value == null ? "" : value;
    return this;
  }

  /**
   * A header of the application's own. A repeated name replaces.
   *
   * @param name of 1 to 256 bytes
   * @param value any text of at most 64 KiB; null removes the header
   * @return this
   */
  public MessageBuilder header(String name, String value) {
    Objects.requireNonNull(name, "name");
    if (value == null) {
      headers.remove(name);
    } else {
      headers.put(name, value);
    }
    return this;
  }

  /**
   * The priority: the greater goes first; {@link Message#NORMAL} unless set.
   *
   * @param value 0 to 255
   * @return this
   */
  public MessageBuilder priority(int value) {
    priority = value;
    return this;
  }

  /**
   * How long it may wait to be delivered; unless set, the channel's {@code ttl}.
   *
   * @param value at least a millisecond, rounded up to milliseconds; {@link Bus#FOREVER}: it never expires
   * @return this
   * @throws InvalidException where it is negative
   */
  public MessageBuilder ttl(Duration value) {
    ttl = Bus.FOREVER.equals(value) ? TTL_FOREVER : Wait.millis("ttl", value);
    return this;
  }

  /**
   * When it is due: so long after it was stored, by the server's clock, and never earlier.
   *
   * @param value at most 100 years, rounded up to milliseconds; zero: at once
   * @return this
   * @throws InvalidException where it is negative
   */
  public MessageBuilder delay(Duration value) {
    delay = Wait.millis("delay", value);
    return this;
  }

  /**
   * How many replicas of the server publishing waits for; unless set, the bus' {@code min_replicas}. Fewer within {@code
   * durability_timeout}: it is stored, and its status is {@link Status#PARTIAL}.
   *
   * @param value 0 to 100
   * @return this
   * @throws InvalidException where it is negative
   */
  public MessageBuilder minReplicas(int value) {
    if (value < 0) throw new InvalidException("minReplicas must be between 0 and 100, got " + value);
    minReplicas = value;
    return this;
  }

  /**
   * Whether publishing waits for the disk too, the server's and those of {@link #minReplicas} replicas; unless set, the
   * bus' {@code fsync}. Not within {@code durability_timeout}: as with too few replicas.
   *
   * @param value whether it waits
   * @return this
   */
  public MessageBuilder fsync(boolean value) {
    fsync = value ? 1 : 0;
    return this;
  }

  /**
   * Whether it is stored, told to listeners, or both; unless set, stored. What is only told can't wait for replicas or a
   * disk, and nobody can listen to direct inboxes.
   *
   * @param value the mode
   * @return this
   */
  public MessageBuilder mode(Mode value) {
    mode = Objects.requireNonNull(value, "mode");
    return this;
  }

  /**
   * The message as it is put together so far; the builder may go on.
   *
   * @return a new message
   */
  public Message build() {
    return new Message(this);
  }
}
