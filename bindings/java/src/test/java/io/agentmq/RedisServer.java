package io.agentmq;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A server of the test's own, in a directory of its own. */
final class RedisServer implements AutoCloseable {
  private final Path directory;
  private final boolean durable;
  private Process process;

  RedisServer(Path parent, boolean durable) throws IOException {
    directory = Files.createTempDirectory(parent, "redis");
    this.durable = durable;
    start();
  }

  String url() {
    return "redis+unix://" + directory.resolve("s");
  }

  void start() throws IOException {
    List<String> command = new ArrayList<>(List.of("redis-server", "--port", "0", "--unixsocket", "s", "--save", ""));
    command.addAll(List.of("--appendonly", durable ? "yes" : "no"));
    process =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(new File(directory.toFile(), "log"))
            .start();
  }

  void stop() {
    process.destroy();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) process.destroyForcibly().waitFor();
    } catch (InterruptedException e) {
      process.destroyForcibly();
    }
  }

  @Override
  public void close() {
    stop();
    delete(directory.toFile());
  }

  private static void delete(File file) {
    File[] inside = file.listFiles();
    if (inside != null) {
      for (File one : inside) delete(one);
    }
    file.delete();
  }
}
