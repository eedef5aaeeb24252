package io.agentmq;

/** Works on the messages of {@link Subscription#consume(int, Handler)}. Is called by several threads at a time. */
@FunctionalInterface
public interface Handler {
  /**
   * Works on a message; the verdict settles it.
   *
   * @param message the message; may be kept
   * @return what becomes of it; null counts as {@link Verdict#RETRY}
   * @throws Exception counts as {@link Verdict#RETRY}, with its text as the reason
   */
  Verdict handle(Message message) throws Exception;
}
