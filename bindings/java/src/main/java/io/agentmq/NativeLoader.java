package io.agentmq;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Loads the native library: the file that the property {@code agentmq.native.path} names, else the one in the jar, else
 * what {@link System#loadLibrary} finds.
 */
final class NativeLoader {
  private static final String LIBRARY = "agentmqjni";

  private NativeLoader() {}

  static void load() {
    String path = System.getProperty("agentmq.native.path");
    if (path != null) {
      System.load(Path.of(path).toAbsolutePath().toString());
      return;
    }
    Throwable why;
    try {
      if (loadFromJar()) return;
      why = null;
    } catch (IOException | UnsatisfiedLinkError e) {
      why = e; // a temporary directory that is full or must not hold programs
    }
    try {
      System.loadLibrary(LIBRARY);
    } catch (UnsatisfiedLinkError e) {
      if (why != null) e.addSuppressed(why);
      throw e;
    }
  }

  /** False: the jar has none for this platform. */
  private static boolean loadFromJar() throws IOException {
    String name = System.mapLibraryName(LIBRARY);
    try (InputStream library = NativeLoader.class.getResourceAsStream("/META-INF/native/" + platform() + "/" + name)) {
      if (library == null) return false;
      // A directory of its own, that nobody else may write to; once loaded, the file is no longer needed.
      Path directory = Files.createTempDirectory("agentmq");
      Path file = directory.resolve(name);
      try {
        Files.copy(library, file);
        System.load(file.toString());
      } finally {
        Files.deleteIfExists(file);
        Files.deleteIfExists(directory);
      }
      return true;
    }
  }

  private static String platform() {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT).replace(' ', '_');
    String machine = System.getProperty("os.arch");
    return system + "-" + (machine.equals("amd64") ? "x86_64" : machine);
  }
}
