using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace AgentMQ;

/// <summary>A message, to be published or received. It holds no native memory and can't be changed; copy it with
/// <c>message with { Target = "other" }</c> (publishing ignores the id, the receipt and all that only a received one
/// has). Safe to share between threads. Dropping one does not settle it.</summary>
/// <param name="Payload">The payload's bytes, any of them, none included. Not copied: leave them alone until the message
/// is published.</param>
public sealed record Message(ReadOnlyMemory<byte> Payload)
{
    // Of one that came from the library: as it came. Its texts are null until they are asked for, which most never are;
    // two threads that ask at once make the same text twice.
    private readonly byte[]? _flat;
    private string? _target;
    private string? _source;
    private string? _type;
    private string? _correlationId;
    private string? _replyTo;
    private string? _contentType;
    private string? _id;
    private string? _channel;
    private string? _receipt;
    private string? _agent;
    private string? _reason;
    private string? _dedupKey;
    private readonly int? _minReplicas;
    private readonly TimeSpan _delay;

    // One that came from the library; the bytes belong to the message now.
    private Message(ReadOnlyMemory<byte> payload, byte[] flat)
        : this(payload)
    {
        _flat = flat;
        Headers = FlatReader.Headers(flat);
        Priority = FlatReader.Number(flat, FlatReader.Priority);
        var ttl = FlatReader.Number64(flat, FlatReader.TimeToLive);
        TimeToLive = ttl == FlatWriter.NoTimeToLive ? null : Time.Span(ttl);
    }

    /// <summary>Which agent it is for; empty: everyone on the channel (a broadcast).</summary>
    public string Target
    {
        get => _target ??= Read(FlatText.Target);
        init => _target = value;
    }

    /// <summary>Who sends it; empty: the bus' setting <c>source</c>.</summary>
    public string Source
    {
        get => _source ??= Read(FlatText.Source);
        init => _source = value;
    }

    /// <summary>What kind of message it is: one of <see cref="MessageType"/>, or the application's own word.</summary>
    public string Type
    {
        get => _type ??= Read(FlatText.Type);
        init => _type = value;
    }

    /// <summary>What it belongs to.</summary>
    public string CorrelationId
    {
        get => _correlationId ??= Read(FlatText.CorrelationId);
        init => _correlationId = value;
    }

    /// <summary>Which agent wants the answer.</summary>
    public string ReplyTo
    {
        get => _replyTo ??= Read(FlatText.ReplyTo);
        init => _replyTo = value;
    }

    /// <summary>The payload's media type.</summary>
    public string ContentType
    {
        get => _contentType ??= Read(FlatText.ContentType);
        init => _contentType = value;
    }

    /// <summary>What makes a repeat known: while the channel's setting <c>dedup_window</c> lasts, from the first one on,
    /// another message with the same key to the same queue is not stored; publishing it answers the first one's id and
    /// timestamp. The key is free again when that message is deleted or becomes a dead letter. Empty: none.</summary>
    public string DedupKey
    {
        get => _dedupKey ??= Read(FlatTailText.DedupKey);
        init => _dedupKey = value;
    }

    /// <summary>Headers of the application's own. Don't change them once the message is on its way.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>0 to 255, the greater goes first; <see cref="AgentMQ.Priority"/> has names.</summary>
    public int Priority { get; init; } = AgentMQ.Priority.Normal;

    /// <summary>How long it may wait to be delivered, in milliseconds' precision; null: the channel's setting <c>ttl</c>,
    /// <see cref="Timeout.InfiniteTimeSpan"/>: for ever.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>When it is due: so long after it was stored, by the server's clock and never earlier, in milliseconds'
    /// precision; zero: at once. Zero of a received message.</summary>
    public TimeSpan Delay
    {
        get => _delay;
        init => _delay = value >= TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(nameof(value), value,
            "the delay must not be negative");
    }

