package io.agentmq;

/** The server or this build of the library lacks what is needed. */
public final class UnsupportedException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  UnsupportedException(String text) {
    super(Status.UNSUPPORTED, text);
  }
}
