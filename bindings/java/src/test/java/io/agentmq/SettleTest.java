package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.eventually;
import static io.agentmq.Wanted.next;
import static io.agentmq.Wanted.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

class SettleTest {
  @OnEachStore
  void AnAckIsTheEnd(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, text("x"));
      Message got = next(worker);
      bus.ack(got);
      assertEquals(0, bus.count(ALL));
      NotFoundException again = assertThrows(NotFoundException.class, () -> bus.ack(got));
      assertFalse(again.retriable());
    }
  }

  @OnEachStore
  void ABatchOfAcksTellsEach(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      bus.publishBatch(CHANNEL, List.of(text("1"), text("2"), text("3")));
      List<Message> got = next(worker, 3);
      bus.ack(got.get(1));
      List<Status> expected = List.of(Status.OK, Status.NOT_FOUND, Status.OK);
      assertEquals(expected, bus.ackBatch(got));
      assertThrows(NotFoundException.class, () -> bus.ackBatch(got));
      bus.publish(CHANNEL, text("4"));
      assertEquals(List.of(Status.OK), bus.ackReceipts(List.of(next(worker).receipt())));
      assertThrows(InvalidException.class, () -> bus.ackReceipts(List.of("no receipt")));
      assertEquals(List.of(), bus.ackBatch(List.of()));
    }
  }

  @OnEachStore
  void AFailureComesAgainAndDiesInTheEnd(Store store) throws Exception {
    try (Bus bus = store.open("retry_attempts", "3");
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, text("x"));
      for (int attempt = 1; attempt <= 3; attempt++) {
        Message got = next(worker);
        assertEquals(attempt, got.deliveries());
        bus.nack(got, Failure.TRANSIENT, null, "attempt " + attempt + " \uD83D\uDE00");
      }
      Message dead = bus.deadLetters(ALL, 10, 0).get(0);
      assertEquals(State.DEAD, dead.state());
      assertEquals(3, dead.deliveries());
      assertEquals("attempt 3 \uD83D\uDE00", dead.reason());
      String again = bus.replay(dead.id());
      Message replayed = next(worker);
      assertEquals(again, replayed.id());
      assertEquals("x", replayed.text());
      bus.nack(replayed, Failure.PERMANENT);
      assertEquals(1, bus.replayAll(Map.of("channel", CHANNEL)));
      bus.nack(next(worker), Failure.PERMANENT);
      assertEquals(1, bus.purgeDeadLetters(ALL));
      assertEquals(List.of(), bus.deadLetters(ALL, 10, 0));
      assertThrows(NotFoundException.class, () -> bus.replay(dead.id()));
    }
  }

  @OnEachStore
  void ADelayIsWaitedFor(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, text("x"));
      bus.nack(next(worker), Failure.TRANSIENT, Duration.ofHours(1), null);
      assertTrue(worker.fetch(Duration.ZERO).isEmpty());
      assertEquals(State.RETRYING, bus.find(ALL, 1, 0).get(0).state());
    }
  }

  @OnEachStore
  void WhatWasTakenAwayIsStale(Store store) throws Exception {
    try (Bus bus = store.open("auto_extend", "false", "visibility_timeout", "50ms");
        Subscription first = bus.subscribe(CHANNEL, AGENT);
        Subscription second = bus.subscribe(CHANNEL, AGENT, Map.of("visibility_timeout", "1m"))) {
      bus.publish(CHANNEL, text("x"));
      Message lapsed = first.fetch(Wanted.PATIENCE).orElseThrow();
      Message again = next(second);
      assertEquals(lapsed.id(), again.id());
      assertThrows(StaleException.class, () -> bus.ack(lapsed));
      bus.ack(again);
    }
  }

  @OnEachStore
  void AnExtensionHolds(Store store) throws Exception {
    try (Bus bus = store.open("auto_extend", "false", "visibility_timeout", "1m");
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, text("x"));
      Message got = next(worker);
      bus.extend(got, Duration.ofMillis(1));
      eventually(() -> bus.recoverPending(null) >= 0 && bus.find(ALL, 1, 0).get(0).state() != State.RESERVED);
      Message again = next(worker);
      assertEquals(got.id(), again.id());
      bus.extendReceipt(again.receipt(), Duration.ofHours(1));
      assertEquals(0, bus.recoverPending(AGENT));
      bus.ack(again);
    }
  }

  @OnEachStore
  void PendingMessagesAreSeenAndSettled(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT, Map.of("prefetch", "1"))) {
      bus.publishBatch(CHANNEL, List.of(text("1"), text("2"), text("3")));
      next(worker);
      List<Message> pending = bus.getPending(CHANNEL, AGENT, 10);
      assertEquals(
          List.of("1", "2", "3"), pending.stream().map(Message::text).sorted().collect(Collectors.toList()));
      assertEquals(2, bus.getPending(null, null, 2).size());
      bus.ackId(AGENT, pending.get(0).id());
      bus.ack(pending.get(1));
      assertEquals(List.of(Status.OK), bus.ackBatch(pending.subList(2, 3)));
      assertEquals(List.of(), bus.getPending(CHANNEL, AGENT, 10));
      assertThrows(NotFoundException.class, () -> bus.ackId(null, pending.get(0).id()));
    }
  }
}
