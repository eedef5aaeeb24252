package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.PATIENCE;
import static io.agentmq.Wanted.eventually;
import static io.agentmq.Wanted.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What a publish waits for beyond the server's memory, and when a server that is left alone may be asked again. */
class DurabilityTest {
  private static MessageBuilder message() {
    return Message.of("x").target(AGENT);
  }

  private static void stored(Bus bus, Status status, Published published) {
    assertEquals(status, published.status());
    assertTrue(published.stored());
    assertEquals(published.id(), bus.get(published.id()).orElseThrow().id());
    assertEquals(0, published.replicas());
    assertFalse(published.isFsynced());
  }

  @OnEachStore
  void AMessageSaysWhatItsPublishWaitsFor(Store store) throws Exception {
    try (Bus bus = store.open("durability_timeout", "10ms", "min_replicas", "1")) {
      stored(bus, Status.PARTIAL, bus.publish(CHANNEL, message().build()));
      stored(bus, Status.PARTIAL, bus.publish(CHANNEL, message().minReplicas(2).build()));
      Message alone = message().minReplicas(0).build();
      stored(bus, Status.OK, bus.publish(CHANNEL, alone));
      stored(bus, Status.OK, bus.publish(CHANNEL, alone.copy().build()));
      stored(bus, Status.PARTIAL, bus.publish(CHANNEL, alone.copy().fsync(true).build()));
      stored(bus, Status.OK, bus.publish(CHANNEL, alone.copy().fsync(false).build()));
      List<Published> batch = bus.publishBatch(CHANNEL, List.of(alone, message().minReplicas(3).build()));
      stored(bus, Status.OK, batch.get(0));
      stored(bus, Status.PARTIAL, batch.get(1));
      Published later =
          bus.publishAsync(CHANNEL, message().build()).get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
      stored(bus, Status.PARTIAL, later);
      assertEquals(9, bus.count(ALL));

      assertThrows(InvalidException.class, () -> message().minReplicas(-1));
      Message many = message().minReplicas(101).build();
      assertThrows(InvalidException.class, () -> bus.publish(CHANNEL, many));
    }
  }

  @OnEachStore
  void TheFsyncOfABusHoldsUnlessAMessageSaysOtherwise(Store store) {
    try (Bus bus = store.open("durability_timeout", "10ms", "fsync", "true")) {
      stored(bus, Status.PARTIAL, bus.publish(CHANNEL, message().build()));
      stored(bus, Status.OK, bus.publish(CHANNEL, message().fsync(false).build()));
    }
  }

  @Test
  void WhatWasReachedIsReadWhereTheDocumentSays() {
    ByteBuffer list = ByteBuffer.allocate(Flat.LIST_HEAD + Flat.HEAD + 8).order(ByteOrder.LITTLE_ENDIAN);
    list.putInt(0, 1).putInt(4, 1).putLong(8, list.capacity());
    list.putInt(Flat.LIST_HEAD, Flat.HEAD + 8).putInt(Flat.LIST_HEAD + 4, Status.PARTIAL.value());
    list.putInt(Flat.LIST_HEAD + 80, 2).put(Flat.LIST_HEAD + Flat.HEAD, (byte) 'i').put(Flat.LIST_HEAD + Flat.HEAD + 1, (byte) 'd');
    list.putInt(Flat.LIST_HEAD + 112, 3).putInt(Flat.LIST_HEAD + 120, 2).putInt(Flat.LIST_HEAD + 124, 1);
    Published published = Flat.published(list.array(), 7).get(0);
    assertEquals("id", published.id());
    assertEquals(Status.PARTIAL, published.status());
    assertEquals(2, published.replicas());
    assertTrue(published.isFsynced());
    assertEquals(Optional.empty(), published.retryAfter());
  }

  @Test
  void AnOpenCircuitBreakerSaysWhenToComeBack() throws Exception {
    try (RedisServer server = new RedisServer(Path.of(System.getProperty("java.io.tmpdir")), false);
        Bus bus =
            Bus.open(
                server.url(),
                Store.map(
                    "breaker_failures", "2", "breaker_reset", "60s", "reconnect_base", "1ms", "reconnect_max", "5ms"))) {
      bus.publish(CHANNEL, text("x"));
      server.stop();
      AtomicReference<AgentMQException> last = new AtomicReference<>();
      eventually(
          () -> {
            last.set(assertThrows(AgentMQException.class, () -> bus.publish(CHANNEL, text("x"))));
            return last.get().retryAfter().isPresent();
          });
      assertInstanceOf(UnavailableException.class, last.get());
      Duration after = last.get().retryAfter().orElseThrow();
      assertTrue(after.toMillis() > 0 && after.compareTo(Duration.ofSeconds(60)) <= 0, after.toString());
      AgentMQException other = assertThrows(InvalidException.class, () -> bus.configure(CHANNEL, Store.map("x", "1")));
      assertEquals(Optional.empty(), other.retryAfter());
    }
  }
}
