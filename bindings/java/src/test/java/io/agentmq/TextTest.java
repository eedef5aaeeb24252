package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.CHANNEL;
import static io.agentmq.Wanted.next;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class TextTest {
  // The first and the last of each length in UTF-8, and one of every plane.
  private static String everyPlane() {
    StringBuilder text = new StringBuilder("\u0001\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff");
    for (int plane = 0; plane <= 16; plane++) {
      text.appendCodePoint(plane << 16 | 0xFFFD).appendCodePoint(plane << 16 | 0x41);
    }
    return text.toString();
  }

  @OnEachStore
  void EveryPlaneArrivesEverywhere(Store store) throws Exception {
    String text = everyPlane();
    String name = "\uD83D\uDE00\u00e9\u4e2d\uDBFF\uDFFD"; // names have no control characters
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(name, name)) {
      Message message =
          Message.of(text + "\0")
              .source(name)
              .target(name)
              .replyTo(name)
              .type(text)
              .correlationId(text)
              .contentType(text)
              .header(name, text)
              .build();
      String id = bus.publish(name, message).id();
      Message got = next(worker);
      assertEquals(id, got.id());
      assertArrayEquals((text + "\0").getBytes(StandardCharsets.UTF_8), got.payload());
      assertEquals(List.of(name, name, name, name), List.of(got.channel(), got.source(), got.target(), got.replyTo()));
      assertEquals(List.of(text, text, text), List.of(got.type(), got.correlationId(), got.contentType()));
      assertEquals(Map.of(name, text), got.headers());
      assertEquals(1, bus.count(Map.of("channel", name, "target", name, "source", name)));
      bus.nack(got, Failure.PERMANENT, null, text);
      assertEquals(text, bus.deadLetters(Map.of("channel", name), 1, 0).get(0).reason());
    }
  }

  @OnEachStore
  void HalfAPairIsReplaced(Store store) throws Exception {
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, Message.of("").target(AGENT).type("a\uD83Db\uDE00").build());
      assertEquals("a\uFFFDb\uFFFD", next(worker).type());
    }
  }

  @OnEachStore
  void NulIsRefusedBeforeAnythingIsSent(Store store) throws Exception {
    String nul = "a\0b";
    Message message = Wanted.text("x");
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      refused(() -> bus.publish(CHANNEL, message.copy().target(nul).build()));
      refused(() -> bus.publish(CHANNEL, message.copy().source(nul).build()));
      refused(() -> bus.publish(CHANNEL, message.copy().type(nul).build()));
      refused(() -> bus.publish(CHANNEL, message.copy().correlationId(nul).build()));
      refused(() -> bus.publish(CHANNEL, message.copy().replyTo(nul).build()));
      refused(() -> bus.publish(CHANNEL, message.copy().contentType(nul).build()));
      refused(() -> bus.publish(CHANNEL, message.copy().header(nul, "x").build()));
      refused(() -> bus.publish(CHANNEL, message.copy().header("x", nul).build()));
      refused(() -> bus.publishBatch(CHANNEL, List.of(message, message.copy().type(nul).build())));
      refused(() -> bus.publish(nul, message));
      refused(() -> bus.publishAsync(nul, message));
      refused(() -> bus.publishMany(CHANNEL, message, List.of(AGENT, nul)));
      refused(() -> bus.sendTo(nul, message));
      refused(() -> bus.subscribe(nul, AGENT));
      refused(() -> bus.subscribe(CHANNEL, nul));
      refused(() -> bus.subscribe(CHANNEL, AGENT, Map.of("consumer", nul)));
      refused(() -> worker.addChannel(nul));
      refused(() -> bus.ackReceipts(List.of(nul)));
      refused(() -> bus.ackId(AGENT, nul));
      refused(() -> bus.nackReceipt(nul, Failure.TRANSIENT, null, null));
      refused(() -> bus.nackReceipt("x", Failure.TRANSIENT, null, nul));
      refused(() -> bus.get(nul));
      refused(() -> bus.delete(nul));
      refused(() -> bus.clear(nul));
      refused(() -> bus.count(Map.of("type", nul)));
      refused(() -> bus.configure(CHANNEL, Map.of(nul, "1")));
      assertEquals(0, bus.count(ALL));
    }
  }

  @OnEachStore
  void TextsOfFailuresMayBeLong(Store store) throws Exception {
    String longText = "\uD83D\uDE00".repeat(10_000); // 20,000 characters
    InvalidException error = assertThrows(InvalidException.class, () -> Bus.open(store.url(), Map.of(longText, "1")));
    assertTrue(error.getMessage().startsWith("there is no setting '\uD83D\uDE00"), error.getMessage());
    assertTrue(error.getMessage().contains("the nearest is"), "the library shortens what it quotes, not its sentence");
    assertEquals(Status.INVALID, error.status());
    String reason = "\uD83D\uDE00".repeat(5_000) + "x".repeat(10_000);
    try (Bus bus = store.open();
        Subscription worker = bus.subscribe(CHANNEL, AGENT)) {
      bus.publish(CHANNEL, Wanted.text("x"));
      bus.nack(next(worker), Failure.PERMANENT, null, reason);
      assertEquals(reason, bus.deadLetters(ALL, 1, 0).get(0).reason());
      assertThrows(InvalidException.class, () -> bus.nack(Wanted.text("never fetched"), Failure.PERMANENT));
    }
  }

  @Test
  void AnErrorOf20000CharactersComesWhole() {
    String host = "h".repeat(20_000);
    Exception error =
        assertThrows(UnavailableException.class, () -> Bus.open("redis://" + host + "?open_timeout=50ms"));
    assertTrue(error.getMessage().contains(host), error.getMessage());
  }

  @Test
  void TheNearestSettingIsNamed() {
    Exception error = assertThrows(InvalidException.class, () -> Bus.open("memory://x", Map.of("prefetsch", "1")));
    assertTrue(error.getMessage().contains("prefetch"), error.getMessage());
  }

  private static void refused(Executable call) {
    InvalidException error = assertThrows(InvalidException.class, call);
    assertTrue(error.getMessage().contains("U+0000"), error.getMessage());
  }
}
