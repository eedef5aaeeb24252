package io.agentmq;

import static io.agentmq.Wanted.AGENT;
import static io.agentmq.Wanted.ALL;
import static io.agentmq.Wanted.next;
import static io.agentmq.Wanted.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ClusterTest {
  private static final int QUEUES = 50;
  private static final Map<String, String> SETTINGS = Map.of("namespace", "java");

  @Test
  void ABusIsOpenedByNodesOfACluster() throws Exception {
    String named = System.getenv("AGENTMQ_TEST_CLUSTER");
    assertNotNull(named, "bindings/tests/with_cluster.sh starts a cluster");
    List<String> nodes = List.of(named.split(","));
    assertEquals(3, nodes.size());
    try (Bus bus = Bus.openCluster(nodes.subList(1, 2), SETTINGS); // one tells of all
        Bus other = Bus.openCluster(nodes, SETTINGS)) {
      for (int i = 0; i < QUEUES; i++) bus.publish("c" + i, text("" + i));
      for (String node : nodes) assertTrue(keysAt(node) > 0, "there is nothing at " + node);
      for (int i = 0; i < QUEUES; i++) {
        try (Subscription worker = other.subscribe("c" + i, AGENT)) {
          Message message = next(worker);
          assertEquals("" + i, message.text());
          other.ack(message);
        }
      }
      assertEquals(0, bus.count(ALL));
    }
  }

  @Test
  void AClusterNeedsNodes() {
    Map<String, String> soon = Map.of("open_timeout", "1ms");
    for (String wrong : List.of("", "localhost:1?prefix=x", "a:1,b:2", "user@localhost:1", "a\0:1")) {
      assertThrows(InvalidException.class, () -> Bus.openCluster(List.of(wrong), soon), wrong);
    }
    assertThrows(InvalidException.class, () -> Bus.openCluster(List.of(), soon));
    assertThrows(UnavailableException.class, () -> Bus.openCluster(List.of("127.0.0.1:1"), soon));
  }

  private static int keysAt(String node) throws IOException {
    String[] parts = node.split(":");
    try (Socket socket = new Socket(parts[0], Integer.parseInt(parts[1]))) {
      socket.getOutputStream().write("DBSIZE\r\n".getBytes(StandardCharsets.US_ASCII));
      String answer =
          new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII)).readLine();
      return Integer.parseInt(answer.substring(1));
    }
  }
}
