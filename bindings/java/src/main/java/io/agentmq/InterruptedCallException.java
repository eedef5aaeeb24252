package io.agentmq;

/** The thread was interrupted while a call that declares no {@link InterruptedException} waited. The thread's
 * interrupt flag is set. The text says so where a message may have been stored. */
public final class InterruptedCallException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  InterruptedCallException(String text) {
    super(Status.INTERRUPTED, text);
  }
}
