package io.agentmq;

import static io.agentmq.Wanted.PATIENCE;
import static io.agentmq.Wanted.next;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Requests and their replies. */
class RequestTest {
  private static final Message QUESTION = Message.of("?").correlationId("7").build();

  // Answers each request with "re: " and its text, until it is closed.
  private static Subscription answering(Bus bus, String agent) {
    Subscription subscription = bus.subscribe(Bus.DIRECT, agent);
    subscription.consume(
        2,
        request -> {
          bus.reply(request, Message.of("re: " + request.text()).source(agent).build());
          return Verdict.ACK;
        });
    return subscription;
  }

  @OnEachStore
  void ARequestHasItsReply(Store store) throws Exception {
    try (Bus bus = store.open("source", "asker");
        Subscription worker = answering(bus, "worker")) {
      Message reply = bus.request("worker", QUESTION, PATIENCE).orElseThrow();
      assertEquals("re: ?", reply.text());
      assertEquals("7", reply.correlationId());
      assertTrue(reply.header("agentmq-in-reply-to").isPresent());
      List<CompletableFuture<Optional<Message>>> many = new ArrayList<>();
      for (int i = 0; i < 20; i++) many.add(bus.requestAsync("worker", Message.of("" + i).build(), PATIENCE));
      for (int i = 0; i < 20; i++) {
        assertEquals("re: " + i, many.get(i).get(20, TimeUnit.SECONDS).orElseThrow().text());
      }
      assertThrows(InvalidException.class, () -> bus.request("wor\nker", QUESTION, PATIENCE));
      assertThrows(InvalidException.class, () -> bus.reply(QUESTION, QUESTION));
    }
  }

  @OnEachStore
  void ALateReplyIsCollected(Store store) throws Exception {
    try (Bus bus = store.open("source", "asker");
        Subscription worker = bus.subscribe(Bus.DIRECT, "worker")) {
      assertTrue(bus.request("worker", QUESTION, Duration.ZERO).isEmpty());
      Message request = next(worker);
      assertTrue(bus.collect("asker", "7", Duration.ZERO).isEmpty());
      Published sent = bus.reply(request, Message.of("at last").build());
      assertTrue(sent.stored());
      assertEquals("at last", bus.collect("asker", "7", PATIENCE).orElseThrow().text());

      CompletableFuture<Optional<Message>> waiting = bus.requestAsync("worker", QUESTION, Bus.FOREVER);
      next(worker);
      assertTrue(waiting.cancel(true));
      assertThrows(CancellationException.class, waiting::get);
      Wanted.eventually( // the call has ended: its correlation id is free
          () -> {
            try {
              return bus.collect("asker", "7", Duration.ZERO).isEmpty();
            } catch (InvalidException e) {
              return false;
            }
          });
    }
  }

  @OnEachStore
  void WhatFailsSaysWhyAlsoWhereItIsLarge(Store store) {
    try (Bus bus = store.open("max_payload", "1KiB")) {
      Message large = Message.of(new byte[200_000]).correlationId("7").build();
      Exception failure = assertThrows(TooLargeException.class, () -> bus.request("worker", large, PATIENCE));
      assertTrue(failure.getMessage().contains("max_payload"), failure.getMessage());
      Message asked = QUESTION.copy().replyTo("asker").build();
      failure = assertThrows(TooLargeException.class, () -> bus.reply(asked, large));
      assertTrue(failure.getMessage().contains("max_payload"), failure.getMessage());
    }
  }

  @OnEachStore
  void ManyAnswerOneRequest(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription one = answering(bus, "one");
        Subscription two = answering(bus, "two")) {
      assertEquals(2, bus.requestMany(List.of("one", "two"), QUESTION, 0, PATIENCE).size());
      assertEquals(1, bus.requestMany(List.of("one", "two"), Message.of("?").build(), 1, PATIENCE).size());
      assertEquals(
          1, bus.requestMany(List.of("one", "nobody"), Message.of("?").build(), 0, Duration.ofSeconds(2)).size());
      assertTrue(bus.requestMany(List.of("nobody"), Message.of("?").build(), 0, Duration.ofMillis(1)).isEmpty());
      assertThrows(InvalidException.class, () -> bus.requestMany(List.of(), QUESTION, 0, PATIENCE));
      assertFalse(Thread.interrupted());
    }
  }
}
