package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.next;
import static io.agentmq.Wanted.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** Keys, signatures and histories of messages; lists and pauses. */
class AdminTest {
  @OnEachStore
  void ARepeatIsNotStoredTwice(Store store) {
    try (Bus bus = store.open()) {
      Message order = Message.of("x").target(AGENT).dedupKey("order 7").build();
      Published first = bus.publish(CHANNEL, order);
      Message later = order.copy().dedupKey("8").delay(Duration.ofHours(1)).build();
      List<Published> again = bus.publishBatch(CHANNEL, List.of(order.copy().build(), later, text("y")));
      assertEquals(first.id(), again.get(0).id());
      assertEquals(3, bus.count(ALL));
      assertEquals("order 7", bus.get(first.id()).orElseThrow().dedupKey());
      assertThrows(InvalidException.class, () -> bus.publish(CHANNEL, order.copy().dedupKey("a\0b").build()));
    }
  }

  @OnEachStore
  void ASignedMessageNamesItsKey(Store store) throws Exception {
    String key = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    try (Bus bus = store.open("signing_key", key, "require_signature", "true");
        Subscription subscription = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, text("x"));
      Message got = next(subscription);
      assertEquals("k1", got.signedBy());
      assertTrue(got.signedAt().isPresent());
      assertEquals("[]", got.history());
      assertEquals("", text("x").signedBy());
    }
  }

  @OnEachStore
  void ADeadLetterHasItsHistory(Store store) throws Exception {
    try (Bus bus = store.open("retry_attempts", "2");
        Subscription subscription = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, text("x"));
      bus.nack(next(subscription), Failure.TRANSIENT, Duration.ZERO, "first");
      bus.nack(next(subscription), Failure.TRANSIENT, Duration.ZERO, "second");
      Message dead = bus.deadLetters(Map.of("agent", AGENT), 10, 0).get(0);
      List<?> attempts = (List<?>) Json.parse(dead.history());
      assertEquals("first", ((Map<?, ?>) attempts.get(0)).get("reason"));
      assertEquals("failure", ((Map<?, ?>) attempts.get(1)).get("kind"));
      assertEquals(1, bus.replayAll(Map.of("dry_run", "true")));
      assertEquals(1, bus.deadLetters(ALL, 10, 0).size());
    }
  }

  @OnEachStore
  void AChannelIsPausedAndListed(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription subscription = bus.subscribe(CHANNEL, AGENT)) {
      bus.pause(CHANNEL, null, "maintenance");
      bus.publish(CHANNEL, text("x"));
      assertTrue(subscription.fetch(Duration.ZERO).isEmpty());
      assertTrue(bus.channels().contains("maintenance"));
      assertTrue(bus.resume(CHANNEL, null));
      assertFalse(bus.resume(CHANNEL, null));
      bus.pause(CHANNEL, AGENT, null);
      assertTrue(bus.groups(null).contains("\"scope\":\"agent\""));
      assertTrue(bus.resume(CHANNEL, AGENT));
      assertEquals("x", next(subscription).text());
      assertThrows(InvalidException.class, () -> bus.groups("c\n"));
    }
  }

  @OnEachStore
  void KeptBroadcastsComeAgain(Store store) throws Exception {
    try (Bus bus = store.open("retain", "1h");
        Subscription subscription = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, Message.of("x").build());
      bus.ack(next(subscription));
      subscription.seek("all");
      Message again = next(subscription);
      assertEquals("x", again.text());
      bus.ack(again);
      assertEquals(State.ACKED, bus.get(again.id()).orElseThrow().state());
      assertThrows(InvalidException.class, () -> subscription.seek("nowhere"));
    }
  }

  @OnEachStore
  void AnAuditTrailIsReadAndVerified(Store store) throws Exception {
    try (Bus bus = store.open("audit", "messages")) {
      bus.audit("decisions", "judge", "{\"verdict\": \"yes\"}");
      bus.audit("decisions", null, "2");
      assertThrows(InvalidException.class, () -> bus.audit("decisions", null, "{"));
      Map<?, ?> trail = (Map<?, ?>) Json.parse(bus.auditRead("decisions", null, 1));
      assertEquals(1, ((List<?>) trail.get("records")).size());
      assertTrue(bus.auditRead("decisions", (String) trail.get("next"), 10).contains("records"));
      assertEquals(true, ((Map<?, ?>) Json.parse(bus.auditVerify("decisions"))).get("intact"));
      bus.publish(CHANNEL, text("x"));
      assertTrue(bus.flush(Wanted.PATIENCE));
      assertTrue(bus.auditRead("messages", null, 100).contains("publish"));
    }
  }

  @OnEachStore
  void ARateLimitTellsWhenToComeBack(Store store) {
    try (Bus bus = store.open("rate_limit", "1")) {
      RateLimitedException limited =
          assertThrows(
              RateLimitedException.class,
              () -> {
                for (int i = 0; i < 100; i++) bus.publish(CHANNEL, text("x"));
              });
      assertTrue(limited.retryAfter().isPresent());
    }
  }

  @OnEachStore
  void ABatchThatARateLimitCutTellsWhenTheRestMayCome(Store store) throws Exception {
    try (Bus bus = store.open("rate_limit", "1")) {
      List<String> targets = new ArrayList<>();
      for (int i = 0; i < 700; i++) targets.add("a" + i); // what became of them fits no first buffer
      List<Published> all = bus.publishMany(CHANNEL, Message.of("x").build(), targets);
      assertTrue(all.get(0).stored());
      assertEquals(Optional.empty(), all.get(0).retryAfter());
      Published last = all.get(699);
      assertEquals(Status.RATE_LIMITED, last.status());
      assertTrue(last.retryAfter().orElseThrow().toMillis() > 0);

      List<CompletableFuture<Published>> sent = new ArrayList<>();
      for (int i = 0; i < 100; i++) sent.add(bus.publishAsync("other", Message.of("x").target("a" + i).build()));
      assertThrows(PartialException.class, () -> bus.flush(Wanted.PATIENCE));
      ExecutionException failure = assertThrows(ExecutionException.class, sent.get(99)::get);
      assertTrue(assertInstanceOf(RateLimitedException.class, failure.getCause()).retryAfter().isPresent());
    }
  }

  @OnEachStore
  void AnAgentIsAnnouncedAndAMessageExplained(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription subscription = bus.subscribe(CHANNEL, AGENT)) {
      bus.announce("counter", "counts words", Duration.ofMinutes(1));
      assertTrue(bus.agents("count*").contains("counts words"));
      bus.announce("counter", null, Duration.ZERO);
      assertFalse(bus.agents(null).contains("counter"));
      assertThrows(InvalidException.class, () -> bus.announce("counter", null, Duration.ofMillis(1)));

      Published x = bus.publish(CHANNEL, Message.of("x").target(AGENT).type(MessageType.EVENT).build());
      assertEquals("queued", ((Map<?, ?>) Json.parse(bus.explain(x.id()))).get("state"));
      assertTrue(bus.await(x.id(), State.QUEUED, Wanted.PATIENCE).reached());
      assertEquals(Status.TIMEOUT, bus.await(x.id(), State.ACKED, Duration.ZERO).status());
      bus.ack(next(subscription));
      Awaited acked = bus.await(x.id(), State.ACKED, Wanted.PATIENCE);
      assertTrue(acked.reached());
      assertEquals(State.ACKED, acked.state());
    }
  }

  @OnEachStore
  void ASubscriptionTakesTheTypesItNames(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription commands = bus.subscribe(CHANNEL, AGENT, Map.of("types", MessageType.COMMAND))) {
      bus.publish(CHANNEL, Message.of("e").target(AGENT).type(MessageType.EVENT).build());
      bus.publish(CHANNEL, Message.of("c").target(AGENT).type(MessageType.COMMAND).build());
      assertEquals("c", next(commands).text());
      assertTrue(commands.fetch(Duration.ZERO).isEmpty());
      assertEquals(1, bus.count(Map.of("type", MessageType.EVENT)));
    }
  }
}
