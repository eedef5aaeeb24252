package io.agentmq;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;

/** The calls that publish and settle, for the bus and for its sender. Thread-safe. */
final class Calls {
  private static final int REPLY_BYTES = 64 * 1024;

  final Handle handle;
  private final AtomicReference<byte[]> reply = new AtomicReference<>(); // used again

  Calls(Handle handle) {
    this.handle = handle;
  }

  /** What became of each message of a list, where at least one was stored; else throws. */
  List<Published> publish(String channel, byte[] list) {
    if (Flat.count(list) == 0) return List.of();
    byte[] reused = reply.getAndSet(null);
    byte[] buffer = reused == null ? new byte[REPLY_BYTES] : reused;
    byte[][] page = {buffer};
    try {
      int retryAfter =
          handle.call(bus -> Wait.during(cancel -> Native.mqs_publish_flat(bus, channel, list, cancel, page)));
      return Flat.published(page[0], retryAfter);
    } finally {
      reply.set(buffer);
    }
  }

  /** The status of each, where at least one was settled; else throws. */
  List<Status> ackReceipts(List<String> receipts) {
    return ack(Utf8.terminated("receipt", receipts), receipts.size());
  }

  /** By its receipt, or where it was only looked at by its id. */
  void ack(Message message) {
    if (message.heard()) {
      throw new InvalidException("a listener heard the message, which keeps nothing: there is nothing to settle");
    }
    if (message.receiptSize() == 0) {
      ackId(message.agent().isEmpty() ? null : message.agent(), message.id());
    } else {
      ack(receipt(message), 1);
    }
  }

  void ackId(String agent, String id) {
    run(bus -> Native.mq_ack_id(bus, agent, id));
  }

  /** The same for many: the status of each, where at least one was settled; else throws. */
  List<Status> ackEach(List<Message> messages) {
    int size = 0;
    boolean fetched = true;
    for (Message message : messages) {
      size = Math.addExact(size, message.receiptSize() + 1);
      fetched &= message.receiptSize() > 0;
    }
    if (fetched) {
      byte[] texts = new byte[size];
      int at = 0;
      for (Message message : messages) at = message.putReceipt(texts, at) + 1;
      return ack(texts, messages.size());
    }
    List<Status> statuses = new ArrayList<>(messages.size());
    AgentMQException failure = null;
    for (Message message : messages) {
      try {
        ack(message);
        statuses.add(Status.OK);
      } catch (AgentMQException e) {
        failure = e;
        statuses.add(e.status());
      }
    }
    if (!statuses.contains(Status.OK)) throw failure;
    return statuses;
  }

  void nack(String receipt, Failure failure, long delay, String reason) {
    run(bus -> Native.mq_nack_receipt(bus, receipt, failure.value(), delay, reason));
  }

  void run(LongConsumer call) {
    handle.call(
        bus -> {
          call.accept(bus);
          return null;
        });
  }

  // Receipts with a 0 behind each.
  private List<Status> ack(byte[] receipts, int count) {
    if (count == 0) return List.of();
    int[] results = new int[count];
    handle.call(bus -> Native.mqs_ack_flat(bus, receipts, results));
    Status[] statuses = new Status[count];
    for (int i = 0; i < count; i++) statuses[i] = Status.of(results[i]);
    return Arrays.asList(statuses);
  }

  private static byte[] receipt(Message message) {
    byte[] text = new byte[message.receiptSize() + 1];
    message.putReceipt(text, 0);
    return text;
  }
}
