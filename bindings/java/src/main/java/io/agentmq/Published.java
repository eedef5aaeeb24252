package io.agentmq;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** What became of a message that was to be published. Immutable. */
public final class Published {
  private final Status status;
  private final String id;
  private final long timestamp;
  private final long expires;
  private final int replicas;
  private final boolean fsynced;
  private final int receivers;
  private final long retryAfter; // ms; 0: not known

  Published(
      Status status,
      String id,
      long timestamp,
      long expires,
      int replicas,
      boolean fsynced,
      int receivers,
      long retryAfter) {
    this.status = status;
    this.id = id;
    this.timestamp = timestamp;
    this.expires = expires;
    this.replicas = replicas;
    this.fsynced = fsynced;
    this.receivers = receivers;
    this.retryAfter = retryAfter;
  }

  /**
   * Whether it was stored, or with {@link Mode#PUBSUB} told, or why not.
   *
   * @return {@link Status#OK} where it was stored; {@link Status#PARTIAL} where it was, but on fewer replicas or disks than
   *     was asked for, or without listeners being told for certain
   */
  public Status status() {
    return status;
  }

  /**
   * Whether it was stored, or with {@link Mode#PUBSUB} told.
   *
   * @return whether it has an id, as with {@link Status#PARTIAL} too
   */
  public boolean stored() {
    return !id.isEmpty();
  }

  /**
   * The message's id, unique in the namespace.
   *
   * @return "" where it was not stored
   */
  public String id() {
    return id;
  }

  /**
   * When it was stored, by the server's clock, to the millisecond.
   *
   * @return the epoch where it was not stored
   */
  public Instant timestamp() {
    return Instant.ofEpochMilli(timestamp);
  }

  /**
   * When it expires, by the server's clock.
   *
   * @return empty: never
   */
  public Optional<Instant> expires() {
    return Message.expiry(expires);
  }

  /**
   * Where it waited for replicas: how many are known to have it, and where it waited for the disk too, on theirs.
   *
   * @return the number, whatever was asked for
   */
  public int replicas() {
    return replicas;
  }

  /**
   * Where it waited for the disk: whether it is known to be on the server's.
   *
   * @return false also where it did not wait for that
   */
  public boolean isFsynced() {
    return fsynced;
  }

  /**
   * Where it was told, with {@link Mode#PUBSUB} or {@link Mode#BOTH}: to how many, as the server counts. Listeners of one
   * bus with the same pattern are one to it, and a node of a cluster counts those that are connected to it.
   *
   * @return the number
   */
  public int receivers() {
    return receivers;
  }

  /**
   * Where it was not stored, and others of its batch were: after how long it may be.
   *
   * @return what a rate limit says, or an open circuit breaker; empty where that is not known
   */
  public Optional<Duration> retryAfter() {
    return pause(retryAfter);
  }

  /** As an exception, where it was not stored. */
  AgentMQException failure() {
    return AgentMQException.of(status, "the message was not stored: " + status, retryAfter);
  }

  static Optional<Duration> pause(long milliseconds) {
    return milliseconds == 0 ? Optional.empty() : Optional.of(Duration.ofMillis(milliseconds));
  }

  @Override
  public String toString() {
    return "Published[" + status + " " + id + "]";
  }
}
