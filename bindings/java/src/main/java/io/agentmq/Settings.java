package io.agentmq;

import java.io.ByteArrayOutputStream;
import java.util.Map;
import java.util.function.LongConsumer;

/** Settings by name, and filters, on their way into native configs. */
final class Settings {
  private Settings() {}

  /** Calls with a config that lives as long as the call. */
  static void with(Map<String, String> settings, LongConsumer call) {
    long[] config = new long[1];
    Native.mqs_config_of(flat(settings), config);
    try {
      call.accept(config[0]);
    } finally {
      Native.mq_config_free(config[0]);
    }
  }

  private static byte[] flat(Map<String, String> settings) {
    ByteArrayOutputStream flat = new ByteArrayOutputStream();
    settings.forEach(
        (name, value) -> {
          flat.writeBytes(Utf8.terminated("the name of a setting", name));
          flat.writeBytes(Utf8.terminated("the value of the setting '" + name + "'", value));
        });
    return flat.toByteArray();
  }
}
