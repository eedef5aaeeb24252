package io.agentmq;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether memory outside the heap grows: 100,000 messages and 1,000 buses, after a warm-up. The heap has to be of a
 * fixed size and touched. Usage: LeakCheck URL; exits 1 where the process grew by more than a tenth.
 */
final class LeakCheck {
  private static final int BATCH = 100;

  private LeakCheck() {}

  public static void main(String[] arguments) throws Exception {
    String url = arguments[0];
    long before;
    long afterMessages;
    try (Bus bus = Bus.open(url);
        Subscription reader = bus.subscribe("leak", "leak")) {
      messages(bus, reader, 20_000);
      buses(url, 500);
      before = resident();
      messages(bus, reader, 100_000);
      afterMessages = resident();
    }
    buses(url, 1000);
    long after = resident();
    System.out.printf("resident %d KiB, %d after messages, %d after buses%n", before, afterMessages, after);
    System.exit(Math.max(afterMessages, after) <= before + before / 10 ? 0 : 1);
  }

  private static void messages(Bus bus, Subscription reader, int count) throws InterruptedException {
    List<Message> batch = new ArrayList<>();
    for (int i = 0; i < BATCH; i++) batch.add(Message.of(new byte[1000]).target("leak").header("n", "" + i).build());
    for (int i = 0; i < count; i += BATCH) {
      bus.publishBatch("leak", batch);
      for (int taken = 0; taken < BATCH; ) {
        List<Message> got = reader.fetchBatch(BATCH, Duration.ofSeconds(20));
        bus.ackBatch(got);
        taken += got.size();
      }
    }
  }

  private static void buses(String url, int count) throws InterruptedException {
    for (int i = 0; i < count; i++) {
      try (Bus bus = Bus.open(url);
          Subscription reader = bus.subscribe("leak", "buses")) {
        reader.fetch(Duration.ZERO);
      }
    }
  }

  private static long resident() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) return Long.parseLong(line.replaceAll("[^0-9]", ""));
    }
    throw new IOException("no VmRSS");
  }
}
