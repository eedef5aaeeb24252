package io.agentmq;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/** Lists of messages as one flat buffer, and one message of them: docs/encoding.md. */
final class Flat {
  static final int LIST_HEAD = 16;

  // The texts, in their order: those that a sender sets come first.
  static final int TARGET = 0;
  static final int SOURCE = 1;
  static final int TYPE = 2;
  static final int CORRELATION_ID = 3;
  static final int REPLY_TO = 4;
  static final int CONTENT_TYPE = 5;
  static final int ID = 6;
  static final int CHANNEL = 7;
  static final int RECEIPT = 8;
  static final int AGENT = 9;
  static final int REASON = 10;
  static final int TEXTS = 11;
  private static final int SENDERS_TEXTS = 6;
  private static final String[] NAMES = {"target", "source", "type", "correlation id", "reply to", "content type"};

  // Where the numbers of a message stand.
  static final int STATUS = 4;
  static final int TIMESTAMP = 8;
  static final int EXPIRES = 16;
  static final int TTL = 24;
  static final int RESERVED_UNTIL = 32;
  static final int PRIORITY = 40;
  static final int DELIVERIES = 44;
  static final int STATE = 48;
  private static final int HEADERS = 52;
  private static final int SIZES = 56;
  private static final int HEADER_SIZE = 100;
  private static final int PAYLOAD_SIZE = 104;
  private static final int MIN_REPLICAS = 112;
  private static final int FSYNC = 116;
  private static final int REPLICAS = 120;
  private static final int FSYNCED = 124;
  static final int MODE = 128;
  private static final int RECEIVERS = 132;
  static final int HEAD = 136;
  private static final int TAIL = 16; // delay and due, of messages that have one of them, or more behind them
  private static final int MORE = 24; // the head of that: of what few messages have

  // The texts behind the payload, in their order.
  static final int DEDUP_KEY = 0;
  static final int SIGNED_BY = 1;
  static final int HISTORY = 2;
  private static final int[] TAIL_SIZES = {TAIL, TAIL + 4, TAIL + 16};

  private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final int VERSION = 1;
  private static final byte[] NOTHING = {};

  private Flat() {}

  /** One message, without the head of a list. */
  static byte[] entry(Message message) {
    byte[] flat = new byte[fitting(size(message, message.target()))];
    write(message, message.target(), flat, 0);
    return flat;
  }

  /** The list of these entries. */
  static byte[] listOf(List<byte[]> entries) {
    long size = LIST_HEAD;
    for (byte[] entry : entries) size += entry.length;
    byte[] flat = begin(entries.size(), size);
    int at = LIST_HEAD;
    for (byte[] entry : entries) {
      System.arraycopy(entry, 0, flat, at, entry.length);
      at += entry.length;
    }
    return flat;
  }

  /** The list of these messages. */
  static byte[] list(List<Message> messages) {
    return list(messages.size(), messages::get, i -> messages.get(i).target());
  }

  /** The list of a message with these targets instead of its own. */
  static byte[] list(Message message, List<String> targets) {
    return list(targets.size(), i -> message, targets::get);
  }

  /** How many messages a list has. */
  static int count(byte[] flat) {
    return number(flat, 4);
  }

  /**
   * What became of each message that was to be published. retryAfter, in ms: when what stopped the first that was not stored
   * is over; 0: not known.
   */
  static List<Published> published(byte[] flat, long retryAfter) {
    List<Published> published = new ArrayList<>(count(flat));
    Status stopped = null;
    for (int i = count(flat), at = LIST_HEAD; i > 0; i--, at += number(flat, at)) {
      Status status = Status.of(number(flat, at + STATUS));
      String id = text(flat, at, ID);
      if (stopped == null && id.isEmpty()) stopped = status;
      published.add(
          new Published(
              status,
              id,
              longNumber(flat, at + TIMESTAMP),
              longNumber(flat, at + EXPIRES),
              number(flat, at + REPLICAS),
              number(flat, at + FSYNCED) != 0,
              number(flat, at + RECEIVERS),
              id.isEmpty() && status == stopped ? retryAfter : 0));
    }
    return published;
  }

  /** Copies: nothing of the list is kept. */
  static List<Message> messages(byte[] flat) {
    List<Message> messages = new ArrayList<>(count(flat));
    for (int i = count(flat), at = LIST_HEAD; i > 0; i--, at += number(flat, at)) {
      int headers = textAt(flat, at, TEXTS);
      int payload = headers + number(flat, at + HEADER_SIZE);
      int end = Math.toIntExact(payload + longNumber(flat, at + PAYLOAD_SIZE));
      messages.add(
          new Message(
              Arrays.copyOfRange(flat, at, headers),
              headers(flat, headers, number(flat, at + HEADERS)),
              Arrays.copyOfRange(flat, payload, end),
              tail(flat, at, end)));
    }
    return messages;
  }

  // What stands behind the payload, which ends there, of the message that begins there.
  private static byte[] tail(byte[] flat, int begin, int end) {
    int tail = begin + ((end - begin + 7) & ~7);
    int next = begin + number(flat, begin);
    return next < tail + TAIL ? NOTHING : Arrays.copyOfRange(flat, tail, next);
  }

  /** When it is due, by what stands behind its payload. */
  static long due(byte[] tail) {
    return tail.length == 0 ? 0 : longNumber(tail, 8);
  }

  /** When it was signed. */
  static long signedAt(byte[] tail) {
    return tail.length < TAIL + MORE ? 0 : longNumber(tail, TAIL + 8);
  }

