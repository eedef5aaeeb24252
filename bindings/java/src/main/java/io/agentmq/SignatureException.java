package io.agentmq;

/** A signature is wrong or missing. */
public final class SignatureException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  SignatureException(String text) {
    super(Status.SIGNATURE, text);
  }
}
