package io.agentmq;

/** User or password were refused, or a command is not permitted. */
public final class AuthException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  AuthException(String text) {
    super(Status.AUTH, text);
  }
}
