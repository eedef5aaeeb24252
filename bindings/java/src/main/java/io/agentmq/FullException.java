package io.agentmq;

/** A limit of the channel is reached, a local queue is full, or the server is out of memory. Nothing was stored. */
public final class FullException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  FullException(String text) {
    super(Status.FULL, text);
  }
}
