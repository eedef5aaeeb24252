package io.agentmq;

/** How a bus is: what {@link Bus#health()} found. Immutable. */
public final class Health {
  private final HealthState state;
  private final String json;

  Health(HealthState state, String json) {
    this.state = state;
    this.json = json;
  }

  /**
   * The state of the worst finding.
   *
   * @return the state
   */
  public HealthState state() {
    return state;
  }

  /**
   * The whole report, with advice in sentences; its fields are listed in docs/operations.md.
   *
   * @return a JSON object
   */
  public String json() {
    return json;
  }
}
