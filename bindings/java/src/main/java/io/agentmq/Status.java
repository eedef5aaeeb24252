package io.agentmq;

/** What became of a call or of a message. */
public enum Status {
  /** Done. */
  OK(0),
  /** Nothing came within the timeout. */
  TIMEOUT(1),
  /** The bus or subscription was closed. */
  CLOSED(2),
  /** A wrong argument, or a call that the state does not allow. */
  INVALID(3),
  /** There is no such message. */
  NOT_FOUND(4),
  /** The reservation is no longer the caller's. */
  STALE(5),
  /** A limit is reached, or the server is out of memory. */
  FULL(6),
  /** Above {@code max_payload}, or a text or header above its limit. */
  TOO_LARGE(7),
  /** Certainly not done: no connection, a replica, a loading server. */
  UNAVAILABLE(8),
  /** User or password refused, or a command not permitted. */
  AUTH(9),
  /** TLS failed. */
  TLS(10),
  /** The server or this build lacks what is needed. */
  UNSUPPORTED(11),
  /** An answer that makes no sense. */
  PROTOCOL(12),
  /** A stored record that can't be read. */
  CORRUPT(13),
  /** A wrong or missing signature. */
  SIGNATURE(14),
  /** Over the rate limit. */
  RATE_LIMITED(15),
  /** Out of memory. */
  NO_MEMORY(16),
  /** A wait was interrupted. */
  INTERRUPTED(17),
  /** A bug in the library, or a status that this version does not know. */
  INTERNAL(18),
  /** Part of a batch was done. */
  PARTIAL(19),
  /** Sent, but no answer came: may have been done. */
  UNKNOWN(20);

  private static final Status[] ALL = values();

  private final int value;

  Status(int value) {
    this.value = value;
  }

  /**
   * The number that the library knows it by; it never changes.
   *
   * @return the number
   */
  public int value() {
    return value;
  }

  /**
   * Whether the same call may succeed later without a change.
   *
   * @return false also for {@link #UNKNOWN}: it may have been done
   */
  public boolean retriable() {
    return Native.mq_status_is_retriable(value) != 0;
  }

  static Status of(int value) {
    for (Status one : ALL) {
      if (one.value == value) return one;
    }
    return INTERNAL;
  }
}
