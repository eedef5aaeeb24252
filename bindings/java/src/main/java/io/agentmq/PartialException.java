package io.agentmq;

/** Part of what was asked for was done. */
public final class PartialException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  PartialException(String text) {
    super(Status.PARTIAL, text);
  }
}
