package io.agentmq;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Publishes and acknowledges what nobody waits for: gathers it while the last round trip is under way, and sends it
 * from one thread, in the order in which it was taken.
 *
 * <p>Thread-safe. Invariant: what was taken is counted as done once its future is complete.
 */
final class Sender {
  private static final int MOST_MESSAGES = 1000;
  private static final int MOST_BYTES = 1 << 20;

  /** A message to be published, or, where it has no entry, one to be acknowledged. */
  private static final class Post {
    final String channel;
    final byte[] entry;
    final Message message;
    final CompletableFuture<Published> published = new CompletableFuture<>();
    final CompletableFuture<Void> acked = new CompletableFuture<>();

    Post(String channel, byte[] entry, Message message) {
      this.channel = channel;
      this.entry = entry;
      this.message = message;
    }
  }

  private final Calls calls;
  private final long most;
  private final ExecutorService executor = Threads.pool("sender", 1);

  // Guarded by this.
  private final ArrayDeque<Post> queue = new ArrayDeque<>();
  private int publishes; // of those in the queue
  private long taken;
  private long done;
  private long failed; // since the last flush that said so
  private boolean closed;
  private Thread sending; // null while there is nothing to send
  private boolean running;

  Sender(Calls calls, long most) {
    this.calls = calls;
    this.most = most;
  }

  CompletableFuture<Published> publish(String channel, Message message) {
    Utf8.size("channel", channel); // is refused here rather than with its neighbours
    Post post = new Post(channel, Flat.entry(message), null);
    take(post);
    return post.published;
  }

  CompletableFuture<Void> ack(Message message) {
    Post post = new Post(null, null, message);
    take(post);
    return post.acked;
  }

  /** Waits until all that was taken so far is done; false: it was not in time. Throws where one failed. */
  synchronized boolean flush(long timeout) throws InterruptedException {
    if (Thread.currentThread() == sending) {
      throw new InvalidException("a flush from inside a callback of an asynchronous publish would wait for itself");
    }
    long target = taken;
    if (!await(timeout, () -> done >= target)) return false;
    if (failed == 0) return true;
    String text = failed + " asynchronous publishes or acks failed since the last flush";
    failed = 0;
    throw new PartialException(text);
  }

  /** Takes nothing more; waits for what was taken, and in the end fails what was not sent. */
  void close(long timeout) {
    List<Post> unsent;
    synchronized (this) {
      closed = true;
      try {
        if (Thread.currentThread() != sending) await(timeout, () -> done >= taken);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      unsent = new ArrayList<>(queue);
      queue.clear();
    }
    for (Post post : unsent) fail(post, calls.handle.closedException());
    finish(unsent.size());
    executor.shutdown();
  }

  private interface Condition {
    boolean holds();
  }

  // Called with the lock. A timeout of -1 is without end.
  private boolean await(long timeout, Condition condition) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeout);
    while (!condition.holds()) {
      if (timeout < 0) {
        wait();
        continue;
      }
      long left = deadline - System.nanoTime();
      if (left <= 0) return false;
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    return true;
  }

  private synchronized void take(Post post) {
    if (closed) throw calls.handle.closedException();
    if (post.entry != null && publishes >= most) {
      throw new FullException(most + " asynchronous publishes are waiting: async_max is reached");
    }
    if (post.entry != null) publishes++;
    taken++;
    queue.add(post);
    if (running) return;
    running = true;
    executor.execute(this::send);
  }

  private void send() {
    for (List<Post> posts = next(); !posts.isEmpty(); posts = next()) {
      Map<String, List<Post>> channels = new LinkedHashMap<>();
      List<Post> acks = new ArrayList<>();
      for (Post post : posts) {
        if (post.entry == null) {
          acks.add(post);
        } else {
          channels.computeIfAbsent(post.channel, channel -> new ArrayList<>()).add(post);
        }
      }
      // Publishes go first: an ack that was taken after a publish says that its work is done.
      channels.forEach(this::sendPublishes);
      if (!acks.isEmpty()) sendAcks(acks);
      finish(posts.size());
    }
  }

  private synchronized List<Post> next() {
    List<Post> posts = new ArrayList<>();
    int bytes = 0;
    while (!queue.isEmpty() && posts.size() < MOST_MESSAGES && bytes < MOST_BYTES) {
      Post post = queue.remove();
      if (post.entry != null) {
        publishes--;
        bytes += post.entry.length;
      }
      posts.add(post);
    }
    running = !posts.isEmpty();
    sending = running ? Thread.currentThread() : null;
    return posts;
  }

  private void sendPublishes(String channel, List<Post> posts) {
    List<byte[]> entries = new ArrayList<>(posts.size());
    for (Post post : posts) entries.add(post.entry);
    try {
      List<Published> sent = calls.publish(channel, Flat.listOf(entries));
      for (int i = 0; i < posts.size(); i++) {
        Published one = sent.get(i);
        if (one.stored()) {
          posts.get(i).published.complete(one);
        } else {
          fail(posts.get(i), one.failure());
        }
      }
    } catch (InvalidException | TooLargeException e) {
      // One that is wrong is no reason to refuse its neighbours.
      if (posts.size() == 1) {
        fail(posts.get(0), e);
      } else {
        for (Post post : posts) sendPublishes(channel, List.of(post));
      }
    } catch (RuntimeException e) {
      for (Post post : posts) fail(post, e);
    }
  }

  private void sendAcks(List<Post> posts) {
    List<Message> messages = new ArrayList<>(posts.size());
    for (Post post : posts) messages.add(post.message);
    try {
      List<Status> statuses = calls.ackEach(messages);
      for (int i = 0; i < posts.size(); i++) {
        Status status = statuses.get(i);
        if (status == Status.OK) {
          posts.get(i).acked.complete(null);
        } else {
          fail(posts.get(i), AgentMQException.of(status, "the message was not acknowledged: " + status));
        }
      }
    } catch (RuntimeException e) {
      for (Post post : posts) fail(post, e);
    }
  }

  private void fail(Post post, RuntimeException why) {
    synchronized (this) {
      failed++;
    }
    post.published.completeExceptionally(why);
    post.acked.completeExceptionally(why);
  }

  private synchronized void finish(int posts) {
    done += posts;
    notifyAll();
  }
}
