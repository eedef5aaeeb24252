package io.agentmq;

/** What a listener missed so far. Immutable. */
public final class Losses {
  private final long dropped;
  private final long gaps;

  Losses(long dropped, long gaps) {
    this.dropped = dropped;
    this.gaps = gaps;
  }

  /**
   * How many messages made room for newer ones, because nobody fetched them in time.
   *
   * @return the number
   */
  public long dropped() {
    return dropped;
  }

  /**
   * How often the connection was lost: what was told meanwhile is not known.
   *
   * @return the number
   */
  public long gaps() {
    return gaps;
  }

  @Override
  public String toString() {
    return "Losses[dropped " + dropped + ", gaps " + gaps + "]";
  }
}
