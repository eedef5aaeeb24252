package io.agentmq;

/** A payload above {@code max_payload}, or a text or header above its limit. */
public final class TooLargeException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  TooLargeException(String text) {
    super(Status.TOO_LARGE, text);
  }
}
