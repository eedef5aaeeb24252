namespace AgentMQ;

/// <summary>What became of a call, or of one message of a batch. New ones may come: take one that you do not know for a
/// failure.</summary>
public enum Status
{
    /// <summary>Done.</summary>
    Ok = 0,
    /// <summary>Nothing came within the timeout.</summary>
    Timeout = 1,
    /// <summary>The bus or subscription was shut down.</summary>
    Closed = 2,
    /// <summary>A wrong argument, or a call that the object's state does not allow.</summary>
    Invalid = 3,
    /// <summary>There is no such message.</summary>
    NotFound = 4,
    /// <summary>The reservation is no longer the caller's.</summary>
    Stale = 5,
    /// <summary>A limit of messages is reached, or the server is out of memory.</summary>
    Full = 6,
    /// <summary>A payload, text or header above its limit.</summary>
    TooLarge = 7,
    /// <summary>Certainly not done: no connection, a replica, a loading server. May be tried again.</summary>
    Unavailable = 8,
    /// <summary>User or password refused, or a command not permitted.</summary>
    Auth = 9,
    /// <summary>TLS failed.</summary>
    Tls = 10,
    /// <summary>The server or this build lacks what is needed.</summary>
    Unsupported = 11,
    /// <summary>An answer that makes no sense.</summary>
    Protocol = 12,
    /// <summary>A stored record that can't be read.</summary>
    Corrupt = 13,
    /// <summary>A wrong or missing signature.</summary>
    Signature = 14,
    /// <summary>Over the rate limit.</summary>
    RateLimited = 15,
    /// <summary>This process is out of memory.</summary>
    NoMemory = 16,
    /// <summary>The wait was cancelled.</summary>
    Interrupted = 17,
    /// <summary>A bug in the library.</summary>
    Internal = 18,
    /// <summary>Part of a batch was done.</summary>
    Partial = 19,
    /// <summary>Sent, but no answer came: may have been done.</summary>
    Unknown = 20,
}

/// <summary>What publishing does with a message.</summary>
public enum Mode
{
    /// <summary>It is stored until it is acknowledged.</summary>
    Queue = 0,
    /// <summary>Whoever listens at the moment is told, and nothing is kept.</summary>
    PubSub = 1,
    /// <summary>It is stored, and then listeners are told at once.</summary>
    Both = 2,
}

/// <summary>Where a message stands.</summary>
public enum MessageState
{
    /// <summary>Waits to be delivered.</summary>
    Queued = 0,
    /// <summary>Waits for its time.</summary>
    Scheduled = 1,
    /// <summary>In a consumer's hand.</summary>
    Reserved = 2,
    /// <summary>Failed, waits for its next attempt.</summary>
    Retrying = 3,
    /// <summary>Settled.</summary>
    Acked = 4,
    /// <summary>Among the dead letters.</summary>
    Dead = 5,
    /// <summary>Its time to live ended before it was delivered.</summary>
    Expired = 6,
    /// <summary>Deleted.</summary>
    Deleted = 7,
}

/// <summary>Why a message is given back.</summary>
public enum Failure
{
    /// <summary>Try again later.</summary>
    Transient = 0,
    /// <summary>Never try again: to the dead letters.</summary>
    Permanent = 1,
}

/// <summary>What a handler says of its message.</summary>
public enum Verdict
{
    /// <summary>Done: the message is acknowledged.</summary>
    Ack = 0,
    /// <summary>A transient failure: the message comes again after the back-off.</summary>
    Retry = 1,
    /// <summary>A permanent failure: to the dead letters.</summary>
    Reject = 2,
    /// <summary>The handler settled it itself.</summary>
    Settled = 3,
}

/// <summary>How a bus is.</summary>
public enum HealthState
{
    /// <summary>All is well.</summary>
    Healthy = 0,
    /// <summary>Works, but slowly or with a flaw.</summary>
    Degraded = 1,
    /// <summary>Does not work.</summary>
    Unhealthy = 2,
}

/// <summary>Priorities by name; any of 0 to 255 will do, the greater goes first.</summary>
public static class Priority
{
    /// <summary>1.</summary>
    public const int Low = 1;
    /// <summary>5, the default.</summary>
    public const int Normal = 5;
    /// <summary>9.</summary>
    public const int High = 9;
    /// <summary>10.</summary>
    public const int Urgent = 10;
}

/// <summary>Names of types that programs share; any other word may be one too: see <see cref="Message.Type"/>.</summary>
public static class MessageType
{
    /// <summary>Work to be done.</summary>
    public const string TaskRequest = "task_request";

    /// <summary>What came of it.</summary>
    public const string TaskResult = "task_result";

    /// <summary>Something happened.</summary>
    public const string Event = "event";

    /// <summary>A question: what <see cref="Bus.Request"/> sends where no type is set.</summary>
    public const string Request = "request";

    /// <summary>The answer: what <see cref="Bus.Reply"/> sends where no type is set.</summary>
    public const string Response = "response";

    /// <summary>Something for somebody to know.</summary>
    public const string Notification = "notification";

    /// <summary>An order, without an answer.</summary>
    public const string Command = "command";
}
