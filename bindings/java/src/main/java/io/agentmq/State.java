package io.agentmq;

/** Where a message stands. */
public enum State {
  /** Waits to be delivered. */
  QUEUED(0),
  /** Waits for its time. */
  SCHEDULED(1),
  /** In a consumer's hand. */
  RESERVED(2),
  /** Failed, waits for its next attempt. */
  RETRYING(3),
  /** Settled. */
  ACKED(4),
  /** Among the dead letters. */
  DEAD(5),
  /** Its time to live ended before it was delivered. */
  EXPIRED(6),
  /** Deleted. */
  DELETED(7);

  private static final State[] ALL = values();

  private final int value;

  State(int value) {
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

  static State of(int value) {
    for (State one : ALL) {
      if (one.value == value) return one;
    }
    return QUEUED;
  }
}