    /// <summary>How many replicas of the server publishing waits for, 0 to 100; null: the bus' setting
    /// <c>min_replicas</c>. Fewer within <c>durability_timeout</c>: it is stored, with <see cref="Status.Partial"/>. Null of
    /// a received message.</summary>
    public int? MinReplicas
    {
        get => _minReplicas;
        init => _minReplicas = value is null or >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value,
            "the replicas to wait for must be between 0 and 100");
    }

    /// <summary>Whether publishing waits for the disk too, the server's and those of <see cref="MinReplicas"/> replicas;
    /// null: the bus' setting <c>fsync</c>. Not within <c>durability_timeout</c>: as with too few replicas. Null of a
    /// received message.</summary>
    public bool? Fsync { get; init; }

    /// <summary>Whether it is stored, told to listeners, or both. What is only told can't wait for replicas or a disk, and
    /// nobody can listen to direct inboxes. <see cref="Mode.Queue"/> of a received message.</summary>
    public Mode Mode { get; init; }

    /// <summary>The id of a received message; empty before. It says channel and target and is unique in the
    /// namespace.</summary>
    public string Id => _id ??= Read(FlatText.Id);

    /// <summary>The channel that a received message was published on; empty for a direct inbox.</summary>
    public string Channel => _channel ??= Read(FlatText.Channel);

    /// <summary>What settles this delivery from any process; empty where the message was only looked up.</summary>
    public string Receipt => _receipt ??= Read(FlatText.Receipt);

    /// <summary>The agent that it was delivered to, or is pending for, or that gave it up.</summary>
    public string Agent => _agent ??= Read(FlatText.Agent);

    /// <summary>When it was published, by the server's clock; null before.</summary>
    public DateTimeOffset? Timestamp => Time.Of(Number64(FlatReader.Timestamp));

    /// <summary>When it expires, by the server's clock; null: never.</summary>
    public DateTimeOffset? Expires => Time.Of(Number64(FlatReader.Expires));

    /// <summary>When it is due, of one that was looked at while it waited for that: scheduled, or for another attempt; null:
    /// it does not wait.</summary>
    public DateTimeOffset? Due => _flat == null ? null : Time.Of(FlatReader.Due(_flat));

    /// <summary>Until when this delivery is reserved, as far as was known when it was read; null: it is not.</summary>
    public DateTimeOffset? ReservedUntil => Time.Of(Number64(FlatReader.ReservedUntil));

    /// <summary>How often it was delivered: 1 on the first.</summary>
    public int Deliveries => Number(FlatReader.Deliveries);

    /// <summary>Where it stood when it was read.</summary>
    public MessageState State => (MessageState)Number(FlatReader.State);

    /// <summary>Of a dead letter: why; else <see cref="Status.Ok"/>.</summary>
    public Status Status => (Status)Number(FlatReader.Status);

    /// <summary>Why the last attempt failed, of a dead letter or a retry.</summary>
    public string Reason => _reason ??= Read(FlatText.Reason);

    /// <summary>The id of the key that vouches for it; empty where it is not signed, or where this bus has no keys to verify
    /// with.</summary>
    public string SignedBy => Read(FlatTailText.SignedBy);

    /// <summary>When it was signed, by the publisher's clock; null where <see cref="SignedBy"/> is empty.</summary>
    public DateTimeOffset? SignedAt => _flat == null ? null : Time.Of(FlatReader.SignedAt(_flat));

    /// <summary>The attempts that failed, of a dead letter or of one that is tried again, the oldest first, 16 at most: a JSON
    /// array of {"when" (Unix ms), "agent", "consumer", "kind", "reason"}. Kinds: failure, permanent, lapse, crash, suspect,
    /// refused.</summary>
    public string History => Read(FlatTailText.History) is { Length: > 0 } history ? history : "[]";

    /// <summary>The payload as UTF-8 text; a byte that is none becomes U+FFFD.</summary>
    public string PayloadText => System.Text.Encoding.UTF8.GetString(Payload.Span);

    /// <summary>A message whose payload is a text in UTF-8.</summary>
    /// <param name="text">The text; it may contain U+0000.</param>
    /// <exception cref="ArgumentException">The text has a surrogate without its other half.</exception>
    public static Message FromText(string text) => new(Text.Utf8.GetBytes(text));

    /// <summary>A message whose payload is a value as JSON, with <see cref="ContentType"/> <c>application/json</c>.</summary>
    /// <param name="value">The value.</param>
    /// <param name="type">How it is written, from a <c>JsonSerializerContext</c>: fit for trimming and AOT.</param>
    public static Message FromJson<T>(T value, JsonTypeInfo<T> type) => Json(JsonSerializer.SerializeToUtf8Bytes(value, type));

    /// <inheritdoc cref="FromJson{T}(T, JsonTypeInfo{T})"/>
    /// <param name="value">The value.</param>
    /// <param name="options">How it is written; null: the default.</param>
    [RequiresUnreferencedCode("JSON by reflection; pass a JsonTypeInfo<T> instead.")]
    [RequiresDynamicCode("JSON by reflection; pass a JsonTypeInfo<T> instead.")]
    public static Message FromJson<T>(T value, JsonSerializerOptions? options = null) =>
        Json(JsonSerializer.SerializeToUtf8Bytes(value, options));

    /// <summary>The payload, read as JSON.</summary>
    /// <param name="type">How it is read, from a <c>JsonSerializerContext</c>: fit for trimming and AOT.</param>
    /// <exception cref="JsonException">The payload is no such JSON.</exception>
    public T? ReadJson<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(Payload.Span, type);

    /// <inheritdoc cref="ReadJson{T}(JsonTypeInfo{T})"/>
    /// <param name="options">How it is read; null: the default.</param>
    [RequiresUnreferencedCode("JSON by reflection; pass a JsonTypeInfo<T> instead.")]
    [RequiresDynamicCode("JSON by reflection; pass a JsonTypeInfo<T> instead.")]
    public T? ReadJson<T>(JsonSerializerOptions? options = null) => JsonSerializer.Deserialize<T>(Payload.Span, options);

    /// <summary>Whether all that can be read of the other is the same: of payload and headers, that they are the same
    /// memory.</summary>
    /// <param name="other">The other message, or null.</param>
    public bool Equals(Message? other) => other is not null && Payload.Equals(other.Payload) &&
        ReferenceEquals(Headers, other.Headers) && Known == other.Known;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Payload, Target, Type, Id, Receipt);

    internal static Message Of(byte[] flat) => new(FlatReader.Payload(flat), flat);

    // By a listener: there is nothing to settle.
    internal bool IsHeard => Number(FlatReader.Mode) == (int)Mode.PubSub;

    internal ReadOnlySpan<byte> ReceiptBytes => _flat == null ? default : FlatReader.Text(_flat, FlatText.Receipt);

    private ((string, string, string, string, string, string, string), (string, string, string, string, string),
        (int, TimeSpan?, TimeSpan, int?, bool?, Mode),
        (DateTimeOffset?, DateTimeOffset?, DateTimeOffset?, DateTimeOffset?, int, MessageState, Status)) Known =>
        ((Target, Source, Type, CorrelationId, ReplyTo, ContentType, DedupKey), (Id, Channel, Receipt, Agent, Reason),
            (Priority, TimeToLive, Delay, MinReplicas, Fsync, Mode),
            (Timestamp, Expires, Due, ReservedUntil, Deliveries, State, Status));

    private string Read(FlatText text) =>
        _flat == null ? "" : System.Text.Encoding.UTF8.GetString(FlatReader.Text(_flat, text));

    private string Read(FlatTailText text) =>
        _flat == null ? "" : System.Text.Encoding.UTF8.GetString(FlatReader.Text(_flat, text));

    private int Number(int at) => _flat == null ? 0 : FlatReader.Number(_flat, at);

    private long Number64(int at) => _flat == null ? 0 : FlatReader.Number64(_flat, at);

    private static Message Json(byte[] payload) => new(payload) { ContentType = "application/json" };
}

