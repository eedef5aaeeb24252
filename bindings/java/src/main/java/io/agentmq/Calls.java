package io.agentmq;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;

/** The calls that publish and settle, for the bus and for its sender. Keeps no state but the handle; thread-safe. */
final class Calls {
  private static final int REPLY_BYTES = 320; // what became of a message: usually less

  final Handle handle;

  Calls(Handle handle) {
    this.handle = handle;
  }

  /** What became of each, where at least one was stored; else throws. */
  List<Published> publish(String channel, List<byte[]> entries) {
    if (entries.isEmpty()) return List.of();
    byte[] list = Flat.list(entries);
    byte[][] page = {new byte[Flat.LIST_HEAD + REPLY_BYTES * entries.size()]};
    handle.call(bus -> Wait.during(cancel -> Native.mqs_publish_flat(bus, channel, list, cancel, page)));
    return Flat.published(page[0]);
  }

  /** The status of each, where at least one was settled; else throws. */
  List<Status> ackReceipts(List<String> receipts) {
    if (receipts.isEmpty()) return List.of();
    byte[] texts = terminated(receipts);
    int[] results = new int[receipts.size()];
    handle.call(bus -> Native.mqs_ack_flat(bus, texts, results));
    List<Status> statuses = new ArrayList<>(results.length);
    for (int result : results) statuses.add(Status.of(result));
    return statuses;
  }

  /** By its receipt, or where it was only looked at by its id. */
  void ack(Message message) {
    if (message.receipt.isEmpty()) {
      ackId(message.agent.isEmpty() ? null : message.agent, message.id);
    } else {
      ackReceipts(List.of(message.receipt));
    }
  }

  void ackId(String agent, String id) {
    run(bus -> Native.mq_ack_id(bus, agent, id));
  }

  /** The same for many: the status of each, where at least one was settled; else throws. */
  List<Status> ackEach(List<Message> messages) {
    List<String> receipts = new ArrayList<>(messages.size());
    for (Message message : messages) {
      if (!message.receipt.isEmpty()) receipts.add(message.receipt);
    }
    if (receipts.size() == messages.size()) return ackReceipts(receipts);
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

  private static byte[] terminated(List<String> texts) {
    byte[] flat = new byte[64 * texts.size()];
    int at = 0;
    for (String text : texts) {
      byte[] bytes = Utf8.bytes("receipt", text);
      int end = at + bytes.length + 1;
      if (end > flat.length) flat = Arrays.copyOf(flat, Math.max(end, 2 * flat.length));
      System.arraycopy(bytes, 0, flat, at, bytes.length);
      flat[end - 1] = 0;
      at = end;
    }
    return Arrays.copyOf(flat, at);
  }
}
