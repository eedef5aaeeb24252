package io.agentmq;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** Where the scenarios run: each bus has a place of its own there. */
enum Store {
  MEMORY,
  REDIS;

  private static final AtomicInteger PLACES = new AtomicInteger();

  /** Started with the first test that wants it, ended with the process. */
  private static final class Shared {
    static final RedisServer SERVER = start();

    private static RedisServer start() {
      try {
        RedisServer server = new RedisServer(Path.of(System.getProperty("java.io.tmpdir")), false);
        Runtime.getRuntime().addShutdownHook(new Thread(server::close));
        return server;
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** The URL of a place that nobody else uses. */
  String url() {
    String place = "test-" + ProcessHandle.current().pid() + "-" + PLACES.incrementAndGet();
    return this == MEMORY ? "memory://" + place : Shared.SERVER.url() + "?namespace=" + place;
  }

  /** A bus in such a place, where failures come again soon. */
  Bus open(String... settings) {
    return Bus.open(url(), map(settings));
  }

  /** name, value, name, value... */
  static Map<String, String> map(String... settings) {
    Map<String, String> map = new HashMap<>(Map.of("backoff_base", "10ms", "backoff_max", "20ms"));
    for (int i = 0; i < settings.length; i += 2) map.put(settings[i], settings[i + 1]);
    return map;
  }
}
