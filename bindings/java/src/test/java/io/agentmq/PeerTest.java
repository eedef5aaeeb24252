package io.agentmq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PeerTest {
  @Test
  void SigtermEndsAWorkerInOrder() throws Exception {
    try (Bus bus = Bus.open(Store.REDIS.url().replaceAll("\\?.*", ""));
        Subscription collector = bus.subscribe("mixed", "collector")) {
      bus.publish("mixed", Message.of("0:\0").target("worker").header("n", "0").correlationId("0").build());
      Process worker = start("work", Store.REDIS.url().replaceAll("\\?.*", ""), "one");
      Message passedOn = Wanted.next(collector);
      bus.ack(passedOn);
      worker.toHandle().destroy(); // SIGTERM
      assertTrue(worker.waitFor(Wanted.PATIENCE.toMillis(), TimeUnit.MILLISECONDS));
      assertEquals("worker one did 1\n", new String(worker.getInputStream().readAllBytes()));
      assertEquals("java", passedOn.headers().get("by"));
      assertEquals("0", passedOn.headers().get("n"));
      assertEquals("0:\0", passedOn.text());
      assertEquals(0, bus.count(Wanted.ALL));
    }
  }

  private static Process start(String... arguments) throws IOException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    ProcessBuilder builder = new ProcessBuilder(java, "-cp", System.getProperty("programs"), "Peer");
    builder.command().addAll(List.of(arguments));
    return builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }
}
