package io.agentmq;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Texts to UTF-8 and back. JNI's own strings are another encoding beyond the first plane, and C ends one at U+0000. */
final class Utf8 {
  private Utf8() {}

  /** Half a surrogate pair becomes U+FFFD. Throws InvalidException where there is a U+0000. */
  static byte[] bytes(String what, String text) {
    int length = text.length();
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c == 0) throw new InvalidException(what + " must not contain U+0000, it does at " + i);
      if (!Character.isSurrogate(c)) continue;
      boolean pair = Character.isHighSurrogate(c) && i + 1 < length && Character.isLowSurrogate(text.charAt(i + 1));
      if (!pair) return bytes(what, text.substring(0, i) + '\uFFFD' + text.substring(i + 1));
      i++;
    }
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** The same with the 0 at its end that C wants; null for null. */
  static byte[] terminated(String what, String text) {
    if (text == null) return null;
    byte[] bytes = bytes(what, text);
    return Arrays.copyOf(bytes, bytes.length + 1);
  }

  /** null for null. */
  static String text(byte[] bytes) {
    return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
  }
}
