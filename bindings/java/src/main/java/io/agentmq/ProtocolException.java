package io.agentmq;

/** The server gave an answer that makes no sense. */
public final class ProtocolException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  ProtocolException(String text) {
    super(Status.PROTOCOL, text);
  }
}
