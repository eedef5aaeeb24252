import io.agentmq.Bus;
import io.agentmq.ClosedException;
import io.agentmq.Message;
import io.agentmq.Subscription;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/**
 * One of a team of programs in several languages. Usage: {@code Peer publish URL COUNT}, or {@code Peer work URL NAME},
 * which passes each message on to the collector until none comes for three seconds, or until SIGTERM.
 */
final class Peer {
  private static final String CHANNEL = "mixed";
  private static final Duration PATIENCE = Duration.ofSeconds(8); // long enough to miss a dead one

  private Peer() {}

  public static void main(String[] arguments) throws InterruptedException {
    if (arguments.length == 3 && arguments[0].equals("publish")) {
      publish(arguments[1], Integer.parseInt(arguments[2]));
    } else if (arguments.length == 3 && arguments[0].equals("work")) {
      work(arguments[1], arguments[2]);
    } else {
      System.err.println("usage: Peer publish URL COUNT | Peer work URL NAME");
      System.exit(2);
    }
  }

  private static void publish(String url, int count) {
    try (Bus bus = Bus.open(url)) {
      for (int i = 0; i < count; i++) {
        Message message =
            Message.of(i + ":\u00e9\uD83D\uDE00\0end")
                .target("worker")
                .source("java")
                .header("n", Integer.toString(i))
                .header("plane", "\uD83D\uDE00")
                .correlationId(Integer.toString(i))
                .priority(4 + i % 3)
                .build();
        bus.publish(CHANNEL, message);
      }
    }
    System.out.println("published " + count);
  }

  private static void work(String url, String name) throws InterruptedException {
    CountDownLatch finished = new CountDownLatch(1);
    int done = 0;
    try (Bus bus = Bus.open(url);
        Subscription tasks = bus.subscribe(CHANNEL, "worker:" + name, Map.of("prefetch", "4"))) {
      Runtime.getRuntime().addShutdownHook(new Thread(() -> end(tasks, finished)));
      for (Optional<Message> task = tasks.fetch(PATIENCE); task.isPresent(); task = tasks.fetch(PATIENCE)) {
        bus.publish(CHANNEL, task.get().copy().target("collector").header("by", "java").build());
        bus.ack(task.get());
        done++;
      }
    } catch (ClosedException e) {
      // SIGTERM: what was in hand is done.
    } finally {
      System.out.println("worker " + name + " did " + done);
      finished.countDown();
    }
  }

  /** Has the process end when the message in hand is done. */
  private static void end(Subscription tasks, CountDownLatch finished) {
    try {
      if (finished.getCount() > 0) tasks.unsubscribe();
      finished.await();
    } catch (ClosedException e) {
      // It had ended by itself.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
