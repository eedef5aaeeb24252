package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.next;
import static io.agentmq.Wanted.text;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;

class PublishTest {
  @OnEachStore
  void WhatWasSetArrives(Store store) throws Exception {
    Message message =
        Message.of("payload")
            .source("sender")
            .target(AGENT)
            .type("task")
            .correlationId("c-1")
            .replyTo("sender")
            .contentType("text/plain")
            .header("b", "2")
            .header("a", "1")
            .header("empty", "")
            .header("gone", "x")
            .header("gone", null)
            .priority(7)
            .ttl(Duration.ofMinutes(1))
            .build();
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      Published sent = bus.publish(CHANNEL, message);
      Message got = next(worker);
      assertTrue(sent.stored());
      assertEquals(sent.id(), got.id());
      assertEquals(sent.timestamp(), got.timestamp());
      assertEquals(sent.expires(), got.expires());
      assertEquals(sent.timestamp().plus(Duration.ofMinutes(1)), got.expires().orElseThrow());
      assertEquals("payload", got.text());
      assertEquals(
          List.of("sender", AGENT, "task", "c-1", "sender", "text/plain", CHANNEL, AGENT),
          List.of(
              got.source(),
              got.target(),
              got.type(),
              got.correlationId(),
              got.replyTo(),
              got.contentType(),
              got.channel(),
              got.agent()));
      assertEquals(List.of("b", "a", "empty"), new ArrayList<>(got.headers().keySet()));
      assertEquals("2", got.header("b").orElseThrow());
      assertEquals("", got.header("empty").orElseThrow());
      assertFalse(got.header("gone").isPresent());
      assertEquals(7, got.priority());
      assertEquals(1, got.deliveries());
      assertEquals(State.RESERVED, got.state());
      assertEquals(Status.OK, got.status());
      assertFalse(got.receipt().isEmpty());
      assertTrue(got.reservedUntil().isAfter(Instant.EPOCH));
      bus.ack(got);
    }
  }

  @OnEachStore
  void ACopyIsANewMessage(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, Message.of("x").target(AGENT).type("t").header("h", "1").ttl(Bus.FOREVER).build());
      Message first = next(worker);
      bus.publish(CHANNEL, first.copy().payload(new byte[] {0, 1}).correlationId("c").build());
      Message second = next(worker);
      assertEquals(List.of("t", "c", "1"), List.of(second.type(), second.correlationId(), second.headers().get("h")));
      assertArrayEquals(new byte[] {0, 1}, second.payload());
      assertTrue(second.expires().isEmpty());
    }
  }

  @OnEachStore
  void TheGreaterPriorityGoesFirst(Store store) throws Exception {
    try (Bus bus = store.open()) {
      for (int priority : new int[] {0, Message.NORMAL, 255, Message.LOW, Message.HIGH, Message.URGENT}) {
        bus.publish(CHANNEL, Message.of("" + priority).target(AGENT).priority(priority).build());
      }
      try (Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
        List<String> order = next(worker, 6).stream().map(Message::text).collect(Collectors.toList());
        assertEquals(List.of("255", "10", "9", "5", "1", "0"), order);
      }
    }
  }

  @OnEachStore
  void PayloadsAreBytesOfAnySize(Store store) throws Exception {
    byte[] all = new byte[256];
    for (int i = 0; i < all.length; i++) all[i] = (byte) i;
    byte[] big = new byte[5 << 20];
    new Random(1).nextBytes(big);
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      for (byte[] payload : List.of(new byte[0], new byte[1], all, big, all)) {
        String id = bus.publish(CHANNEL, Message.of(payload).target(AGENT).build()).id();
        assertArrayEquals(payload, bus.get(id).orElseThrow().payload());
        assertArrayEquals(payload, bus.find(ALL, 10, 0).get(0).payload());
        Message got = next(worker);
        assertArrayEquals(payload, got.payload());
        bus.ack(got);
      }
      byte[] tooLarge = new byte[(64 << 20) + 1];
      assertThrows(TooLargeException.class, () -> bus.publish(CHANNEL, Message.of(tooLarge).target(AGENT).build()));
    }
  }

  @OnEachStore
  void ABatchTellsWhatBecameOfEach(Store store) throws Exception {
    try (Bus bus = store.open("max_items", "3");
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      Message other = Message.of("other").target("other").build();
      for (int i = 0; i < 3; i++) bus.publish(CHANNEL, other);
      List<Published> sent = bus.publishBatch(CHANNEL, List.of(text("1"), other, text("2")));
      List<Status> statuses = sent.stream().map(Published::status).collect(Collectors.toList());
      assertEquals(List.of(Status.OK, Status.FULL, Status.OK), statuses);
      assertEquals("", sent.get(1).id());
      List<Message> got = next(worker, 2);
      assertEquals(List.of(sent.get(0).id(), sent.get(2).id()), List.of(got.get(0).id(), got.get(1).id()));
      FullException full = assertThrows(FullException.class, () -> bus.publishBatch(CHANNEL, List.of(other, other)));
      assertEquals(Status.FULL, full.status());
      assertFalse(full.getMessage().isEmpty());
      assertEquals(List.of(), bus.publishBatch(CHANNEL, List.of()));
    }
  }

  @OnEachStore
  void ABatchOfAThousandKeepsItsOrder(Store store) throws Exception {
    List<Message> batch = new ArrayList<>();
    for (int i = 0; i < 1000; i++) batch.add(text("message " + i));
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      assertTrue(bus.publishBatch(CHANNEL, batch).stream().allMatch(Published::stored));
      List<Message> got = next(worker, 1000);
      for (int i = 0; i < 1000; i++) assertEquals("message " + i, got.get(i).text());
      assertTrue(bus.ackBatch(got).stream().allMatch(status -> status == Status.OK));
      assertEquals(0, bus.count(ALL));
    }
  }

  @OnEachStore
  void ManyTargetsAndDirectInboxes(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription one = bus.subscribe(CHANNEL, "one");
        Subscription two = bus.subscribe(CHANNEL, "two");
        Subscription inbox = bus.subscribe(Bus.DIRECT, "one")) {
      List<Published> sent = bus.publishMany(CHANNEL, text("to both"), List.of("one", "two"));
      assertEquals(sent.get(0).id(), next(one).id());
      assertEquals(sent.get(1).id(), next(two).id());
      Published direct = bus.sendTo("one", Message.of("hello").build());
      Message got = next(inbox);
      assertEquals(direct.id(), got.id());
      assertEquals(Bus.DIRECT, got.channel());
      assertEquals("one", got.target());
    }
  }

  @OnEachStore
  void EveryGroupGetsABroadcast(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription one = bus.subscribe(CHANNEL, "one");
        Subscription two = bus.subscribe(CHANNEL, "two")) {
      bus.publish(CHANNEL, Message.of("all").build());
      for (Subscription reader : List.of(one, two)) {
        Message got = next(reader);
        assertEquals("all", got.text());
        bus.ack(got);
      }
    }
  }

  @OnEachStore
  void ASubscriptionReadsSeveralChannels(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe("a", AGENT)) {
      worker.addChannel("b");
      bus.publish("a", Message.of("low").target(AGENT).priority(1).build());
      bus.publish("b", Message.of("high").target(AGENT).priority(9).build());
      List<Message> got = next(worker, 2);
      assertEquals(2, got.stream().map(Message::channel).distinct().count());
      bus.ackBatch(got);
      worker.removeChannel("b");
      bus.publish("b", text("unread"));
      assertTrue(worker.fetch(Duration.ZERO).isEmpty());
      assertThrows(NotFoundException.class, () -> worker.removeChannel("c"));
    }
  }

  @OnEachStore
  void AChannelKeepsItsLimits(Store store) {
    try (Bus bus = store.open()) {
      bus.configure(CHANNEL, Map.of("max_items", "1"));
      bus.publish(CHANNEL, text("1"));
      assertThrows(FullException.class, () -> bus.publish(CHANNEL, text("2")));
      bus.configure(CHANNEL, Map.of());
      bus.publish(CHANNEL, text("2"));
    }
  }
}
