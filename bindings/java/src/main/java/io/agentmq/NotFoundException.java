package io.agentmq;

/** There is no such message: it was settled, deleted, has expired or is a dead letter. */
public final class NotFoundException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  NotFoundException(String text) {
    super(Status.NOT_FOUND, text);
  }
}
