package io.agentmq;

/** The process has no memory for it outside the Java heap. */
public final class NoMemoryException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  NoMemoryException(String text) {
    super(Status.NO_MEMORY, text);
  }
}
