package io.agentmq;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A message, to be published or received: a payload of any bytes, and properties. Immutable, but for the bytes of the
 * payload, which are not copied. It holds nothing outside the Java heap, and need not be closed; forgetting one that
 * was fetched does not settle it.
 *
 * <p>Texts are any Unicode but U+0000, which is refused with {@link InvalidException} when the message is published;
 * half a surrogate pair becomes U+FFFD.
 */
public final class Message {
  /** The priority that gives way to others. */
  public static final int LOW = 1;
  /** The priority unless another is set. */
  public static final int NORMAL = 5;
  /** The priority that goes before {@link #NORMAL}. */
  public static final int HIGH = 9;
  /** The priority that goes before {@link #HIGH}. */
  public static final int URGENT = 10;

  final String id;
  final String channel;
  final String source;
  final String target;
  final String type;
  final String correlationId;
  final String replyTo;
  final String contentType;
  final String receipt;
  final String agent;
  final String reason;
  final Map<String, String> headers;
  final byte[] payload;
  final int priority;
  final long ttl;
  private final int deliveries;
  private final State state;
  private final Status status;
  private final long timestamp;
  private final long expires;
  private final long reservedUntil;

  Message(MessageBuilder of) {
    id = of.id;
    channel = of.channel;
    source = of.source;
    target = of.target;
    type = of.type;
    correlationId = of.correlationId;
    replyTo = of.replyTo;
    contentType = of.contentType;
    receipt = of.receipt;
    agent = of.agent;
    reason = of.reason;
    headers = of.headers.isEmpty() ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(of.headers));
    payload = of.payload;
    priority = of.priority;
    ttl = of.ttl;
    deliveries = of.deliveries;
    state = of.state;
    status = of.status;
    timestamp = of.timestamp;
    expires = of.expires;
    reservedUntil = of.reservedUntil;
  }

  /**
   * Begins a message with a payload of bytes.
   *
   * @param payload the bytes; not copied, must not be changed until the message is published
   * @return a builder
   */
  public static MessageBuilder of(byte[] payload) {
    return new MessageBuilder(payload);
  }

  /**
   * Begins a message with a text, in UTF-8, as its payload.
   *
   * @param payload any text; U+0000 is allowed here
   * @return a builder
   */
  public static MessageBuilder of(String payload) {
    return new MessageBuilder(payload.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Begins a message with a value, written by {@link Json#write}, as its payload, and with the content type
   * {@code application/json}.
   *
   * @param value a Map, Iterable, CharSequence, Number, Boolean or null, and what these hold likewise
   * @return a builder
   * @throws IllegalArgumentException where the value is something else
   */
  public static MessageBuilder ofJson(Object value) {
    return of(Json.write(value)).contentType("application/json");
  }

  /**
   * Begins a message with the same payload and what else a sender sets: without id and receipt.
   *
   * @return a builder
   */
  public MessageBuilder copy() {
    return new MessageBuilder(this);
  }

  /**
   * The payload.
   *
   * @return the bytes themselves, no copy; never null
   */
  public byte[] payload() {
    return payload;
  }

  /**
   * The payload as a text in UTF-8.
   *
   * @return the text, with U+FFFD for what is no UTF-8
   */
  public String text() {
    return new String(payload, StandardCharsets.UTF_8);
  }

  /**
   * The payload read as JSON.
   *
   * @return what {@link Json#parse} makes of it
   * @throws IllegalArgumentException where it is no JSON
   */
  public Object json() {
    return Json.parse(text());
  }

  /**
   * The id: unique in the namespace. It says channel and target.
   *
   * @return "" where unset
   */
  public String id() {
    return id;
  }

  /**
   * The channel that it was published on; {@link Bus#DIRECT} of a direct inbox.
   *
   * @return "" where unset
   */
  public String channel() {
    return channel;
  }

  /**
   * Who sent it.
   *
   * @return "" where unset
   */
  public String source() {
    return source;
  }

  /**
   * Which agent it is for; "": everyone on the channel.
   *
   * @return "" where unset
   */
  public String target() {
    return target;
  }

  /**
   * What kind of message it is, in the application's words.
   *
   * @return "" where unset
   */
  public String type() {
    return type;
  }

  /**
   * What it belongs to.
   *
   * @return "" where unset
   */
  public String correlationId() {
    return correlationId;
  }

  /**
   * Which agent wants the answer.
   *
   * @return "" where unset
   */
  public String replyTo() {
    return replyTo;
  }

  /**
   * The payload's media type.
   *
   * @return "" where unset
   */
  public String contentType() {
    return contentType;
  }

  /**
   * What settles this delivery, from any process: see {@link Bus#ackReceipts}.
   *
   * @return "" where unset
   */
  public String receipt() {
    return receipt;
  }

  /**
   * The agent that it was delivered to, is pending for, or that gave it up.
   *
   * @return "" where unset
   */
  public String agent() {
    return agent;
  }

  /**
   * Why the last attempt failed, of a dead letter or a retry.
   *
   * @return "" where unset
   */
  public String reason() {
    return reason;
  }

  /**
   * A header of the application's own.
   *
   * @param name its name
   * @return its value; empty where there is none
   */
  public Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name));
  }

  /**
   * All headers, in the order in which they were set.
   *
   * @return a map that can't be changed
   */
  public Map<String, String> headers() {
    return headers;
  }

  /**
   * The priority: the greater goes first.
   *
   * @return 0 to 255
   */
  public int priority() {
    return priority;
  }

  /**
   * How often it was delivered.
   *
   * @return 1 on the first delivery
   */
  public int deliveries() {
    return deliveries;
  }

  /**
   * Where it stood when it was read.
   *
   * @return the state
   */
  public State state() {
    return state;
  }

  /**
   * Of a dead letter: why it is one.
   *
   * @return {@link Status#OK} of others
   */
  public Status status() {
    return status;
  }

  /**
   * When it was published, by the server's clock, to the millisecond.
   *
   * @return the epoch where it was not published
   */
  public Instant timestamp() {
    return Instant.ofEpochMilli(timestamp);
  }

  /**
   * When it expires, by the server's clock.
   *
   * @return empty: never
   */
  public Optional<Instant> expires() {
    return expiry(expires);
  }

  /**
   * Until when it was reserved when it was delivered; extensions move that.
   *
   * @return the epoch where it was not reserved
   */
  public Instant reservedUntil() {
    return Instant.ofEpochMilli(reservedUntil);
  }

  static Optional<Instant> expiry(long milliseconds) {
    return milliseconds == 0 ? Optional.empty() : Optional.of(Instant.ofEpochMilli(milliseconds));
  }

  @Override
  public String toString() {
    return "Message[" + id + (type.isEmpty() ? "" : " " + type) + ", " + payload.length + " bytes]";
  }
}
