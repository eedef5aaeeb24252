import io.agentmq.Bus;
import io.agentmq.Message;
import io.agentmq.Subscription;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a message of 100 bytes costs: publishing it, and fetching, reading and acknowledging it, one by one and in
 * batches of 100. Usage: {@code Bench [URL [COUNT]]}. Prints nanoseconds a message, the best of several rounds.
 */
final class Bench {
  private static final String CHANNEL = "bench";
  private static final String AGENT = "bench";
  private static final String TYPE = "bench";
  private static final int ROUNDS = 31; // of which the first warm up
  private static final int BATCH = 100;
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private interface Work {
    void run() throws InterruptedException;
  }

  private final Bus bus;
  private final Subscription reader;
  private final byte[] payload = new byte[100];
  private final int count;

  private Bench(Bus bus, Subscription reader, int count) {
    this.bus = bus;
    this.reader = reader;
    this.count = count;
  }

  public static void main(String[] arguments) throws InterruptedException {
    String url = arguments.length > 0 ? arguments[0] : "memory://bench";
    int count = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 5_000;
    try (Bus bus = Bus.open(url, Map.of("max_items", "0"))) {
      bus.clear(CHANNEL);
      try (Subscription reader = bus.subscribe(CHANNEL, AGENT)) {
        new Bench(bus, reader, count).run();
      }
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

  private Message message() {
    return Message.of(payload).target(AGENT).type(TYPE).build();
  }

  /** Looks at what a worker looks at. */
  private static Message read(Message message) {
    byte[] bytes = message.payload();
    if (!message.type().equals(TYPE) || bytes.length != 100 || bytes[99] != 0) {
      throw new IllegalStateException("this is not what was published: " + message);
    }
    return message;
  }

  private void publishOneByOne() {
    for (int i = 0; i < count; i++) bus.publish(CHANNEL, message());
  }

  private void takeOneByOne() throws InterruptedException {
    for (int i = 0; i < count; i++) bus.ack(read(reader.fetch(PATIENCE).orElseThrow()));
  }

  private void publishBatches() {
    for (int i = 0; i < count; i += BATCH) {
      List<Message> batch = new ArrayList<>(BATCH);
      for (int one = 0; one < BATCH; one++) batch.add(message());
      bus.publishBatch(CHANNEL, batch);
    }
  }

  private void takeBatches() throws InterruptedException {
    for (int done = 0; done < count; ) {
      List<Message> taken = reader.fetchBatch(BATCH, PATIENCE);
      for (Message message : taken) read(message);
      bus.ackBatch(taken);
      done += taken.size();
    }
  }
}
