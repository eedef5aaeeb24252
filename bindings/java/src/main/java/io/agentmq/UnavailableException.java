package io.agentmq;

/** Certainly not done, since there was no connection or no server that could; the same call may be made again. */
public final class UnavailableException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  UnavailableException(String text) {
    super(Status.UNAVAILABLE, text);
  }
}
