package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.PATIENCE;
import static io.agentmq.Wanted.eventually;
import static io.agentmq.Wanted.next;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

class ListenTest {
  private static Message live(String text, Mode mode) {
    return Message.of(text).target(AGENT).mode(mode).build();
  }

  @OnEachStore
  void ListenersHearWhatIsToldAndNothingIsKept(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription listener = bus.listen("events:*")) {
      Published told = bus.publish("events:new", live("x", Mode.PUBSUB));
      assertEquals(1, told.receivers());
      Message heard = next(listener);
      assertEquals("x", heard.text());
      assertEquals("events:new", heard.channel());
      assertEquals(told.id(), heard.id());
      assertEquals("", heard.receipt());
      assertEquals(0, bus.count(ALL));
      bus.publish("other", live("y", Mode.PUBSUB));
      assertTrue(listener.fetch(Duration.ZERO).isEmpty());
    }
  }

  @OnEachStore
  void BothIsStoredToo(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription listener = bus.listen(CHANNEL);
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      List<Published> told = bus.publishBatch(CHANNEL, List.of(live("1", Mode.BOTH), live("2", Mode.QUEUE)));
      assertEquals(1, told.get(0).receivers());
      assertEquals(0, told.get(1).receivers());
      Message heard = next(listener);
      assertEquals("1", heard.text());
      // Settling it settles nothing, and above all not what is stored.
      assertThrows(InvalidException.class, () -> bus.ack(heard));
      assertThrows(InvalidException.class, () -> bus.ackBatch(List.of(heard)));
      assertThrows(InvalidException.class, () -> bus.nack(heard, Failure.TRANSIENT, null, null));
      assertThrows(InvalidException.class, () -> bus.extend(heard, PATIENCE));
      assertEquals(2, bus.count(ALL));
      Message stored = next(worker);
      assertEquals(heard.id(), stored.id());
      bus.ack(stored);
    }
  }

  @OnEachStore
  void ASlowListenerCountsWhatItLost(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription listener = bus.listen(CHANNEL, Map.of("listen_buffer", "2"));
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      for (int i = 0; i < 5; i++) bus.publish(CHANNEL, live("" + i, Mode.PUBSUB));
      eventually(() -> listener.lost().dropped() == 3);
      assertEquals(0, listener.lost().gaps());
      assertEquals("3", next(listener).text());
      assertEquals("4", next(listener).text());
      assertThrows(InvalidException.class, worker::lost);
      assertThrows(InvalidException.class, () -> listener.addChannel("d"));
    }
  }

  @OnEachStore
  void AHandlerHears(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription listener = bus.listen("*")) {
      AtomicInteger heard = new AtomicInteger();
      listener.consume(
          2,
          message -> {
            if (heard.incrementAndGet() % 2 == 0) throw new IllegalStateException("no verdict");
            return Verdict.ACK;
          });
      for (int i = 0; i < 20; i++) bus.publish(CHANNEL, live("x", Mode.PUBSUB));
      eventually(() -> heard.get() == 20);
      assertTrue(listener.drain(PATIENCE));
      assertTrue(bus.flush(PATIENCE));
      assertEquals(20, heard.get());
    }
  }

  @OnEachStore
  void WrongPatternsAndModesAreRefused(Store store) {
    try (Bus bus = store.open()) {
      assertThrows(InvalidException.class, () -> bus.listen(""));
      assertThrows(InvalidException.class, () -> bus.listen("a["));
      assertThrows(InvalidException.class, () -> bus.sendTo(AGENT, live("x", Mode.BOTH)));
      Message durable = Message.of("x").mode(Mode.PUBSUB).minReplicas(1).build();
      assertThrows(InvalidException.class, () -> bus.publish(CHANNEL, durable));
      assertFalse(bus.publish(CHANNEL, live("x", Mode.PUBSUB)).id().isEmpty());
    }
  }
}
