package io.agentmq;

/** Names of types that programs share; any other word may be one too: see {@link MessageBuilder#type}. */
public final class MessageType {
  /** Work to be done. */
  public static final String TASK_REQUEST = "task_request";
  /** What came of it. */
  public static final String TASK_RESULT = "task_result";
  /** Something happened. */
  public static final String EVENT = "event";
  /** A question: what {@link Bus#request} sends where no type is set. */
  public static final String REQUEST = "request";
  /** The answer: what {@link Bus#reply} sends where no type is set. */
  public static final String RESPONSE = "response";
  /** Something for somebody to know. */
  public static final String NOTIFICATION = "notification";
  /** An order, without an answer. */
  public static final String COMMAND = "command";

  private MessageType() {}
}
