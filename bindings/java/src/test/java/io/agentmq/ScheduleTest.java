package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.next;
import static io.agentmq.Wanted.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Messages that are due later, and messages that are deleted in hand. */
class ScheduleTest {
  @OnEachStore
  void ADelayedMessageComesAtItsTime(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription subscription = bus.subscribe(CHANNEL, AGENT)) {
      Message later = Message.of("later").target(AGENT).delay(Duration.ofMillis(200)).build();
      Published published = bus.publish(CHANNEL, later);
      Message waiting = bus.get(published.id()).orElseThrow();
      assertEquals(State.SCHEDULED, waiting.state());
      assertTrue(waiting.due().orElseThrow().isAfter(published.timestamp()));
      Message got = next(subscription);
      assertEquals(published.id(), got.id());
      assertTrue(got.due().isEmpty());
      bus.ack(got);

      Message hour = Message.of("123456789").target(AGENT).header("n", "v").delay(Duration.ofHours(1)).build();
      List<Published> batch = bus.publishBatch(CHANNEL, List.of(hour, text("now"), hour.copy().build()));
      assertEquals(2, bus.count(Map.of("state", "scheduled")));
      assertEquals("now", next(subscription).text());
      assertTrue(bus.delete(batch.get(0).id()));
      assertEquals(1, bus.count(Map.of("state", "scheduled")));
      assertThrows(InvalidException.class, () -> Message.of("x").delay(Duration.ofMillis(-1)));
    }
  }

  @OnEachStore
  void WhoHoldsADeletedMessageIsTold(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription subscription = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, text("x"));
      Message got = next(subscription);
      assertFalse(bus.isDeleted(got.id()));
      assertTrue(bus.delete(got.id()));
      assertTrue(bus.isDeleted(got.id()));
      assertThrows(NotFoundException.class, () -> bus.ack(got));
      assertThrows(InvalidException.class, () -> bus.isDeleted("nonsense"));
    }
  }
}
