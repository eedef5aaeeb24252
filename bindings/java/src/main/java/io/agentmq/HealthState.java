package io.agentmq;

/** How a bus is. */
public enum HealthState {
  /** All is well. */
  HEALTHY(0),
  /** It works, with something to look at. */
  DEGRADED(1),
  /** It does not work. */
  UNHEALTHY(2);

  private final int value;

  HealthState(int value) {
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

  static HealthState of(int value) {
    for (HealthState one : values()) {
      if (one.value == value) return one;
    }
    return UNHEALTHY;
  }
}