  /** One of the texts behind the payload. */
  static String tailText(byte[] tail, int text) {
    if (tail.length < TAIL + MORE) return "";
    int at = TAIL + MORE;
    for (int i = 0; i < text; i++) at += number(tail, TAIL_SIZES[i]);
    return read(tail, at, number(tail, TAIL_SIZES[text]));
  }

  static int number(byte[] flat, int at) {
    return (int) INT.get(flat, at);
  }

  static long longNumber(byte[] flat, int at) {
    return (long) LONG.get(flat, at);
  }

  /** A text of the message that begins there. */
  static String text(byte[] flat, int begin, int text) {
    return read(flat, textAt(flat, begin, text), textSize(flat, begin, text));
  }

  static int textSize(byte[] flat, int begin, int text) {
    return number(flat, begin + SIZES + 4 * text);
  }

  static int textAt(byte[] flat, int begin, int text) {
    int at = begin + HEAD;
    for (int i = 0; i < text; i++) at += textSize(flat, begin, i);
    return at;
  }

  private static String read(byte[] flat, int at, int size) {
    return size == 0 ? "" : new String(flat, at, size, StandardCharsets.UTF_8);
  }

  private static Map<String, String> headers(byte[] flat, int at, int count) {
    if (count == 0) return Map.of();
    Map<String, String> headers = new LinkedHashMap<>();
    for (; count > 0; count--) {
      int name = number(flat, at);
      int value = number(flat, at + 4);
      at += 8;
      headers.put(read(flat, at, name), read(flat, at + name, value));
      at += name + value;
    }
    return headers;
  }

  private static byte[] list(int count, IntFunction<Message> message, IntFunction<String> target) {
    long size = LIST_HEAD;
    for (int i = 0; i < count; i++) size += size(message.apply(i), target.apply(i));
    byte[] flat = begin(count, size);
    int at = LIST_HEAD;
    for (int i = 0; i < count; i++) at = write(message.apply(i), target.apply(i), flat, at);
    return flat;
  }

  private static byte[] begin(int count, long size) {
    byte[] flat = new byte[fitting(size)];
    INT.set(flat, 0, VERSION);
    INT.set(flat, 4, count);
    LONG.set(flat, 8, size);
    return flat;
  }

  private static int fitting(long size) {
    if (size <= Integer.MAX_VALUE - 8) return (int) size;
    throw new TooLargeException("more than 2 GiB of messages at once: publish fewer");
  }

  // Throws InvalidException where a text can't cross.
  private static long size(Message message, String target) {
    long size = HEAD + Utf8.size(NAMES[TARGET], target) + message.payload().length;
    for (int i = SOURCE; i < SENDERS_TEXTS; i++) {
      String text = message.text(i);
      if (!text.isEmpty()) size += Utf8.size(NAMES[i], text);
    }
    if (!message.headers().isEmpty()) {
      for (Map.Entry<String, String> header : message.headers().entrySet()) {
        size += 8 + Utf8.size("the name of a header", header.getKey());
        size += Utf8.size("the header '" + header.getKey() + "'", header.getValue());
      }
    }
    size = (size + 7) & ~7L;
    if (!message.dedupKey().isEmpty()) {
      return size + TAIL + MORE + ((Utf8.size("the dedup key", message.dedupKey()) + 7) & ~7L);
    }
    return size + (message.delay() == 0 ? 0 : TAIL);
  }

  // Writes where there are zeros, and answers where it ends.
  private static int write(Message message, String target, byte[] flat, int begin) {
    byte[] payload = message.payload();
    LONG.set(flat, begin + TTL, message.ttl());
    INT.set(flat, begin + PRIORITY, message.priority());
    LONG.set(flat, begin + PAYLOAD_SIZE, (long) payload.length);
    INT.set(flat, begin + MIN_REPLICAS, message.minReplicas());
    INT.set(flat, begin + FSYNC, message.fsync());
    INT.set(flat, begin + MODE, message.mode().value());
    int at = begin + HEAD;
    for (int i = 0; i < SENDERS_TEXTS; i++) {
      String text = i == TARGET ? target : message.text(i);
      if (text.isEmpty()) continue;
      int end = Utf8.put(text, flat, at);
      INT.set(flat, begin + SIZES + 4 * i, end - at);
      at = end;
    }
    if (!message.headers().isEmpty()) {
      int headers = at;
      for (Map.Entry<String, String> header : message.headers().entrySet()) {
        int value = Utf8.put(header.getKey(), flat, at + 8);
        int end = Utf8.put(header.getValue(), flat, value);
        INT.set(flat, at, value - at - 8);
        INT.set(flat, at + 4, end - value);
        at = end;
      }
      INT.set(flat, begin + HEADERS, message.headers().size());
      INT.set(flat, begin + HEADER_SIZE, at - headers);
    }
    System.arraycopy(payload, 0, flat, at, payload.length);
    int end = begin + ((at + payload.length - begin + 7) & ~7);
    boolean more = !message.dedupKey().isEmpty();
    if (message.delay() != 0 || more) {
      LONG.set(flat, end, message.delay());
      end += TAIL;
    }
    if (more) {
      int key = end + MORE;
      int keyEnd = Utf8.put(message.dedupKey(), flat, key);
      INT.set(flat, end, keyEnd - key);
      end = key + ((keyEnd - key + 7) & ~7);
    }
    INT.set(flat, begin, end - begin);
    return end;
  }
}
