package io.agentmq;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** Texts to UTF-8 and back. JNI's own strings are another encoding beyond the first plane, and C ends one at U+0000. */
final class Utf8 {
  private static final char REPLACEMENT = '\uFFFD'; // of half a surrogate pair

  private Utf8() {}

  /** How many bytes put() writes. Throws InvalidException where there is a U+0000. */
  static long size(String what, String text) {
    int length = text.length();
    long size = length;
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c == 0) throw new InvalidException(what + " must not contain U+0000, it does at " + i);
      if (c < 0x80) continue;
      size += c < 0x800 ? 1 : 2;
      if (isPair(text, i)) i++; // four bytes of two chars
    }
    return size;
  }

  /** Writes the text, and answers where it ends. */
  static int put(String text, byte[] to, int at) {
    int length = text.length();
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c < 0x80) {
        to[at++] = (byte) c;
      } else if (c < 0x800) {
        to[at++] = (byte) (0xC0 | c >> 6);
        to[at++] = (byte) (0x80 | c & 0x3F);
      } else if (isPair(text, i)) {
        int point = Character.toCodePoint(c, text.charAt(++i));
        to[at++] = (byte) (0xF0 | point >> 18);
        to[at++] = (byte) (0x80 | point >> 12 & 0x3F);
        to[at++] = (byte) (0x80 | point >> 6 & 0x3F);
        to[at++] = (byte) (0x80 | point & 0x3F);
      } else {
        if (Character.isSurrogate(c)) c = REPLACEMENT;
        to[at++] = (byte) (0xE0 | c >> 12);
        to[at++] = (byte) (0x80 | c >> 6 & 0x3F);
        to[at++] = (byte) (0x80 | c & 0x3F);
      }
    }
    return at;
  }

  /** With the 0 at its end that C wants; null for null. Throws InvalidException where there is another. */
  static byte[] terminated(String what, String text) {
    if (text == null) return null;
    byte[] bytes = new byte[Math.toIntExact(size(what, text) + 1)];
    put(text, bytes, 0);
    return bytes;
  }

  /** All of them, one behind the other. */
  static byte[] terminated(String what, List<String> texts) {
    long size = 0;
    for (String text : texts) size += size(what, text) + 1;
    byte[] bytes = new byte[Math.toIntExact(size)];
    int at = 0;
    for (String text : texts) at = put(text, bytes, at) + 1;
    return bytes;
  }

  /** null for null. */
  static String text(byte[] bytes) {
    return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
  }

  private static boolean isPair(String text, int at) {
    return Character.isHighSurrogate(text.charAt(at))
        && at + 1 < text.length()
        && Character.isLowSurrogate(text.charAt(at + 1));
  }
}
