package io.agentmq;

/** Why a message is given back. */
public enum Failure {
  /** Try again later. */
  TRANSIENT(0),
  /** Never try again: to the dead letters. */
  PERMANENT(1);

  private final int value;

  Failure(int value) {
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
