package io.agentmq;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Lists of messages as one flat buffer: docs/encoding.md. */
final class Flat {
  static final int LIST_HEAD = 16;

  private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final int VERSION = 1;
  private static final int HEAD = 112;
  // Where the sizes begin, and in which order the texts are: those that a sender sets come first.
  private static final int SIZES = 56;
  private static final int SENDERS_TEXTS = 6;
  private static final int ID = 6;
  private static final int TEXTS = 11;
  private static final int HEADER_SIZE = 100;
  private static final int PAYLOAD_SIZE = 104;

  private Flat() {}

  /** One message, without the head of a list. `target` stands for its own. */
  static byte[] entry(Message message, String target) {
    String[] texts = {
      target, message.source, message.type, message.correlationId, message.replyTo, message.contentType
    };
    String[] names = {"target", "source", "type", "correlation id", "reply to", "content type"};
    byte[][] parts = new byte[SENDERS_TEXTS + 2 * message.headers.size()][];
    long textBytes = 0;
    for (int i = 0; i < SENDERS_TEXTS; i++) {
      parts[i] = Utf8.bytes(names[i], texts[i]);
      textBytes += parts[i].length;
    }
    long headerBytes = 0;
    int next = SENDERS_TEXTS;
    for (Map.Entry<String, String> header : message.headers.entrySet()) {
      byte[] name = parts[next++] = Utf8.bytes("the name of a header", header.getKey());
      byte[] value = parts[next++] = Utf8.bytes("the header '" + header.getKey() + "'", header.getValue());
      headerBytes += 8L + name.length + value.length;
    }
    long size = (HEAD + textBytes + headerBytes + message.payload.length + 7) & ~7L;
    if (size > Integer.MAX_VALUE - 8) throw new TooLargeException("a message of " + size + " bytes");

    byte[] flat = new byte[(int) size];
    INT.set(flat, 0, (int) size);
    LONG.set(flat, 24, message.ttl);
    INT.set(flat, 40, message.priority);
    INT.set(flat, 52, message.headers.size());
    INT.set(flat, HEADER_SIZE, (int) headerBytes);
    LONG.set(flat, PAYLOAD_SIZE, (long) message.payload.length);
    int at = HEAD;
    for (int i = 0; i < SENDERS_TEXTS; i++) {
      INT.set(flat, SIZES + 4 * i, parts[i].length);
      at = put(flat, at, parts[i]);
    }
    for (int i = SENDERS_TEXTS; i < parts.length; i += 2) {
      INT.set(flat, at, parts[i].length);
      INT.set(flat, at + 4, parts[i + 1].length);
      at = put(flat, put(flat, at + 8, parts[i]), parts[i + 1]);
    }
    put(flat, at, message.payload);
    return flat;
  }

  /** The list of these entries. */
  static byte[] list(List<byte[]> entries) {
    long size = LIST_HEAD;
    for (byte[] entry : entries) size += entry.length;
    if (size > Integer.MAX_VALUE - 8) throw new TooLargeException("more than 2 GiB of messages at once: publish fewer");
    byte[] flat = new byte[(int) size];
    INT.set(flat, 0, VERSION);
    INT.set(flat, 4, entries.size());
    LONG.set(flat, 8, size);
    int at = LIST_HEAD;
    for (byte[] entry : entries) at = put(flat, at, entry);
    return flat;
  }

  /** How many messages a list has. */
  static int count(byte[] flat) {
    return (int) INT.get(flat, 4);
  }

  /** What became of each message that was to be published. */
  static List<Published> published(byte[] flat) {
    List<Published> published = new ArrayList<>(count(flat));
    for (int i = count(flat), at = LIST_HEAD; i > 0; i--, at += (int) INT.get(flat, at)) {
      int id = at + HEAD;
      for (int text = 0; text < ID; text++) id += size(flat, at, text);
      published.add(
          new Published(
              Status.of((int) INT.get(flat, at + 4)),
              text(flat, id, size(flat, at, ID)),
              (long) LONG.get(flat, at + 8),
              (long) LONG.get(flat, at + 16)));
    }
    return published;
  }

  static List<Message> messages(byte[] flat) {
    List<Message> messages = new ArrayList<>(count(flat));
    for (int i = count(flat), at = LIST_HEAD; i > 0; i--, at += (int) INT.get(flat, at)) {
      messages.add(message(flat, at));
    }
    return messages;
  }

  private static Message message(byte[] flat, int begin) {
    MessageBuilder made = new MessageBuilder(new byte[Math.toIntExact((long) LONG.get(flat, begin + PAYLOAD_SIZE))]);
    made.status = Status.of((int) INT.get(flat, begin + 4));
    made.timestamp = (long) LONG.get(flat, begin + 8);
    made.expires = (long) LONG.get(flat, begin + 16);
    made.ttl = (long) LONG.get(flat, begin + 24);
    made.reservedUntil = (long) LONG.get(flat, begin + 32);
    made.priority = (int) INT.get(flat, begin + 40);
    made.deliveries = (int) INT.get(flat, begin + 44);
    made.state = State.of((int) INT.get(flat, begin + 48));
    String[] texts = new String[TEXTS];
    int at = begin + HEAD;
    for (int i = 0; i < TEXTS; i++) {
      int size = size(flat, begin, i);
      texts[i] = text(flat, at, size);
      at += size;
    }
    made.target = texts[0];
    made.source = texts[1];
    made.type = texts[2];
    made.correlationId = texts[3];
    made.replyTo = texts[4];
    made.contentType = texts[5];
    made.id = texts[ID];
    made.channel = texts[7];
    made.receipt = texts[8];
    made.agent = texts[9];
    made.reason = texts[10];
    for (int headers = (int) INT.get(flat, begin + 52); headers > 0; headers--) {
      int name = (int) INT.get(flat, at);
      int value = (int) INT.get(flat, at + 4);
      made.headers.put(text(flat, at + 8, name), text(flat, at + 8 + name, value));
      at += 8 + name + value;
    }
    System.arraycopy(flat, at, made.payload, 0, made.payload.length);
    return made.build();
  }

  private static int size(byte[] flat, int begin, int text) {
    return (int) INT.get(flat, begin + SIZES + 4 * text);
  }

  private static String text(byte[] flat, int at, int size) {
    return size == 0 ? "" : new String(flat, at, size, StandardCharsets.UTF_8);
  }

  private static int put(byte[] flat, int at, byte[] bytes) {
    System.arraycopy(bytes, 0, flat, at, bytes.length);
    return at + bytes.length;
  }
}
