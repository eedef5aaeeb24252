package io.agentmq;

/** Sent, but no answer came: it may have been done or not. Who repeats it may do it twice. */
public final class UnknownOutcomeException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  UnknownOutcomeException(String text) {
    super(Status.UNKNOWN, text);
  }
}
