package io.agentmq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void ValuesComeBackAsTheyWere() {
    Map<String, Object> value = new LinkedHashMap<>();
    value.put("text", "\"\\/\b\f\n\r\t\u0001\0 \u00e9\uD83D\uDE00");
    value.put("numbers", List.of(0L, -1L, Long.MAX_VALUE, 1.5, -2e300));
    value.put("words", Arrays.asList(true, false, null));
    value.put("empty", List.of(List.of(), Map.of(), ""));
    assertEquals(value, Json.parse(Json.write(value)));
    assertEquals("[1,\"a\",{\"k\":null}]", Json.write(Json.parse(" [ 1 , \"a\" , { \"k\" : null } ] ")));
    assertEquals("\u00e9\uD83D\uDE00", Json.parse("\"\\u00e9\\ud83d\\uDE00\""));
    assertEquals(1e19, Json.parse("10000000000000000000"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", " ", "{", "[", "[1,]", "{\"a\"}", "{\"a\":1,}", "{1:2}", "01", "1.", ".5", "+1", "1e", "--1", "nul", "tru",
        "\"", "\"\\x\"", "\"\\u12\"", "\"\n\"", "1 2", "[1 2]", "NaN", "'a'", "]"
      })
  void WhatIsNoJsonIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> Json.parse(text));
  }

  @Test
  void WhatHasNoJsonIsRefused() {
    List<Object> itself = new java.util.ArrayList<>();
    itself.add(itself);
    for (Object value : Arrays.asList(Double.NaN, Float.POSITIVE_INFINITY, new Object(), itself)) {
      assertThrows(IllegalArgumentException.class, () -> Json.write(value));
    }
    assertThrows(IllegalArgumentException.class, () -> Json.parse("[".repeat(100_000)));
  }

  @Test
  void AMessageCarriesJson() {
    Message message = Message.ofJson(Map.of("answer", 42L)).build();
    assertEquals("application/json", message.contentType());
    assertEquals(Map.of("answer", 42L), message.json());
  }
}
