package io.agentmq;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The face's own threads: platform threads, since a virtual one that waits in native code keeps its carrier, and
 * daemons, so that a bus that nobody closed does not keep a program alive.
 */
final class Threads {
  private static final long IDLE_SECONDS = 10;

  private Threads() {}

  /** At most so many threads, which end where there is nothing to do for a while. */
  static ExecutorService pool(String name, int size) {
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            size, size, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> daemon(name, task));
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }

  static Thread daemon(String name, Runnable task) {
    Thread thread = new Thread(task, "agentmq-" + name);
    thread.setDaemon(true);
    return thread;
  }
}
