package io.agentmq;

/** A bug in the library, or a status that this version does not know. */
public final class InternalException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  InternalException(String text) {
    super(Status.INTERNAL, text);
  }
}