/// <summary>What became of one message that was published.</summary>
/// <param name="Status"><see cref="Status.Ok"/> where it was stored, or with <see cref="Mode.PubSub"/> told;
/// <see cref="Status.Partial"/> where it was stored, but on fewer replicas or disks than was asked for, or without listeners
/// being told for certain.</param>
/// <param name="Id">Its id; empty where it was not stored.</param>
/// <param name="Timestamp">When it was stored, by the server's clock; null where it was not.</param>
/// <param name="Expires">When it expires; null: never.</param>
/// <param name="Replicas">Where it waited for replicas: how many are known to have it, and where it waited for the disk too,
/// on theirs.</param>
/// <param name="IsFsynced">Where it waited for the disk: whether it is known to be on the server's.</param>
/// <param name="Receivers">Where it was told: to how many, as the server counts. Listeners of one bus with the same pattern
/// are one to it, and a node of a cluster counts those that are connected to it.</param>
public readonly record struct Published(Status Status, string Id, DateTimeOffset? Timestamp, DateTimeOffset? Expires,
    int Replicas, bool IsFsynced, int Receivers)
{
    /// <summary>Whether it was stored: it has an id, as with <see cref="Status.Partial"/> too.</summary>
    public bool IsStored => Id.Length > 0;

    /// <summary>Where it was not stored, and others of its batch were: after how long it may be, as of
    /// <see cref="AgentMQException.RetryAfter"/>; null where that is not known.</summary>
    public TimeSpan? RetryAfter { get; internal init; }
}

/// <summary>What became of a message that was waited for.</summary>
/// <param name="Status"><see cref="Status.Ok"/>: the state is the awaited one or one beyond it;
/// <see cref="Status.NotFound"/>: it ended in another way, which the state tells, or nothing is known of it
/// (<see cref="MessageState.Queued"/>); <see cref="Status.Timeout"/>: it is not decided yet.</param>
/// <param name="State">The state that was seen last.</param>
public readonly record struct Awaited(Status Status, MessageState State)
{
    /// <summary>Whether the awaited state, or one beyond it, was reached.</summary>
    public bool IsReached => Status == Status.Ok;
}

/// <summary>What a listener missed.</summary>
/// <param name="Dropped">How many messages made room for newer ones, because nobody fetched them in time.</param>
/// <param name="Gaps">How often the connection was lost: what was told meanwhile is not known.</param>
public readonly record struct Losses(long Dropped, long Gaps);

/// <summary>How a bus is.</summary>
/// <param name="State">The verdict.</param>
/// <param name="Json">The report.</param>
public readonly record struct HealthReport(HealthState State, string Json);
