package io.agentmq;

/** What became of a message that was waited for. Immutable. */
public final class Awaited {
  private final Status status;
  private final State state;

  Awaited(Status status, State state) {
    this.status = status;
    this.state = state;
  }

  /**
   * How the wait ended.
   *
   * @return OK: the state is the awaited one or one beyond it; NOT_FOUND: it ended in another way, which the state tells, or
   *     nothing is known of it (QUEUED); TIMEOUT: it is not decided yet
   */
  public Status status() {
    return status;
  }

  /**
   * Whether the awaited state, or one beyond it, was reached.
   *
   * @return whether it was
   */
  public boolean reached() {
    return status == Status.OK;
  }

  /**
   * The state that was seen last.
   *
   * @return the state
   */
  public State state() {
    return state;
  }

  @Override
  public String toString() {
    return "Awaited[" + status + ", " + state + "]";
  }
}
