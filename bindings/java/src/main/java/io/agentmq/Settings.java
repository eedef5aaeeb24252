package io.agentmq;

import java.io.ByteArrayOutputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Settings by name, and filters, on their way into native configs. */
final class Settings {
  private static final Pattern DURATION = Pattern.compile("(\\d+)(ms|s|m|h|d|)");

  private static final class Defaults {
    static final Map<String, String> BY_NAME = new HashMap<>();

    static {
      for (Object row : (List<?>) Json.parse(Bus.settings())) {
        Map<?, ?> setting = (Map<?, ?>) row;
        BY_NAME.put((String) setting.get("name"), String.valueOf(setting.get("default")));
      }
    }
  }

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

  /** What a bus has for a setting: the URL counts, then the settings given, then the default. */
  static String effective(String url, Map<String, String> settings, String name) {
    Matcher query = Pattern.compile("[?&]" + name + "=([^&]*)").matcher(url);
    if (query.find()) return query.group(1);
    return settings.containsKey(name) ? settings.get(name) : Defaults.BY_NAME.get(name);
  }

  /** A duration as docs/settings.md has them, in ms. */
  static long millis(String duration) {
    Matcher parts = DURATION.matcher(duration);
    if (!parts.matches()) return 0; // the library refuses it
    long number = Long.parseLong(parts.group(1));
    switch (parts.group(2)) {
      case "s":
        return number * 1000;
      case "m":
        return number * 60_000;
      case "h":
        return number * 3_600_000;
      case "d":
        return number * 86_400_000;
      default:
        return number;
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
