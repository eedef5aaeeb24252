package io.agentmq;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * JSON for payloads and for the library's reports, where no other library is at hand. Objects are {@code Map<String,
 * Object>} in their order, arrays {@code List<Object>}; numbers are Long where they are whole and fit, else Double;
 * true and false Boolean; null null. Any thread.
 */
public final class Json {
  private static final int DEEPEST = 500;

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /**
   * Reads a text.
   *
   * @param text one JSON value, with nothing but white space around it
   * @return the value
   * @throws IllegalArgumentException where it is no JSON, with the place
   */
  public static Object parse(String text) {
    Json json = new Json(text);
    Object value = json.value(0);
    json.space();
    if (json.at < text.length()) throw json.wrong("nothing more");
    return value;
  }

  /**
   * Writes a value.
   *
   * @param value a Map, Iterable, CharSequence, Number, Boolean or null, and what these hold likewise
   * @return JSON without white space
   * @throws IllegalArgumentException where it is something else, a number that is infinite or none, or too deep
   */
  public static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out, 0);
    return out.toString();
  }

  private static void write(Object value, StringBuilder out, int depth) {
    if (depth > DEEPEST) throw new IllegalArgumentException("deeper than " + DEEPEST + ": does it hold itself?");
    if (value == null || value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof Number) {
      double number = ((Number) value).doubleValue();
      boolean finite = value instanceof BigDecimal || !Double.isNaN(number) && !Double.isInfinite(number);
      if (!finite) throw new IllegalArgumentException(number + " is no JSON");
      out.append(value);
    } else if (value instanceof CharSequence) {
      quote((CharSequence) value, out);
    } else if (value instanceof Map) {
      char before = '{';
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
        quote(String.valueOf(entry.getKey()), out.append(before));
        write(entry.getValue(), out.append(':'), depth + 1);
        before = ',';
      }
      out.append(before == '{' ? "{}" : "}");
    } else if (value instanceof Iterable) {
      char before = '[';
      for (Object element : (Iterable<?>) value) {
        write(element, out.append(before), depth + 1);
        before = ',';
      }
      out.append(before == '[' ? "[]" : "]");
    } else {
      throw new IllegalArgumentException(value.getClass() + " is no JSON");
    }
  }

  private static void quote(CharSequence text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }

  private Object value(int depth) {
    if (depth > DEEPEST) throw wrong("less depth");
    space();
    switch (peek()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      case 't':
        return word("true", true);
      case 'f':
        return word("false", false);
      case 'n':
        return word("null", null);
      default:
        return number();
    }
  }

  private Map<String, Object> object(int depth) {
    Map<String, Object> object = new LinkedHashMap<>();
    at++;
    space();
    if (take('}')) return object;
    do {
      space();
      if (peek() != '"') throw wrong("a name");
      String name = string();
      space();
      if (!take(':')) throw wrong("':'");
      object.put(name, value(depth + 1));
      space();
    } while (take(','));
    if (!take('}')) throw wrong("',' or '}'");
    return object;
  }

  private List<Object> array(int depth) {
    List<Object> array = new ArrayList<>();
    at++;
    space();
    if (take(']')) return array;
    do {
      array.add(value(depth + 1));
      space();
    } while (take(','));
    if (!take(']')) throw wrong("',' or ']'");
    return array;
  }

  private String string() {
    StringBuilder string = new StringBuilder();
    at++;
    for (char c = next(); c != '"'; c = next()) {
      if (c < ' ') throw wrong("no control character");
      string.append(c == '\\' ? escaped() : c);
    }
    return string.toString();
  }

  private char escaped() {
    char c = next();
    int simple = "bfnrt\"\\/".indexOf(c);
    if (simple >= 0) return "\b\f\n\r\t\"\\/".charAt(simple);
    if (c != 'u') throw wrong("an escape");
    int code = 0;
    for (int i = 0; i < 4; i++) {
      int digit = Character.digit(next(), 16);
      if (digit < 0) throw wrong("four hexadecimal digits");
      code = 16 * code + digit;
    }
    return (char) code;
  }

  private Object number() {
    int begin = at;
    while ("+-.eE0123456789".indexOf(peek()) >= 0) at++;
    String number = text.substring(begin, at);
    if (!number.matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")) {
      at = begin;
      throw wrong("a value");
    }
    try {
      return Long.valueOf(number);
    } catch (NumberFormatException e) {
      return Double.valueOf(number);
    }
  }

  private Object word(String word, Object value) {
    if (!text.startsWith(word, at)) throw wrong("a value");
    at += word.length();
    return value;
  }

  private void space() {
    while (" \t\r\n".indexOf(peek()) >= 0) at++;
  }

  private boolean take(char c) {
    if (peek() != c) return false;
    at++;
    return true;
  }

  // At the end: a character that nothing expects.
  private char peek() {
    return at < text.length() ? text.charAt(at) : '\uFFFF';
  }

  private char next() {
    if (at == text.length()) throw wrong("the end of a string");
    return text.charAt(at++);
  }

  private IllegalArgumentException wrong(String expected) {
    return new IllegalArgumentException("JSON: expected " + expected + " at " + at);
  }
}
