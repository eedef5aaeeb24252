package io.agentmq;

/** A stored record can't be read. */
public final class CorruptException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  CorruptException(String text) {
    super(Status.CORRUPT, text);
  }
}
