package io.agentmq;

import java.time.Instant;
import java.util.Optional;

/** What became of a message that was to be published. Immutable. */
public final class Published {
  private final Status status;
  private final String id;
  private final long timestamp;
  private final long expires;

  Published(Status status, String id, long timestamp, long expires) {
    this.status = status;
    this.id = id;
    this.timestamp = timestamp;
    this.expires = expires;
  }

  /**
   * Whether it was stored, or why not.
   *
   * @return {@link Status#OK} where it was stored
   */
  public Status status() {
    return status;
  }

  /**
   * Whether it was stored.
   *
   * @return whether it has an id; with {@link Status#PARTIAL} on fewer replicas or disks than was asked for
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

  @Override
  public String toString() {
    return "Published[" + status + " " + id + "]";
  }
}
