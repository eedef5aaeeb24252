using System.Buffers;
using System.Buffers.Binary;
using AgentMQ.Interop;

namespace AgentMQ;

// The texts of a message on the wire, in their order.
internal enum FlatText
{
    Target, Source, Type, CorrelationId, ReplyTo, ContentType, Id, Channel, Receipt, Agent, Reason,
}

// Those that stand behind its payload.
internal enum FlatTailText
{
    DedupKey, SignedBy, History,
}

// Reads the flat lists that the library writes (docs/encoding.md), and the messages in them.
internal static class FlatReader
{
    // What native calls write into at first; what is larger comes in a second call.
    internal const int Room = 64 * 1024;

    // Where the numbers of a message stand.
    internal const int Status = 4;
    internal const int Timestamp = 8;
    internal const int Expires = 16;
    internal const int TimeToLive = 24;
    internal const int ReservedUntil = 32;
    internal const int Priority = 40;
    internal const int Deliveries = 44;
    internal const int State = 48;
    private const int HeaderCount = 52;
    private const int Sizes = 56;
    private const int PayloadSize = 104;
    private const int Replicas = 120;
    private const int Fsynced = 124;
    internal const int Mode = 128;
    private const int Receivers = 132;
    private const int Texts = 11;
    private static readonly int[] TailSizes = [FlatWriter.EntryTail, FlatWriter.EntryTail + 4, FlatWriter.EntryTail + 16];

    // Copies: nothing of the list is kept.
    internal static Message[] Messages(ReadOnlySpan<byte> list)
    {
        var messages = new Message[Count(list)];
        var at = FlatWriter.ListHead;
        for (var i = 0; i < messages.Length; i++) messages[i] = Message.Of(Entry(list, ref at).ToArray());
        return messages;
    }

    // retryAfter: when what stopped the first that was not stored is over; null: not known.
    internal static Published[] Answers(ReadOnlySpan<byte> list, TimeSpan? retryAfter)
    {
        var answers = new Published[Count(list)];
        Status? stopped = null;
        var at = FlatWriter.ListHead;
        for (var i = 0; i < answers.Length; i++)
        {
            var entry = Entry(list, ref at);
            answers[i] = new((Status)Number(entry, Status), String(Text(entry, FlatText.Id)),
                Time.Of(Number64(entry, Timestamp)), Time.Of(Number64(entry, Expires)), Number(entry, Replicas),
                Number(entry, Fsynced) != 0, Number(entry, Receivers));
            if (answers[i].IsStored || retryAfter == null) continue;
            stopped ??= answers[i].Status;
            if (answers[i].Status == stopped) answers[i] = answers[i] with { RetryAfter = retryAfter };
        }
        return answers;
    }

    // The messages of a list that the library made; ends the list.
    internal static Message[] Messages(IntPtr list)
    {
        using var bytes = new FlatBuffer();
        Native.mqs_list_flat(list, bytes.Bytes, bytes.Capacity, out var size, out var rest);
        return Messages(bytes.Fill(size, rest));
    }

    internal static int Number(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]);

    internal static long Number64(ReadOnlySpan<byte> bytes, int at) =>
        BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    internal static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> entry, FlatText text) =>
        entry.Slice(TextAt(entry, (int)text), Number(entry, Sizes + 4 * (int)text));

    internal static IReadOnlyDictionary<string, string> Headers(ReadOnlySpan<byte> entry)
    {
        var count = Number(entry, HeaderCount);
        if (count == 0) return System.Collections.ObjectModel.ReadOnlyDictionary<string, string>.Empty;
        var headers = new Dictionary<string, string>(count);
        var at = TextAt(entry, Texts);
        for (var i = 0; i < count; i++)
        {
            var (name, value) = (Number(entry, at), Number(entry, at + 4));
            at += 8;
            headers[String(entry.Slice(at, name))] = String(entry.Slice(at + name, value));
            at += name + value;
        }
        return headers;
    }

    // In place.
    internal static ReadOnlyMemory<byte> Payload(byte[] entry)
    {
        var at = TextAt(entry, Texts) + Number(entry, Sizes + 4 * Texts); // the size of the headers follows those of the texts
        return entry.AsMemory(at, checked((int)Number64(entry, PayloadSize)));
    }

    internal static long Due(byte[] entry)
    {
        var tail = Tail(entry);
        return tail.Length < FlatWriter.EntryTail ? 0 : Number64(tail, 8);
    }

    internal static long SignedAt(byte[] entry)
    {
        var tail = Tail(entry);
        return tail.Length < FlatWriter.EntryTail + FlatWriter.EntryMore ? 0 : Number64(tail, FlatWriter.EntryTail + 8);
    }

    internal static ReadOnlySpan<byte> Text(byte[] entry, FlatTailText text)
    {
        var tail = Tail(entry);
        if (tail.Length < FlatWriter.EntryTail + FlatWriter.EntryMore) return default;
        var at = FlatWriter.EntryTail + FlatWriter.EntryMore;
        for (var i = 0; i < (int)text; i++) at += Number(tail, TailSizes[i]);
        return tail.Slice(at, Number(tail, TailSizes[(int)text]));
    }

    // What stands behind the payload; empty where nothing does.
    private static ReadOnlySpan<byte> Tail(byte[] entry)
    {
        var end = TextAt(entry, Texts) + Number(entry, Sizes + 4 * Texts) + checked((int)Number64(entry, PayloadSize));
        return entry.AsSpan(Math.Min((end + 7) & ~7, entry.Length));
    }

    private static int TextAt(ReadOnlySpan<byte> entry, int text)
    {
        var at = FlatWriter.EntryHead;
        for (var i = 0; i < text; i++) at += Number(entry, Sizes + 4 * i);
        return at;
    }

    private static string String(ReadOnlySpan<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes);

    private static int Count(ReadOnlySpan<byte> list)
    {
        if (list.IsEmpty) return 0;
        if (Number(list, 0) == 1) return Number(list, 4);
        throw new AgentMQException(AgentMQ.Status.Internal, $"lists of version {Number(list, 0)} are not known here");
    }

    private static ReadOnlySpan<byte> Entry(ReadOnlySpan<byte> list, ref int at)
    {
        var entry = list.Slice(at, Number(list, at));
        at += entry.Length;
        return entry;
    }
}

// A rented buffer that native calls write into.
internal sealed class FlatBuffer : IDisposable
{
    internal byte[] Bytes { get; private set; } = ArrayPool<byte>.Shared.Rent(FlatReader.Room);

    internal nuint Capacity => (nuint)Bytes.Length;

    // What was written; where it did not fit it is fetched now, from the list that keeps it.
    internal ReadOnlySpan<byte> Fill(nuint size, IntPtr rest)
    {
        if (rest == 0) return Bytes.AsSpan(0, (int)size);
        try
        {
            Grow(size);
        }
        catch
        {
            Native.mq_list_free(rest);
            throw;
        }
        Native.mqs_list_flat(rest, Bytes, Capacity, out size, out _);
        return Bytes.AsSpan(0, (int)size);
    }

    internal void Grow(nuint size)
    {
        if (size > (nuint)Array.MaxLength) throw Errors.Of(Status.TooLarge, FlatWriter.TooLarge);
        ArrayPool<byte>.Shared.Return(Bytes);
        Bytes = [];
        Bytes = ArrayPool<byte>.Shared.Rent((int)size);
    }

    public void Dispose()
    {
        if (Bytes.Length > 0) ArrayPool<byte>.Shared.Return(Bytes);
    }
}
