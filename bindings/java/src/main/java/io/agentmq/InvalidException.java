package io.agentmq;

/** A wrong argument, or a call that the state of a bus or subscription does not allow. Nothing has changed. */
public final class InvalidException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  InvalidException(String text) {
    super(Status.INVALID, text);
  }
}
