package io.agentmq;

/** The reservation is no longer the caller's: the message was given to another consumer. Nothing has changed. */
public final class StaleException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  StaleException(String text) {
    super(Status.STALE, text);
  }
}
