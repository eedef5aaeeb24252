package io.agentmq;

import java.time.Duration;
import java.util.Optional;

/**
 * A call that failed. Unchecked; there is a subclass for each kind of failure, and {@link #status()} tells the kind
 * too. The message is the library's sentence, which names what is wrong and never holds a password.
 */
public abstract class AgentMQException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The kind of failure. */
  private final Status status;

  /** In milliseconds; 0: not known. */
  private long retryAfter;

  AgentMQException(Status status, String text) {
    super(text);
    this.status = status;
  }

  /**
   * The kind of failure.
   *
   * @return never {@link Status#OK} or {@link Status#TIMEOUT}
   */
  public final Status status() {
    return status;
  }

  /**
   * Whether the same call may succeed later without a change.
   *
   * @return false also for {@link Status#UNKNOWN}: it may have been done
   */
  public final boolean retriable() {
    return status.retriable();
  }

  /**
   * After how long the call may succeed.
   *
   * @return what a rate limit says, or an open circuit breaker; empty where that is not known
   */
  public final Optional<Duration> retryAfter() {
    return Published.pause(retryAfter);
  }

  // Called by native code, in the call that failed.
  static AgentMQException of(int code, byte[] text, long retryAfter) {
    return of(Status.of(code), text.length == 0 ? Native.mq_status_name(code) : Utf8.text(text), retryAfter);
  }

  static AgentMQException of(Status status, String text, long retryAfter) {
    AgentMQException failure = of(status, text);
    failure.retryAfter = retryAfter;
    return failure;
  }

  static AgentMQException of(Status status, String text) {
    switch (status) {
      case CLOSED:
        return new ClosedException(text);
      case INVALID:
        return new InvalidException(text);
      case NOT_FOUND:
        return new NotFoundException(text);
      case STALE:
        return new StaleException(text);
      case FULL:
        return new FullException(text);
      case TOO_LARGE:
        return new TooLargeException(text);
      case UNAVAILABLE:
        return new UnavailableException(text);
      case AUTH:
        return new AuthException(text);
      case TLS:
        return new TlsException(text);
      case UNSUPPORTED:
        return new UnsupportedException(text);
      case PROTOCOL:
        return new ProtocolException(text);
      case CORRUPT:
        return new CorruptException(text);
      case SIGNATURE:
        return new SignatureException(text);
      case RATE_LIMITED:
        return new RateLimitedException(text);
      case NO_MEMORY:
        return new NoMemoryException(text);
      case INTERRUPTED:
        return new InterruptedCallException(text);
      case PARTIAL:
        return new PartialException(text);
      case UNKNOWN:
        return new UnknownOutcomeException(text);
      default:
        return new InternalException(text);
    }
  }
}
