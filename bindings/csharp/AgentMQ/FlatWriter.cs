using System.Buffers;
using System.Buffers.Binary;

namespace AgentMQ;

// Writes messages as the flat list that the library reads (docs/encoding.md), into a rented buffer.
internal sealed class FlatWriter : IDisposable
{
    internal const int ListHead = 16;
    internal const int EntryHead = 136;
    internal const int EntryTail = 16; // delay and due, of messages that have one of them, or more behind them
    internal const int EntryMore = 24; // the head of that: of what few messages have
    internal const long NoTimeToLive = long.MinValue;
    private const int AsTheBus = -1;
    internal const string TooLarge = "the messages of one call are above 2 GiB";

    private int _count;

    // Room for many small messages; it grows as needed.
    internal byte[] Bytes { get; private set; } = ArrayPool<byte>.Shared.Rent(4096);

    internal int Length { get; private set; } = ListHead;

    // Of the last messages only the target may differ from the message's own.
    internal void Add(Message message, string? target = null)
    {
        ArgumentNullException.ThrowIfNull(message);
        var begin = Length;
        Reserve(MostBytes(message, target ?? message.Target));
        var head = Bytes.AsSpan(begin, EntryHead);
        head.Clear();
        Length = begin + EntryHead;
        try
        {
            Number(head[56..], Put(target ?? message.Target, "the target"));
            Number(head[60..], Put(message.Source, "the source"));
            Number(head[64..], Put(message.Type, "the type"));
            Number(head[68..], Put(message.CorrelationId, "the correlation id"));
            Number(head[72..], Put(message.ReplyTo, "the reply to"));
            Number(head[76..], Put(message.ContentType, "the content type"));
            Text.Check(message.DedupKey, "the dedup key");
            Number(head[100..], PutHeaders(message.Headers));
        }
        catch
        {
            Length = begin;
            throw;
        }
        Number(head[52..], message.Headers.Count);
        Number(head[40..], message.Priority);
        var ttl = message.TimeToLive is { } time ? Time.Milliseconds(time) : NoTimeToLive;
        BinaryPrimitives.WriteInt64LittleEndian(head[24..], ttl);
        BinaryPrimitives.WriteInt64LittleEndian(head[104..], message.Payload.Length);
        Number(head[112..], message.MinReplicas ?? AsTheBus);
        Number(head[116..], message.Fsync is { } fsync ? fsync ? 1 : 0 : AsTheBus);
        Number(head[FlatReader.Mode..], (int)message.Mode);
        message.Payload.Span.CopyTo(Bytes.AsSpan(Length));
        var end = Length + message.Payload.Length;
        Length = (end + 7) & ~7;
        Bytes.AsSpan(end, Length - end).Clear();
        if (message.Delay != TimeSpan.Zero || message.DedupKey.Length > 0)
        {
            BinaryPrimitives.WriteInt64LittleEndian(Bytes.AsSpan(Length), Time.Milliseconds(message.Delay));
            BinaryPrimitives.WriteInt64LittleEndian(Bytes.AsSpan(Length + 8), 0);
            Length += EntryTail;
        }
        if (message.DedupKey.Length > 0) PutMore(message.DedupKey);
        Number(head, Length - begin);
        _count++;
    }

    // Writes the list's head: call it when all messages are in.
    internal void End()
    {
        Number(Bytes, 1);
        Number(Bytes.AsSpan(4), _count);
        BinaryPrimitives.WriteInt64LittleEndian(Bytes.AsSpan(8), Length);
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(Bytes);

    private static void Number(Span<byte> at, int value) => BinaryPrimitives.WriteInt32LittleEndian(at, value);

    // An upper bound: a char takes at most three bytes of UTF-8.
    private static long MostBytes(Message message, string target)
    {
        long chars = target.Length + message.Source.Length + message.Type.Length + message.CorrelationId.Length +
                     message.ReplyTo.Length + message.ContentType.Length + message.DedupKey.Length;
        long bytes = EntryHead + 8 + EntryTail + EntryMore + 8 + message.Payload.Length;
        if (message.Headers.Count == 0) return bytes + 3 * chars;
        foreach (var (name, value) in message.Headers)
        {
            chars += name.Length + (long)value.Length;
            bytes += 8;
        }
        return bytes + 3 * chars;
    }

    private void Reserve(long more)
    {
        if (Bytes.Length - Length >= more) return;
        var wanted = Math.Max(Length + more, Math.Min(Bytes.Length * 2L, Array.MaxLength));
        if (wanted > Array.MaxLength) throw Errors.Of(Status.TooLarge, TooLarge);
        var larger = ArrayPool<byte>.Shared.Rent((int)wanted);
        Bytes.AsSpan(0, Length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(Bytes);
        Bytes = larger;
    }

    private int Put(string text, string what)
    {
        if (text.Length == 0) return 0;
        Text.Check(text, what);
        var size = Text.Utf8.GetBytes(text, Bytes.AsSpan(Length));
        Length += size;
        return size;
    }

    // There is room for it, and it was looked at.
    private void PutMore(string dedupKey)
    {
        var more = Bytes.AsSpan(Length, EntryMore);
        more.Clear();
        Length += EntryMore;
        Number(more, Put(dedupKey, "the dedup key"));
        var end = Length;
        Length = (end + 7) & ~7;
        Bytes.AsSpan(end, Length - end).Clear();
    }

    private int PutHeaders(IReadOnlyDictionary<string, string> headers)
    {
        if (headers.Count == 0) return 0;
        var begin = Length;
        foreach (var (name, value) in headers)
        {
            var sizes = Length;
            Length += 8;
            Number(Bytes.AsSpan(sizes), Put(name, "the name of a header"));
            Number(Bytes.AsSpan(sizes + 4), Put(value, $"the header '{name}'"));
        }
        return Length - begin;
    }
}
