package io.agentmq;

/** The bus or subscription was closed or shut down, before the call or while it waited. */
public final class ClosedException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  ClosedException(String text) {
    super(Status.CLOSED, text);
  }
}
