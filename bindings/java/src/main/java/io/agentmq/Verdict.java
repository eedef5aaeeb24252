package io.agentmq;

/** What a {@link Handler} says of its message. */
public enum Verdict {
  /** Done: it leaves the queue. */
  ACK,
  /** A transient failure: back-off, then again. */
  RETRY,
  /** A permanent failure: to the dead letters. */
  REJECT,
  /** The handler settled it itself. */
  SETTLED
}
