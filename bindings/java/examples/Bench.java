import io.agentmq.Bus;
import io.agentmq.Message;
import io.agentmq.Subscription;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * What a message costs. Usage: {@code Bench [URL]}. Publishes and takes messages with payloads of 100 bytes, one by one
 * and in batches of 100, and prints nanoseconds a message of the best of several rounds.
 */
final class Bench {
  private static final String CHANNEL = "bench";
  private static final String AGENT = "reader";
  private static final int ROUNDS = 7;
  private static final int BATCH = 100;
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private interface Work {
    void run() throws InterruptedException;
  }

  private final Bus bus;
  private final Subscription reader;
  private final Message message = Message.of(new byte[100]).target(AGENT).build();
  private final List<Message> batch = Collections.nCopies(BATCH, message);
  private final int count;

  private Bench(Bus bus, Subscription reader, int count) {
    this.bus = bus;
    this.reader = reader;
    this.count = count;
  }

  public static void main(String[] arguments) throws InterruptedException {
    String url = arguments.length > 0 ? arguments[0] : "memory://bench";
    int count = url.startsWith("memory:") ? 100_000 : 10_000;
    Map<String, String> settings = Map.of("namespace", "bench", "max_items", "0", "prefetch", "1000");
    try (Bus bus = Bus.open(url, settings)) {
      bus.clear("*");
      try (Subscription reader = bus.subscribe(CHANNEL, AGENT)) {
        new Bench(bus, reader, count).run();
      }
      bus.clear("*");
    }
  }

  private void run() throws InterruptedException {
    long[] best = {Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE};
    for (int round = 0; round < ROUNDS; round++) {
      best[0] = Math.min(best[0], nanos(this::publishOneByOne));
      best[1] = Math.min(best[1], nanos(this::takeOneByOne));
      best[2] = Math.min(best[2], nanos(this::publishBatches));
      best[3] = Math.min(best[3], nanos(this::takeBatches));
    }
    System.out.printf("publish, one by one        %8d ns%n", best[0]);
    System.out.printf("fetch and ack, one by one  %8d ns%n", best[1]);
    System.out.printf("publish, batches of %d    %8d ns%n", BATCH, best[2]);
    System.out.printf("fetch and ack, batches     %8d ns%n", best[3]);
  }

  private long nanos(Work work) throws InterruptedException {
    long begin = System.nanoTime();
    work.run();
    return (System.nanoTime() - begin) / count;
  }

  private void publishOneByOne() {
    for (int i = 0; i < count; i++) bus.publish(CHANNEL, message);
  }

  private void takeOneByOne() throws InterruptedException {
    for (int i = 0; i < count; i++) bus.ack(reader.fetch(PATIENCE).orElseThrow());
  }

  private void publishBatches() {
    for (int i = 0; i < count; i += BATCH) bus.publishBatch(CHANNEL, batch);
  }

  private void takeBatches() throws InterruptedException {
    for (int done = 0; done < count; ) {
      List<Message> taken = reader.fetchBatch(BATCH, PATIENCE);
      bus.ackBatch(taken);
      done += taken.size();
    }
  }
}
