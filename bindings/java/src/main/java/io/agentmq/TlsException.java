package io.agentmq;

/** TLS failed. */
public final class TlsException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  TlsException(String text) {
    super(Status.TLS, text);
  }
}
