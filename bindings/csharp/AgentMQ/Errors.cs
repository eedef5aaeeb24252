using AgentMQ.Interop;

namespace AgentMQ;

/// <summary>A call that failed; <see cref="Exception.Message"/> says in a sentence what did. Use after close is an
/// <see cref="ObjectDisposedException"/> and a cancelled wait an <see cref="OperationCanceledException"/> instead.
/// Catch by kind: <c>catch (AgentMQException e) when (e.Status == Status.Full)</c>.</summary>
/// <param name="status">The kind of failure.</param>
/// <param name="message">What failed, in a sentence.</param>
public class AgentMQException(Status status, string message) : Exception(message)
{
    /// <summary>The kind of failure.</summary>
    public Status Status { get; } = status;

    /// <summary>Whether the same call may succeed later without a change. Not so for <see cref="Status.Unknown"/>: it may
    /// have been done.</summary>
    public bool IsRetriable => Native.mq_status_is_retriable(Status) != 0;

    /// <summary>After how long the call may succeed, with <see cref="Status.RateLimited"/>, or of an open circuit breaker;
    /// null where that is not known.</summary>
    public TimeSpan? RetryAfter { get; internal set; }
}

/// <summary>There is no such message any more: settled, deleted, expired or dead.</summary>
/// <param name="message">What failed, in a sentence.</param>
public sealed class MessageNotFoundException(string message) : AgentMQException(Status.NotFound, message);

/// <summary>The message was given to another consumer meanwhile; nothing was changed.</summary>
/// <param name="message">What failed, in a sentence.</param>
public sealed class StaleReservationException(string message) : AgentMQException(Status.Stale, message);

/// <summary>Certainly not done: there is no connection to the server, or it does not serve yet. May be tried
/// again.</summary>
/// <param name="message">What failed, in a sentence.</param>
public sealed class BusUnavailableException(string message) : AgentMQException(Status.Unavailable, message);

internal static class Errors
{
    // Called on the thread of the native call right behind it, before anything else may fail there: the text is its own.
    internal static Status Checked(int code)
    {
        var status = (Status)code;
        return status is Status.Ok or Status.Timeout or Status.Partial ? status : throw Of(status);
    }

    // For calls of which a part is a failure too.
    internal static void Whole(Status status)
    {
        if (status != Status.Ok) throw Of(status);
    }

    internal static Exception Of(Status status)
    {
        var failure = Of(status, Text.Of(Native.mq_last_error()));
        if (failure is AgentMQException told) told.RetryAfter = RetryAfter();
        return failure;
    }

    // As of the last failure of this thread.
    internal static TimeSpan? RetryAfter() => Native.mq_last_retry_after() is > 0 and var after ? Time.Span(after) : null;

    internal static Exception Of(Status status, string text) => status switch
    {
        Status.Closed => new ObjectDisposedException(null, text),
        Status.Interrupted => new OperationCanceledException(text),
        Status.NotFound => new MessageNotFoundException(text),
        Status.Stale => new StaleReservationException(text),
        Status.Unavailable => new BusUnavailableException(text),
        _ => new AgentMQException(status, text),
    };

    // An answer of one in a batch has a status and no text.
    internal static Exception Of(Status status, string doing, string what, TimeSpan? retryAfter = null)
    {
        var failure = Of(status, $"{doing} {what}: {Text.Of(Native.mq_status_name(status))}");
        if (failure is AgentMQException told) told.RetryAfter = retryAfter;
        return failure;
    }
}
