package io.agentmq;

/** What publishing does with a message. */
public enum Mode {
  /** It is stored until it is acknowledged. */
  QUEUE(0),
  /** Whoever listens at the moment is told, and nothing is kept. */
  PUBSUB(1),
  /** It is stored, and then listeners are told at once. */
  BOTH(2);

  private final int value;

  Mode(int value) {
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
}
