import io.agentmq.Bus;
import io.agentmq.Message;
import io.agentmq.Subscription;
import io.agentmq.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A team of agents counts the words of a text. Usage: {@code WordCount URL FILE}. Exits 0 where the result is that of a
 * direct count.
 *
 * <p>The coordinator publishes each chapter as a task for the agent type "counter". Three counters compete for the
 * tasks and send what they counted to the agent "collector", which merges it. The second counter fails now and then,
 * and a fourth one takes a task and leaves without settling it: those tasks come again, to any counter.
 */
final class WordCount {
  private static final String CHANNEL = "wordcount";
  private static final int COUNTERS = 3;
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration PACE = Duration.ofMillis(10); // real agents take their time
  private static final Pattern WORD = Pattern.compile("[A-Za-z](?:[A-Za-z']*[A-Za-z])?");

  /** What an agent did. */
  private static final class Tally {
    final AtomicInteger delivered = new AtomicInteger();
    final AtomicInteger retried = new AtomicInteger();
    final AtomicInteger acked = new AtomicInteger();

    int took(Message message) {
      if (message.deliveries() > 1) retried.incrementAndGet();
      return delivered.incrementAndGet();
    }
  }

  private final Bus bus;
  private final String text;
  private final Tally counted = new Tally();
  private final Tally collected = new Tally();
  private final SortedMap<String, Long> merged = new TreeMap<>();

  private WordCount(Bus bus, String text) {
    this.bus = bus;
    this.text = text;
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    if (arguments.length != 2) {
      System.err.println("usage: WordCount URL FILE");
      System.exit(2);
    }
    String text = Files.readString(Path.of(arguments[1]));
    // Apart from what else is on the server; an agent takes a task only when it has time for it; a failed one comes
    // soon.
    Map<String, String> settings = Map.of("namespace", "wordcount", "prefetch", "1", "backoff_base", "100ms");
    boolean right;
    try (Bus bus = Bus.open(arguments[0], settings)) {
      bus.clear("*"); // what a run that was broken off left
      right = new WordCount(bus, text).run();
    }
    System.exit(right ? 0 : 1);
  }

  private boolean run() throws InterruptedException {
    long begin = System.nanoTime();
    int chapters = publishTasks();
    takeAndLeave();
    List<Subscription> counters = new ArrayList<>();
    for (int i = 1; i <= COUNTERS; i++) {
      boolean unreliable = i == 2;
      Subscription counter = bus.subscribe(CHANNEL, "counter:" + i);
      Tally own = new Tally();
      counter.consume(1, task -> count(task, unreliable && own.took(task) % 3 == 1));
      counters.add(counter);
    }
    int done = collect(chapters);
    for (Subscription counter : counters) {
      counter.drain(PATIENCE); // the handler has ended, its acks are sent
      counter.close();
    }

    Map<String, Long> direct = wordsOf(text);
    int dead = bus.deadLetters(Map.of(), 1000, 0).size();
    boolean right = merged.equals(direct) && done == chapters && dead == 0 && bus.count(Map.of()) == 0;
    System.out.printf(
        "%s: %d words, %d different ones, in %d chapters; a direct count says %d and %d%n",
        right ? "right" : "WRONG", total(merged), merged.size(), done, total(direct), direct.size());
    System.out.printf(
        "published %d, delivered %d, retried %d, dead-lettered %d, acked %d, lost %d, in %.2f seconds%n",
        chapters + counted.acked.get(), // a result for each
        counted.delivered.get() + collected.delivered.get(),
        counted.retried.get() + collected.retried.get(),
        dead,
        counted.acked.get() + collected.acked.get(),
        chapters - done,
        (System.nanoTime() - begin) / 1e9);
    return right;
  }

  /** The coordinator: one task for each chapter, the long ones first. Answers how many. */
  private int publishTasks() {
    int chapters = 0;
    for (String chapter : text.split("\n(?=# )")) {
      Message task =
          Message.of(chapter)
              .source("coordinator")
              .target("counter")
              .type("count")
              .replyTo("collector")
              .correlationId(Integer.toString(chapters++))
              .priority(chapter.length() > 620 ? Message.HIGH : Message.NORMAL)
              .build();
      bus.publish(CHANNEL, task);
    }
    return chapters;
  }

  /** A counter that takes a task and never settles it: the visibility timeout brings it back. */
  private void takeAndLeave() throws InterruptedException {
    Map<String, String> settings = Map.of("visibility_timeout", "500ms", "auto_extend", "false");
    try (Subscription leaver = bus.subscribe(CHANNEL, "counter:4", settings)) {
      counted.took(leaver.fetch(PATIENCE).orElseThrow());
    }
  }

  /** A counter at work; the verdict settles the task. */
  private Verdict count(Message task, boolean fails) throws InterruptedException {
    Thread.sleep(PACE.toMillis());
    counted.took(task);
    if (fails) throw new IllegalStateException("this counter fails now and then");
    StringBuilder lines = new StringBuilder();
    wordsOf(task.text()).forEach((word, count) -> lines.append(word).append(' ').append(count).append('\n'));
    Message result =
        Message.of(lines.toString())
            .source(task.agent())
            .target(task.replyTo())
            .type("counted")
            .correlationId(task.correlationId())
            .build();
    bus.publish(CHANNEL, result);
    counted.acked.incrementAndGet();
    return Verdict.ACK;
  }

  /** The collector: merges one result a chapter, also where one comes twice. Answers how many chapters it got. */
  private int collect(int chapters) throws InterruptedException {
    BitSet seen = new BitSet();
    try (Subscription collector = bus.subscribe(CHANNEL, "collector")) {
      while (seen.cardinality() < chapters) {
        Optional<Message> result = collector.fetch(PATIENCE);
        if (result.isEmpty()) break;
        collected.took(result.get());
        int chapter = Integer.parseInt(result.get().correlationId());
        if (!seen.get(chapter)) {
          for (String line : result.get().text().split("\n")) {
            int space = line.indexOf(' ');
            if (space > 0) merged.merge(line.substring(0, space), Long.valueOf(line.substring(space + 1)), Long::sum);
          }
          seen.set(chapter);
        }
        bus.ack(result.get());
        collected.acked.incrementAndGet();
      }
    }
    return seen.cardinality();
  }

  /** Letters and the apostrophes between them, in lower case. */
  private static SortedMap<String, Long> wordsOf(String text) {
    SortedMap<String, Long> words = new TreeMap<>();
    for (Matcher word = WORD.matcher(text); word.find(); ) {
      words.merge(word.group().toLowerCase(Locale.ROOT), 1L, Long::sum);
    }
    return words;
  }

  private static long total(Map<String, Long> words) {
    return words.values().stream().mapToLong(Long::longValue).sum();
  }
}
