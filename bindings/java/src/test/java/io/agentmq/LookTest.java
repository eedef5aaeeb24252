package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.PATIENCE;
import static io.agentmq.Wanted.next;
import static io.agentmq.Wanted.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LookTest {
  @OnEachStore
  void MessagesAreFoundCountedAndRemoved(Store store) throws Exception {
    try (Bus bus = store.open()) {
      String id = bus.publish(CHANNEL, Message.of("1").target(AGENT).type("a").build()).id();
      bus.publish(CHANNEL, Message.of("2").target(AGENT).type("b").build());
      bus.publish("other", Message.of("3").target(AGENT).type("a").build());
      assertEquals("1", bus.get(id).orElseThrow().text());
      assertEquals(2, bus.count(Map.of("type", "a")));
      assertEquals(List.of("1"), texts(bus.find(Map.of("type", "a", "channel", CHANNEL, "state", "queued"), 10, 0)));
      assertEquals(2, bus.find(ALL, 2, 1).size());
      assertEquals(List.of(), bus.find(Map.of("state", "dead"), 10, 0));
      assertTrue(bus.delete(id));
      assertFalse(bus.delete(id));
      assertTrue(bus.get(id).isEmpty());
      assertEquals(1, bus.clear("other"));
      assertEquals(1, bus.clear("*"));
      assertEquals(0, bus.count(ALL));
      assertThrows(InvalidException.class, () -> bus.find(ALL, -1, 0));
      assertThrows(InvalidException.class, () -> bus.count(Map.of("colour", "red")));
    }
  }

  @OnEachStore
  void ReportsAreJson(Store store) throws Exception {
    try (Bus bus = store.open("log_level", "debug", "health_degraded", "20s", "health_unhealthy", "30s")) {
      assertTrue(bus.nextLog(Duration.ZERO).isEmpty());
      bus.publish(CHANNEL, text("x"));
      Map<?, ?> stats = (Map<?, ?>) Json.parse(bus.stats(CHANNEL));
      assertEquals(1L, ((Map<?, ?>) stats.get("totals")).get("stored"));
      assertTrue(bus.stats(null).contains(CHANNEL));
      Health health = bus.health();
      assertTrue(health.state() != HealthState.UNHEALTHY, health.json());
      assertTrue(((Map<?, ?>) Json.parse(health.json())).containsKey("advice"));
      Map<?, ?> event = (Map<?, ?>) Json.parse(bus.nextLog(PATIENCE).orElseThrow());
      assertEquals("published", event.get("event"));
    }
  }

  @Test
  void TheLibraryTellsItsVersionAndSettings() {
    assertTrue(Bus.version().matches("\\d+\\.\\d+\\.\\d+"), Bus.version());
    assertTrue(((List<?>) Json.parse(Bus.settings())).size() > 30);
  }

  @OnEachStore
  void ASubscriptionHasAFileDescriptor(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      assertTrue(worker.fd() > 2);
      bus.publish(CHANNEL, text("x"));
      bus.ack(next(worker));
    }
  }

  private static List<String> texts(List<Message> messages) {
    return messages.stream().map(Message::text).collect(java.util.stream.Collectors.toList());
  }
}
