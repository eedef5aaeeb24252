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

  private static final byte[] NO_TAIL = {};

  // The texts in the order of Flat; of one that came from the library null until they are asked for: most are never.
  // Two threads that ask at once make the same text twice.
  private final String[] texts;
  private final byte[] flat; // the message as it came, its head and its texts; null where it was built
  private final Map<String, String> headers;
  private final byte[] payload;
  private final int priority;
  private final long ttl;
  private final long delay;
  private final String dedupKey; // null where it stands in the tail
  private final byte[] tail; // what came behind the payload
  private final int minReplicas;
  private final int fsync;
  private final Mode mode;

  Message(MessageBuilder of) {
    texts = new String[] {of.target, of.source, of.type, of.correlationId, of.replyTo, of.contentType};
    flat = null;
    headers = of.headers.isEmpty() ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(of.headers));
    payload = of.payload;
    priority = of.priority;
    ttl = of.ttl;
    delay = of.delay;
    dedupKey = of.dedupKey;
    tail = NO_TAIL;
    minReplicas = of.minReplicas;
    fsync = of.fsync;
    mode = of.mode;
  }

  /** One that came from the library. All of it belongs to the message now. */
  Message(byte[] flat, Map<String, String> headers, byte[] payload, byte[] tail) {
    texts = new String[Flat.TEXTS];
    this.flat = flat;
    this.headers = headers.isEmpty() ? Map.of() : Collections.unmodifiableMap(headers);
    this.payload = payload;
    priority = Flat.number(flat, Flat.PRIORITY);
    ttl = Flat.longNumber(flat, Flat.TTL);
    delay = 0; // it is over, or its sender's to say
    this.tail = tail;
    dedupKey = null;
    minReplicas = MessageBuilder.AS_THE_BUS; // it was for its sender to say
    fsync = MessageBuilder.AS_THE_BUS;
    mode = Mode.QUEUE;
  }

  /** Whether a listener heard it: then there is nothing to settle. */
  boolean heard() {
    return flat != null && Flat.number(flat, Flat.MODE) == Mode.PUBSUB.value();
  }

  /** A text by its place in Flat. */
  String text(int text) {
    if (text >= texts.length) return "";
    String known = texts[text];
    if (known == null) texts[text] = known = Flat.text(flat, 0, text);
    return known;
  }

  /** How many bytes its receipt has; 0: there is none. */
  int receiptSize() {
    return flat == null ? 0 : Flat.textSize(flat, 0, Flat.RECEIPT);
  }

  /** Writes the receipt, and answers where it ends. */
  int putReceipt(byte[] to, int at) {
    System.arraycopy(flat, Flat.textAt(flat, 0, Flat.RECEIPT), to, at, receiptSize());
    return at + receiptSize();
  }

  long ttl() {
    return ttl;
  }

  long delay() {
    return delay;
  }

  int minReplicas() {
    return minReplicas;
  }

  int fsync() {
    return fsync;
  }

  Mode mode() {
    return mode;
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
    return text(Flat.ID);
  }

  /**
   * The channel that it was published on; {@link Bus#DIRECT} of a direct inbox.
   *
   * @return "" where unset
   */
  public String channel() {
    return text(Flat.CHANNEL);
  }

  /**
   * Who sent it.
   *
   * @return "" where unset
   */
  public String source() {
    return text(Flat.SOURCE);
  }

  /**
   * Which agent it is for; "": everyone on the channel.
   *
   * @return "" where unset
   */
  public String target() {
    return text(Flat.TARGET);
  }

  /**
   * What kind of message it is, in the application's words.
   *
   * @return "" where unset
   */
  public String type() {
    return text(Flat.TYPE);
  }

  /**
   * What it belongs to.
   *
   * @return "" where unset
   */
  public String correlationId() {
    return text(Flat.CORRELATION_ID);
  }

  /**
   * Which agent wants the answer.
   *
   * @return "" where unset
   */
  public String replyTo() {
    return text(Flat.REPLY_TO);
  }

  /**
   * The payload's media type.
   *
   * @return "" where unset
   */
  public String contentType() {
    return text(Flat.CONTENT_TYPE);
  }

  /**
   * What settles this delivery, from any process: see {@link Bus#ackReceipts}.
   *
   * @return "" where unset
   */
  public String receipt() {
    return text(Flat.RECEIPT);
  }

  /**
   * The agent that it was delivered to, is pending for, or that gave it up.
   *
   * @return "" where unset
   */
  public String agent() {
    return text(Flat.AGENT);
  }

  /**
   * Why the last attempt failed, of a dead letter or a retry.
   *
   * @return "" where unset
   */
  public String reason() {
    return text(Flat.REASON);
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
   * When it is due, of one that was looked at while it waited for that: scheduled, or for another attempt.
   *
   * @return empty: it does not wait
   */
  public Optional<Instant> due() {
    return expiry(Flat.due(tail));
  }

  /**
   * What makes a repeat known: see {@link MessageBuilder#dedupKey}.
   *
   * @return "" where unset
   */
  public String dedupKey() {
    return dedupKey != null ? dedupKey : Flat.tailText(tail, Flat.DEDUP_KEY);
  }

  /**
   * The id of the key that vouches for it.
   *
   * @return "" where it is not signed, or where this bus has no keys to verify with
   */
  public String signedBy() {
    return Flat.tailText(tail, Flat.SIGNED_BY);
  }

  /**
   * When it was signed, by the publisher's clock.
   *
   * @return empty where {@link #signedBy} is ""
   */
  public Optional<Instant> signedAt() {
    return expiry(Flat.signedAt(tail));
  }

  /**
   * The attempts that failed, of a dead letter or of one that is tried again, the oldest first, 16 at most.
   *
   * @return a JSON array of {"when" (Unix ms), "agent", "consumer", "kind", "reason"}; kinds: failure, permanent, lapse,
   *     crash, suspect, refused
   */
  public String history() {
    String history = Flat.tailText(tail, Flat.HISTORY);
    return history.isEmpty() ? "[]" : history;
  }

  /**
   * How often it was delivered.
   *
   * @return 1 on the first delivery
   */
  public int deliveries() {
    return flat == null ? 0 : Flat.number(flat, Flat.DELIVERIES);
  }

  /**
   * Where it stood when it was read.
   *
   * @return the state
   */
  public State state() {
    return flat == null ? State.QUEUED : State.of(Flat.number(flat, Flat.STATE));
  }

  /**
   * Of a dead letter: why it is one.
   *
   * @return {@link Status#OK} of others
   */
  public Status status() {
    return flat == null ? Status.OK : Status.of(Flat.number(flat, Flat.STATUS));
  }

  /**
   * When it was published, by the server's clock, to the millisecond.
   *
   * @return the epoch where it was not published
   */
  public Instant timestamp() {
    return Instant.ofEpochMilli(time(Flat.TIMESTAMP));
  }

  /**
   * When it expires, by the server's clock.
   *
   * @return empty: never
   */
  public Optional<Instant> expires() {
    return expiry(time(Flat.EXPIRES));
  }

  /**
   * Until when it was reserved when it was delivered; extensions move that.
   *
   * @return the epoch where it was not reserved
   */
  public Instant reservedUntil() {
    return Instant.ofEpochMilli(time(Flat.RESERVED_UNTIL));
  }

  private long time(int at) {
    return flat == null ? 0 : Flat.longNumber(flat, at);
  }

  static Optional<Instant> expiry(long milliseconds) {
    return milliseconds == 0 ? Optional.empty() : Optional.of(Instant.ofEpochMilli(milliseconds));
  }

  @Override
  public String toString() {
    return "Message[" + id() + (type().isEmpty() ? "" : " " + type()) + ", " + payload.length + " bytes]";
  }
}
