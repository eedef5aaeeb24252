package io.agentmq;

/** The rate limit is reached; the same call may be made again later. */
public final class RateLimitedException extends AgentMQException {
  private static final long serialVersionUID = 1L;

  RateLimitedException(String text) {
    super(Status.RATE_LIMITED, text);
  }
}
